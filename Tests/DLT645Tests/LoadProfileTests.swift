import DLT645
import Metering
import Testing

/// Records of the load profile: what stands in them, and every way in which they can be damaged.
@Suite struct LoadProfileTests {
  /// A record of these classes, `nil` for one that is not recorded, with the right sum.
  static func record(_ time: String, _ classes: [String?]) -> [UInt8] {
    var body = wire(time)
    for part in classes { body += (part.map(wire) ?? []) + [0xAA] }
    let head = [0xA0, 0xA0, UInt8(body.count)] + body
    return head + [head.reduce(0, &+), 0xE5]
  }

  static let time = "15 00 09 10 15"
  static let class1 = "01 22 02 22 03 22 34 12 00 35 12 80 36 12 00 98 49"
  static let class2 = "00 50 80 00 00 00 00 50 80 00 00 00 01 00 00 02 00 00 03 00 00 04 00 00"
  static let class3 = "00 10 05 89 99 09 98 09"
  static let class4 = "26 00 00 00 27 00 00 00 28 00 00 80 29 00 00 00"
  static let class5 = "01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00"
  static let class6 = "00 50 80 01 00 00"

  static let whole = record(time, [class1, class2, class3, class4, class5, class6])
  static var all: DataIdentifier { DataIdentifier(rawValue: 0x0600_0002) }

  static func told(_ data: [UInt8], _ identifier: DataIdentifier = all) throws -> [String] {
    try identifier.decode(data).items.map { "\($0.name)=\($0.value)" + ($0.occurred.map { "@\($0)" } ?? "") }
  }

  @Test func `a record of all classes is 103 bytes and is read to its end`() throws {
    #expect(Self.whole.count == 103)
    let decoded = try Self.all.decode(Self.whole)
    #expect(decoded.rejected.isEmpty)
    #expect(decoded.observations.isEmpty)
    #expect(decoded.items.count == 30)
    #expect(
      try Self.told(Self.whole).prefix(5) == [
        "profile.time=2015-10-09T00:15", "voltage.l1=220.1@2015-10-09T00:15", "voltage.l2=220.2@2015-10-09T00:15",
        "voltage.l3=220.3@2015-10-09T00:15", "current.l1=1.234@2015-10-09T00:15",
      ])
    #expect(try Self.told(Self.whole).suffix(1) == ["demand.running.reactive=0.0001@2015-10-09T00:15"])
    #expect(try Self.all.payload(items: decoded.items) == Self.whole)
  }

  @Test func `a class that is not recorded leaves only its AAH`() throws {
    for absent in 0..<6 {
      var classes: [String?] = [
        Self.class1, Self.class2, Self.class3, Self.class4, Self.class5, Self.class6,
      ]
      classes[absent] = nil
      let record = Self.record(Self.time, classes)
      let decoded = try Self.all.decode(record)
      #expect(decoded.rejected.isEmpty, "without class \(absent + 1)")
      #expect(decoded.items.count == 30 - [7, 8, 4, 4, 4, 2][absent])
      #expect(try Self.all.payload(items: decoded.items) == record)
    }
    #expect(
      try Self.told(Self.record(Self.time, [nil, nil, nil, nil, nil, nil])) == ["profile.time=2015-10-09T00:15"])
  }

  @Test func `an AAH among the values is a bad digit and no separator`() throws {
    for (damaged, item) in [
      ("AA 22 02 22 03 22 34 12 00 35 12 80 36 12 00 98 49", "voltage.l1"),
      ("01 22 02 22 AA AA 34 12 00 35 12 80 36 12 00 98 49", "voltage.l3"),
      ("01 22 02 22 03 22 34 12 00 35 12 80 36 12 00 98 AA", "frequency"),
    ] {
      let record = Self.record(Self.time, [damaged, Self.class2, nil, Self.class4, nil, Self.class6])
      let decoded = try Self.all.decode(record)
      #expect(decoded.rejected.count == 1)
      #expect(decoded.rejected.first?.description.hasPrefix("\(item): ") == true)
      #expect(decoded.items.count == 21)
    }
  }

  @Test func `several records are told apart, and a closing byte is none`() throws {
    let second = Self.record("30 00 09 10 15", [nil, nil, nil, Self.class4, nil, nil])
    for closing in [[], [UInt8(0xAA)], [0xDD]] {
      let decoded = try Self.all.decode(Self.whole + second + closing)
      #expect(decoded.rejected.isEmpty)
      #expect(decoded.items.count == 35)
      #expect(decoded.items.last?.origin == .profile(2))
      #expect(decoded.items.last?.occurred?.description == "2015-10-09T00:30")
    }
  }

  @Test func `an answer without a record is empty, and an answer of one class may hold it alone`() throws {
    let none = try Self.all.decode([])
    #expect(none.items.isEmpty && none.rejected.isEmpty)
    let only = DataIdentifier(rawValue: 0x0604_0001)
    #expect(try only.decode(Self.record(Self.time, [Self.class4])).items.count == 5)
    #expect(try only.decode(Self.record(Self.time, [nil, nil, nil, Self.class4, nil, nil])).items.count == 5)
    #expect(try Self.all.decode(Self.record(Self.time, [Self.class4])).rejected == [.record(1, .parts)])
  }

  @Test func `a record whose sum is wrong is rejected, and the next one is read`() throws {
    var data = Self.whole + Self.whole
    data[20] ^= 0x01
    let decoded = try Self.all.decode(data)
    #expect(decoded.items.count == 30)
    #expect(decoded.items.allSatisfy { $0.origin == .profile(2) })
    guard case .record(1, .checksum(let computed, let received))? = decoded.rejected.first else {
      Issue.record("\(decoded.rejected)")
      return
    }
    #expect(computed != received)
    #expect(decoded.rejected.first?.code == "checksum")
  }

  @Test func `a record hurt in any one byte is not read as another`() throws {
    for index in Self.whole.indices {
      var data = Self.whole
      data[index] ^= 0x55
      let decoded = try Self.all.decode(data)
      #expect(decoded.items.isEmpty && decoded.rejected.count == 1, "byte \(index)")
    }
    for count in 1..<Self.whole.count {
      let decoded = try Self.all.decode(Array(Self.whole.prefix(count)))
      #expect(decoded.items.isEmpty && decoded.rejected.count == 1, "cut at \(count)")
      #expect(throws: DataError.self) { try Self.all.observations(in: Array(Self.whole.prefix(count))) }
    }
  }
}
