import DLT645
import Metering
import Testing

/// Answers that are no plain row of numbers: tables, records, words of bits.
@Suite struct RecordTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let identifier: String
    /// After the identifier, without the 33H.
    let data: String
    /// `name=value`, with `@time`, and the origin where it is not the register as it stands.
    let told: [String]
    var faults: [String] = []
    var testDescription: String { "\(identifier): \(data.prefix(60))" }
  }

  static func told(_ items: [DecodedItem]) -> [String] {
    items.map { item in
      "\(item.name)=\(item.value)" + (item.occurred.map { "@\($0)" } ?? "")
        + (item.origin == .current ? "" : " (\(item.origin))")
    }
  }

  static let cases = [
    Case(identifier: "00900200", data: "50 12 00 00", told: ["prepaid.money.remaining=12.50"]),
    Case(identifier: "00800000", data: "01 00 00 00", told: ["energy.associated.total=0.01"]),
    Case(
      identifier: "0080FF01", data: "01 00 00 00 FF FF FF FF",
      told: ["energy.associated.total=0.01 (settlement 1)", "energy.associated.rate1=- (settlement 1)"]),
    Case(identifier: "02800003", data: "00 50 80", told: ["power.active.minute-mean=-0.5000"]),
    Case(identifier: "02800008", data: "60 03", told: ["battery.clock.voltage=3.60"]),
    Case(identifier: "02800020", data: "21 54 00 00", told: ["price.now=0.5421"]),
    Case(identifier: "020A0103", data: "25 01", told: ["harmonic.voltage.order3.l1=1.25"]),
    Case(
      identifier: "03010000", data: "02 00 00 35 01 00 00 00 00 00 00 00 FF FF FF FF FF FF",
      told: [
        "event.voltage-loss.count.l1=2", "event.voltage-loss.minutes.l1=135", "event.voltage-loss.count.l2=0",
        "event.voltage-loss.minutes.l2=0", "event.voltage-loss.count.l3=-", "event.voltage-loss.minutes.l3=-",
      ]),
    Case(identifier: "03110000", data: "12 00 00", told: ["event.power-fail.count=12"]),
    Case(
      identifier: "03110002", data: "05 30 08 11 01 16 00 00 00 00 00 00",
      told: ["event.power-fail.start=2016-01-11T08:30:05 (event 2)", "event.power-fail.end=- (event 2)"]),
    Case(
      identifier: "03110001", data: "05 30 08 11 13 16 00 31 08 11 01 16",
      told: ["event.power-fail.end=2016-01-11T08:31:00 (event 1)"], faults: ["date"]),
    Case(
      identifier: "03300301", data: "00 00 12 01 02 23 78 56 34 12 FF 00 11 03",
      told: [
        "event.event-clear.start=2023-02-01T12:00:00 (event 1)", "event.event-clear.operator=12345678 (event 1)",
        "event.event-clear.identifier=031100FF (event 1)",
      ]),
    Case(
      identifier: "03300401", data: "78 56 34 12 50 59 23 31 12 22 00 00 00 01 01 23",
      told: [
        "event.clock-set.operator=12345678 (event 1)", "event.clock-set.before=2022-12-31T23:59:50 (event 1)",
        "event.clock-set.after=2023-01-01T00:00:00 (event 1)",
      ]),
    Case(identifier: "1D000001", data: "03 00 00", told: ["event.trip.count=3"]),
    Case(identifier: "1E000101", data: "01 02 0B", told: ["raw=01 02 0B (event 1)"]),
    Case(identifier: "03010101", data: "AA 0C", told: ["raw=AA 0C (event 1)"]),
    Case(
      identifier: "04010000", data: "01 01 01 02 15 06 FF FF FF",
      told: ["tou.set1.zone1=01-01 table 1", "tou.set1.zone2=06-15 table 2", "tou.set1.zone3=-"]),
    Case(
      identifier: "04020003", data: "04 00 00 01 30 08 AA",
      told: ["tou.set2.table3.period1=00:00 rate 4", "tou.set2.table3.period2=08:30 rate 1"]),
    Case(
      identifier: "04010001", data: "01 60 08 02 30 08",
      told: ["tou.set1.table1.period2=08:30 rate 2"], faults: ["date"]),
    Case(identifier: "04030003", data: "02 01 10 26", told: ["tou.holiday3=2026-10-01 table 2"]),
    Case(identifier: "04000404", data: "56 30 32 32 00 00", told: ["meter.rated.voltage=220V"]),
    Case(identifier: "04000A01", data: "30 08 15 06", told: ["profile.start=06-15 08:30"]),
    Case(identifier: "04000A02", data: "15 00", told: ["profile.class1.interval=15"]),
    Case(identifier: "04000703", data: "08", told: ["serial.port1=00001000"]),
    Case(identifier: "04000106", data: "00 00 01 07 26", told: ["tou.zones.switch=2026-07-01T00:00"]),
    Case(
      identifier: "05040001", data: "00 10 09 10 15", told: ["freeze.time=2015-10-09T10:00 (freeze hourly 1)"]),
    Case(
      identifier: "05040101", data: "26 00 00 00",
      told: ["energy.import.active.total=0.26 (freeze hourly 1)"]),
    Case(
      identifier: "0504FF01", data: "00 10 09 10 15 26 00 00 00 05 00 00 00",
      told: [
        "freeze.time=2015-10-09T10:00 (freeze hourly 1)", "energy.import.active.total=0.26 (freeze hourly 1)",
        "energy.export.active.total=0.05 (freeze hourly 1)",
      ]),
    Case(
      identifier: "0506FF02",
      data: "00 00 09 10 15 AA 26 00 00 00 10 00 00 00 AA AA FF FF FF FF FF FF FF FF AA",
      told: [
        "freeze.time=2015-10-09T00:00 (freeze daily 2)", "energy.import.active.total=0.26 (freeze daily 2)",
        "energy.import.active.rate1=0.10 (freeze daily 2)", "energy.combined.reactive1.total=- (freeze daily 2)",
        "energy.combined.reactive1.rate1=- (freeze daily 2)",
      ]),
    Case(
      identifier: "0500FF01", data: "00 00 09 10 15 AA 26 00 00 0C AA AA",
      told: ["freeze.time=2015-10-09T00:00 (freeze timed 1)"], faults: ["digit"]),
    Case(
      identifier: "06100101", data: "15 00 09 10 15 01 22 02 22",
      told: [
        "profile.time=2015-10-09T00:15 (profile 1)", "voltage.l1=220.1 (profile 1)", "voltage.l1=220.2 (profile 2)",
      ]),
    Case(identifier: "B010", data: "15 10 31 07", told: ["demand.import.active.total.time=07-31 10:15"]),
    Case(
      identifier: "B41F", data: "15 10 29 02 00 00 00 00 AA",
      told: [
        "demand.import.active.total.time=02-29 10:15 (settlement 1)",
        "demand.import.active.rate1.time=- (settlement 1)",
      ]),
    Case(identifier: "B210", data: "15 10 31 04", told: [], faults: ["date"]),
    Case(identifier: "B212", data: "07 00", told: ["event.programming.count=7"]),
    Case(identifier: "B312", data: "03 00", told: ["event.phase-failure.count.l2=3"]),
    Case(identifier: "B320", data: "90 01 00", told: ["event.phase-failure.minutes.total=190"]),
    Case(identifier: "B660", data: "98 49", told: ["frequency=49.98"]),
    Case(identifier: "B680", data: "98 49", told: ["frequency=49.98"]),
    Case(identifier: "C020", data: "81", told: ["status.meter=10000001"]),
    Case(identifier: "C117", data: "00 01", told: ["reading.day=0100"]),
    Case(identifier: "C211", data: "80 00", told: ["raw=80 00"]),
    Case(identifier: "C322", data: "02 15 06", told: ["tou.zone2=06-15 table 2"]),
    Case(
      identifier: "C33F", data: "04 00 00 01 30 08",
      told: ["tou.table1.period1=00:00 rate 4", "tou.table1.period2=08:30 rate 1"]),
    Case(identifier: "C3A5", data: "01 30 08", told: ["tou.table8.period5=08:30 rate 1"]),
    Case(identifier: "9130", data: "15 00 00 00", told: ["energy.reactive.q1.total=0.15"]),
    Case(identifier: "9540", data: "15 00 00 00", told: ["energy.reactive.q4.total=0.15 (settlement 1)"]),
  ]

  @Test(arguments: cases)
  func `an answer is told item by item`(_ row: Case) throws {
    let identifier = try #require(AnyIdentifier(hex: row.identifier))
    let decoded = try identifier.decode(wire(row.data))
    #expect(Self.told(decoded.items) == row.told)
    #expect(decoded.rejected.map(\.code) == row.faults)
    #expect(decoded.observations == decoded.items.compactMap(\.observation))
  }

  @Test func `only memories that readings know make observations`() throws {
    let hourly = try #require(DataIdentifier(hex: "05040101"))
    #expect(try hourly.observations(in: wire("26 00 00 00")).isEmpty)
    let daily = try #require(DataIdentifier(hex: "0506FF01"))
    let told = try daily.observations(in: wire("00 00 09 10 15 AA 26 00 00 00 AA"))
    #expect(told.map(\.memory) == [.dailyFreeze(1), .dailyFreeze(1)])
    #expect(try daily.payload(told) == wire("00 00 09 10 15 AA 26 00 00 00 AA AA AA AA AA AA AA AA AA AA AA"))
  }

  @Test func `the bits of a word have names`() throws {
    let word = try #require(DataIdentifier(hex: "04000503"))
    let captured = try #require(try word.decode(wire("50 00")).items.first)
    #expect(captured.setBits.map(\.name) == ["relay-open", "relay-command-open"])
    let rate = try #require(DataIdentifier(hex: "04000703"))
    #expect(try #require(try rate.decode([0x20]).items.first).setBits.map(\.title) == ["9600 bit/s"])
    for number in 1...7 {
      let bits = BitName.statusWord(number)
      #expect(!bits.isEmpty && Set(bits.map(\.bit)).count == bits.count && Set(bits.map(\.name)).count == bits.count)
    }
    #expect(BitName.statusWord(8).isEmpty)
  }

  @Test func `a meter may count the quadrants in another order`() throws {
    let group4 = try #require(ShortIdentifier(hex: "9140"))
    let order = try #require(QuadrantOrder([1, 2, 3, 4]))
    #expect(QuadrantOrder([1, 1, 2, 3]) == nil)
    let data = wire("15 00 00 00")
    #expect(try group4.observations(in: data).first?.quantity.name == "energy.reactive.q4.total")
    let told = try group4.observations(in: data, quadrants: order)
    #expect(told.first?.quantity.name == "energy.reactive.q2.total")
    #expect(try group4.payload(told, quadrants: order) == data)
    let times = try #require(ShortIdentifier(hex: "B15F"))
    #expect(times.fields(rates: 0, quadrants: order).map(\.name) == ["demand.reactive.q3.total.time"])
  }

  @Test func `what is written as text is checked`() throws {
    let table = try #require(DataIdentifier(hex: "04010001"))
    #expect(try table.payload(texts: ["00:00 rate 4", "08:30 rate 1"]) == wire("04 00 00 01 30 08"))
    for bad in ["", "8:30 rate 1", "08:30", "08:30 rate 100", "08:30 table 1", "24:00 rate 1", "08:30 rate +1", "-1"] {
      #expect(throws: PayloadError.self, "\(bad)") { try table.payload(texts: [bad]) }
    }
    #expect(throws: PayloadError.count(expected: 14, received: 0)) { try table.payload(texts: []) }
    #expect(throws: PayloadError.count(expected: 14, received: 15)) {
      try table.payload(texts: [String](repeating: "08:30 rate 1", count: 15))
    }
    let ratio = try #require(DataIdentifier(hex: "04000306"))
    #expect(try ratio.payload(texts: ["50"]) == wire("50 00 00"))
    #expect(throws: PayloadError.range("ratio.current")) { try ratio.payload(texts: ["1000000"]) }
    #expect(throws: PayloadError.text("ratio.current", "1.5")) { try ratio.payload(texts: ["1.5"]) }
    let clock = try #require(DataIdentifier(hex: "0400010C"))
    #expect(try clock.payload(texts: ["2016-01-11T21:53:55"]) == wire("55 53 21 01 11 01 16"))
    #expect(throws: PayloadError.self) { try clock.payload(texts: ["2016-01-11T21:53"]) }
    let zone = try #require(DataIdentifier(hex: "04010000"))
    #expect(try zone.payload(texts: ["02-29 table 1"]) == wire("01 29 02"))
    #expect(throws: PayloadError.self) { try zone.payload(texts: ["02-30 table 1"]) }
  }
}
