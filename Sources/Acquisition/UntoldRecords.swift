/// Records that a meter does not tell, while nobody can say whether they are there yet by its clock.
///
/// They may come: its clock may be late. They may as well be lost, and a meter that is asked for ever for what it has not
/// got is kept from better work. So they are asked for again at a few passes of back-fill, and then once a day.
struct UntoldRecords: Sendable {
  /// Those that were asked for in vain at least once, twice, and so on; the last of them are given up.
  private var untold: [RecordRuns]
  /// Not asked for before the next pass.
  private var untilPass: RecordRuns
  /// Not asked for before the first pass of a day.
  private var untilDay: RecordRuns
  /// What the last question brought in place of them.
  private(set) var reason = LinePlan.Missed.Reason.refused

  /// So often a record is asked for, at a pass each, before it is told as missing.
  static let tries = 3

  /// `refused` are those that were given up before.
  init(step: Int64, refused: RecordRuns? = nil) {
    let known = refused ?? RecordRuns(step: step)
    untold = [RecordRuns](repeating: known, count: Self.tries)
    untilPass = RecordRuns(step: step)
    untilDay = known
  }

  /// All that were asked for in vain.
  var all: RecordRuns { untold[0] }

  /// Records that may be asked for now.
  func open(of wanted: RecordRuns) -> RecordRuns {
    guard !untilPass.isEmpty || !untilDay.isEmpty else { return wanted }
    var open = wanted
    open.subtract(untilPass)
    open.subtract(untilDay)
    return open
  }

  /// Notes that records were asked for in vain; gives those that are given up now.
  mutating func note(_ records: [Int64], _ reason: LinePlan.Missed.Reason) -> [Int64] {
    self.reason = reason
    var givenUp: [Int64] = []
    for record in records {
      if let level = untold.firstIndex(where: { !$0.contains(record) }) {
        untold[level].insert(record)
        guard level == untold.count - 1 else {
          untilPass.insert(record)
          continue
        }
        givenUp.append(record)
      }
      untilDay.insert(record)
    }
    return givenUp
  }

  /// Records have come.
  mutating func came(_ records: [Int64]) {
    guard !all.isEmpty else { return }
    for record in records {
      for level in untold.indices { untold[level].remove(record) }
      untilPass.remove(record)
      untilDay.remove(record)
    }
  }

  /// A pass begins.
  mutating func pass(isFirstOfDay: Bool) {
    untilPass = RecordRuns(step: untilPass.step)
    if isFirstOfDay { untilDay = RecordRuns(step: untilDay.step) }
  }

  mutating func forget(before time: Int64) {
    guard let first = all.first, first < time else { return }
    for level in untold.indices { untold[level].forget(before: time) }
    untilPass.forget(before: time)
    untilDay.forget(before: time)
  }
}
