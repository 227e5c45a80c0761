internal import Documents
public import Metering

extension Configuration {
  /// `[[section]]`: accounts that are read and settled together. 抄表段
  public struct SectionEntry: Hashable, Sendable {
    /// 1 to 64 characters.
    public let name: String
    /// For people; empty where there is none.
    public let title: String
    /// When the months of all its accounts close. 抄表例日
    public let settlement: SettlementDay
    public let fileLine: Int
  }

  /// Each section with how many accounts name it, in the order of the file.
  var countedSections: [(section: SectionEntry, accounts: Int)] {
    let counts = Dictionary(grouping: accounts.compactMap(\.section)) { $0 }.mapValues(\.count)
    return sections.map { ($0, counts[$0.name] ?? 0) }
  }

  /// The section of each account that has one, by the account's id.
  public var sectionsByAccount: [String: String] {
    Dictionary(
      accounts.compactMap { account in account.section.map { (account.id, $0) } },
      uniquingKeysWith: { first, _ in first }
    )
  }

  /// The ids of a section's accounts.
  ///
  /// - Parameter name: of the section.
  /// - Returns: one at least.
  /// - Throws: `Complaint` with the sections that there are, where it is none of them.
  public func accounts(ofSection name: String) throws(Complaint) -> Set<String> {
    guard sections.contains(where: { $0.name == name }) else {
      throw Complaint(
        .usage, "\(file) has no section \"\(ControlRequest.plain(name))\"",
        sections.isEmpty
          ? "It has none. Accounts that are settled together name a [[section]]: section = \"S-01\"."
          : "It has \(sections.map(\.name).joined(separator: ", ")).")
    }
    return Set(accounts.filter { $0.section == name }.map(\.id))
  }

  static func sections(_ reader: inout TableReader) throws(DocumentError) -> [SectionEntry] {
    var entries: [SectionEntry] = []
    for var table in try reader.tables("section") {
      let name = try table.string("name")
      guard (1...64).contains(name.count), name.first?.isWhitespace == false, name.last?.isWhitespace == false,
        name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
      else {
        throw table.error("name", "\"\(name)\" is no name: 1 to 64 characters, and no space at either end")
      }
      if let first = entries.first(where: { $0.name == name }) {
        throw table.error("name", "section \"\(name)\" is already on line \(first.fileLine)")
      }
      let title = try table.optionalString("title") ?? ""
      let settlement = try settlement(&table)
      entries.append(SectionEntry(name: name, title: title, settlement: settlement, fileLine: table.table.line))
      try table.finish()
    }
    return entries
  }

  /// `settlement-day` and `settlement-hour` of an account or a section.
  static func settlement(_ table: inout TableReader) throws(DocumentError) -> SettlementDay {
    let day = try table.optionalInteger("settlement-day", in: 1...28) ?? 1
    let hour = try table.optionalInteger("settlement-hour", in: 0...23) ?? 0
    return SettlementDay(day: day, hour: hour) ?? .firstOfMonth
  }

  /// The settlement of an account: its section's, or its own where it names none.
  static func settlement(
    _ table: inout TableReader, of section: String?, _ sections: [SectionEntry]
  ) throws(DocumentError) -> SettlementDay {
    let own = try settlement(&table)
    guard let section else { return own }
    guard let found = sections.first(where: { $0.name == section }) else {
      let known = sections.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw table.error(
        "section",
        "there is no section \"\(section)\"; \(known.isEmpty ? "add a [[section]] with this name" : "there are \(known)")"
      )
    }
    for key in ["settlement-day", "settlement-hour"] where table.has(key) {
      throw table.error(
        key,
        "section \"\(section)\" says when its accounts are settled, all together; write it there, or take section away"
      )
    }
    return found.settlement
  }

  /// Refuses a section that no account names.
  func checkSections() throws(DocumentError) {
    for (index, (section, accounts)) in countedSections.enumerated() where accounts == 0 {
      throw DocumentError(
        file: file, line: section.fileLine, key: "section[\(index)].name",
        problem: .invalid(
          "no account is in section \"\(section.name)\"; write section = \"\(section.name)\" under its [[account]]s, or take"
            + " this [[section]] away"))
    }
  }
}
