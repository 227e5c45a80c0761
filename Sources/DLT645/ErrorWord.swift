import Metering

/// Why a meter refuses: one bit a reason, several at once allowed. 错误信息字
///
/// Replies of the security function may carry a second byte (SERR, unverified); only the first is taken.
/// Source: DL/T 645-2007, error word ERR. The meanings of the 1997 edition, `names(in:)`, are unverified but for
/// bit 1.
public struct ErrorWord: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let other = ErrorWord(rawValue: 0x01)
  /// This meter does not have the item; asking again does not help.
  public static let noData = ErrorWord(rawValue: 0x02)
  /// Wrong password or not authorised; some meters say so even to a plain read.
  public static let notAuthorised = ErrorWord(rawValue: 0x04)
  public static let rateFixed = ErrorWord(rawValue: 0x08)
  public static let tooManyZones = ErrorWord(rawValue: 0x10)
  public static let tooManyPeriods = ErrorWord(rawValue: 0x20)
  public static let tooManyTariffs = ErrorWord(rawValue: 0x40)
  public static let reserved = ErrorWord(rawValue: 0x80)

  static let names2007 = [
    "other error", "no requested data", "password wrong or not authorised", "rate cannot be changed",
    "too many yearly zones", "too many daily periods", "too many tariffs", "reserved bit",
  ]

  static let names1997 = [
    "illegal data", "wrong data identifier", "wrong password", "reserved bit 3", "too many yearly zones",
    "too many daily periods", "too many tariffs", "reserved bit",
  ]

  /// The reasons whose bits are set, lowest bit first.
  public func names(in edition: Edition = .dlt645v2007) -> [String] {
    let names = edition == .dlt645v2007 ? Self.names2007 : Self.names1997
    return names.indices.filter { rawValue >> UInt8($0) & 1 == 1 }.map { names[$0] }
  }
}

extension ErrorWord: CustomStringConvertible {
  /// The reasons in words, `no requested data`; `no reason given` for an empty word.
  public var description: String {
    let names = names()
    return names.isEmpty ? "no reason given" : names.joined(separator: ", ")
  }

  /// Two hex digits, `02`.
  public var hex: String { hexPair(rawValue) }
}
