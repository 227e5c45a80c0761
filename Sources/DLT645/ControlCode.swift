import Metering

/// The edition of the protocol that a meter speaks.
public enum Edition: String, Hashable, Sendable, CaseIterable {
  case dlt645v2007 = "dlt645-2007"
  case dlt645v1997 = "dlt645-1997"
}

/// Who speaks.
public enum Direction: String, Hashable, Sendable {
  case request, reply
}

/// The control code of a frame, C.
///
/// | bit | means |
/// |---|---|
/// | D7 | 0 request of the master, 1 reply of the meter |
/// | D6 | 1 the meter reports an abnormal condition |
/// | D5 | 1 more frames follow |
/// | D4...D0 | function |
///
/// Source: DL/T 645-2007, control code C.
public struct ControlCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The code of a reply to `function`.
  public init(replyTo function: UInt8, abnormal: Bool = false, more: Bool = false) {
    rawValue = function & 0x1F | 0x80 | (abnormal ? 0x40 : 0) | (more ? 0x20 : 0)
  }

  public var direction: Direction { rawValue & 0x80 == 0 ? .request : .reply }
  public var isReply: Bool { rawValue & 0x80 != 0 }
  public var isAbnormal: Bool { rawValue & 0x40 != 0 }
  public var hasMore: Bool { rawValue & 0x20 != 0 }
  /// 00H...1FH.
  public var function: UInt8 { rawValue & 0x1F }
}

extension ControlCode: CustomStringConvertible {
  /// Two hex digits, `91`.
  public var description: String { hexPair(rawValue) }
}
