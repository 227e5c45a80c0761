import Foundation
import Metering
import Simulator

/// One line of `meterd readings --format ndjson`.
struct StoredLine: Decodable, Hashable {
  struct Finding: Decodable, Hashable {
    let code: String
    let detail: String
  }

  let seq: Int64
  let meter: String
  let quantity: String
  let obis: String?
  let kind: String
  let instant: String
  let value: String
  let unit: String?
  let meter_time: String?
  let host_time: String
  let quality: String
  let verdict: String
  let verdicts: [Finding]
  let frame: String?
  let frames: [String]

  /// Every line of what was printed.
  static func all(_ output: [UInt8]) throws -> [StoredLine] {
    try output.split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(StoredLine.self, from: Data($0))
    }
  }

  /// What is the same however often it is looked at, with its place in the journal.
  static func bySequence(_ lines: [StoredLine]) -> [Int64: StoredLine] {
    Dictionary(uniqueKeysWithValues: lines.map { ($0.seq, $0) })
  }

  /// What a simulated meter shows as the value that it kept at this reading's instant; `nil` for what it has not.
  func kept(by meter: any SimulatedMeter) throws -> String? {
    let time = try Date(instant, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    // Seen from one second after its boundary, a kept value is the last one.
    let then = SimulatedInstant(unixMilliseconds: Int64(time.timeIntervalSince1970) * 1000 + 1000)
    guard let quantity = Quantity(name: quantity),
      case .number(let number) = meter.truth(quantity, .settlement(1), at: then)?.value
    else { return nil }
    return "\(number)"
  }
}
