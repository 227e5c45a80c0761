internal import Metering

extension Usage {
  /// The usage as one line of JSON with a fixed order of keys: equal usages, equal bytes.
  public var canonicalText: String {
    String(decoding: canonicalBytes(after: []), as: UTF8.self)
  }

  /// Appends the canonical text to `bytes`.
  private func canonicalBytes(after bytes: consuming [UInt8]) -> [UInt8] {
    var json = CanonicalJSON(after: bytes)
    json.braces { json in
      json.string("id", id)
      json.string("account", account)
      json.date("from", days.from)
      json.date("to", days.to)
      json.energy("total", total, decimals: 6)
      json.objects("parts", parts) { json, part in
        json.string("period", part.period)
        json.energy("energy", part.energy, decimals: 6)
      }
      json.energy("tolerance", tolerance, decimals: 6)
      switch earlier {
      case .nothing: json.strings("earlier", [])
      case .total(let energy): json.energy("earlier", energy, decimals: 6)
      case .byTier(let energies): json.energies("earlier", count: energies.count, decimals: 6) { energies[$0] }
      }
      json.number("granted_months", grantedMonths)
      json.segments(segments)
      if let supply { json.object("supply") { supply.write(to: &$0) } }
    }
    return json.bytes
  }

  /// Fingerprint of everything a bill is made of: the usage with its readings, the plan, and the engine's version.
  public func inputDigest(under plan: Plan) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1024)
    bytes.append(text: "meterd-rating/\(ratingEngineVersion)\n")
    bytes.append(text: plan.digest)
    bytes.append(UInt8(ascii: "\n"))
    return sha256Hex(canonicalBytes(after: bytes))
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
      if let profile = segment.profile {
        json.object("profile") { json in
          json.number("minutes", profile.minutes)
          json.number("records", profile.records)
          json.string("newest", "\(profile.newest)")
          json.string("digest", profile.digest)
          json.string("energy", profile.energy.text(decimals: 6))
          json.number("estimated", profile.estimated)
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
