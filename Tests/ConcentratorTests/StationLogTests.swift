import Acquisition
import Glibc
import Logging
import Metering
import Testing

@testable import Concentrator

@Suite struct StationLogTests {
  @Test func `instants are told by the zone of the configuration, and after a reload by the new one`() throws {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let outlet = LogOutlet(descriptor: ends[1])
    let logger = Logger(label: "test") { LineLogHandler(label: $0, level: .debug, isJournal: false, outlet: outlet) }
    let log = StationLog(logger, zone: try #require(ZoneOffset("+00:00")))
    let meter = try #require(MeterID("M-1"))
    let event = StationEvent.line(
      .leftOut(
        line: "bus1", task: "a", meters: [meter], from: 0, through: 60_000, rounds: 2, reason: .outage))
    log.note(event)
    log.go(on: try #require(ZoneOffset("+05:30")))
    log.note(event)
    log.note(.traceFailed(line: "bus1", reason: "/none/t: open: No such file or directory"))
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(ends[0], &bytes, bytes.count)
    let lines = String(decoding: bytes[..<max(0, count)], as: UTF8.self).split(separator: "\n")
    try #require(lines.count == 3)
    #expect(lines[0].contains(" from=1970-01-01T00:00:00.000+00:00 "), "\(lines[0])")
    #expect(lines[0].contains(" through=1970-01-01T00:01:00.000+00:00"), "\(lines[0])")
    #expect(lines[1].contains(" from=1970-01-01T05:30:00.000+05:30 "), "\(lines[1])")
    #expect(lines[2].contains(" next=\"the daemon's user must be able to write there; "), "\(lines[2])")
  }

  @Test func `an account that can never be billed is a warning with what to write`() throws {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let outlet = LogOutlet(descriptor: ends[1])
    let logger = Logger(label: "test") { LineLogHandler(label: $0, level: .debug, isJournal: false, outlet: outlet) }
    let station = try Station(configuration(AgreedTests.text("hunan-residential-2012", "basic-charge = \"capacity\"")))
    StationLog(logger, zone: station.configuration.zone).note(remarksOf: station)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(ends[0], &bytes, bytes.count)
    let lines = String(decoding: bytes[..<max(0, count)], as: UTF8.self).split(separator: "\n")
    let line = try #require(lines.first { $0.contains("an account can never be billed by its terms") })
    #expect(
      line.contains("meterd.toml:17: basic-charge: account ") && line.contains("Take basic-charge away"), "\(line)")
  }
}
