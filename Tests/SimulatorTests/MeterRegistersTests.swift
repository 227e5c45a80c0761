import DLT645
import Metering
import Simulator
import Testing

@Suite struct MeterRegistersTests {
  private func instant(_ text: String) throws -> SimulatedInstant { SimulatedInstant(try #require(MeterTime(text))) }

  @Test func `a freeze or settlement is what the register showed at that instant`() throws {
    let meter = try dlt645Meter()
    let now = try instant("2026-11-22T12:00")
    for flow in [Flow.importActive, .exportActive, .combinedActive, .reactiveQuadrant1] {
      for rate in UInt8(0)...4 {
        let quantity = try #require(Quantity.energy(flow, rate: rate))
        for (memory, then) in [
          (Memory.settlement(1), "2026-11-01T00:00"), (.settlement(3), "2026-09-01T00:00"),
          (.dailyFreeze(1), "2026-11-22T00:00"), (.dailyFreeze(30), "2026-10-24T00:00"),
        ] {
          let kept = meter.registers.observation(of: quantity, memory, at: now)?.value
          let shown = meter.registers.observation(of: quantity, .current, at: try instant(then))?.value
          #expect(kept == shown && kept?.number != nil, "\(quantity) \(memory)")
        }
      }
    }
  }

  @Test func `a process that starts again finds the same registers`() throws {
    let questions: [UInt32] = [
      0x0001_FF00, 0x0001_FF01, 0x0101_FF00, 0x0201_FF00, 0x0203_FF00, 0x0506_0101, 0x0400_0101,
    ]
    for hour in 0..<48 {
      let now = SimulatedInstant(noon2026).advanced(bySeconds: Int64(hour) * 3601)
      for question in questions {
        let frame = dlt645Frame("202311110001", 0x11, (0..<4).map { UInt8(truncatingIfNeeded: question >> (8 * $0)) })
        var first = try dlt645Meter(seed: 77), second = try dlt645Meter(seed: 77)
        // The first has been asked before; that must not show.
        _ = first.answer(frame, at: now.advanced(bySeconds: -1000))
        #expect(first.answer(frame, at: now) == second.answer(frame, at: now))
      }
    }
  }

  @Test func `counters never fall and the rates never pass the total by more than their steps`() throws {
    let meter = try dlt645Meter(seed: 5)
    var random = SplitMix64(seed: 5)
    var now = try instant("2025-12-31T00:00")
    var last: [Int64] = []
    for _ in 0..<500 {
      now = now.advanced(bySeconds: Int64(random.next(below: 100_000)))
      let shown = try (UInt8(0)...4).map { rate in
        let quantity = try #require(Quantity.energy(.importActive, rate: rate))
        return try #require(meter.truth(quantity, .current, at: now)?.value.number).millionths / 10_000
      }
      #expect(zip(shown, last).allSatisfy { $0 >= $1 })
      #expect((0...3).contains(shown[0] - shown.dropFirst().reduce(0, +)))
      last = shown
    }
  }

  @Test func `a register passes its capacity and starts again`() throws {
    let start = try #require(MeterTime("2026-11-01T00:00"))
    let curve = LoadCurve(seed: 1, start: start, initial: [999_999_000_000, 0, 0, 0])
    let meter = try dlt645Meter(registers: MeterRegisters(curve: curve))
    let total = Quantity.energyTotal(.importActive)
    let before = try #require(meter.truth(total, .current, at: SimulatedInstant(start))?.value.number)
    #expect(before.description == "999999.00")
    let after = try #require(meter.truth(total, .current, at: try instant("2026-11-03T00:00"))?.value.number)
    let counted = curve.energy(at: try #require(MeterTime("2026-11-03T00:00")).localSeconds) - 1_000_000_000_000
    #expect(counted > 0)
    #expect(after.millionths == counted / 10_000 * 10_000)
  }

  @Test(arguments: [-900_000_000, -3600, 300, 40_000_000] as [Int64])
  func `a wrong clock moves boundaries and stamps, and takes no energy back`(_ offset: Int64) throws {
    let curve = LoadCurve(seed: 1, start: try #require(MeterTime("2024-01-01T00:00")))
    let right = MeterRegisters(curve: curve), wrong = MeterRegisters(curve: curve, clockOffset: offset)
    let now = try instant("2026-11-22T12:00")
    let total = Quantity.energyTotal(.importActive)
    #expect(
      right.observation(of: total, .current, at: now)?.value == wrong.observation(of: total, .current, at: now)?.value)
    let freeze = try #require(Quantity(.freezeTime, .single))
    guard case .instant(let stamp) = wrong.observation(of: freeze, .dailyFreeze(1), at: now)?.value else {
      Issue.record("no freeze")
      return
    }
    #expect(stamp.time.secondsOfDay == 0)
    #expect((0..<86_400).contains(wrong.clock(at: now).localSeconds - stamp.localSeconds))
    let kept = wrong.observation(of: total, .dailyFreeze(1), at: now)?.value.number?.millionths
    #expect(kept == curve.energy(at: stamp.localSeconds - offset))
    let demand = try #require(Quantity(.maximumDemand(.importActive), .total))
    let occurred = try #require(wrong.observation(of: demand, .current, at: now)?.occurred)
    #expect(occurred <= wrong.clock(at: now))
    #expect(occurred.date.month == wrong.clock(at: now).date.month)
  }

  @Test func `a single-phase meter has one phase, and a small meter few memories`() throws {
    let curve = LoadCurve(
      seed: 1, start: try #require(MeterTime("2024-01-01T00:00")), schedule: .single)
    let meter = try dlt645Meter(
      registers: MeterRegisters(curve: curve, phases: 1, rateCount: 0, settlementsKept: 2, freezesKept: 0))
    let now = try instant("2026-11-22T12:00")
    func value(_ name: String, _ memory: Memory = .current) throws -> Value? {
      meter.truth(try #require(Quantity(name: name)), memory, at: now)?.value
    }
    #expect(try value("voltage.l1")?.number != nil)
    #expect(try value("voltage.l2") == .absent)
    #expect(try value("power.active.l1") == value("power.active.total"))
    #expect(try value("energy.import.active.rate1") == nil)
    #expect(try value("energy.import.active.total", .settlement(2))?.number != nil)
    #expect(try value("energy.import.active.total", .settlement(3)) == nil)
    #expect(try value("freeze.time", .dailyFreeze(1)) == nil)
  }

  @Test func `the maximum demand of a settlement lies in its month`() throws {
    let meter = try dlt645Meter()
    let demand = try #require(Quantity(.maximumDemand(.importActive), .total))
    let told = try #require(meter.truth(demand, .settlement(1), at: try instant("2026-11-22T12:00")))
    let occurred = try #require(told.occurred)
    #expect(occurred > (try #require(MeterTime("2026-10-01T00:00"))))
    #expect(occurred <= (try #require(MeterTime("2026-11-01T00:00"))))
    let strongest = stride(
      from: try #require(MeterTime("2026-10-01T00:00")).localSeconds,
      to: try #require(MeterTime("2026-11-01T00:00")).localSeconds, by: 900
    ).map { meter.registers.curve.watts(at: $0) }.max()
    #expect(told.value.number?.millionths == strongest.map { $0 * 1000 })
  }
}
