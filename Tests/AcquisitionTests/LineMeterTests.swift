@testable import Acquisition
import DLT645
import Devices
import Line
import Metering
import Modbus
import Simulator
import Testing

extension DeviceProfile {
  var isOld: Bool { if case .dlt645(.of1997, _) = language { true } else { false } }
}

private func pair(_ name: String) throws -> Pair {
  let profile = try profile(named: name)
  return try Pair(
    "M", profile, address: profile.dlt645Items.isEmpty ? "17" : "202311110001", on: settings("9600 8N1"),
    delay: .milliseconds(40))
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct LineMeterTests {
  @Test(arguments: profileNames)
  func `every quantity of a profile can be asked for by name and is answered with the truth`(
    _ name: String
  ) async throws {
    var pair = try pair(name)
    pair.description.delay = .microseconds(100)
    var quantities = pair.meter.profile.quantities
    for item in pair.meter.profile.dlt645Items where item.kind == .current {
      let rates = pair.meter.profile.rates
      switch item.edition {
      case .of2007: quantities += DataIdentifier(rawValue: item.identifier).items(rates: rates).map(\.quantity)
      // The times of demands are told with the demands.
      case .of1997 where !ShortIdentifier(item).isDemandTime:
        quantities += ShortIdentifier(item).items(rates: rates).map(\.quantity)
      case .of1997: break
      }
    }
    let fast = LineMeter(
      id: pair.meter.id, address: pair.meter.address, profile: pair.meter.profile, settings: try settings(quickSettings)
    )
    let tasks = quantities.enumerated().map { once("\($0)", [.quantity($1)]) }
    let rig = try Rig([Pair(description: pair.description, meter: fast)], tasks: tasks)
    let tally = await rig.runToTheEnd()
    print("\(name): \(quantities.count) quantities, \(tally.exchanges) exchanges, \(tally.values) values")
    #expect(tally.wrong == [])
    #expect(tally.missed == 0)
    for quantity in quantities { #expect(tally.seen[id("M"), default: []].contains(quantity), "\(quantity)") }
  }

  @Test(arguments: profileNames)
  func `the targets of tasks bring all that the profile offers, and the truth`(_ name: String) async throws {
    let pair = try pair(name)
    let fast = LineMeter(
      id: pair.meter.id, address: pair.meter.address, profile: pair.meter.profile, settings: try settings(quickSettings)
    )
    let targets: [AcquisitionTask.Target] = [
      .energies, .instantaneous, .settlements(depth: 12, of: nil), .dailyFreeze,
    ]
    var description = pair.description
    description.delay = .microseconds(100)
    let rig = try Rig([Pair(description: description, meter: fast)], tasks: [once("a", targets)])
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [])
    #expect(tally.missed == 0)
    let seen = tally.seen[id("M"), default: []]
    for quantity in pair.meter.profile.quantities { #expect(seen.contains(quantity), "\(quantity)") }
    let kinds = Set(tally.all.flatMap { $0.readings(zone: .china).readings.map(\.key.kind) })
    #expect(tally.all.flatMap { $0.readings(zone: .china).unlabelled } == [])
    if pair.meter.profile.dlt645Items.isEmpty {
      #expect(kinds == [.instantaneous])
    } else {
      let isOld = pair.meter.profile.isOld
      #expect(kinds == (isOld ? [.instantaneous, .settlement] : [.instantaneous, .settlement, .dailyFreeze]))
      let boundaries = Set(
        tally.all.flatMap { $0.readings(zone: .china).readings.filter { $0.key.kind == .settlement } }
          .map(\.key.instant))
      #expect(boundaries.count == (isOld ? 2 : 12))
    }
  }

  @Test func `one settlement quantity asks for its own block alone, after the clock`() throws {
    let meter = try pair("dlt645-2007-three-phase").meter
    let total = Quantity.energyTotal(.importActive)
    #expect(
      meter.queries(for: [.settlements(depth: 2, of: total)]).map(\.description)
        == [
          "DI 04000B01", "DI 04000B02", "DI 04000B03", "DI 0400010C", "DI 04000101", "DI 04000102", "DI 0001FF01",
          "DI 0001FF02",
        ])
    #expect(meter.queries(for: [.settlements(depth: 2, of: try quantity("frequency"))]) == [])
    #expect(meter.queries(for: [.quantity(total)]).map(\.description) == ["DI 0001FF00"])
    #expect(
      meter.queries(for: [.dailyFreeze]).map(\.description)
        == ["DI 0400010C", "DI 04000101", "DI 04000102", "DI 05060101", "DI 05060201"])
  }

  @Test(arguments: profileNames)
  func `no Modbus read is longer than the meter allows or enters what it forbids`(_ name: String) throws {
    let meter = try pair(name).meter
    guard case .modbus(let map) = meter.profile.language else { return }
    for delay: Int64 in [1, 40, 400] {
      for query in meter.queries(for: [.energies, .instantaneous], replyDelay: .milliseconds(delay)) + meter.probes {
        guard case .registers(let function, let start, let count) = query,
          let range = RegisterRange(function, first: Int(start), count: Int(count))
        else {
          Issue.record("\(query)")
          continue
        }
        #expect(Int(count) <= map.limits.maximumRegisters)
        #expect(map.limits.allow(range), "\(query)")
      }
    }
  }

  @Test(arguments: profileNames)
  func `probes have many shapes, so that a late answer can be told`(_ name: String) throws {
    let meter = try pair(name).meter
    let shapes = Set(meter.probes.map(\.shape))
    #expect(shapes.count >= 2, "\(meter.probes)")
  }

  /// The simulated bus knows what its own bytes, delays and silences took.
  @Test(arguments: profileNames)
  func `the wire time foretold is that of the wire, within three per cent`(_ name: String) throws {
    let pair = try pair(name)
    let description = LineDescription(name: "b", settings: pair.meter.settings, meters: [pair.description])
    var now = BootInstant(nanoseconds: 0)
    var bus = description.bus(clock: SimulatedClock(origin: SimulatedInstant(noon), at: now, speed: 0))
    var foretold = BootInstant.Span.zero
    var quiet = BootInstant.Span.zero
    let targets: [AcquisitionTask.Target] = [.energies, .instantaneous, .settlements(depth: 3, of: nil), .dailyFreeze]
    for query in pair.meter.queries(for: targets) {
      foretold = foretold + pair.meter.wireTime(of: query)
      for asked in pair.meter.exchanges(for: query) {
        switch (asked, pair.meter.address) {
        case (.identifier(let identifier), .dlt645(let address)):
          bus.hear(
            DLT645.Request.data(identifier).frame(to: address, wakeUps: pair.meter.wakeUps), at: now)
        case (.shortIdentifier(let identifier), .dlt645(let address)):
          bus.hear(DLT645.Request.data1997(identifier).frame(to: address, wakeUps: pair.meter.wakeUps), at: now)
        case (.registers(let function, let start, let count), .modbus(let unit)):
          let request = try #require(ReadRequest(unit: unit, function: function, register: start, count: count))
          bus.hear(request.rtu, at: now)
        default: Issue.record("\(query)")
        }
        // A minute later all is said.
        now = now + .seconds(60)
        var heard: [UInt8] = []
        while let next = bus.nextEvent, next <= now { bus.advance(to: max(next, now), into: &heard) }
        #expect(!heard.isEmpty, "\(query)")
        quiet = quiet + pair.meter.quietBefore
      }
    }
    let limit = bus.statistics.physicalLimit(silence: WirePace(pair.meter.settings).silence) + quiet
    print("\(name): \(limit.milliseconds) ms on the wire, \(foretold.milliseconds) ms foretold")
    #expect(foretold.nanoseconds * 100 >= limit.nanoseconds * 97)
    #expect(foretold.nanoseconds * 100 <= limit.nanoseconds * 103)
  }

  /// Energy, power and frequency side by side; the power in a type of its own.
  private func joined(power type: String) throws -> DeviceProfile {
    try profile(
      """
      name = "joined"
      title = "Test"
      manufacturer = "Nobody"
      protocol = "modbus"
      source = "made for a test"
      certainty = "unverified"
      phases = 3
      nominal-voltage = "230"
      reply-timeout-ms = 1000
      inter-byte-ms = 5
      function = "input"
      [[group]]
      type = "f32"
      scale = "1"
      [[group.register]]
      quantity = "energy.import.active.total"
      address = 0
      [[group.register]]
      quantity = "frequency"
      address = 4
      [[group]]
      type = "\(type)"
      scale = "1"
      [[group.register]]
      quantity = "power.active.total"
      address = 2
      """)
  }

  @Test func `one broken register costs the others nothing, and is told where it was wanted`() async throws {
    let line = try settings(quickSettings)
    // The meter sends a float where the profile says decimal digits.
    var pair = try Pair("M", joined(power: "f32"), address: "7", on: line)
    let meter = LineMeter(
      id: pair.meter.id, address: pair.meter.address, profile: try joined(power: "bcd32"), settings: line)
    let (told, faults) = meter.observations(
      in: [0x4248, 0, 0x000A, 0, 0x4248, 0], from: 0, function: .inputRegisters)
    #expect(Set(told.map(\.quantity)) == [.energyTotal(.importActive), try quantity("frequency")])
    #expect(faults == [RegisterFault(quantity: try quantity("power.active.total"), error: .digit(0xA))])

    pair = Pair(description: pair.description, meter: meter)
    let wanted = try Rig([pair], tasks: [once("all", [.energies, .instantaneous])])
    let all = await wanted.run { tally, _ in tally.answers == 1 && !tally.rejected.isEmpty }
    #expect(all.rejected.count == 1)
    #expect(all.rejected.allSatisfy { $0.hasPrefix("power.active.total: ") })
    #expect(all.wrong == [])
    #expect(all.values == 2)

    let names = [Quantity.energyTotal(.importActive), try quantity("frequency")]
    let unwanted = try Rig([pair], tasks: [once("two", names.map { .quantity($0) })])
    let two = await unwanted.runToTheEnd()
    #expect(two.answers == unwanted.wanted)
    #expect(two.rejected == [])
    #expect(two.missed == 0)
  }
}
