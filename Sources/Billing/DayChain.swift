public import Metering
public import Rating

/// The bills that were issued on one day, with a hash that covers those of all before them. 日链
///
/// Whoever takes bills over keeps it: the same days with the same hash are the same bills.
public struct BillDay: Hashable, Sendable {
  /// By the station's clock, such as `2026-11-22`.
  public let day: String
  /// How many documents, corrections too.
  public let count: Int
  /// kWh that they add to what stands: a reversal takes back what its bill counted, a difference bill counts new less old.
  public let energy: Energy
  /// What they add to the ledger.
  public let amount: Money
  /// Number of the first of them in the store.
  public let first: Int64
  /// Number of the last of them.
  public let last: Int64
  /// SHA-256, in hex, of the hash before and a line for each document.
  public let hash: String

  /// The days on which something was issued, in the order of the bills' numbers, which never goes back as a clock may:
  /// a day that comes again after another is one more.
  ///
  /// The text that is hashed is the hash of the day before (nothing for the first), the day, then of each document by its
  /// number: number, account, cycle, version, kind, kWh that it adds, fen, digest; spaces between them and an end of line
  /// after each.
  ///
  /// - Parameters:
  ///   - bills: every document of the store, in any order.
  ///   - zone: in which the days are.
  /// - Returns: one day after the other.
  public static func chain(_ bills: some Sequence<IssuedBill>, zone: ZoneOffset) -> [BillDay] {
    var runs: [(day: CivilDate, bills: [IssuedBill])] = []
    for bill in bills.sorted(by: { $0.id < $1.id }) {
      let day = zone.local(unixMilliseconds: bill.issuedAt).date
      if runs.last?.day != day { runs.append((day, [])) }
      runs[runs.count - 1].bills.append(bill)
    }
    var days: [BillDay] = []
    // Millionths of a kWh that stand, by account and cycle.
    var standing: [[String]: Int64] = [:]
    for (day, bills) in runs {
      guard let first = bills.first, let last = bills.last else { continue }
      let name = "\(day)"
      var text = "\(days.last?.hash ?? "")\n\(name)\n"
      var (energy, fen) = (Int64(0), Int64(0))
      for bill in bills {
        let after = bill.parts.reduce(Int64(0)) { $0 &+ $1.energy.millionths }
        let before = standing.updateValue(after, forKey: [bill.account, "\(bill.cycle)"]) ?? 0
        // A bill that follows a reversal finds nothing; one that follows no document of its cycle neither.
        let own = bill.kind == .original ? after : after &- before
        energy = energy &+ own
        fen = fen &+ bill.amount.fen
        text +=
          "\(bill.id) \(bill.account) \(bill.cycle) \(bill.version) \(bill.kind.rawValue)"
          + " \(Energy(millionths: own)) \(bill.amount.fen) \(bill.digest)\n"
      }
      days.append(
        BillDay(
          day: name, count: bills.count, energy: Energy(millionths: energy), amount: Money(fen: fen), first: first.id,
          last: last.id, hash: sha256Hex(text.utf8)))
    }
    return days
  }
}
