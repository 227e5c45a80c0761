import Documents
import Metering
import Rating
import TOML
import Testing

/// A tariff for a mill, put together from the tables that a test asks for.
enum Mill {
  static let head = """
    name = "mill"
    title = "Mill"
    title-zh = "厂"
    currency = "CNY"
    valid-from = "2023-01-01"
    known-since = "2023-01-01"
    energy-scale = 2
    sources = ["a test"]
    """
  static let periods = ["peak", "flat", "valley"].enumerated().map { index, name in
    table("[period]", "name = \"\(name)\"", "rates = [\(index + 2)]", name == "flat" ? "residual = true" : "")
      .replacing("source = \"a test\"\nprimary = true", with: "")
  }.joined()
  static let energy = component("energy", "price = \"0.6\"")
  static let energyByPeriod = component(
    "energy", "prices = { peak = \"0.9\", flat = \"0.6\", valley = \"0.3\" }")
  static let capacity = component("capacity", "price = \"28\"", "day-share = \"thirtieth\"")
  static let demand = component("demand", "price = \"38\"", "day-share = \"calendar\"")
  static let fund = component("fund", "price = \"0.00196875\"")
  static let powerFactor = component("power-factor", "standard = \"0.90\"")

  static func component(_ kind: String, _ lines: String...) -> String {
    table("[component]", (["kind = \"\(kind)\""] + lines).joined(separator: "\n"))
  }

  static func table(_ name: String, _ lines: String...) -> String {
    "\n[\(name)]\ntitle = \"T\"\ntitle-zh = \"题\"\nsource = \"a test\"\nprimary = true\n\(lines.joined(separator: "\n"))\n"
  }

  /// Losses of one transformer, S9 of 200 kVA.
  static func loss(_ rest: String, dayShare: String = "thirtieth") -> String {
    "\n[loss]\nday-share = \"\(dayShare)\"\nsource = \"a test\"\nprimary = true\n"
      + "[[loss.transformer]]\nmodel = \"S9\"\ncapacity = \"200\"\n\(rest)\n"
  }

  static func plan(_ tables: String...) throws -> Plan {
    try Plan(try Document(toml: head + tables.joined(), file: "mill.toml"))
  }
}

func power(_ text: String) throws -> Power { try #require(Power(text)) }

/// A usage of October 2026, or of other days.
func mill(
  _ total: String, _ parts: [String: String] = [:], _ days: DayRange? = nil, _ supply: Supply? = nil
) throws -> Usage {
  Usage(
    id: "B", account: "A", days: try days ?? RatingTests.days("2026-10-01", "2026-11-01"), total: try energy(total),
    parts: try parts.sorted { $0.key < $1.key }.map { PeriodEnergy($0.key, try energy($0.value)) }, supply: supply)
}

extension Bill {
  var formulas: [String] { lines.map { formula(of: $0) } }
}
