import ArgumentParser
import Concentrator
import FoundationEssentials
import Rating

struct RateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rate",
    abstract: "Bills usage records: NDJSON in, NDJSON out.",
    discussion: """
      Reads one usage a line from standard input and writes one bill a line, in the same order. A record that cannot \
      be billed is reported on standard error with its line number and skipped; the exit code is then 65.

        {"id":"B-1","account":"A-1001","from":"2026-10-01","to":"2026-11-01","energy":{"total":"650"}}

      EXAMPLE
        meterd rate --tariff tariff.toml < usage.ndjson > bills.ndjson
      """)

  @Option(help: "The tariff's file.")
  var tariff: String

  func run() throws {
    let plan = try DataFolders.plan(atPath: tariff)
    let decoder = JSONDecoder()
    var number = 0
    var failed = 0
    while let line = readLine(strippingNewline: true) {
      number += 1
      guard !line.allSatisfy(\.isWhitespace) else { continue }
      do {
        let record = try decoder.decode(UsageRecord.self, from: Data(line.utf8))
        print(try rate(record.usage(), under: plan).canonicalText)
      } catch {
        failed += 1
        writeError("meterd: line \(number): \(reason(error))\n")
      }
    }
    guard failed == 0 else {
      throw Complaint(.badData, "\(failed) of \(number) lines were not billed", "The others were. Each is named above.")
    }
  }

  private func reason(_ error: any Error) -> String {
    switch error {
    case let error as UsageRecordError: return "\(error)"
    case let error as RatingError: return "\(error)"
    case DecodingError.keyNotFound(let key, _): return "\(key.stringValue): this key is required"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      return
        "\(context.codingPath.map(\.stringValue).joined(separator: ".")): not of the kind that belongs here; numbers stand in quotes"
    case DecodingError.dataCorrupted: return "not a JSON object on one line"
    default: return "\(error)"
    }
  }
}
