internal import Metering

extension PlanDraft {
  /// Everything that a bill takes from the plan, sources included: they are part of what explains a bill.
  var canonicalText: String { text(of: .document) }

  /// Everything that decides what a usage costs: no names for people, no dates, no sources, and of prices that are
  /// given month by month none, since every month has its own.
  var pricingText: String { text(of: .pricing) }

  private enum Content {
    case document
    case pricing
  }

  private func text(of content: Content) -> String {
    let isWhole = content == .document
    return CanonicalJSON.object(hasProvenance: isWhole) { json in
      json.string("name", name)
      if isWhole {
        json.string("title", title)
        json.string("title_zh", titleChinese)
      }
      json.string("currency", "CNY")
      if isWhole {
        json.string("valid_from", "\(validFrom)")
        json.string("valid_to", validTo.map { "\($0)" })
        json.string("known_since", "\(knownSince)")
        json.strings("sources", sources)
      }
      json.number("energy_scale", energyDecimals)
      json.objects("periods", periods) { json, period in
        json.string("name", period.name)
        if isWhole {
          json.string("title", period.title)
          json.string("title_zh", period.titleChinese)
        }
        json.numbers("rates", period.rates.map(Int.init))
      }
      json.number("residual", residualPeriod)
      json.objects("tiers", tiers.map { [$0] } ?? []) { json, tiers in
        json.string("window", tiers.window.canonicalText)
        json.objects("limits", tiers.limits) { json, row in
          json.strings("kwh", row.map { $0.text(decimals: 6) })
        }
        json.string("grant_per_month", tiers.grantPerMonth.map { $0.text(decimals: 6) })
        if tiers.partMonth != .whole { json.string("part_month", tiers.partMonth.rawValue) }
        if tiers.moving != .whole { json.string("moving", tiers.moving.rawValue) }
        json.provenance(tiers.provenance)
      }
      // Older plans know nothing of what follows, and their texts must not change.
      if let timeOfUse { json.object("calendar") { timeOfUse.write(to: &$0) } }
      if let loss { json.object("loss") { loss.write(to: &$0) } }
      json.objects("components", components) { json, component in
        json.string("kind", component.kindName)
        if isWhole {
          json.string("title", component.title)
          json.string("title_zh", component.titleChinese)
        }
        switch component.kind {
        case .energy(let prices): json.strings("prices", prices.texts)
        case .tierPrices(let prices), .wholeVolume(let prices): json.strings("prices", prices.map { "\($0)" })
        case .tierAdders(let adders):
          json.objects("adders", adders) { json, adder in
            json.number("tier", adder.tier)
            json.strings("prices", adder.prices.texts)
            if adder.spread != .proRata { json.string("spread", adder.spread.rawValue) }
          }
        case .monthlyPrices(let prices): if isWhole { prices.write(to: &json) }
        case .fund(let price), .export(let price): json.string("price", "\(price)")
        case .capacity(let charge): charge.write(to: &json)
        case .demand(let charge): charge.write(to: &json)
        case .powerFactor(let adjustment): adjustment.write(to: &json)
        case .minimum(let least): json.string("least", "\(least)")
        case .lateCharge(let charge): charge.write(to: &json)
        }
        if component.isInPowerFactorBase != component.kind.isUsuallyInPowerFactorBase {
          json.boolean("in_power_factor_base", component.isInPowerFactorBase)
        }
        if component.rounding != .halfUp { json.string("rounding", component.rounding.rawValue) }
        json.provenance(component.provenance)
      }
    }
  }
}

extension PeriodPrices {
  /// One text for one price, or as many as there are periods.
  var texts: [String] {
    switch self {
    case .same(let price): ["\(price)"]
    case .byPeriod(let prices): prices.map { "\($0)" }
    }
  }
}

extension Tiers.Window {
  /// `month`, `two-months` or `year-1`, the number being the month it starts in.
  fileprivate var canonicalText: String {
    switch self {
    case .month: "month"
    case .twoMonths: "two-months"
    case .year(let startMonth): "year-\(startMonth)"
    }
  }
}

extension CanonicalJSON {
  mutating func provenance(_ provenance: Provenance) {
    guard hasProvenance else { return }
    string("source", provenance.text)
    boolean("primary", provenance.isPrimary)
  }
}
