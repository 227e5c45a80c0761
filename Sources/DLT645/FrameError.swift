import Metering

/// Why bytes are not a frame.
public enum FrameError: Error, Hashable, Sendable {
  /// Neither `68H` nor `16H` where one must stand, so many bytes from the start of the candidate.
  case delimiter(UInt8, offset: Int)
  /// The length byte asks for more than 200 bytes.
  case length(UInt8)
  /// The bytes end before the frame does; `need` is 10 as long as the length byte is not there.
  case truncated(have: Int, need: Int)
  /// The check byte disagrees with the sum of the bytes before it.
  case checksum(computed: UInt8, received: UInt8)
}

extension FrameError {
  /// Stable name, as printed in JSON.
  public var code: String {
    switch self {
    case .delimiter: "delimiter"
    case .length: "length"
    case .truncated: "truncated"
    case .checksum: "checksum"
    }
  }

  /// How many bytes of the candidate were looked at before it failed.
  var examined: Int {
    switch self {
    case .delimiter(_, let offset): offset &+ 1
    case .length: Frame.header
    case .truncated(let have, _): have
    case .checksum: Frame.overhead
    }
  }
}

extension FrameError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .delimiter(let byte, let offset): "byte \(offset) of the frame is \(hexPair(byte))H, not a delimiter"
    case .length(let count): "length byte \(hexPair(count))H asks for more than 200 data bytes"
    case .truncated(let have, let need): "\(have) of at least \(need) bytes"
    case .checksum(let computed, let received):
      "check byte is \(hexPair(received))H, the sum is \(hexPair(computed))H"
    }
  }
}
