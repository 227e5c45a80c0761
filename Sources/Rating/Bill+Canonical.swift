internal import Metering

extension Bill {
  /// Fingerprint of what the bill was made of; equal for two bills of the same usage and plan, and for a reversal.
  public var inputDigest: String { usage.inputDigest(under: plan) }

  /// The bill as one line of JSON with a fixed order of keys, complete in itself: what is stored and handed over.
  public var canonicalText: String {
    let decimals = plan.energyDecimals
    let totals = totals
    return CanonicalJSON.object { json in
      json.string("bill", usage.id)
      json.string("kind", kind.rawValue)
      json.string("account", usage.account)
      json.string("from", "\(usage.days.from)")
      json.string("to", "\(usage.days.to)")
      json.boolean("estimated", usage.isEstimated)
      json.object("plan") { json in
        json.string("name", plan.name)
        json.string("title", plan.title)
        json.string("title_zh", plan.titleChinese)
        json.string("valid_from", "\(plan.validFrom)")
        json.string("digest", plan.digest)
      }
      json.object("energy") { json in
        json.string("total", totals.energy.text(decimals: decimals))
        for (period, energy) in zip(plan.periods, totals.byPeriod) {
          json.string(period.name, energy.text(decimals: decimals))
        }
      }
      if let tierUse, let after = windowAfter {
        json.object("tiers") { json in
          json.string("window", "\(tierUse.start)")
          json.strings("used", totals.byTier.map { $0.text(decimals: decimals) })
          json.strings("used_after", after.byTier.map { $0.text(decimals: decimals) })
        }
      }
      json.findings(losses, powerFactor, decimals: decimals)
      json.objects("lines", lines) { json, line in
        json.number("ordinal", line.ordinal)
        json.string("component", plan.components[line.component].kindName)
        json.string("name", name(of: line))
        json.string("name_zh", chineseName(of: line))
        json.number("tier", line.tier)
        json.string("period", line.period.map { plan.periods[$0].name })
        json.string("quantity", quantity(of: line))
        json.string("unit", line.unit.rawValue)
        json.string("price", "\(line.price)")
        json.string("amount", "\(line.amount)")
        json.string("rule", line.rule.rawValue)
        json.string("formula", formula(of: line))
        json.numbers("segments", line.segments)
        if let part = line.part { json.number("part", part) }
      }
      json.string("currency", "CNY")
      json.string("total", "\(total)")
      json.segments(usage.segments)
      json.number("engine", ratingEngineVersion)
      json.string("digest", inputDigest)
    }
  }
}

extension CanonicalJSON {
  /// Losses and the power factor, where there are any.
  fileprivate mutating func findings(_ losses: BilledLosses?, _ factor: PowerFactorFinding?, decimals: Int) {
    if let losses {
      object("losses") { json in
        json.string("metered", losses.metered.text(decimals: decimals))
        json.string("transformer", losses.transformer.text(decimals: decimals))
        json.string("line", losses.line.text(decimals: decimals))
        json.string("reactive", losses.reactive.text(decimals: decimals))
      }
    }
    if let factor {
      object("power_factor") { json in
        json.string("active", factor.active.text(decimals: decimals))
        json.string("reactive", "\(factor.reactive)")
        json.string("factor", "\(factor.factor)")
        json.string("standard", factor.standard.name)
        json.string("adjustment", "\(Price(basisPoints: factor.adjustment))")
      }
    }
  }
}
