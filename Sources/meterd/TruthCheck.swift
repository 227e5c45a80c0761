import Concentrator
import Metering
import Store

/// A whole store held against what simulated meters had in their registers, and against its own checksums.
struct TruthCheck {
  private(set) var right = 0
  private(set) var wrong = 0
  /// Readings of other meters, or of values that the simulated meter does not have.
  private(set) var unknown = 0
  /// Readings that validation let nobody use; they are not judged.
  private(set) var unusable = 0
  /// Findings kept beside the journal: the same key read again with another value, and the like.
  let findings: Int64
  /// Pages, rows and bills that do not match their checksums, and holes in the journal.
  let damaged: Int
  /// What is damaged, and the first few wrong readings, a line each.
  private(set) var examples: [String]

  /// Goes through the whole store; throws where it cannot be read.
  init(_ reader: StoreReader, truth: Truth, zone: ZoneOffset) throws(StoreError) {
    examples = try reader.verify().faults
    damaged = examples.count
    findings = try reader.counts().findings
    guard damaged == 0 else { return }
    try reader.readings { stored throws(StoreError) in
      guard stored.verdict.isUsable else {
        unusable += 1
        return
      }
      let reading = stored.reading
      switch truth.isRight(reading) {
      case true where isLabelledAfterwards(reading): right += 1
      case nil: unknown += 1
      default:
        wrong += 1
        guard examples.count < 10 else { return }
        let instant = zone.rfc3339(unixMilliseconds: reading.key.instant)
        examples.append(
          "reading \(stored.sequence): \(reading.key.meter) \(reading.key.quantity) \(reading.value), \(reading.key.kind.rawValue) of \(instant), read \(reading.hostTime.rfc3339(zone))"
        )
      }
    }
  }

  /// No value can have been read before the time it is said to be of.
  private func isLabelledAfterwards(_ reading: Reading) -> Bool {
    reading.key.instant <= reading.hostTime.unixMilliseconds
  }

  var isGood: Bool { wrong == 0 && damaged == 0 }

  private var counts: KeyValuePairs<String, Int64> {
    [
      "right": Int64(right), "wrong": Int64(wrong), "unknown": Int64(unknown), "unusable": Int64(unusable),
      "findings": findings, "damaged": Int64(damaged),
    ]
  }

  var text: String { counts.map { "\($0.value) \($0.key)" }.joined(separator: ", ") }

  var json: JSON { .object(counts.map { JSON.Member($0.key, .integer($0.value)) }) }
}
