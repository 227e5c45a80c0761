/// Something on the line that was not the answer, and why.
public struct IgnoredFrame: Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// Our own request, back from the line.
    case echo
    /// A request that is not ours: another master, or an echo that was hurt in a way the sum does not see.
    case otherRequest
    case foreignAddress(Address)
    case otherFunction(ControlCode)
    case otherIdentifier(DataIdentifier)
    case otherShortIdentifier(ShortIdentifier)
    /// A follow-up frame with another sequence number.
    case otherSequence(UInt8)
    case damaged(FrameError)
    /// A report that nobody asked for.
    case unsolicited
    /// A reply too short for what it claims to be.
    case malformed
    /// The same answer once more.
    case repeated
    /// Another answer to the request that has been answered.
    case contradicting
    /// An answer after the read had given up.
    case late
    /// A frame before the read had begun.
    case unasked
  }

  public let reason: Reason
  /// As received, without wake-up bytes; of a damaged frame the bytes that were looked at.
  public let bytes: [UInt8]
}

/// Why a read failed although the meter answered.
public enum ExchangeError: Error, Hashable, Sendable {
  /// More was announced and then refused. The parts that came are no reading.
  case followUpRefused(ErrorWord)
  /// More was announced and did not come.
  case followUpMissing(sequence: UInt8)
  /// Only follow-up frames with another number came.
  case wrongSequence(expected: UInt8, received: UInt8)
  /// The meter announced more and more.
  case tooLong(frames: Int)
  /// The reply to a read of the address comes from one address and tells another.
  case addressesDiffer(frame: Address, data: Address)
  /// Two different answers to one request: two meters share an address, or a late reply came with the real one.
  case contradicted
}
