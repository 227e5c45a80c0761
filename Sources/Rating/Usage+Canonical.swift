internal import Metering

extension Usage {
  /// The usage as one line of JSON with a fixed order of keys: equal usages, equal bytes.
  public var canonicalText: String {
    CanonicalJSON.object { json in
      json.string("id", id)
      json.string("account", account)
      json.string("from", "\(days.from)")
      json.string("to", "\(days.to)")
      json.string("total", total.text(decimals: 6))
      json.objects("parts", parts) { json, part in
        json.string("period", part.period)
        json.string("energy", part.energy.text(decimals: 6))
      }
      json.string("tolerance", tolerance.text(decimals: 6))
      switch earlier {
      case .nothing: json.strings("earlier", [])
      case .total(let energy): json.string("earlier", energy.text(decimals: 6))
      case .byTier(let energies): json.strings("earlier", energies.map { $0.text(decimals: 6) })
      }
      json.number("granted_months", grantedMonths)
      json.segments(segments)
      if let supply { json.object("supply") { supply.write(to: &$0) } }
    }
  }

  /// Fingerprint of everything a bill is made of: the usage with its readings, the plan, and the engine's version.
  public func inputDigest(under plan: Plan) -> String {
    sha256Hex("meterd-rating/\(ratingEngineVersion)\n\(plan.digest)\n\(canonicalText)".utf8)
  }
}

extension CanonicalJSON {
  mutating func segments(_ segments: [UsageSegment]) {
    objects("segments", segments) { json, segment in
      json.string("meter", segment.meter)
      json.string("multiplier", "\(segment.multiplier)")
      json.string("from", "\(segment.from)")
      json.string("to", "\(segment.to)")
      json.objects("registers", segment.registers) { json, register in
        json.string("quantity", register.quantity.name)
        json.object("start") { $0.mark(register.start) }
        json.object("stop") { $0.mark(register.stop) }
        json.boolean("rolled_over", register.rolledOver)
        json.string("energy", "\(register.energy)")
      }
      if let demand = segment.demand {
        json.object("demand") { json in
          json.mark(demand.mark)
          json.string("occurred", demand.occurred.map { "\($0)" })
          json.string("power", "\(demand.power)")
        }
      }
    }
  }

  private mutating func mark(_ mark: RegisterMark) {
    string("reading", "\(mark.sequence)")
    string("value", "\(mark.value)")
    string("quality", mark.quality.rawValue)
  }
}
