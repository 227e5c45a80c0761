internal import Documents

extension Tiers {
  /// The `[tiers]` table.
  init(_ reader: inout TableReader) throws(DocumentError) {
    let window = try reader.string("window")
    let startMonth = try reader.optionalInteger("year-starts-in-month", in: 1...12)
    switch window {
    case "month": self.window = .month
    case "two-months": self.window = .twoMonths
    case "year": self.window = .year(startMonth: startMonth ?? 1)
    default: throw reader.error("window", "\"\(window)\" is no window; month, two-months and year are")
    }
    if startMonth != nil, window != "year" {
      throw reader.error("year-starts-in-month", "only a window of a year starts in a month of its own")
    }
    let seasons = try reader.tables("season")
    if seasons.isEmpty {
      let row = try readTiers(&reader)
      limits = self.window == .month ? Array(repeating: row, count: 12) : [row]
    } else {
      guard self.window == .month else {
        throw reader.error("season", "seasons need a window of a month; this one is a window of \(window)")
      }
      limits = try readSeasons(seasons, of: reader)
    }
    count = limits[0].count + 1
    grantPerMonth = try reader.optionalEnergy("grant-per-month")
    partMonth = try reader.choice("part-month", default: .whole)
    guard partMonth == .whole || self.window == .month else {
      throw reader.error("part-month", "only a window of a month can have limits by days")
    }
    moving = try reader.choice("moving", default: .whole)
    guard moving == .whole || self.window != .month else {
      throw reader.error("moving", "a window of a month has limits of its own months already")
    }
    provenance = try Provenance(&reader)
    try reader.finish()
  }
}

/// Twelve rows of limits, January first.
private func readSeasons(_ seasons: [TableReader], of tiers: TableReader) throws(DocumentError) -> [[Energy]] {
  var rows: [[Energy]?] = Array(repeating: nil, count: 12)
  var names: [String] = Array(repeating: "", count: 12)
  var count: Int?
  for season in seasons {
    var season = season
    let name = try season.string("name")
    guard let months = try season.optionalIntegers("months", in: 1...12) else { throw season.missing("months") }
    let row = try readTiers(&season)
    guard count == nil || count == row.count else {
      throw season.error("tier", "\(row.count + 1) tiers here, but \((count ?? 0) + 1) in the season before")
    }
    count = row.count
    for month in months {
      guard rows[month - 1] == nil else {
        throw season.error("months", "month \(month) is already in season \(names[month - 1])")
      }
      rows[month - 1] = row
      names[month - 1] = name
    }
    try season.finish()
  }
  let missing = rows.indices.filter { rows[$0] == nil }.map { String($0 + 1) }
  guard missing.isEmpty else {
    let word = missing.count == 1 ? "month" : "months"
    throw tiers.error("season", "no season has \(word) \(missing.joined(separator: ", "))")
  }
  return rows.compactMap(\.self)
}

/// The upper limits of the `[[tier]]` tables: each starts where the one before ends, and the last has no end.
private func readTiers(_ reader: inout TableReader) throws(DocumentError) -> [Energy] {
  let tables = try reader.tables("tier")
  guard (2...EnergyRow.most).contains(tables.count) else {
    throw reader.error("tier", "\(tables.count) tiers; there must be 2 to \(EnergyRow.most)")
  }
  var limits: [Energy] = []
  var end = Energy.zero
  for (index, table) in tables.enumerated() {
    var table = table
    guard let from = try table.optionalEnergy("from") else { throw table.missing("from") }
    let before = index == 0 ? "the first tier starts at 0 kWh" : "the tier before ends at \(end) kWh"
    guard from <= end else { throw table.error("from", "gap: \(before), this one starts at \(from) kWh") }
    guard from >= end else { throw table.error("from", "overlap: \(before), this one starts at \(from) kWh") }
    let to = try table.optionalEnergy("to")
    try table.finish()
    if index == tables.count - 1 {
      guard to == nil else { throw table.error("to", "the last tier must be open-ended; leave its end out") }
    } else {
      guard let to else { throw table.error("to", "only the last tier may be open-ended; say where this one ends") }
      guard to > from else { throw table.error("to", "the tier ends at \(to) kWh, not after its start at \(from) kWh") }
      limits.append(to)
      end = to
    }
  }
  return limits
}
