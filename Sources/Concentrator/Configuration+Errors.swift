internal import Billing
internal import Documents
internal import Metering
internal import Rating

extension Configuration {
  /// `[[line.meter.error]]`: what inspections have found, in the time in which the meter counts for its account.
  static func errors(
    _ table: inout TableReader, _ own: Multiplier, hasAccount: Bool, from: MeterTime?, to: MeterTime?
  ) throws(DocumentError) -> [MeterError] {
    var errors: [MeterError] = []
    for var inner in try table.tables("error") {
      guard hasAccount else {
        throw inner.error("percent", "it mends what the meter counts for its account, and there is no account")
      }
      let text = try inner.string("percent")
      guard let percent = exactDecimal(text, scale: 2), percent != 0, (-9_000...10_000).contains(percent) else {
        throw inner.error(
          "percent", "\"\(text)\" is no error from -90 to 100 with at most two places; a slow meter has \"-3.2\"")
      }
      guard let begin = try instant(&inner, "from") else {
        throw inner.error("percent", "say since when it counts, such as from = \"2026-08-16\"")
      }
      guard let end = try instant(&inner, "to") else {
        throw inner.error("percent", "say when it was mended, such as to = \"2026-10-01\"")
      }
      if begin >= end { throw inner.error("to", "it is not after from, \(begin)") }
      if let last = errors.last, begin < last.to {
        throw inner.error("from", "\(begin) is before the end of the error before, \(last.to)")
      }
      guard from.map({ $0 <= begin }) ?? true, to.map({ end <= $0 }) ?? true else {
        throw inner.error("from", "the meter does not count for its account from \(begin) to \(end)")
      }
      guard let error = MeterError(tenThousandths: Int(clamping: percent), from: begin, to: end, of: own) else {
        throw inner.error(
          "percent",
          "ct times pt divided by one and this error is a fraction with more than 1000000000 above or below its line, and"
            + " there is no such multiplier; write ct and pt as they stand on the plates, or the error with fewer places"
        )
      }
      errors.append(error)
      try inner.finish()
    }
    return errors
  }
}
