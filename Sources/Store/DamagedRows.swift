internal import Metering

/// Rows of the journal that hold what no meterd wrote. Nobody uses them, and all others are as good as before.
final class DamagedRows {
  /// More than this many are counted, not named.
  private static let most = 100
  private var known: Set<String> = []
  private var news: [String] = []
  private var unnamed = 0

  func note(_ detail: String) {
    guard !known.contains(detail) else { return }
    guard known.count < Self.most else {
      unnamed += 1
      return
    }
    known.insert(detail)
    news.append(detail)
  }

  /// What was found since this was last called, in words; a row is named once.
  func take() -> [String] {
    defer { (news, unnamed) = ([], 0) }
    return unnamed == 0 ? news : news + ["damage was met \(unnamed) times more"]
  }
}

extension Connection {
  /// The row at hand of a `ReadingRow.selection`; `nil` for a damaged one, which is noted.
  func soundReading(_ statement: Statement) throws(StoreError) -> StoredReading? {
    do throws(StoreError) {
      return try StoredReading(statement, of: self)
    } catch {
      guard case .corrupt(_, let detail) = error else { throw error }
      damaged.note(detail)
      return nil
    }
  }

  /// The meter that a row of `table` names; `nil` where it names none, which is noted: the row is passed over.
  func meter(_ text: String, of table: String) -> MeterID? {
    if let meter = MeterID(text) { return meter }
    damaged.note("a row of table \(table) names no meter: \(text.debugDescription)")
    return nil
  }

  /// The latest version of a row's key; `nil` where there is none, or it is damaged.
  func latest(of row: ReadingRow) throws(StoreError) -> StoredReading? {
    let statement = try statement(ReadingRow.selectionByKey).bind(row.key(on: self))
    defer { statement.reset() }
    return try statement.step() ? try soundReading(statement) : nil
  }

  /// The version that follows those of a row's key; 0 where there are none.
  func nextVersion(of row: ReadingRow) throws(StoreError) -> Int64 {
    let last = try statement(
      "SELECT max(version) FROM reading WHERE meter = ?1 AND quantity = ?2 AND kind = ?3 AND instant = ?4"
    ).number(row.key(on: self))
    return last.map { $0 &+ 1 } ?? 0
  }

  /// True where the row at hand of a `ReadingRow.selection` has a later version: nobody asks what it was.
  func isReplaced(_ row: Statement) throws(StoreError) -> Bool {
    let later = try statement(
      "SELECT 1 FROM reading WHERE meter = ?1 AND quantity = ?2 AND kind = ?3 AND instant = ?4 AND version > ?5"
    ).number([
      .integer(try row.integer(2)), .integer(try row.integer(3)), .integer(try row.integer(4)),
      .integer(try row.integer(5)), .integer(try row.integer(1)),
    ])
    return later != nil
  }

  /// Nobody looks for a sound row behind more damaged ones than this: each start would go through the whole journal.
  private static let mostDamaged = 1000

  /// The first row that a `ReadingRow.selection` finds and that is not damaged; `nil` behind a thousand damaged ones.
  func firstSound(_ sql: String, _ values: [SQLValue]) throws(StoreError) -> StoredReading? {
    let statement = try statement(sql).bind(values)
    defer { statement.reset() }
    var left = Self.mostDamaged
    while left > 0, try statement.step() {
      if let reading = try soundReading(statement) { return reading }
      left -= 1
    }
    return nil
  }
}

extension Store {
  /// Damaged rows that were met since this was last called, in words.
  ///
  /// At the start, among the newest rows, the last ones of each series and the freezes of days that may be read again;
  /// later where something comes again, and in the list of gaps. They are left as they are: what a meter still remembers
  /// can be read again and takes their place.
  public func takeDamaged() -> [String] { damaged.take() }
}
