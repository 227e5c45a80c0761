internal import Metering

/// When to stop waiting for more of a reply.
struct Deadline {
  private let timing: ExchangeTiming
  private let firstByte: BootInstant
  private let last: BootInstant
  private var lastByte: BootInstant?

  init(timing: ExchangeTiming, settings: SerialSettings, sent: BootInstant, longestReply: Int) {
    self.timing = timing
    firstByte = sent + timing.reply
    last = firstByte + settings.characterTime * Int64(longestReply) + timing.gap + timing.gap
  }

  mutating func received(at now: BootInstant) { lastByte = now }

  /// Noise before the reply must not shorten the wait for it; a babbling meter must not lengthen it for ever.
  var instant: BootInstant {
    guard let lastByte else { return firstByte }
    return min(max(firstByte, lastByte + timing.gap), last)
  }
}
