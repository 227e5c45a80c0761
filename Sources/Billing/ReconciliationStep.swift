internal import Rating

/// One comparison of two sums that must be equal, with what does not match. 对账
public struct ReconciliationStep: Hashable, Sendable {
  /// Stable name: `due`, `journal`, `accepted`, `settled`, `cycles`, `readings`, `newest`, `registers`, `records`,
  /// `intervals`, `days`, `usage`, `periods`, `lines-kwh`, `lines-fen`, `documents`, `ledger`, `corrections`, `batches`, `chain`, `once`, `day-chain`.
  public let name: String
  /// What is counted: `1`, `kWh` or `fen`.
  public let unit: String
  public let left: String
  public let right: String
  /// How many things were compared: none of them is no pass.
  public let compared: Int
  /// Each unmatched thing in words; empty where all that was compared is conserved.
  public let differences: [String]
  /// What waits or is left out, each with its reason: all of it is accounted for.
  public let explained: [String]
  /// What could not be compared, each with its reason; also why nothing was.
  public let unchecked: [String]
  /// Whether all that was compared matches.
  public var isBalanced: Bool { differences.isEmpty && left == right }

  init(_ kind: Kind, _ sums: Reconciliation.Sums) {
    func text(_ number: Int64) -> String { kind.unit == "kWh" ? "\(Energy(millionths: number))" : "\(number)" }
    name = kind.name
    unit = kind.unit
    left = text(sums.left)
    right = text(sums.right)
    compared = sums.compared
    differences = sums.differences
    explained = sums.explained
    unchecked =
      sums.compared == 0 && sums.unchecked.isEmpty ? ["there is no \(kind.thing)"] : sums.unchecked
  }

  struct Kind {
    let name: String
    let unit: String
    /// One of what it compares.
    let thing: String

    init(_ name: String, _ unit: String, _ thing: String) {
      self.name = name
      self.unit = unit
      self.thing = thing
    }
  }

  /// On the way from readings to the ledger.
  static let order = [
    Kind("due", "1", "settlement that a cycle needs"), Kind("journal", "1", "reading"),
    Kind("accepted", "1", "usable reading"), Kind("settled", "1", "usable settlement"),
    Kind("cycles", "1", "cycle that is over"), Kind("readings", "1", "reading on a bill"),
    Kind("newest", "1", "reading on a bill"), Kind("registers", "kWh", "register on a bill"),
    Kind("records", "1", "load profile under a bill"), Kind("intervals", "kWh", "load profile under a bill"),
    Kind("days", "kWh", "segment of a bill"), Kind("usage", "kWh", "bill that stands"),
    Kind("periods", "kWh", "bill by periods"), Kind("lines-kwh", "kWh", "line that prices kWh"),
    Kind("lines-fen", "fen", "bill that stands"), Kind("documents", "fen", "document"),
    Kind("ledger", "fen", "document"), Kind("corrections", "fen", "document"), Kind("batches", "fen", "posting"),
    Kind("chain", "1", "cycle billed after another"), Kind("once", "kWh", "energy on a bill"),
    Kind("day-chain", "1", "document"),
  ]
}
