public import Metering

/// How fast characters follow each other on a line, and how long it must be quiet between Modbus frames.
public struct WirePace: Hashable, Sendable {
  /// Time of one character.
  public let character: BootInstant.Span
  /// t3.5.
  public let silence: BootInstant.Span

  /// - Parameters:
  ///   - baud: bits a second, at least 1.
  ///   - bits: of one character, start bit included: 10 for 8N1, 11 for 8E1.
  public init(baud: Int, bits: Int) {
    let nanoseconds = (Int64(max(1, bits)) * 1_000_000_000 + Int64(max(1, baud)) - 1) / Int64(max(1, baud))
    // Source: "Modbus over Serial Line" V1.02, section 2.5.1.1: fixed above 19200.
    let silence: BootInstant.Span =
      baud > 19_200 ? .microseconds(1750) : BootInstant.Span(nanoseconds: nanoseconds * 7 / 2)
    self.init(character: BootInstant.Span(nanoseconds: nanoseconds), silence: silence)
  }

  /// Any pace; for tests that have no time for a real one.
  public init(character: BootInstant.Span, silence: BootInstant.Span) {
    self.character = character
    self.silence = silence
  }
}
