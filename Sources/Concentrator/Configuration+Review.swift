public import Billing
internal import Documents
internal import Metering
internal import Rating

extension Configuration {
  /// `[review]`: which bills wait for a person, and which corrections do not.
  public struct ReviewEntry: Hashable, Sendable {
    /// The first bill of an account, and the first after another meter or multiplier, waits for a look; without trials the
    /// first after another plan, too. True unless the configuration says otherwise.
    public var firstBills = true
    /// After another plan, engine or master data, no account is billed before its last bills were rated again and what
    /// differs was accepted; by prices that are new, before somebody has seen what they make of the last use.
    public var trial = true
    /// Bands and limits of the rules.
    public var limits = ReviewLimits()
    /// Rules whose findings hold a bill though they are only worth a look.
    public var holding: Set<ReviewRule> = []
    /// Bills that new readings or notices make different are corrected without being asked; what people changed in files,
    /// once it was accepted.
    public var correctsByItself = false
    /// How.
    public var form = CorrectionForm.reversal

    public init() {}
  }

  static func review(_ reader: inout TableReader) throws(DocumentError) -> ReviewEntry {
    var entry = ReviewEntry()
    guard var table = try reader.optionalTable("review") else { return entry }
    entry.firstBills = try table.optionalBoolean("first-bills") ?? true
    entry.trial = try table.optionalBoolean("trial") ?? true
    entry.correctsByItself = try table.optionalBoolean("correct-automatically") ?? false
    if let text = try table.optionalString("correct-by") {
      guard let form = CorrectionForm(rawValue: text) else {
        throw table.error("correct-by", "\"\(text)\" is neither \"reversal\" nor \"difference\"")
      }
      entry.form = form
    }
    for text in try table.optionalStrings("hold") ?? [] {
      guard let rule = ReviewRule(rawValue: text) else {
        let known = ReviewRule.allCases.map(\.rawValue).joined(separator: ", ")
        throw table.error("hold", "there is no rule \"\(text)\"; there are \(known)")
      }
      entry.holding.insert(rule)
    }
    if let percent = try table.optionalInteger("band-percent", in: 1...1000) { entry.limits.bandPercent = percent }
    if let percent = try table.optionalInteger("price-band-percent", in: 1...1000) {
      entry.limits.pricePercent = percent
    }
    if let text = try table.optionalString("band-least-kwh") {
      guard let energy = Energy(kilowattHours: text), energy.isBillable else {
        throw table.error("band-least-kwh", "\"\(text)\" is no number of kWh, such as \"100\"")
      }
      entry.limits.bandLeast = energy
    }
    if let text = try table.optionalString("most-yuan") {
      guard let fen = exactDecimal(text, scale: 2), fen > 0 else {
        throw table.error("most-yuan", "\"\(text)\" is no amount in yuan, such as \"100000\"")
      }
      entry.limits.most = Money(fen: fen)
    }
    try table.finish()
    return entry
  }
}
