/// What is asked for, in the 2007 edition: DI3 DI2 DI1 DI0. 数据标识
///
/// Printed with DI3 first, `0001FF00`; on the wire DI0 travels first.
/// Source: DL/T 645-2007, data identifier.
public struct DataIdentifier: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  init(_ di3: UInt8, _ di2: UInt8, _ di1: UInt8, _ di0: UInt8) {
    rawValue = UInt32(di3) << 24 | UInt32(di2) << 16 | UInt32(di1) << 8 | UInt32(di0)
  }

  /// Reads eight hex digits; `nil` for anything else.
  public init?(hex: some StringProtocol) {
    guard hex.utf8.count == 8, hex.allSatisfy(\.isHexDigit), let bits = UInt32(hex, radix: 16) else { return nil }
    rawValue = bits
  }

  public var di3: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 24) }
  public var di2: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 16) }
  public var di1: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 8) }
  public var di0: UInt8 { UInt8(truncatingIfNeeded: rawValue) }

  /// Four bytes in wire order, without the 33H.
  public var wireBytes: [UInt8] { [di0, di1, di2, di3] }
}

extension DataIdentifier: CustomStringConvertible {
  public var description: String { paddedHex(rawValue, digits: 8) }
}

/// What is asked for, in the 1997 edition: DI1 DI0, printed `9010`, sent low first.
///
/// Source: DL/T 645-1997, data identifier.
public struct ShortIdentifier: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Reads four hex digits; `nil` for anything else.
  public init?(hex: some StringProtocol) {
    guard hex.utf8.count == 4, hex.allSatisfy(\.isHexDigit), let bits = UInt16(hex, radix: 16) else { return nil }
    rawValue = bits
  }

  public var di1: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 8) }
  public var di0: UInt8 { UInt8(truncatingIfNeeded: rawValue) }

  /// Two bytes in wire order, without the 33H.
  public var wireBytes: [UInt8] { [di0, di1] }
}

extension ShortIdentifier: CustomStringConvertible {
  public var description: String { paddedHex(UInt32(rawValue), digits: 4) }
}

private func paddedHex(_ bits: UInt32, digits: Int) -> String {
  let text = String(bits, radix: 16, uppercase: true)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
