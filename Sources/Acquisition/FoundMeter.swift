public import Metering

/// A meter that a scan found.
public struct FoundMeter: Hashable, Sendable {
  public let language: ScanPlan.Language
  public let address: MeterAddress
  public let settings: SerialSettings
  /// Likely profiles, all as good as the first; empty where nothing fits.
  public var guesses: [Recognition.Guess] = []
  /// What a person should know of it.
  public var notes: [String] = []

  init(_ language: ScanPlan.Language, _ address: MeterAddress, _ settings: SerialSettings) {
    self.language = language
    self.address = address
    self.settings = settings
  }
}

/// What a scan tells while it runs.
public enum ScanEvent: Sendable {
  /// Another language or setting is tried.
  case began(ScanPlan.Step)
  /// One question is through. `left` is the time that is certain to come, in all steps.
  case progress(done: Int, left: BootInstant.Span)
  case found(FoundMeter)
  /// What is odd about the line.
  case note(String)
}
