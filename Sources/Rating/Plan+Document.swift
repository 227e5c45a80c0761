public import Documents
internal import Metering

extension Plan {
  /// Reads a tariff document.
  ///
  /// At the top stand `name`, `title`, `title-zh`, `currency`, `valid-from`, `valid-to`, `known-since`, `energy-scale` (0
  /// or 2) and `sources`; then the tables `[[period]]`, `[calendar]`, `[tiers]` and `[loss]`, all optional, and one
  /// `[[component]]` for each line of the bill. A component has `kind`, `title`, `title-zh`, `source`, `primary`, may have
  /// `rounding` ("half-up", "cut") and `in-power-factor-base`, and by its kind:
  ///
  /// | kind | keys |
  /// |---|---|
  /// | `energy` | `price`, or `prices` by period |
  /// | `tier-prices`, `whole-volume` | `prices`, from tier 1 on |
  /// | `tier-adders` | `[[component.tier]]`: `tier`, and `adder`, or `adders` by period; `spread` ("pro-rata", "time-order") |
  /// | `monthly-prices` | `[[component.month]]`: `month`, and `price` or `prices`; `factors` by period on one price |
  /// | `fund`, `export` | `price` |
  /// | `capacity` | `price`, `day-share` ("thirtieth", "calendar"), `suspended` ("free", "half") |
  /// | `demand` | `price`, `day-share`, `excess`, `floor` (`percent`, `on`), `load-rate` (`from`, `price`) |
  /// | `power-factor` | `standard` ("0.90", "0.85", "0.80", "by-supply"), `reactive`, `counts-self-use`, `base` |
  /// | `minimum` | `least` |
  /// | `late-charge` | `own-year`, `later`, `least` |
  ///
  /// Prices are strings with at most eight places, as published. Everything is checked here: gaps and overlaps of tiers,
  /// months, slots and loss bands, unknown periods and keys, days without slots, lines in the wrong order.
  ///
  /// - Throws: `DocumentError` with file, line and key of the first thing that is missing, unknown or contradictory.
  public convenience init(_ document: Document) throws(DocumentError) {
    var reader = document.reader()
    let validFrom = try reader.date("valid-from")
    var draft = PlanDraft(validFrom: validFrom, knownSince: try reader.date("known-since"))
    draft.name = try reader.words("name")
    draft.title = try reader.words("title")
    draft.titleChinese = try reader.string("title-zh")
    draft.validTo = try reader.optionalDate("valid-to")
    if let end = draft.validTo, end < validFrom {
      throw reader.error("valid-to", "\(end) is before valid-from, \(validFrom)")
    }
    guard try reader.string("currency") == "CNY" else { throw reader.error("currency", "only CNY is known") }
    draft.sources = try reader.optionalStrings("sources") ?? []
    guard !draft.sources.isEmpty else { throw reader.error("sources", "say where the plan was published") }
    draft.energyDecimals = try reader.integer("energy-scale")
    guard [0, 2].contains(draft.energyDecimals) else {
      throw reader.error("energy-scale", "billed kWh have 0 or 2 decimal places, not \(draft.energyDecimals)")
    }
    (draft.periods, draft.residualPeriod) = try readPeriods(&reader)
    if var table = try reader.optionalTable("calendar") {
      draft.timeOfUse = try TimeOfUse(&table, periods: draft.periods)
    }
    if var table = try reader.optionalTable("tiers") { draft.tiers = try Tiers(&table) }
    if var table = try reader.optionalTable("loss") { draft.loss = try LossRule(&table) }
    for var table in try reader.tables("component") {
      let component = try PlanComponent(&table, periods: draft.periods, tiers: draft.tiers)
      if let problem = component.misplaced(after: draft.components) { throw table.error("kind", problem) }
      if case .monthlyPrices(let prices) = component.kind, !prices.isOfAny(validFrom, draft.validTo) {
        throw table.error(
          "month",
          "none of its months is one that the plan is valid in, from \(validFrom)"
            + "\(draft.validTo.map { " to \($0)" } ?? " on"): no bill could be made; add the prices of those months")
      }
      draft.components.append(component)
    }
    try reader.finish()
    guard draft.components.count <= PlanStep.mostComponents else {
      throw reader.error("component", "\(draft.components.count) components; \(PlanStep.mostComponents) are the most")
    }
    guard draft.components.contains(where: \.kind.pricesEveryUnit) else {
      throw reader.error("component", "no component prices the energy itself; give one of kind energy or tier-prices")
    }
    self.init(draft)
  }
}

extension PlanComponent {
  /// Why this cannot stand after `earlier` components; `nil` when it can.
  fileprivate func misplaced(after earlier: [PlanComponent]) -> String? {
    switch kind {
    case .capacity, .demand, .powerFactor, .export, .minimum, .lateCharge:
      if earlier.contains(where: { $0.kindName == kindName }) {
        return "there is already a component of kind \(kindName)"
      }
    case .energy, .tierPrices, .wholeVolume, .tierAdders, .monthlyPrices, .fund: break
    }
    if isInPowerFactorBase, let adjustment = earlier.first(where: { $0.kindName == "power-factor" }) {
      return "\(title) is in the base of \(adjustment.title), so it must stand before it"
    }
    return nil
  }
}

extension Provenance {
  /// `source` and `primary` of a table.
  init(_ reader: inout TableReader) throws(DocumentError) {
    text = try reader.string("source")
    guard let primary = try reader.optionalBoolean("primary") else {
      throw reader.error("primary", "say true or false: is the source the issuing authority's own text?")
    }
    isPrimary = primary
  }
}

/// The `[[period]]` tables, and which of them is the residual.
private func readPeriods(_ reader: inout TableReader) throws(DocumentError) -> ([Period], Int?) {
  var periods: [Period] = []
  var residual: Int?
  for (index, table) in try reader.tables("period").enumerated() {
    var table = table
    let name = try table.words("name")
    guard !periods.contains(where: { $0.name == name }) else {
      throw table.error("name", "there is already a period \(name)")
    }
    guard name != "total" else { throw table.error("name", "total is no name for a period") }
    let title = try table.string("title")
    let titleChinese = try table.string("title-zh")
    let numbers = try table.optionalIntegers("rates", in: 1...63) ?? []
    guard !numbers.isEmpty else { throw table.error("rates", "say which rates of the meter count as \(name)") }
    var rates: [UInt8] = []
    for rate in numbers.map({ UInt8(truncatingIfNeeded: $0) }) {
      if let other = periods.first(where: { $0.rates.contains(rate) }) {
        throw table.error("rates", "rate \(rate) already belongs to \(other.name)")
      }
      guard !rates.contains(rate) else { throw table.error("rates", "rate \(rate) is given twice") }
      rates.append(rate)
    }
    if try table.optionalBoolean("residual") == true {
      if let residual { throw table.error("residual", "\(periods[residual].name) is the residual already") }
      residual = index
    }
    try table.finish()
    periods.append(Period(name: name, title: title, titleChinese: titleChinese, rates: rates))
  }
  guard periods.count <= EnergyRow.most else {
    throw reader.error("period", "\(periods.count) periods; \(EnergyRow.most) are the most")
  }
  guard periods.isEmpty || residual != nil else {
    throw reader.error("period", "mark the period that gets total less the others with residual = true")
  }
  return (periods, residual)
}

extension TableReader {
  /// A text that names something.
  mutating func words(_ key: String) throws(DocumentError) -> String {
    let text = try string(key)
    guard text.contains(where: { !$0.isWhitespace }) else { throw error(key, "this is empty; write what it is called") }
    return text
  }

  mutating func optionalDate(_ key: String) throws(DocumentError) -> CivilDate? {
    guard let text = try optionalString(key) else { return nil }
    guard let date = CivilDate(text) else { throw error(key, "\"\(text)\" is no date; write it as \"2026-11-22\"") }
    return date
  }

  mutating func date(_ key: String) throws(DocumentError) -> CivilDate {
    guard let date = try optionalDate(key) else { throw missing(key) }
    return date
  }

  /// A price in yuan per kWh, as published.
  mutating func price(_ key: String) throws(DocumentError) -> Price {
    try price(key, text: try string(key))
  }

  func price(_ key: String, text: String) throws(DocumentError) -> Price {
    guard let price = Price(yuan: text) else {
      throw error(key, "\"\(text)\" is no price in yuan per kWh with at most eight places, such as \"0.538\"")
    }
    return price
  }

  mutating func optionalEnergy(_ key: String) throws(DocumentError) -> Energy? {
    guard let text = try optionalString(key) else { return nil }
    guard let energy = Energy(kilowattHours: text), energy.isBillable else {
      throw error(key, "\"\(text)\" is no number of kWh, such as \"260\"")
    }
    return energy
  }

  func missing(_ key: String) -> DocumentError {
    DocumentError(file: file, line: table.line, key: path(of: key), problem: .missing)
  }
}
