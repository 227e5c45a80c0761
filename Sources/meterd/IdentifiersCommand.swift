import ArgumentParser
import Concentrator
import DLT645
import Metering

struct IdentifiersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identifiers",
    abstract: "Lists the DL/T 645 data identifiers that meterd knows, with names, formats and units.",
    discussion: """
      In a pattern [00-3F,FF] stands for the values of one byte. Words narrow the list: an identifier shows its row, \
      anything else is looked for in names and titles, English or Chinese. What no source confirms is marked \
      unverified.

      EXAMPLES
        meterd identifiers
        meterd identifiers 05060101
        meterd identifiers 电压 --json
        meterd identifiers demand --protocol dlt645-1997
      """)

  @Argument(help: "An identifier, or words of a name.")
  var words: [String] = []

  @Option(name: .customLong("protocol"), help: "dlt645-2007 or dlt645-1997; both when left out.")
  var wire: String?

  @Flag(help: "NDJSON, one object a row.")
  var json = false

  func run() throws {
    var editions = Edition.allCases
    if let wire {
      guard let edition = Edition(rawValue: wire) else {
        throw Complaint(.usage, "unknown protocol \"\(wire)\"", "Write dlt645-2007 or dlt645-1997.")
      }
      editions = [edition]
    }
    var isEmpty = true
    for edition in editions {
      for row in Catalogue.rows(in: edition) where words.allSatisfy({ isMeant($0, row, edition) }) {
        isEmpty = false
        print(json ? object(row, edition).text : line(row))
      }
    }
    guard !isEmpty else {
      throw Complaint(
        .badData, "no identifier fits \"\(words.joined(separator: " "))\"",
        "All that are known are listed by: meterd identifiers. What they do not hold comes out of decode as hex.")
    }
  }

  private func isMeant(_ word: String, _ row: CatalogueRow, _ edition: Edition) -> Bool {
    let named: CatalogueRow?
    switch edition {
    case .dlt645v2007: named = DataIdentifier(hex: word).flatMap(Catalogue.row)
    case .dlt645v1997: named = ShortIdentifier(hex: word).flatMap(Catalogue.row)
    }
    if let named { return named == row }
    let text = word.lowercased()
    return [row.pattern, row.name, row.title, row.chineseTitle].contains { $0.lowercased().contains(text) }
  }

  private func line(_ row: CatalogueRow) -> String {
    [
      row.pattern, row.name, row.title, row.chineseTitle, row.format.map { "\($0)" } ?? "-", row.unit?.rawValue ?? "-",
      row.access.rawValue,
      row.isVerified ? "" : "unverified",
    ].joined(separator: "\t")
  }

  private func object(_ row: CatalogueRow, _ edition: Edition) -> JSON {
    let bytes: JSON = row.length.map { .integer(Int64($0)) } ?? .null
    return .object([
      "protocol": .string(edition.rawValue), "pattern": .string(row.pattern), "name": .string(row.name),
      "title": .string(row.title), "title_zh": .string(row.chineseTitle),
      "format": .optional(row.format.map { "\($0)" }), "unit": .optional(row.unit?.rawValue),
      "signed": .boolean(row.isSigned), "bytes": bytes, "access": .string(row.access.rawValue),
      "verified": .boolean(row.isVerified),
    ])
  }
}
