import Metering
import Rating
import Testing

/// A row of a published table: one price a period with everything in it.
struct PublishedRow: Sendable, CustomTestStringConvertible {
  let plan: String
  let prices: [String: String]
  var testDescription: String { plan }
}

@Suite struct TariffTests {
  private static let january = ["2026-01-01", "2026-02-01"]

  @Test func `there are tariffs of each kind`() throws {
    var kinds: Set<String> = []
    for name in Tariffs.names { for part in try Tariffs.plan(name).components { kinds.insert(part.kindName) } }
    #expect(Tariffs.names.count >= 13)
    #expect(
      kinds.isSuperset(of: ["energy", "tier-adders", "capacity", "demand", "power-factor", "fund", "monthly-prices"]))
  }

  static let rows = [
    PublishedRow(
      plan: "hubei-two-part-10kv-2026",
      prices: ["sharp": "1049.999", "peak": "848.961", "flat": "651.886", "valley": "432.924"]),
    PublishedRow(
      plan: "hubei-two-part-110kv-2026",
      prices: ["sharp": "1012.099", "peak": "809.061", "flat": "613.986", "valley": "395.024"]),
    PublishedRow(
      plan: "hubei-single-part-low-voltage-2026",
      prices: ["sharp": "1133.999", "peak": "930.961", "flat": "735.686", "valley": "516.924"]),
  ]

  /// A million kWh, so that no line is rounded; 484300 kvarh make a power factor of 0.90.
  @Test(arguments: rows) func `the parts of a price add up to the published one`(_ row: PublishedRow) throws {
    let plan = try Tariffs.plan(row.plan)
    for (period, thousand) in row.prices {
      var parts = ["sharp": "0", "peak": "0", "flat": "0", "valley": "0"]
      parts[period] = "1000000"
      let kinds = Set(plan.components.map(\.kindName))
      let supply =
        kinds.contains("capacity")
        ? Supply(
          basicCharge: .capacity, running: .zero, reactive: ReactiveUse(forward: try energy("484300")),
          powerFactorStandard: .ninety) : nil
      let bill = try rate(
        try mill("1000000", parts, try days(Self.january[0], Self.january[1]), supply), under: plan)
      #expect(bill.total.fen == (try energy(thousand)).millionths / 10, "\(period)")
    }
  }

  @Test func `an industrial bill, line by line`() throws {
    let supply = Supply(
      basicCharge: .contractDemand, running: try power("1000"), contracted: try power("1000"),
      feeds: [FeedDemand(measured: try power("700"), contract: try power("600"))],
      reactive: ReactiveUse(forward: try energy("150000"), reverse: try energy("4000")), powerFactorStandard: .ninety)
    let bill = try rate(
      try mill(
        "250000", ["sharp": "20000", "peak": "60000", "valley": "80000"], try days("2026-01-01", "2026-02-01"), supply),
      under: try Tariffs.plan("hubei-two-part-10kv-2026"))
    #expect(
      bill.formulas == [
        "600.00 kW x 42.00000000 = 25200.00", "70.00 kW x 84.00000000 = 5880.00",
        "20000.00 kWh x 0.79622600 = 15924.52", "60000.00 kWh x 0.59518800 = 35711.28",
        "90000.00 kWh x 0.39811300 = 35830.17", "80000.00 kWh x 0.17915100 = 14332.08",
        "250000.00 kWh x 0.12630000 = 31575.00", "250000.00 kWh x 0.08227300 = 20568.25",
        "250000.00 kWh x 0.02000000 = 5000.00", "250000.00 kWh x 0.00620000 = 1550.00",
        "250000.00 kWh x 0.01900000 = 4750.00",
        // 250000 kWh and 154000 kvarh: 0.85, five hundredths short of 0.90.
        "185021.30 yuan x 0.02500000 = 4625.53",
      ])
    #expect(bill.total == Money(fen: 20_094_683))
  }

  @Test func `a cheaper demand price from 260 kWh a kVA on`() throws {
    let supply = Supply(
      basicCharge: .actualDemand, contracted: try power("1000"), feeds: [FeedDemand(measured: try power("700"))],
      reactive: ReactiveUse(forward: .zero), powerFactorStandard: .ninety)
    let parts = ["sharp": "0", "peak": "0", "valley": "0"]
    let days = try days("2026-01-01", "2026-02-01")
    let plan = try Tariffs.plan("hubei-two-part-110kv-2026")
    func first(_ total: String) throws -> String? {
      try rate(try mill(total, parts, days, supply), under: plan).formulas.first
    }
    #expect(try first("259999.99") == "700.00 kW x 39.00000000 = 27300.00")
    #expect(try first("260000") == "700.00 kW x 35.10000000 = 24570.00")
  }

  @Test func `hours of a winter day by the published slots`() throws {
    let plan = try Tariffs.plan("hubei-two-part-10kv-2026")
    let one = try energy("1")
    let settled = try plan.settle(
      IntervalSeries(
        start: try #require(MeterTime("2026-01-15T00:00")), minutes: 60, energies: Array(repeating: one, count: 24)),
      days: try days("2026-01-15", "2026-01-16"), register: try energy("24"), bound: .zero)
    #expect(
      settled.parts.map { "\($0.period) \($0.energy)" } == ["sharp 2.00", "peak 6.00", "flat 8.00", "valley 8.00"])
  }

  @Test func `prices with eight places, and a large household's second limit is 700`() throws {
    let plan = try Tariffs.plan("guangdong-city-residential-tou-2021")
    var usage = try mill("800", ["peak": "200", "valley": "300"])
    usage.grantedMonths = 1
    #expect(
      try rate(usage, under: plan).formulas == [
        "200.00 kWh x 1.02896875 = 205.79", "300.00 kWh x 0.60886875 = 182.66", "300.00 kWh x 0.23676875 = 71.03",
        "340.00 kWh x 0.05000000 = 17.00", "100.00 kWh x 0.30000000 = 30.00",
      ])
  }

  /// Bills that are stored name these digests; what plans can say may grow, what they said may not change.
  static let digests = [
    "guangdong-residential-2012": "b160bc84d9f71035a78930d29ae82b86064f7c67c03b3eed4d59122b7756ae15",
    "guangdong-residential-tou-2012": "64a23c368a3fcf01a1038a5b26e3f16b987f32bc6ca183c1dafca9ec6091c93b",
    "hunan-residential-2012": "29c4778f2c43e5d3196f34cd5271763c74fd7f4ef6f4b65a5bb525552134669f",
    "shanghai-residential-2012": "1c5e6912d354b44340fd9a2a55b4ee1bdb874e45668b98393f2ff5d03e90fb5d",
    "shanghai-residential-tou-2012": "822e6888affdf037a5cd11ee044ff2a4c7836b371262c6f9ffd1d5dd998dfb63",
    "shanxi-residential-2012": "7aef4755f7f9f4f40e417cef08564ebd932dc75a5a64a5ad904d75c159c874f4",
    "zhejiang-residential-2012": "15ab9ea2849c78ff115f2d806ebee1c7cc75cb10b8ed67040cee8375c3d51e6c",
    "zhejiang-residential-tou-2012": "824b24975f91c010c6ff17e99b9ff38dae89310cfc7961a7aa9aeeb5f2ba3ac0",
  ]

  @Test func `plans that bills were made under keep their digest`() throws {
    for (name, digest) in Self.digests { #expect(try Tariffs.plan(name).digest == digest, "\(name)") }
  }

  @Test func `no tariff claims to be primary that is a reprint`() throws {
    for name in Tariffs.names {
      for component in try Tariffs.plan(name).components where component.provenance.isPrimary {
        #expect(!component.provenance.text.contains("reprint"), "\(name)")
      }
    }
  }
}
