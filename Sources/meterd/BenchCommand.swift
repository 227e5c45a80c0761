import ArgumentParser
import Concentrator
import Glibc

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures the daemon against the limits of the wire, and bills against SQLite.",
    discussion: """
      line: whole scans of simulated lines at their real baud rate, stored durably: W1, W2, W3 and one-value reads \
      with late replies (late, later); a line with dead meters (dead), and 16 lines at once (lines). \
      A scan takes as long as the wire does: 11, 58, 17, 60, 60, 180 and 12 seconds. Exit code 65 when a goal is not met.

      rating: a million bills of seven lines by columns, one by one, from hourly readings, and from one table to another, \
      beside what SQLite needs for the same lines. A few minutes.

      start: a daemon of its own with 1,200 meters, 200 on each of six lines, all in its store: from its start to the first \
      byte on a wire, five times, and its memory when it rests. Half a minute.

      EXAMPLES
        meterd bench line
        meterd bench start
        meterd bench rating
        meterd bench line --workload w1 --json
      """)

  @Argument(help: "line, start or rating")
  var name: String

  @Option(help: "w1, w2, w3, late, later, dead or lines; all when left out.")
  var workload: [String] = []

  @OptionGroup var profiles: DevicesOption

  @Flag(help: "One JSON object a figure.")
  var json = false

  func run() async throws {
    guard name != "rating" else {
      return try await finish { show in try await BenchRating(show: show).run() }
    }
    if name == "start" {
      let figures = try await BenchStart().run(profiles.folders())
      return try await finish { show in figures.forEach(show) }
    }
    guard name == "line" else {
      throw Complaint(.usage, "unknown benchmark \"\(name)\"", "There are: line, start and rating.")
    }
    let kinds = try workload.isEmpty ? BenchWorkload.Kind.allCases : workload.map(kind)
    let data = try profiles.folders()
    var missed = 0
    if workload.isEmpty { writeError("bench line: seven workloads at the pace of the wire, about seven minutes\n") }
    for kind in kinds {
      let workload = BenchWorkload(kind: kind)
      if !json { print("\(kind.rawValue): \(workload.title)") }
      for figure in try await BenchLine(workload: workload).run(data) {
        print(json ? figure.json.text : "  \(figure.text)")
        if figure.met == false { missed += 1 }
      }
    }
    guard missed == 0 else { throw ExitCode(ExitStatus.badData.rawValue) }
  }

  /// Shows each figure as soon as it is known, and fails when a goal was missed.
  private func finish(_ run: (@escaping (BenchLine.Figure) -> Void) async throws -> Void) async throws {
    var missed = 0
    try await run { figure in
      print(json ? figure.json.text : "  \(figure.text)")
      fflush(nil)
      if figure.met == false { missed += 1 }
    }
    guard missed == 0 else { throw ExitCode(ExitStatus.badData.rawValue) }
  }

  private func kind(_ text: String) throws -> BenchWorkload.Kind {
    guard let kind = BenchWorkload.Kind(rawValue: text) else {
      throw Complaint(.usage, "unknown workload \"\(text)\"", "Write w1, w2, w3, late, later, dead or lines.")
    }
    return kind
  }
}
