internal import Documents
internal import Metering

extension LossRule {
  /// The `[loss]` table.
  init(_ reader: inout TableReader) throws(DocumentError) {
    var transformers: [TransformerLoss] = []
    for table in try reader.tables("transformer") {
      var table = table
      let transformer = try TransformerLoss(&table)
      guard !transformers.contains(where: { $0.model == transformer.model && $0.capacity == transformer.capacity })
      else {
        throw table.error("capacity", "there is already a \(transformer.model) of \(transformer.capacity) kVA")
      }
      try table.finish()
      transformers.append(transformer)
    }
    self.transformers = transformers
    shape = try reader.optionalShare("shape", most: 100_000) ?? 10_000
    spread = try reader.choice("spread", default: .proRata)
    dayShare = try reader.dayShare()
    provenance = try Provenance(&reader)
    try reader.finish()
  }

  func write(to json: inout CanonicalJSON) {
    json.objects("transformers", transformers) { json, transformer in
      json.string("model", transformer.model)
      json.string("capacity", "\(transformer.capacity)")
      switch transformer.method {
      case .table(let bands):
        json.objects("bands", bands) { json, band in
          json.string("up_to", band.upTo.map { $0.text(decimals: 6) })
          json.string("active", band.active.text(decimals: 6))
          json.string("reactive", band.reactive.text(decimals: 6))
        }
      case .formula(let plate):
        json.string("no_load", "\(plate.noLoad)")
        json.string("load", "\(plate.load)")
        json.number("no_load_current", Int(plate.noLoadCurrent))
        json.number("impedance", Int(plate.impedance))
      }
    }
    json.number("shape", Int(shape))
    json.string("spread", spread.rawValue)
    json.string("day_share", dayShare.rawValue)
    json.provenance(provenance)
  }
}

extension TransformerLoss {
  /// One `[[loss.transformer]]` table: bands of a loss table, or the nameplate for the formula.
  fileprivate init(_ reader: inout TableReader) throws(DocumentError) {
    model = try reader.string("model")
    capacity = try reader.power("capacity", "kVA")
    guard capacity > .zero else { throw reader.error("capacity", "a transformer has more than 0 kVA") }
    let bands = try reader.tables("band")
    guard bands.isEmpty else {
      method = .table(try readBands(bands))
      return
    }
    guard reader.has("no-load") else {
      throw reader.error("band", "give the loss table's bands, or no-load, load, no-load-current and impedance")
    }
    guard let current = try reader.optionalShare("no-load-current", most: 10_000) else {
      throw reader.missing("no-load-current")
    }
    let noLoad = try reader.power("no-load", "kW")
    let load = try reader.power("load", "kW")
    guard let impedance = try reader.optionalShare("impedance", most: 10_000) else { throw reader.missing("impedance") }
    method = .formula(Nameplate(noLoad: noLoad, load: load, noLoadCurrent: current, impedance: impedance))
  }
}

/// Bands from 0 kWh on, each starting where the one before ends, the last without an end.
private func readBands(_ tables: [TableReader]) throws(DocumentError) -> [TransformerLoss.Band] {
  var bands: [TransformerLoss.Band] = []
  var end = Energy.zero
  for (index, table) in tables.enumerated() {
    var table = table
    guard let from = try table.optionalEnergy("from") else { throw table.missing("from") }
    guard from <= end else { throw table.error("from", "gap: the band before ends at \(end) kWh") }
    guard from >= end else { throw table.error("from", "overlap: the band before ends at \(end) kWh") }
    let to = try table.optionalEnergy("to")
    guard let active = try table.optionalEnergy("active") else { throw table.missing("active") }
    guard let reactive = try table.optionalEnergy("reactive") else { throw table.missing("reactive") }
    for (key, loss) in [("active", active), ("reactive", reactive)] where loss.millionths % 1_000_000 != 0 {
      throw table.error(key, "loss tables are of whole kWh and kvarh, not \(loss)")
    }
    try table.finish()
    guard (to == nil) == (index == tables.count - 1) else {
      throw table.error("to", "the last band, and no other, is open-ended")
    }
    if let to {
      guard to > from else { throw table.error("to", "the band ends at \(to) kWh, not after its start at \(from) kWh") }
      end = to
    }
    bands.append(TransformerLoss.Band(upTo: to, active: active, reactive: reactive))
  }
  return bands
}

extension TableReader {
  mutating func power(_ key: String, _ unit: String) throws(DocumentError) -> Power {
    let text = try string(key)
    guard let power = Power(text), power.isChargeable else {
      throw error(key, "\"\(text)\" is no number of \(unit) with at most four places, such as \"315\"")
    }
    return power
  }

  /// A share in ten-thousandths.
  mutating func optionalShare(_ key: String, most: Int64) throws(DocumentError) -> Int64? {
    guard let text = try optionalString(key) else { return nil }
    guard let share = exactDecimal(text, scale: 4), (0...most).contains(share) else {
      throw error(key, "\"\(text)\" is no number with at most four places, such as \"0.04\"")
    }
    return share
  }

  /// Yuan and fen, not negative.
  mutating func optionalMoney(_ key: String) throws(DocumentError) -> Money? {
    guard let text = try optionalString(key) else { return nil }
    guard let fen = exactDecimal(text, scale: 2), (0...100_000_000_000).contains(fen) else {
      throw error(key, "\"\(text)\" is no amount in yuan with at most two places, such as \"1.00\"")
    }
    return Money(fen: fen)
  }
}
