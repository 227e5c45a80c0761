public import Foundation
internal import Rating

/// Bills of one kind, made of a seed that never changes: how many there are, and fingerprints of what they were made of
/// and of what they say.
public struct KeptBills: Hashable, Sendable {
  public let kind: String
  public private(set) var inputs = 0
  public private(set) var bills = 0
  public private(set) var inputDigest = ""
  public private(set) var billDigest = ""

  /// Runs on from input to input: `add` is told each with the document it became, `nil` where no bill was made of it.
  public init(kind: String, _ body: (_ add: (_ input: String, _ document: String?) -> Void) throws -> Void) rethrows {
    self.kind = kind
    // Digests of digests, so that nothing grows with the number of bills.
    var (inputs, bills) = (self.inputs, self.bills)
    var (inputDigest, billDigest) = ("", "")
    try body { input, document in
      inputs += 1
      if document != nil { bills += 1 }
      inputDigest = sha256Hex("\(inputDigest)\(input)".utf8)
      billDigest = sha256Hex("\(billDigest)\(document ?? "none")".utf8)
    }
    (self.inputs, self.bills) = (inputs, bills)
    (self.inputDigest, self.billDigest) = (inputDigest, billDigest)
  }

  /// `slices 250 250 3f2a... 99c1...`: the kind, inputs, bills, and both digests.
  var line: String { "\(kind) \(inputs) \(bills) \(inputDigest) \(billDigest)" }

  fileprivate init?(line: Substring) {
    let words = line.split(separator: " ").map(String.init)
    guard words.count == 5, let inputs = Int(words[1]), let bills = Int(words[2]) else { return nil }
    kind = words[0]
    (self.inputs, self.bills, inputDigest, billDigest) = (inputs, bills, words[3], words[4])
  }
}

/// The kept file of one room: by which engine the bills were made, and their fingerprints.
///
/// A bill names the version of the engine that made it, and a trial after an upgrade asks nobody where the version is
/// the same. So the same input may become another bill only when the version grows with it.
public struct KeptBook: Hashable, Sendable {
  public let version: Int
  public let kinds: [KeptBills]

  public init(version: Int, _ kinds: [KeptBills]) {
    self.version = version
    self.kinds = kinds
  }

  /// `engine 1`, then a line for each kind.
  public init?(_ text: String) {
    let lines = text.split(separator: "\n")
    guard let head = lines.first?.split(separator: " "), head.count == 2, head[0] == "engine",
      let version = Int(head[1])
    else { return nil }
    self.version = version
    kinds = lines.dropFirst().compactMap { KeptBills(line: $0) }
    guard kinds.count == lines.count - 1 else { return nil }
  }

  public var text: String { (["engine \(version)"] + kinds.map(\.line)).map { $0 + "\n" }.joined() }

  /// What is said of each kind whose bills are not those that were kept.
  public func objections(to now: KeptBook) -> [String] {
    guard version == now.version else {
      return [
        "the kept bills are of engine \(version) and this is engine \(now.version): record them with make record-bills"
      ]
    }
    var found: [String] = []
    for kind in now.kinds {
      guard let old = kinds.first(where: { $0.kind == kind.kind }) else {
        found.append("\(kind.kind): nothing is kept of it: record it with make record-bills")
        continue
      }
      guard old.billDigest != kind.billDigest else { continue }
      found.append(
        old.inputDigest == kind.inputDigest
          ? "\(kind.kind): the same input becomes another bill than engine \(version) made of it:"
            + " raise ratingEngineVersion in Sources/Rating/Rate.swift, and record with make record-bills"
          : "\(kind.kind): its bills are made of other input than the kept ones: record them with make record-bills")
    }
    for kind in kinds where !now.kinds.contains(where: { $0.kind == kind.kind }) {
      found.append("\(kind.kind): it was kept and is not made any more: record with make record-bills")
    }
    return found
  }

  /// Why `now` may not take the place of this; `nil` where it may.
  public func refusal(of now: KeptBook) -> String? {
    guard version == now.version else { return nil }
    return objections(to: now).first { $0.contains("raise ratingEngineVersion") }
  }

  /// True where this run is to write kept files instead of holding bills against them.
  public static var isRecording: Bool { ProcessInfo.processInfo.environment["METERD_RECORD_BILLS"] == "1" }

  /// What is wrong with the bills of this run by the file at `url`; writes it where this run records, unless the same
  /// input becomes other bills under the same version.
  public func hold(against url: URL) throws -> [String] {
    let kept = (try? String(contentsOf: url, encoding: .utf8)).flatMap { KeptBook($0) }
    if Self.isRecording {
      if let refusal = kept?.refusal(of: self) { return [refusal] }
      try Data(text.utf8).write(to: url)
      return []
    }
    guard let kept else { return ["\(url.lastPathComponent) cannot be read: record with make record-bills"] }
    return kept.objections(to: self)
  }
}
