import Documents
import Rating
import TOML
import Testing

/// A change to a good tariff file and what is said of it.
struct BadPlan: Sendable, CustomTestStringConvertible {
  let name: String
  let replacing: String
  let with: String
  let says: String
  var testDescription: String { name }
}

@Suite struct PlanErrorTests {
  static let good = """
    name = "test"
    title = "Test"
    title-zh = "试"
    currency = "CNY"
    valid-from = "2026-01-01"
    known-since = "2025-12-01"
    energy-scale = 2
    sources = ["a test"]
    [[period]]
    name = "peak"
    title = "Peak"
    title-zh = "峰"
    rates = [2]
    residual = true
    [[period]]
    name = "valley"
    title = "Valley"
    title-zh = "谷"
    rates = [4]
    [tiers]
    window = "month"
    source = "a test"
    primary = true
    [[tiers.tier]]
    from = "0"
    to = "100"
    [[tiers.tier]]
    from = "100"
    [[component]]
    kind = "energy"
    title = "E"
    title-zh = "电"
    price = "0.5"
    source = "a test"
    primary = true
    """
  static let flat =
    good.split(separator: "\n").filter { !$0.isEmpty }[0..<8].joined(separator: "\n") + "\n"
    + good.split(separator: "\n")[19...].joined(separator: "\n")

  /// The good file without periods, with one text in it replaced.
  static func document(replacing text: String, _ other: String) throws -> Document {
    try Document(toml: flat.replacing(text, with: other), file: "test.toml")
  }

  static let cases = [
    BadPlan(
      name: "no name", replacing: "name = \"test\"", with: "name = \"\"",
      says: "test.toml:1: name: this is empty; write what it is called"),
    BadPlan(
      name: "no title", replacing: "title = \"Test\"", with: "title = \" \"",
      says: "test.toml:2: title: this is empty; write what it is called"),
    BadPlan(
      name: "a period without a name", replacing: "name = \"peak\"", with: "name = \"\"",
      says: "test.toml:10: period[0].name: this is empty; write what it is called"),
    BadPlan(
      name: "gap", replacing: "from = \"100\"", with: "from = \"120\"",
      says: "test.toml:28: tiers.tier[1].from: gap: the tier before ends at 100.00 kWh, this one starts at 120.00 kWh"),
    BadPlan(
      name: "overlap", replacing: "from = \"100\"", with: "from = \"80\"",
      says:
        "test.toml:28: tiers.tier[1].from: overlap: the tier before ends at 100.00 kWh, this one starts at 80.00 kWh"),
    BadPlan(
      name: "first tier not from zero", replacing: "from = \"0\"", with: "from = \"1\"",
      says: "test.toml:25: tiers.tier[0].from: gap: the first tier starts at 0 kWh, this one starts at 1.00 kWh"),
    BadPlan(
      name: "last tier closed", replacing: "from = \"100\"", with: "from = \"100\"\nto = \"200\"",
      says: "test.toml:29: tiers.tier[1].to: the last tier must be open-ended; leave its end out"),
    BadPlan(
      name: "first tier open", replacing: "to = \"100\"\n", with: "",
      says: "test.toml:24: tiers.tier[0].to: only the last tier may be open-ended; say where this one ends"),
    BadPlan(
      name: "tier that ends before it starts", replacing: "to = \"100\"", with: "to = \"0\"",
      says: "test.toml:26: tiers.tier[0].to: the tier ends at 0.00 kWh, not after its start at 0.00 kWh"),
    BadPlan(
      name: "unknown period", replacing: "price = \"0.5\"\nsource = \"a test\"\nprimary = true",
      with: "source = \"a test\"\nprimary = true\n[component.prices]\npeak = \"0.6\"\nnight = \"0.3\"",
      says: "test.toml:37: component[0].prices.night: no period is called night; periods are peak, valley"),
    BadPlan(
      name: "price of a period missing", replacing: "price = \"0.5\"\nsource = \"a test\"\nprimary = true",
      with: "source = \"a test\"\nprimary = true\n[component.prices]\npeak = \"0.6\"",
      says: "test.toml:35: component[0].prices.valley: no price for period valley"),
    BadPlan(
      name: "no price at all", replacing: "price = \"0.5\"\n", with: "",
      says: "test.toml:29: component[0].price: no price; give price, or prices with one for each period"),
    BadPlan(
      name: "price with nine places", replacing: "\"0.5\"", with: "\"0.123456789\"",
      says: "test.toml:33: component[0].price: \"0.123456789\" is no price in yuan per kWh with at most eight places,"
        + " such as \"0.538\""),
    BadPlan(
      name: "price as a binary fraction", replacing: "\"0.5\"", with: "0.5",
      says: "test.toml:33: component[0].price: expected a string in quotes, found a number with a point"),
    BadPlan(
      name: "period given twice", replacing: "name = \"valley\"", with: "name = \"peak\"",
      says: "test.toml:16: period[1].name: there is already a period peak"),
    BadPlan(
      name: "rate in two periods", replacing: "rates = [4]", with: "rates = [4, 2]",
      says: "test.toml:19: period[1].rates: rate 2 already belongs to peak"),
    BadPlan(
      name: "period without a rate", replacing: "rates = [4]\n", with: "",
      says: "test.toml:15: period[1].rates: say which rates of the meter count as valley"),
    BadPlan(
      name: "no residual", replacing: "residual = true\n", with: "",
      says: "test.toml:9: period: mark the period that gets total less the others with residual = true"),
    BadPlan(
      name: "two residuals", replacing: "rates = [4]", with: "rates = [4]\nresidual = true",
      says: "test.toml:20: period[1].residual: peak is the residual already"),
    BadPlan(
      name: "end before start", replacing: "valid-from = \"2026-01-01\"",
      with: "valid-from = \"2026-01-01\"\nvalid-to = \"2025-12-31\"",
      says: "test.toml:6: valid-to: 2025-12-31 is before valid-from, 2026-01-01"),
    BadPlan(
      name: "no date", replacing: "\"2026-01-01\"", with: "\"2026-02-30\"",
      says: "test.toml:5: valid-from: \"2026-02-30\" is no date; write it as \"2026-11-22\""),
    BadPlan(
      name: "unknown key", replacing: "energy-scale = 2", with: "energy-scale = 2\nenergyscale = 0",
      says:
        "test.toml:8: energyscale: unknown key; keys here are calendar, component, currency, energy-scale, known-since, loss, name,"
        + " period, sources, tiers, title, title-zh, valid-from, valid-to"),
    BadPlan(
      name: "one decimal place", replacing: "energy-scale = 2", with: "energy-scale = 1",
      says: "test.toml:7: energy-scale: billed kWh have 0 or 2 decimal places, not 1"),
    BadPlan(
      name: "primary not said", replacing: "price = \"0.5\"\nsource = \"a test\"\nprimary = true",
      with: "price = \"0.5\"\nsource = \"a test\"",
      says: "test.toml:29: component[0].primary: say true or false: is the source the issuing authority's own text?"),
    BadPlan(
      name: "only adders",
      replacing: "kind = \"energy\"\ntitle = \"E\"\ntitle-zh = \"电\"\nprice = \"0.5\"\n"
        + "source = \"a test\"\nprimary = true",
      with: "kind = \"tier-adders\"\ntitle = \"E\"\ntitle-zh = \"电\"\nsource = \"a test\"\nprimary = true\n"
        + "[[component.tier]]\ntier = 2\nadder = \"0.05\"",
      says: "test.toml:29: component: no component prices the energy itself; give one of kind energy or tier-prices"),
    BadPlan(
      name: "no adder for a tier", replacing: "kind = \"energy\"\ntitle = \"E\"\ntitle-zh = \"电\"\nprice = \"0.5\"",
      with: "kind = \"tier-adders\"\ntitle = \"E\"\ntitle-zh = \"电\"",
      says: "test.toml:29: component[0].tier: no adder for tier 2"),
    BadPlan(
      name: "unknown kind", replacing: "kind = \"energy\"", with: "kind = \"energi\"",
      says: "test.toml:30: component[0].kind: \"energi\" is no kind; energy, tier-prices, whole-volume, tier-adders,"
        + " monthly-prices, fund, capacity, demand, power-factor, export, minimum and late-charge are"
    ),
    BadPlan(
      name: "price for too few tiers", replacing: "kind = \"energy\"\ntitle = \"E\"\ntitle-zh = \"电\"\nprice = \"0.5\"",
      with: "kind = \"tier-prices\"\ntitle = \"E\"\ntitle-zh = \"电\"\nprices = [\"0.5\"]",
      says: "test.toml:33: component[0].prices: 1 prices for 2 tiers"),
    BadPlan(
      name: "month in no season", replacing: tierTables, with: seasons("[1, 2, 3, 4, 5]", "[7, 8, 9, 10, 11]"),
      says: "test.toml:24: tiers.season: no season has months 6, 12"),
    BadPlan(
      name: "month in two seasons", replacing: tierTables,
      with: seasons("[1, 2, 3, 4, 5, 6]", "[6, 7, 8, 9, 10, 11, 12]"),
      says: "test.toml:36: tiers.season[1].months: month 6 is already in season a"),
    BadPlan(
      name: "seasons in a year", replacing: "window = \"month\"\nsource = \"a test\"\nprimary = true\n" + tierTables,
      with: "window = \"year\"\nsource = \"a test\"\nprimary = true\n"
        + seasons("[1, 2, 3, 4, 5, 6]", "[7, 8, 9, 10, 11, 12]"),
      says: "test.toml:24: tiers.season: seasons need a window of a month; this one is a window of year"),
  ]

  private static let tierTables =
    "[[tiers.tier]]\nfrom = \"0\"\nto = \"100\"\n[[tiers.tier]]\nfrom = \"100\""

  /// Two seasons with the tiers of the good file.
  private static func seasons(_ first: String, _ second: String) -> String {
    let tiers = tierTables.replacing("tiers.tier", with: "tiers.season.tier") + "\n\n\n"
    return "[[tiers.season]]\nname = \"a\"\nmonths = \(first)\n\(tiers)"
      + "[[tiers.season]]\nname = \"b\"\nmonths = \(second)\n\(tiers)"
  }

  @Test(arguments: cases) func `a bad tariff file is refused word for word`(_ bad: BadPlan) throws {
    let toml = Self.good.replacing(bad.replacing, with: bad.with)
    try #require(toml != Self.good)
    let document = try Document(toml: toml, file: "test.toml")
    let error = #expect(throws: DocumentError.self) { _ = try Plan(document) }
    #expect(error.map { "\($0)" } == bad.says)
  }

  @Test func `the good file is read`() throws {
    let plan = try Plan(try Document(toml: Self.good, file: "test.toml"))
    #expect(plan.periods.map(\.name) == ["peak", "valley"])
    #expect(plan.residualPeriod == 0)
    #expect(plan.tiers?.count == 2)
  }

  @Test func `there are tariff files, and every one bears the name of its plan`() throws {
    #expect(Tariffs.names.count >= 8)
    for name in Tariffs.names { #expect(name.hasPrefix(try Tariffs.plan(name).name + "-")) }
  }
}
