internal import Metering

/// Texts that rows name by number, as far as this connection has met them.
///
/// Terms are only ever added, so what is known stays true, except after a transaction that was taken back.
struct Terms {
  fileprivate var numbers: [String: Int64] = [:]
  fileprivate var texts: [Int64: String] = [:]
  fileprivate var quantityNames: [Quantity: String] = [:]
  fileprivate var quantities: [String: Quantity] = [:]
}

extension Connection {
  /// The number of `text`, which is added where it is new.
  func number(for text: String) throws(StoreError) -> Int64 {
    if let known = try existingNumber(for: text) { return known }
    try statement("INSERT INTO term(text) VALUES (?1)").run([.text(text)])
    guard let number = try existingNumber(for: text) else {
      throw .corrupt(path: path, detail: "term '\(text)' is not there after it was added")
    }
    return number
  }

  /// The number of `text`; `nil` where no row can name it yet.
  func existingNumber(for text: String) throws(StoreError) -> Int64? {
    if let known = terms.numbers[text] { return known }
    guard let number = try statement("SELECT id FROM term WHERE text = ?1").number([.text(text)]) else { return nil }
    remember(text, number)
    return number
  }

  func text(ofTerm number: Int64) throws(StoreError) -> String {
    if let known = terms.texts[number] { return known }
    let statement = try statement("SELECT text FROM term WHERE id = ?1").bind([.integer(number)])
    defer { statement.reset() }
    guard try statement.step() else { throw .corrupt(path: path, detail: "term \(number) is not there") }
    let text = try statement.text(0)
    remember(text, number)
    return text
  }

  private func remember(_ text: String, _ number: Int64) {
    terms.numbers[text] = number
    terms.texts[number] = text
  }

  /// The stable name, made once a quantity.
  func name(of quantity: Quantity) -> String {
    if let known = terms.quantityNames[quantity] { return known }
    let name = quantity.name
    terms.quantityNames[quantity] = name
    return name
  }

  /// The quantity of a stored name; `nil` when it names none.
  func quantity(named name: String) -> Quantity? {
    if let known = terms.quantities[name] { return known }
    let quantity = Quantity(name: name)
    terms.quantities[name] = quantity
    return quantity
  }
}
