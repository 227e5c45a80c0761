public import Metering

/// Why the data of a sound frame is no value.
public enum DataError: Error, Hashable, Sendable {
  /// The catalogue does not know the identifier.
  case unknownIdentifier(String)
  /// More or fewer bytes after the identifier than its item has.
  case length(expected: Int, received: Int)
  /// A block whose bytes are no whole number of items, or too many.
  case blockLength(itemSize: Int, received: Int)
  /// A nibble that is no decimal digit. The bytes are the item's, in wire order without the 33H.
  case notDecimal(Quantity, bytes: [UInt8])
  /// Digits that are no date or time.
  case noDate(Quantity, bytes: [UInt8])
  /// Bytes that are no printable text.
  case noText(Quantity, bytes: [UInt8])
}

extension DataError {
  /// Stable name, as printed in JSON.
  public var code: String {
    switch self {
    case .unknownIdentifier: "identifier"
    case .length, .blockLength: "length"
    case .notDecimal: "digit"
    case .noDate: "date"
    case .noText: "character"
    }
  }
}

extension DataError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownIdentifier(let identifier): "no layout is known for \(identifier)"
    case .length(let expected, let received): "\(received) data bytes after the identifier, \(expected) expected"
    case .blockLength(let size, let received):
      "\(received) data bytes after the identifier are no block of items of \(size) bytes"
    case .notDecimal(let quantity, let bytes): "\(quantity): \(hexString(bytes)) has a digit that is not decimal"
    case .noDate(let quantity, let bytes): "\(quantity): \(hexString(bytes)) is no date or time"
    case .noText(let quantity, let bytes): "\(quantity): \(hexString(bytes)) is no text"
    }
  }
}

/// What the data of a frame tells, item by item.
public struct Decoded: Hashable, Sendable {
  /// The items that are values or absent, in the order of the frame.
  public internal(set) var observations: [Observation] = []
  /// Why the other items are no values.
  public internal(set) var rejected: [DataError] = []
}
