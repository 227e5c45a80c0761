import DLT645
import Metering
import Simulator
import Testing

/// What happens to a simulated meter because somebody wanted it to.
@Suite struct PlannedEventTests {
  private static let records: [UInt32] = [
    0x0311_0001, 0x0301_0101, 0x0301_0201, 0x0301_0301, 0x0304_0101, 0x0304_0201, 0x0304_0301, 0x0305_0001,
    0x0330_0001, 0x0330_0201, 0x0330_0301, 0x0330_0401, 0x0330_0D01, 0x0330_0E01, 0x1D00_0101, 0x1E00_0101,
  ]

  private func eventKind(_ kind: PlannedEvent.Kind) throws -> EventKind {
    try #require(
      Self.records.compactMap { EventKind(lastRecord: DataIdentifier(rawValue: $0)) }.first { $0.name == kind.rawValue }
    )
  }

  private func hex(_ identifier: DataIdentifier) -> String { "\(identifier)" }

  private func open(_ planned: [PlannedEvent], _ edition: Edition = .dlt645v2007) throws -> CommandBench {
    var habits = SimulatedDLT645Meter.Habits()
    habits.planned = planned
    return try CommandBench(edition, habits)
  }

  private func count(_ kind: EventKind, _ bench: CommandBench) throws -> Int64? {
    try kind.count(in: try #require(bench.data(hex(kind.counter))))
  }

  @Test(arguments: PlannedEvent.Kind.allCases)
  func `each kind is counted under its name, and its record tells when it was`(_ planned: PlannedEvent.Kind) throws {
    let kind = try eventKind(planned)
    let begin = MeterTime(localSeconds: noon2026.localSeconds - 3600)
    let bench = try open([PlannedEvent(planned, .at(begin))])
    #expect(try count(kind, bench) == 1)
    let record = EventRecord(try #require(bench.data(hex(kind.lastRecord))), of: kind.lastRecord)
    #expect(record.doubt == nil && !record.isEmpty)
    #expect(record.begin == begin)
    #expect(record.end == (kind.tellsEnd ? MeterTime(localSeconds: begin.localSeconds + 30) : nil))
    // The one before never was.
    let before = bench.data(hex(kind.record(2)))
    #expect(before?.allSatisfy { $0 == 0xFF } == true)
    // Asked again, nothing happens twice.
    #expect(try count(kind, bench) == 1)
    for other in PlannedEvent.Kind.allCases where other != planned {
      #expect(try count(try eventKind(other), bench) == 0)
    }
  }

  @Test func `what comes again and again comes at its times, from the first question on`() throws {
    let bench = try open([PlannedEvent(.powerFail, .every(seconds: 300)), PlannedEvent(.trip, .every(seconds: 600))])
    let failure = try eventKind(.powerFail), trip = try eventKind(.trip)
    #expect(try count(failure, bench) == 0)
    // One begins at noon, as the meter is asked, and is over half a minute later.
    bench.now = bench.now.advanced(bySeconds: 329)
    #expect(try count(failure, bench) == 1)
    bench.now = bench.now.advanced(bySeconds: 1)
    #expect(try count(failure, bench) == 2)
    bench.now = bench.now.advanced(bySeconds: 3000)
    #expect(try count(failure, bench) == 12)
    #expect(try count(trip, bench) == 5)
    #expect(bench.meter.isRelayOpen)
    let last = EventRecord(try #require(bench.data(hex(failure.lastRecord))), of: failure.lastRecord)
    #expect(last.begin == MeterTime(localSeconds: noon2026.localSeconds + 3300))
    #expect(last.end == MeterTime(localSeconds: noon2026.localSeconds + 3330))
    // A clock that is set back lets nothing happen twice.
    bench.now = bench.now.advanced(bySeconds: -1800)
    #expect(try count(failure, bench) == 12)
    bench.now = bench.now.advanced(bySeconds: 1800)
    #expect(try count(failure, bench) == 12)
  }

  @Test func `what is to come is not there before, and a clear takes what was`() throws {
    let noon = noon2026.localSeconds
    let bench = try open([
      PlannedEvent(.coverOpen, .at(MeterTime(localSeconds: noon - 60))),
      PlannedEvent(.eventClear, .at(MeterTime(localSeconds: noon + 60))),
      PlannedEvent(.clockSet, .at(MeterTime(localSeconds: noon + 120))),
    ])
    func counts() throws -> [Int64?] {
      try [.coverOpen, .eventClear, .clockSet].map { try count(try eventKind($0), bench) }
    }
    #expect(try counts() == [1, 0, 0])
    bench.now = bench.now.advanced(bySeconds: 60)
    #expect(try counts() == [0, 1, 0])
    bench.now = bench.now.advanced(bySeconds: 60)
    #expect(try counts() == [0, 1, 1])
  }

  @Test func `losses of voltage are counted by phase, with their minutes`() throws {
    let bench = try open([
      PlannedEvent(.voltageLossL2, .every(seconds: 60)), PlannedEvent(.allLoss, .every(seconds: 3600)),
    ])
    _ = bench.data("03010000")
    bench.now = bench.now.advanced(bySeconds: 3690)
    #expect(bench.data("03010000") == [0, 0, 0, 0, 0, 0, 0x62, 0, 0, 0x62, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(bench.data("03050000") == [2, 0, 0, 2, 0, 0])
  }

  @Test func `a meter of 1997 keeps programming and demand clear`() throws {
    let begin = MeterTime(localSeconds: noon2026.localSeconds - 90)
    let bench = try open(
      [PlannedEvent(.programming, .at(begin)), PlannedEvent(.demandClear, .every(seconds: 60))], .dlt645v1997)
    #expect(bench.data("B212") == [1, 0])
    #expect(bench.data("B213") == [0, 0])
    // Minute, hour, day and month of 2026-11-22T11:58.
    #expect(bench.data("B210") == [0x58, 0x11, 0x22, 0x11])
    bench.now = bench.now.advanced(bySeconds: 60)
    #expect(bench.data("B213") == [1, 0])
  }
}
