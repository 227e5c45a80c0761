internal import Documents

extension PlanComponent {
  /// One `[[component]]` table.
  init(_ reader: inout TableReader, periods: [Period], tiers: Tiers?) throws(DocumentError) {
    let kind = try reader.string("kind")
    title = try reader.words("title")
    titleChinese = try reader.string("title-zh")
    switch kind {
    case "energy":
      self.kind = .energy(try readPrices(&reader, one: "price", each: "prices", periods))
    case "tier-prices":
      self.kind = .tierPrices(try readTierPrices(&reader, kind, tiers))
    case "whole-volume":
      self.kind = .wholeVolume(try readTierPrices(&reader, kind, tiers))
    case "tier-adders":
      self.kind = .tierAdders(try readAdders(&reader, kind, periods, tiers))
    case "monthly-prices": self.kind = .monthlyPrices(try MonthlyPrices(&reader, periods: periods))
    case "fund": self.kind = .fund(try reader.price("price"))
    case "capacity": self.kind = .capacity(try CapacityCharge(&reader))
    case "demand": self.kind = .demand(try DemandCharge(&reader))
    case "power-factor": self.kind = .powerFactor(try PowerFactorAdjustment(&reader))
    case "export": self.kind = .export(try reader.price("price"))
    case "minimum":
      guard let least = try reader.optionalMoney("least") else { throw reader.missing("least") }
      self.kind = .minimum(least)
    case "late-charge": self.kind = .lateCharge(try LateCharge(&reader))
    default:
      let known = Self.kindNames.dropLast().joined(separator: ", ")
      throw reader.error("kind", "\"\(kind)\" is no kind; \(known) and \(Self.kindNames.last ?? "") are")
    }
    let flag = try reader.optionalBoolean("in-power-factor-base")
    if flag == true, self.kind.isDerived {
      throw reader.error("in-power-factor-base", "a \(kind) component is never in the base of a power factor")
    }
    isInPowerFactorBase = flag ?? self.kind.isUsuallyInPowerFactorBase
    rounding = try reader.choice("rounding", default: .halfUp)
    provenance = try Provenance(&reader)
    try reader.finish()
  }
}

/// One price under `one`, or a table of prices by period under `each`.
func readPrices(
  _ reader: inout TableReader, one: String, each: String, _ periods: [Period]
) throws(DocumentError) -> PeriodPrices {
  guard var table = try reader.optionalTable(each) else {
    guard reader.has(one) else {
      throw reader.error(
        one, periods.isEmpty ? "no price" : "no price; give \(one), or \(each) with one for each period")
    }
    return .same(try reader.price(one))
  }
  guard !reader.has(one) else { throw reader.error(one, "\(one) and \(each) cannot both be given") }
  let names = periods.map(\.name)
  for key in table.keys where !names.contains(key) {
    let known = names.isEmpty ? "the plan has no periods" : "periods are \(names.joined(separator: ", "))"
    throw table.error(key, "no period is called \(key); \(known)")
  }
  var prices: [Price] = []
  for name in names {
    guard table.has(name) else { throw table.error(name, "no price for period \(name)") }
    prices.append(try table.price(name))
  }
  return .byPeriod(prices)
}

/// One price for each tier, in a list.
private func readTierPrices(
  _ reader: inout TableReader, _ kind: String, _ tiers: Tiers?
) throws(DocumentError) -> [Price] {
  guard let tiers else { throw reader.error("kind", "\(kind) needs a [tiers] table") }
  guard let texts = try reader.optionalStrings("prices") else { throw reader.missing("prices") }
  guard texts.count == tiers.count else {
    throw reader.error("prices", "\(texts.count) prices for \(tiers.count) tiers")
  }
  var prices: [Price] = []
  for text in texts { prices.append(try reader.price("prices", text: text)) }
  return prices
}

/// The `[[component.tier]]` tables: one for each tier from the second on.
private func readAdders(
  _ reader: inout TableReader, _ kind: String, _ periods: [Period], _ tiers: Tiers?
) throws(DocumentError) -> [TierAdder] {
  guard let tiers else { throw reader.error("kind", "\(kind) needs a [tiers] table") }
  var adders: [TierAdder] = []
  let spread: TierSpread = try reader.choice("spread", default: .proRata)
  for table in try reader.tables("tier") {
    var table = table
    let tier = try table.integer("tier")
    guard (2...tiers.count).contains(tier) else {
      throw table.error("tier", "there is no adder for tier \(tier); tiers 2 to \(tiers.count) have one")
    }
    guard !adders.contains(where: { $0.tier == tier }) else {
      throw table.error("tier", "tier \(tier) already has its adder")
    }
    let prices = try readPrices(&table, one: "adder", each: "adders", periods)
    try table.finish()
    adders.append(TierAdder(tier: tier, prices: prices, spread: spread))
  }
  for tier in 2...tiers.count where !adders.contains(where: { $0.tier == tier }) {
    throw reader.error("tier", "no adder for tier \(tier)")
  }
  return adders.sorted { $0.tier < $1.tier }
}
