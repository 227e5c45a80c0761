import Billing
import Documents
import Metering
import Rating
import TOML
import Testing

@Suite struct ExplanationTests {
  @Test func `losses and the power factor are told where a bill has them, and only there`() throws {
    let toml = """
      name = "mill"
      title = "Mill"
      title-zh = "厂"
      currency = "CNY"
      valid-from = "2023-01-01"
      known-since = "2023-01-01"
      energy-scale = 2
      sources = ["a test"]
      [loss]
      day-share = "calendar"
      source = "a test"
      primary = true
      [[component]]
      kind = "energy"
      title = "Energy"
      title-zh = "电费"
      price = "0.6"
      source = "a test"
      primary = true
      [[component]]
      kind = "power-factor"
      title = "Power factor"
      title-zh = "力调"
      standard = "by-supply"
      source = "a test"
      primary = true
      """
    let plan = try Plan(try Document(toml: toml, file: "mill.toml"))
    let from = try #require(CivilDate("2026-10-01"))
    let to = try #require(CivilDate("2026-11-01"))
    let days = try #require(DayRange(from: from, to: to))
    func told(_ supply: Supply) throws -> [String] {
      let usage = Usage(
        id: "B-1", account: "A-1", days: days, total: Energy(millionths: 1_000_000_000), supply: supply)
      return explain(try rate(usage, under: plan)).filter { $0.hasPrefix("Losses") || $0.hasPrefix("Power factor") }
    }
    let supply = Supply(
      reactive: ReactiveUse(forward: Energy(millionths: 1_180_000_000)), powerFactorStandard: .ninety, lineLoss: 300)
    #expect(
      try told(supply) == [
        "Losses 损耗 metered 1000.00, transformer 变损 0.00, line 线损 30.00 kWh; 35.40 kvarh",
        "Power factor 功率因数 0.65 of 1030.00 kWh and 1215.40 kvarh, standard 0.90",
      ])
    #expect(try told(Supply(isExemptFromPowerFactor: true)).isEmpty)
  }
}
