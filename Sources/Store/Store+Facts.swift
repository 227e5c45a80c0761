/// Facts that are kept under names of one beginning, such as what is known of each meter's clock.
extension Store {
  /// The facts whose names begin with `prefix`, by the rest of their names.
  public func facts(named prefix: String) throws(StoreError) -> [String: String] {
    let statement = try open().statement("SELECT key, value FROM meta WHERE key >= ?1 ORDER BY key").bind([
      .text(prefix)
    ])
    defer { statement.reset() }
    var found: [String: String] = [:]
    while try statement.step() {
      let key = try statement.text(0)
      guard key.hasPrefix(prefix) else { break }
      found[String(key.dropFirst(prefix.count))] = try statement.text(1)
    }
    return found
  }

  /// Notes facts under names that begin with `prefix`, in one transaction.
  public func note(_ facts: [String: String], named prefix: String) throws(StoreError) {
    guard !facts.isEmpty else { return }
    try write { (connection) throws(StoreError) in
      for (name, value) in facts.sorted(by: { $0.key < $1.key }) { try connection.write(fact: prefix + name, value) }
    }
  }
}
