import Concentrator
import Glibc
import Host
import Metering

/// One row of the reliability table: what was done, how often, and what came of it.
struct Outcome: Sendable {
  let row: String
  let title: String
  /// How many trials were run, and of what.
  let trials: Int
  let what: String
  let isMet: Bool
  /// What was measured against what is allowed, in words.
  let findings: [String]
  /// Values that differ from what the meter held and were accepted, the first of them.
  var wrong: [String] = []
}

/// An outcome with its seed and time.
struct Report: Sendable {
  let outcome: Outcome
  let seed: UInt64
  let took: BootInstant.Span

  var text: String {
    let head =
      "\(outcome.row)  \(outcome.isMet ? "met    " : "NOT MET")  \(outcome.title): \(outcome.trials) \(outcome.what), seed \(seed), \(decimalString(took.nanoseconds / 1000, decimals: 1)) s"
    return ([head] + outcome.findings + outcome.wrong.map { "wrong: \($0)" }).joined(separator: "\n       ")
  }

  var json: JSON {
    .object([
      "row": .string(outcome.row), "title": .string(outcome.title), "trials": .string("\(outcome.trials)"),
      "what": .string(outcome.what), "met": .boolean(outcome.isMet), "seed": .string("\(seed)"),
      "seconds": .string(decimalString(took.nanoseconds / 1000, decimals: 3)),
      "findings": .array(outcome.findings.map(JSON.string)), "wrong": .array(outcome.wrong.map(JSON.string)),
    ])
  }
}

/// The largest count that a rate at its limit gives in 95 of 100 runs: a count above it shows that the rate is higher.
///
/// Poisson, one-sided. `nil` where the limit is exactly none.
func mostAt95(_ expected: Double) -> Int {
  guard expected > 0 else { return 0 }
  if expected > 200 { return Int(expected + 1.645 * expected.squareRoot() + 1) }
  var term = exp(-expected)
  var sum = term
  var count = 0
  while sum < 0.95 {
    count += 1
    term *= expected / Double(count)
    sum += term
  }
  return count
}

/// `1.2e-05`.
func scientific(_ rate: Double) -> String {
  guard rate > 0 else { return "0" }
  let exponent = Int(log10(rate).rounded(.down))
  let mantissa = rate / pow(10, Double(exponent))
  let tenths = Int((mantissa * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)e\(exponent)"
}
