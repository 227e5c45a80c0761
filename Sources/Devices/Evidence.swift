internal import Documents

/// Where a statement of a profile comes from, and how far it can be trusted.
public struct Evidence: Hashable, Sendable {
  /// A manual and its page, a public project and its file.
  public let source: String
  public let certainty: Certainty

  public init(source: String, certainty: Certainty) {
    self.source = source
    self.certainty = certainty
  }
}

/// How far a statement about a meter has been confirmed, without a meter at hand.
public enum Certainty: String, Hashable, Sendable, CaseIterable {
  /// Two sources that do not copy each other agree, or captured frames show it.
  case corroborated
  /// One source says so.
  case singleSource = "single-source"
  /// Sources disagree; the profile takes one of them and says which.
  case conflicting
  /// No source at hand: the usual value, to be checked against the meter's display.
  case unverified
}

extension TableReader {
  /// Reads `source` and `certainty`, each from here or from what encloses this table.
  mutating func evidence(within outer: Evidence? = nil) throws(DocumentError) -> Evidence {
    let source: String
    if let outer { source = try optionalString("source") ?? outer.source } else { source = try string("source") }
    guard !source.isEmpty else { throw error("source", "say where this comes from: a manual's page, a project's file") }
    let text: String
    if let outer {
      text = try optionalString("certainty") ?? outer.certainty.rawValue
    } else {
      text = try string("certainty")
    }
    guard let certainty = Certainty(rawValue: text) else {
      let names = Certainty.allCases.map(\.rawValue).joined(separator: ", ")
      throw error("certainty", "\"\(text)\" is none of \(names)")
    }
    return Evidence(source: source, certainty: certainty)
  }
}
