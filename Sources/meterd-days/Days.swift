import Glibc
import Metering

/// Runs the acceptance scenario of a concentrator in simulated time, seed after seed, and prints what came of it.
@main
struct Days {
  var seeds = 200
  var first: UInt64 = 1
  var kinds: [Acceptance.Kind] = []
  var isJSON = false

  static let usage = """
    usage: meterd-days [--seeds 200] [--first 1] [--json] [KIND...]
      A day of 200 meters on one line for each seed: 1 % of answers lost, 0.5 % garbled, 2 % of the meters dead for 6 h.
      Kinds: freezing mixed slow; all of them when none is named.
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
      default:
        guard let kind = Acceptance.Kind(rawValue: word) else { return nil }
        kinds.append(kind)
      }
    }
  }

  /// True when every seed of every kind is met.
  func run() async -> Bool {
    var isMet = true
    for kind in kinds.isEmpty ? Acceptance.Kind.allCases : kinds {
      do {
        let results = try await Self.results(kind, (0..<UInt64(seeds)).map { first &+ $0 })
        let table = DayTable(kind: kind, results: results)
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
  static func results(_ kind: Acceptance.Kind, _ seeds: [UInt64]) async throws -> [Acceptance.Result] {
    try await withThrowingTaskGroup(of: Acceptance.Result.self) { group in
      for seed in seeds { group.addTask { try Acceptance(kind: kind, seed: seed).run() } }
      var all: [Acceptance.Result] = []
      for try await result in group { all.append(result) }
      return all.sorted { $0.seed < $1.seed }
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
      daily freezes at 06:00, of the living meters: least \(least(\.livingBySix)) %, median \(median(\.livingBySix)) %, goal 99.5 %
      of all meters, the dead too: least \(least(\.bySix)) %, median \(median(\.bySix)) %
      by 24:00: least \(least(\.byMidnight)) %, median \(median(\.byMidnight)) %, goal 100 %
      \(sum(\.missing)) missing at the end, \(sum(\.unexplained)) of them without a reason; \(sum(\.wrong)) wrong values, \(sum(\.conflicts)) conflicts
      \(sum(\.exchanges)) exchanges; the latest synthetic freeze \(latest) s after midnight
    """
  }

  var json: String {
    """
    {"kind":"\(kind.rawValue)","days":\(results.count),"first":\(results.first?.seed ?? 0),"met":\(failing.isEmpty),"failing":[\(failing.map(String.init).joined(separator: ","))],"living_at_six":{"least":"\(least(\.livingBySix))","median":"\(median(\.livingBySix))"},"all_at_six":{"least":"\(least(\.bySix))","median":"\(median(\.bySix))"},"by_midnight":{"least":"\(least(\.byMidnight))","median":"\(median(\.byMidnight))"},"missing":\(sum(\.missing)),"unexplained":\(sum(\.unexplained)),"wrong":\(sum(\.wrong)),"conflicts":\(sum(\.conflicts)),"exchanges":\(sum(\.exchanges)),"latest_synthetic":"\(latest)"}
    """
  }
}

/// To standard error.
private func complain(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = unsafe write(2, bytes, bytes.count)
}
