import ArgumentParser
import Concentrator
import Documents
import Glibc
import Rating

struct RateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rate",
    abstract: "Bills usage records: NDJSON in, NDJSON out.",
    discussion: """
      Reads one usage a line from standard input and writes one bill a line, in the same order, as they come and in \
      the same memory however many they are. A record that cannot be billed is reported on standard error with its line \
      number and skipped; the exit code is then 65. It uses one core: run as many as there are, each with its own part.

        {"id":"B-1","account":"A-1001","from":"2026-10-01","to":"2026-11-01","energy":{"total":"650"}}

      What else a record can hold, down to quarter-hours and readings, --schema tells as JSON Schema (2020-12).

      EXAMPLES
        meterd rate --tariff tariff.toml < usage.ndjson > bills.ndjson
        meterd rate --tariff tariff.toml --calendar holidays-2026.toml < profiles.ndjson > bills.ndjson
        meterd rate --schema usage > usage.schema.json
      """)

  @Option(help: "The tariff's file.")
  var tariff: String?

  @Option(help: "The file of holidays and working days, where the tariff tells them apart and records have intervals.")
  var calendar: String?

  @Option(help: "Prints the schema of a record and ends: usage or bill.")
  var schema: RateSchema?

  func validate() throws {
    guard tariff != nil || schema != nil else { throw ValidationError("Missing expected argument '--tariff <tariff>'") }
  }

  func run() throws {
    if let schema { return print(schema.text, terminator: "") }
    var filter = RateFilter(
      plan: try DataFolders.plan(atPath: tariff ?? ""), calendar: try calendar.map { try readCalendar($0) })
    var progress = RateProgress()
    var lines = ByteLines()
    var isWanted = true
    func flush() throws {
      isWanted = try writeOutput(filter.output)
      filter.output.removeAll(keepingCapacity: true)
    }
    while isWanted, let line = try lines.next(limit: RateFilter.longestLine, waiting: flush) {
      let problem: String? =
        switch line {
        case .whole(let bytes): filter.take(bytes)
        case .tooLong: filter.takeTooLong()
        }
      if let problem { progress.say("meterd: \(problem)") }
      if filter.output.count > 1 << 16 { try flush() }
      if filter.lines % 512 == 0 { progress.show(filter.billed, filter.refused) }
    }
    if isWanted { try flush() }
    progress.erase()
    guard filter.refused == 0 else {
      throw Complaint(
        .badData,
        "\(filter.refused) of \(filter.lines) line\(filter.lines == 1 ? " was" : "s were") not billed",
        "\(filter.billed == 0 ? "" : "The others were. ")Each is named above.")
    }
  }

  private func readCalendar(_ path: String) throws -> DayCalendar {
    let document = try DataFolders.document(path, what: "calendar")
    do throws(DocumentError) {
      return try DayCalendar(document)
    } catch {
      throw Complaint(error)
    }
  }
}

extension RateSchema: ExpressibleByArgument {}

/// How many bills there are so far, drawn over itself where somebody sees it.
private struct RateProgress {
  private let isTerminal = isatty(2) == 1 && isatty(1) == 0
  private let began = wallSeconds()
  private var shown = 0.0
  private var isDrawn = false

  mutating func show(_ billed: Int, _ refused: Int) {
    guard isTerminal else { return }
    let now = wallSeconds()
    guard now - shown > 0.2 else { return }
    shown = now
    let each = now > began ? Int(Double(billed) / (now - began)) : 0
    writeError("\r\u{1B}[K\(billed) bills, \(refused) refused, \(each) a second")
    isDrawn = true
  }

  /// A whole line, above what is drawn.
  mutating func say(_ text: String) {
    erase()
    writeError(text + "\n")
  }

  mutating func erase() {
    guard isDrawn else { return }
    writeError("\r\u{1B}[K")
    isDrawn = false
  }
}
