import Metering
import Testing

@testable import DLT645

@Suite struct EventKindTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let record: String
    let name: String
    let title: String
    let chinese: String
    let counter: String
    var isVerified = false
    var tellsEnd = true
    var testDescription: String { "\(record) \(name)" }
  }

  private static let cases = [
    Case(
      record: "03110001", name: "power-fail", title: "Power failure", chinese: "掉电", counter: "03110000",
      isVerified: true),
    Case(
      record: "03010201", name: "voltage-loss-l2", title: "Loss of voltage, phase B", chinese: "B相失压",
      counter: "03010000"),
    Case(
      record: "03040301", name: "phase-failure-l3", title: "Phase failure, phase C", chinese: "C相断相",
      counter: "03040000"),
    Case(
      record: "03050001", name: "all-loss", title: "Loss of all voltages", chinese: "全失压", counter: "03050000"),
    Case(
      record: "03120101", name: "demand-over-import", title: "Demand over limit: forward active, count",
      chinese: "需量超限正向有功总次数", counter: "03120000"),
    Case(
      record: "03300001", name: "programming", title: "Programming", chinese: "编程", counter: "03300000",
      isVerified: true, tellsEnd: false),
    Case(
      record: "03300101", name: "meter-clear", title: "Meter clear", chinese: "电表清零", counter: "03300100",
      tellsEnd: false),
    Case(
      record: "03300401", name: "clock-set", title: "Clock set", chinese: "校时", counter: "03300400", isVerified: true,
      tellsEnd: false),
    Case(
      record: "03300D01", name: "cover-open", title: "Cover opened", chinese: "开表盖", counter: "03300D00",
      isVerified: true),
    Case(
      record: "1D000101", name: "trip", title: "Trip", chinese: "跳闸", counter: "1D000001", tellsEnd: false),
  ]

  @Test(arguments: cases)
  func `a record names its kind and the counter that goes with it`(_ each: Case) throws {
    let kind = try #require(EventKind(lastRecord: try identifier(each.record)))
    #expect(kind.name == each.name)
    #expect(kind.title == each.title)
    #expect(kind.chineseTitle == each.chinese)
    #expect("\(kind.counter)" == each.counter)
    #expect(kind.isVerified == each.isVerified)
    #expect(kind.tellsEnd == each.tellsEnd)
    for back in 1...10 {
      #expect(kind.back(kind.record(back)) == back)
      #expect(kind.record(back).isEventRecord)
    }
    #expect(kind.back(kind.counter) == (kind.counter.isEventRecord ? 1 : nil))
    #expect(!kind.counter.isEventRecord)
  }

  @Test(arguments: ["00010000", "03110000", "03110002", "03990001", "04000503", "1D000001"])
  func `what is no last record of an event is none`(_ text: String) throws {
    #expect(EventKind(lastRecord: try identifier(text)) == nil)
  }

  @Test func `a counter of three phases tells three kinds`() throws {
    let bytes: [UInt8] = [
      0x12, 0, 0, 0x34, 0x12, 0, 0x05, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    ]
    let kinds = try ["03010101", "03010201", "03010301"].map {
      try #require(EventKind(lastRecord: try identifier($0)))
    }
    #expect(try kinds.map { try $0.count(in: bytes) } == [12, 5, nil])
    var damaged = bytes
    damaged[0] = 0x1B
    #expect(throws: DataError.self) { try kinds[1].count(in: damaged) }
  }

  struct RecordCase: Sendable, CustomTestStringConvertible {
    let name: String
    let identifier: String
    let hex: String
    var begin: String?
    var end: String?
    var isEmpty = false
    var isDoubted = false
    var testDescription: String { name }
  }

  private static let records = [
    RecordCase(
      name: "a power failure", identifier: "03110001", hex: "00 05 12 01 11 26 30 07 12 01 11 26",
      begin: "2026-11-01T12:05:00", end: "2026-11-01T12:07:30"),
    RecordCase(
      name: "one that goes on", identifier: "03110001", hex: "00 05 12 01 11 26 00 00 00 00 00 00",
      begin: "2026-11-01T12:05:00"),
    RecordCase(
      name: "a clock that was set", identifier: "03300401",
      hex: "01 00 00 00 00 00 00 01 01 99 00 30 09 02 11 26", begin: "2026-11-02T09:30:00"),
    RecordCase(
      name: "filled", identifier: "03110001", hex: String(repeating: "FF ", count: 12), isEmpty: true, isDoubted: true),
    RecordCase(
      name: "never written", identifier: "03110003", hex: String(repeating: "00 ", count: 12), isEmpty: true,
      isDoubted: true),
    RecordCase(
      name: "no month", identifier: "03110001", hex: "00 05 12 01 13 26 30 07 12 01 11 26",
      end: "2026-11-01T12:07:30", isDoubted: true),
    RecordCase(name: "cut short", identifier: "03110001", hex: "00 05 12 01 11", isDoubted: true),
    RecordCase(
      name: "laid out otherwise than the standard has it", identifier: "1D000101", hex: "00 05 12 01 11 26",
      isDoubted: true),
  ]

  @Test(arguments: records)
  func `a record tells when its event began and ended, or why it does not`(_ each: RecordCase) throws {
    let bytes = try #require(hexBytes(each.hex))
    let record = EventRecord(bytes, of: try identifier(each.identifier))
    #expect(record.begin?.description == each.begin)
    #expect(record.end?.description == each.end)
    #expect(record.isEmpty == each.isEmpty)
    #expect((record.doubt != nil) == each.isDoubted, "\(record.doubt ?? "")")
  }

  @Test func `a bit that has changed has a name, and its bytes tell it again`() throws {
    let relay = StatusChange.changes(of: 0x0400_0503, from: 0, to: 0x50)
    #expect(relay.map(\.kind) == ["status.relay-open", "status.relay-command-open"])
    #expect(relay.map(\.isSet) == [true, true])
    #expect(relay[0].title == "Relay open: set")
    let loss = try #require(StatusChange.changes(of: 0x0400_0505, from: 1, to: 0).first)
    #expect(loss.kind == "status.l2.voltage-loss")
    #expect(loss.title == "Loss of voltage, phase B: cleared")
    #expect(loss.chineseTitle == "B相失压复位")
    let unnamed = try #require(StatusChange.changes(of: 0x0400_0501, from: 0, to: 0x8000).first)
    #expect(unnamed.kind == "status.1.bit-15")
    let old = try #require(StatusChange.changes(of: 0xC020, from: 0, to: 4).first)
    #expect(old.kind == "status.meter.bit-2")
    for change in relay + [loss, unnamed, old] {
      #expect(StatusChange(change.bytes, of: change.word) == change)
    }
    #expect(StatusChange([40, 0, 0, 0, 0, 0, 0, 0, 0], of: 0xC020) == nil)
    #expect(StatusChange([1], of: 0xC020) == nil)
  }

  @Test func `a block of status words tells those that are there`() throws {
    var bytes = [UInt8](repeating: 0xFF, count: 14)
    bytes.replaceSubrange(4..<6, with: [0x10, 0])
    #expect(StatusChange.words(in: bytes, of: try identifier("040005FF")) == [0x0400_0503: 0x10])
    #expect(StatusChange.words(in: [0x10, 0], of: try identifier("04000503")) == [0x0400_0503: 0x10])
    #expect(StatusChange.words(in: [0x03], of: ShortIdentifier(rawValue: 0xC021)) == [0xC021: 3])
    #expect(StatusChange.words(in: [1], of: try identifier("040005FF")).isEmpty)
  }

  private func identifier(_ text: String) throws -> DataIdentifier { try #require(DataIdentifier(hex: text)) }

  private func hexBytes(_ text: String) -> [UInt8]? {
    let bytes = text.split(separator: " ").map { UInt8($0, radix: 16) }
    return bytes.contains(nil) ? nil : bytes.compactMap(\.self)
  }
}
