import Glibc
import Metering

/// Runs the acceptance scenario of a concentrator and the rows R17 and R18 of the reliability table in simulated time, seed
/// after seed, and prints what came of it.
@main
struct Days {
  var seeds = 200
  var first: UInt64 = 1
  /// Steps of a clock, and as many standstills of a process.
  var trials = 500
  var kinds: [Acceptance.Kind] = []
  var disturbances: [Disturbance.Kind] = []
  var isJSON = false

  static let usage = """
    usage: meterd-days [--seeds 200] [--trials 500] [--first 1] [--json] [KIND...]
      A billing day of 200 meters on one line for each seed: 1 % of answers lost, 0.5 % garbled, 2 % of the meters dead for
      6 h; freezes, energies every 15 minutes, settlements, clocks, events, and 24 reads on demand.
      Kinds: freezing mixed slow.
      R17: so many trials in each of which the host's clock is stepped and set right again. R18: as many in each of which
      the process stands still, alone or with its machine. A line of four meters, all kinds of tasks, more than a day.
      All of them when none is named.
    """

  static func main() async {
    guard let run = Days(CommandLine.arguments.dropFirst()) else {
      complain(usage)
      exit(64)
    }
    exit(await run.run() ? 0 : 1)
  }

  init?(_ arguments: ArraySlice<String>) {
    var left = arguments
    while let word = left.popFirst() {
      switch word {
      case "--json": isJSON = true
      case "--seeds":
        guard let value = left.popFirst().flatMap({ Int($0) }), (1...100_000).contains(value) else { return nil }
        seeds = value
      case "--first":
        guard let value = left.popFirst().flatMap({ UInt64($0) }), value < .max / 2 else { return nil }
        first = value
      case "--trials":
        guard let value = left.popFirst().flatMap({ Int($0) }), (1...1_000_000).contains(value) else { return nil }
        trials = value
      default:
        if let kind = Acceptance.Kind(rawValue: word) {
          kinds.append(kind)
        } else if let kind = Disturbance.Kind(rawValue: word) {
          disturbances.append(kind)
        } else {
          return nil
        }
      }
    }
    guard kinds.isEmpty, disturbances.isEmpty else { return }
    kinds = Acceptance.Kind.allCases
    disturbances = Disturbance.Kind.allCases
  }

  /// True when every seed of every kind is met.
  func run() async -> Bool {
    var isMet = true
    for kind in kinds {
      do {
        let results = try await Self.results((0..<UInt64(seeds)).map { first &+ $0 }) {
          try Acceptance(kind: kind, seed: $0).run()
        }
        let table = DayTable(kind: kind, results: results)
        print(isJSON ? table.json : table.text)
        isMet = isMet && table.failing.isEmpty
      } catch {
        complain("meterd-days: \(kind.rawValue): \(error)")
        isMet = false
      }
      fflush(nil)
    }
    for kind in disturbances {
      do {
        let results = try await Self.results((0..<UInt64(trials)).map { first &+ $0 }) {
          try Disturbance(kind: kind, seed: $0).run()
        }
        let table = DisturbanceTable(kind: kind, results: results)
        print(isJSON ? table.json : table.text)
        isMet = isMet && table.failing.isEmpty
      } catch {
        complain("meterd-days: \(kind.rawValue): \(error)")
        isMet = false
      }
      fflush(nil)
    }
    return isMet
  }

  /// One result for each seed, in their order; as many at once as there are cores.
  static func results<Result: Sendable>(
    _ seeds: [UInt64], _ run: @escaping @Sendable (UInt64) throws -> Result
  ) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
      for (place, seed) in seeds.enumerated() { group.addTask { (place, try run(seed)) } }
      var all: [(Int, Result)] = []
      for try await result in group { all.append(result) }
      return all.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}

/// The seeds of one kind together.
struct DayTable {
  let kind: Acceptance.Kind
  let results: [Acceptance.Result]

  var failing: [UInt64] { results.filter { !$0.isMet }.map(\.seed) }

  private func least(_ figure: (Acceptance.Result) -> Int) -> String { percent(results.map(figure).min() ?? 0) }
  private func median(_ figure: (Acceptance.Result) -> Int) -> String {
    let sorted = results.map(figure).sorted()
    return percent(sorted.isEmpty ? 0 : sorted[sorted.count / 2])
  }
  private func percent(_ thousandths: Int) -> String { decimalString(Int64(thousandths) * 1000, decimals: 3) }
  private func sum(_ figure: (Acceptance.Result) -> Int) -> Int { results.reduce(0) { $0 + figure($1) } }
  private var latest: String {
    decimalString((results.map(\.latestSynthetic).max() ?? 0) * 1000, decimals: 3)
  }
  private var range: String {
    results.count == 1 ? "seed \(results[0].seed)" : "seeds \(results.first?.seed ?? 0) to \(results.last?.seed ?? 0)"
  }

  var text: String {
    """
    \(kind.rawValue)  \(failing.isEmpty ? "met" : "NOT MET")  \(results.count) days, \(range), failing: \(failing.isEmpty ? "none" : failing.map(String.init).joined(separator: " "))
      daily freezes at 06:00, of all meters, the dead too: least \(least(\.bySix)) %, median \(median(\.bySix)) %, goal 99.5 %
      by 24:00, of the meters that live then: least \(least(\.byMidnight)) %, median \(median(\.byMidnight)) %, goal 100 %\(lost)
      settlements of the month by 24:00, of the meters that live then: least \(least(\.settlements)) %, goal 100 %
      \(sum(\.missing)) missing at the end, \(sum(\.unexplained)) of them without a reason; \(sum(\.wrong)) wrong freezes, settlements and registers in their place, \(sum(\.conflicts)) conflicts
      \(sum(\.misread)) energies garbled so that no checksum shows it, for validation to find\(unlabelled)
      \(waits.count) reads on demand: median \(wait(waits.count / 2)) s, worst \(wait(waits.count - 1)) s, goal 15 s; \(sum(\.unanswered)) more brought no value
      \(sum(\.exchanges)) exchanges; the latest synthetic freeze \(latest) s after midnight
    """
  }

  /// What nobody can read any more is missing in the shares above, and not held against the goal.
  private var lost: String {
    guard sum(\.lost) > 0 else { return "" }
    return
      "\n  of these \(sum(\.lost)) keep no freezes and were dead from 00:00 to 00:15: gone for good, each told as missing; with them as there at least \(least(\.bySixOrLost)) % and \(least(\.byMidnightOrLost)) %"
  }

  private var unlabelled: String {
    results.compactMap { $0.unlabelled.first }.first.map { "; without a label, such as \($0)" } ?? ""
  }

  private var waits: [Int64] { results.flatMap(\.waits).sorted() }

  private func wait(_ place: Int) -> String {
    let waits = waits
    return waits.indices.contains(place) ? decimalString(waits[place] * 1000, decimals: 2) : "-"
  }

  var json: String {
    """
    {"kind":"\(kind.rawValue)","days":\(results.count),"first":\(results.first?.seed ?? 0),"met":\(failing.isEmpty),"failing":[\(failing.map(String.init).joined(separator: ","))],"all_at_six":{"least":"\(least(\.bySix))","median":"\(median(\.bySix))"},"by_midnight":{"least":"\(least(\.byMidnight))","median":"\(median(\.byMidnight))"},"lost":\(sum(\.lost)),"settlements":{"least":"\(least(\.settlements))"},"on_demand":{"reads":\(waits.count),"median":"\(wait(waits.count / 2))","worst":"\(wait(waits.count - 1))","without_value":\(sum(\.unanswered))},"missing":\(sum(\.missing)),"unexplained":\(sum(\.unexplained)),"wrong":\(sum(\.wrong)),"misread":\(sum(\.misread)),"conflicts":\(sum(\.conflicts)),"exchanges":\(sum(\.exchanges)),"latest_synthetic":"\(latest)"}
    """
  }
}

/// The trials of one row of the reliability table together.
struct DisturbanceTable {
  let kind: Disturbance.Kind
  let results: [Disturbance.Result]

  var failing: [Disturbance.Result] { results.filter { !$0.findings.isEmpty } }

  private var title: String {
    switch kind {
    case .steps: "steps of the host's clock, each set right again"
    case .stops: "standstills of the process, alone or with its machine"
    }
  }

  private func sum(_ figure: (Disturbance.Result) -> Int) -> Int { results.reduce(0) { $0 + figure($1) } }
  private var latest: String { decimalString((results.map(\.latest).max() ?? 0) * 1000, decimals: 1) }
  private var seeds: String { "\(results.first?.seed ?? 0) to \(results.last?.seed ?? 0)" }

  /// How many trials were of which moment.
  private var moments: String {
    Disturbance.Moment.allCases.compactMap { moment in
      let count = results.count { $0.moment == moment }
      return count > 0 ? "\(count) \(moment.rawValue)" : nil
    }.joined(separator: ", ")
  }

  var text: String {
    let head = """
      \(kind.rawValue)  \(failing.isEmpty ? "met" : "NOT MET")  \(results.count) \(title), seeds \(seeds), failing: \(failing.isEmpty ? "none" : "\(failing.count)")
        around: \(moments)
        \(sum(\.answers)) answers, none of them wrong, twice or with a wrong label but where a seed fails; \(sum(\.told)) left out, each told with its reason
        the latest question of an interval \(latest) s after it was due; \(sum(\.readAgain)) freezes and settlements read again with the same value; \(sum(\.marked)) intervals once more or less around a step, as the row allows
      """
    return head
      + failing.prefix(12).map { failed in
        "\n  seed \(failed.seed), \(failed.what): \(failed.findings.prefix(3).joined(separator: "; "))"
      }.joined()
  }

  var json: String {
    """
    {"row":"\(kind.rawValue)","trials":\(results.count),"first":\(results.first?.seed ?? 0),"met":\(failing.isEmpty),"failing":[\(failing.map { "\($0.seed)" }.joined(separator: ","))],"answers":\(sum(\.answers)),"told":\(sum(\.told)),"latest_seconds":"\(latest)","read_again":\(sum(\.readAgain)),"marked":\(sum(\.marked))}
    """
  }
}

/// To standard error.
private func complain(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = unsafe write(2, bytes, bytes.count)
}
