import Acquisition
import Concentrator
import DLT645
import Foundation
import Host
import Metering
import Simulator
import Store
import Testing

/// Clocks under the whole daemon, over a terminal.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ClockStationTests {
  private static func tail(_ mode: String) -> String {
    """
    [control]
    enabled = true
    [clock]
    set = "\(mode)"
    [[task]]
    name = "clocks"
    every = "24h"
    read = ["clock"]

    """
  }

  private static let lines = StationBench.lines.map {
    $0.replacingOccurrences(of: "account = \"A-1\"", with: "account = \"A-1\"\nallow = [\"set-time\"]")
  }

  /// A station in whose zone it is half past now, since near a whole hour no clock is set; meter M-1 is 90 s fast.
  private struct Bench {
    let bench: StationBench
    let zone: ZoneOffset
    let meters: SimulatedStation

    init(_ mode: String) async throws {
      let minute = Int(HostClock.wall.unixMilliseconds / 60_000 % 60)
      let zone = try #require(ZoneOffset(minutes: 480 + 30 - minute))
      bench = try StationBench("clock-\(mode)", tail: ClockStationTests.tail(mode), lines: ClockStationTests.lines)
      self.zone = zone
      meters = try await bench.simulate { description in
        let known = description.registers
        description.registers = MeterRegisters(
          curve: known.curve, clockOffset: description.id == MeterID("M-1") ? 90 : 0, zone: zone, phases: known.phases,
          rateCount: known.rateCount)
      }
    }

    var station: Station {
      get throws {
        try Station(configuration(bench.toml.replacingOccurrences(of: "\"+08:00\"", with: "\"\(zone)\"")))
      }
    }
  }

  private func notices(_ events: [StationEvent]) -> [ClockNotice] {
    events.compactMap { if case .clock(_, let notice) = $0 { notice } else { nil } }
  }

  private func isControl(_ event: StationEvent) -> Bool { if case .line(.control) = event { true } else { false } }

  @Test func `a dry run tells what it would set, keeps what it saw, and sends nothing`() async throws {
    let bench = try await Bench("dry-run")
    let run = try StationRun(try bench.station)
    try await run.running.start()
    var events = await run.events { _, event in if case .clock(_, .wouldSet) = event { true } else { false } }
    let status = try await run.running.status().json(meters: true)
    let list = status["lines"]?.items.first?["list"]?.items ?? []
    let clock = try #require(list.first { $0["meter"]?.word == "M-1" }?["clock"])
    #expect(clock["state"]?.word == "ok")
    let off = try #require(clock["deviation_s"]?.word.flatMap { exactDecimal($0, scale: 1) })
    #expect((880...920).contains(off), "\(off)")
    events += await run.stop()
    #expect(notices(events).allSatisfy { if case .wouldSet(_, .address) = $0 { true } else { false } })
    #expect(!events.contains(where: isControl))
    let store = try Store(path: try bench.station.configuration.store)
    let history = try #require(try await store.facts(named: "clock of ")["M-1"].flatMap { ClockHistory($0) })
    #expect(history.last.map { (88_000...92_000).contains($0.deviation) } == true)
    #expect(history.settings.isEmpty)
    await store.close()
    #expect(try bench.bench.reader().findings().map(\.code) == [.clockSet])
    await bench.meters.stop()
  }

  @Test func `a clock is set where it may be, once, read back and audited, and not again after a restart`() async throws
  {
    let bench = try await Bench("on")
    let run = try StationRun(try bench.station)
    try await run.running.start()
    var events = await run.events { _, event in
      switch event {
      case .clock(_, .set), .clock(_, .notSet): true
      default: false
      }
    }
    events += await run.stop()
    let told = notices(events).compactMap { notice -> Int64? in
      if case .set(let from, let to, .address) = notice, (88_000...92_000).contains(from) { to } else { nil }
    }
    #expect(told.count == 1, "\(notices(events))")
    #expect(told.allSatisfy { abs($0) <= 3000 }, "\(told)")
    var audit: [String] = []
    try bench.bench.reader().audit {
      guard $0.record.actor == "daemon", $0.record.function == "set-time" else { return }
      audit.append("\($0.record.target) \($0.record.outcome)")
    }
    #expect(Set(audit) == ["202311110001 sent", "M-1 done"])
    #expect(audit.count == 2)
    #expect(try bench.bench.reader().findings().map(\.code) == [.clockSet])

    let second = try StationRun(try bench.station)
    try await second.running.start()
    var looked = 0
    var later = await second.events { _, event in
      if case .line(.clock) = event { looked += 1 }
      return looked >= 2
    }
    later += await second.stop()
    #expect(!later.contains(where: isControl))
    #expect(notices(later).isEmpty, "\(notices(later))")
    await bench.meters.stop()
  }
}
