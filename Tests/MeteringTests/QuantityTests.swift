import Metering
import Testing

@Suite struct QuantityTests {
  struct NameCase: Sendable, CustomTestStringConvertible {
    let name: String
    let obis: String?
    let unit: Unit?
    var testDescription: String { name }
  }

  static let cases = [
    NameCase(name: "energy.import.active.total", obis: "1-0:1.8.0", unit: .kilowattHour),
    NameCase(name: "energy.import.active.rate4", obis: "1-0:1.8.4", unit: .kilowattHour),
    NameCase(name: "energy.export.active.total", obis: "1-0:2.8.0", unit: .kilowattHour),
    NameCase(name: "energy.import.active.l2", obis: "1-0:41.8.0", unit: .kilowattHour),
    NameCase(name: "energy.reactive.q3.total", obis: "1-0:7.8.0", unit: .kilovarHour),
    NameCase(name: "demand.import.active.total", obis: "1-0:1.6.0", unit: .kilowatt),
    NameCase(name: "power.active.total", obis: "1-0:16.7.0", unit: .kilowatt),
    NameCase(name: "power.reactive.l1", obis: "1-0:23.7.0", unit: .kilovar),
    NameCase(name: "voltage.l1", obis: "1-0:32.7.0", unit: .volt),
    NameCase(name: "voltage.l12", obis: nil, unit: .volt),
    NameCase(name: "current.neutral", obis: "1-0:91.7.0", unit: .ampere),
    NameCase(name: "power-factor.total", obis: "1-0:13.7.0", unit: .one),
    NameCase(name: "angle.l2", obis: "1-0:81.7.15", unit: .degree),
    NameCase(name: "frequency", obis: "1-0:14.7.0", unit: .hertz),
    NameCase(name: "clock.date", obis: "1-0:0.9.2", unit: nil),
  ]

  @Test(arguments: cases)
  func `a name is read, written and mapped to OBIS`(_ row: NameCase) throws {
    let quantity = try #require(Quantity(name: row.name))
    #expect(quantity.name == row.name)
    #expect(quantity.obis == row.obis)
    #expect(quantity.unit == row.unit)
    #expect(!quantity.chineseName.isEmpty)
  }

  @Test(arguments: [
    "", "energy", "energy.import.active", "energy.import.active.rate0", "energy.import.active.rate64",
    "energy.import.active.rate04", "voltage.total", "voltage.l4", "frequency.l1", "status.word8", "power.active.rate1",
  ])
  func `a name of nothing is refused`(_ name: String) {
    #expect(Quantity(name: name) == nil)
  }

  @Test func `every quantity survives its own name, and names are unique`() {
    let parts: [Part] =
      [.total, .single, .neutral] + Phase.allCases.map(Part.phase) + Phase.allCases.map(Part.line)
      + (1...63).map(Part.rate)
    let all = Measurand.allCases.flatMap { measurand in parts.compactMap { Quantity(measurand, $0) } }
    for quantity in all { #expect(Quantity(name: quantity.name) == quantity) }
    #expect(Set(all.map(\.name)).count == all.count)
    #expect(all.count > 1500)
  }
}

@Suite struct RegisterValueTests {
  @Test func `a register prints with its own places`() {
    #expect(RegisterValue(digits: 12_345_678, decimals: 2)?.description == "123456.78")
    #expect(RegisterValue(digits: 26, decimals: 2)?.description == "0.26")
    #expect(RegisterValue(digits: -5, decimals: 1)?.description == "-0.5")
    #expect(RegisterValue(digits: 1001, decimals: 1)?.description == "100.1")
    #expect(RegisterValue(digits: 7, decimals: 0)?.description == "7")
    #expect(RegisterValue(millionths: 35_054_601_563, resolution: 3906).description == "35054.601563")
    #expect(RegisterValue(digits: Int64.max, decimals: 0) == nil)
    #expect(RegisterValue(digits: 1, decimals: 7) == nil)
  }

  @Test func `a decimal is read exactly or not at all`() {
    #expect(exactDecimal("0.60886875", scale: 8) == 60_886_875)
    #expect(exactDecimal("-12.50", scale: 2) == -1250)
    #expect(exactDecimal("3", scale: 2) == 300)
    #expect(exactDecimal("1.2300", scale: 2) == 123)
    for bad in ["", ".", "1.", ".5", "1.234", "1e3", "0x1", "--1", "1.2.3", " 1", "99999999999999999999"] {
      #expect(exactDecimal(bad, scale: 2) == nil, "\(bad)")
    }
    #expect(decimalString(-1_500_000, decimals: 2) == "-1.50")
    #expect(decimalString(Int64.min, decimals: 6) == "-9223372036854.775808")
  }
}

@Suite struct TimeTests {
  @Test func `dates and day numbers agree over four centuries`() {
    for day in stride(from: Int64(-80_000), to: 70_000, by: 13) {
      let date = CivilDate(daysSince1970: day)
      #expect(date.daysSince1970 == day)
      #expect(CivilDate(year: date.year, month: date.month, day: date.day) == date)
    }
    #expect(CivilDate("2026-11-22")?.weekday == 7)
    #expect(CivilDate("1970-01-01")?.daysSince1970 == 0)
    #expect(CivilDate("2000-03-01")?.daysSince1970 == 11_017)
    #expect(CivilDate("2023-02-29") == nil)
    #expect(CivilDate("2024-02-29") != nil)
  }

  @Test func `local time and UTC meet at the offset`() throws {
    let midnight = try #require(MeterTime("2026-11-01T00:00"))
    let instant = ZoneOffset.china.unixMilliseconds(of: midnight)
    #expect(ZoneOffset.utc.rfc3339(unixMilliseconds: instant) == "2026-10-31T16:00:00.000+00:00")
    #expect(ZoneOffset.china.rfc3339(unixMilliseconds: instant) == "2026-11-01T00:00:00.000+08:00")
    #expect(ZoneOffset.utc.rfc3339(unixMilliseconds: -1) == "1969-12-31T23:59:59.999+00:00")
    #expect(ZoneOffset("+08:00") == .china)
    #expect(ZoneOffset("-05:30")?.minutes == -330)
    #expect(ZoneOffset("8") == nil)
  }

  @Test func `clock states survive storage`() {
    for state in [ClockState.synchronised, .unsynchronised, .holdover(seconds: 86_400)] {
      #expect(ClockState(state.description) == state)
    }
  }

  @Test func `months are added across years`() {
    #expect(CivilDate("2026-11-22")?.firstOfMonth(addingMonths: 2) == CivilDate("2027-01-01"))
    #expect(CivilDate("2026-01-31")?.firstOfMonth(addingMonths: -1) == CivilDate("2025-12-01"))
  }

  @Test func `hex is read with its usual separators and refused with its place`() throws {
    #expect(try hexBytes("68 1a,FF-0x02:00") == [0x68, 0x1A, 0xFF, 0x02, 0x00])
    #expect(throws: HexError.character("g", offset: 3)) { try hexBytes("68 g1") }
    #expect(throws: HexError.oddDigit(offset: 5)) { try hexBytes("68 1A1") == [] }
  }
}
