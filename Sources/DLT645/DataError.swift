import Metering

/// Why the data of a sound frame is no value.
public enum DataError: Error, Hashable, Sendable {
  /// The catalogue does not know the identifier.
  case unknownIdentifier(String)
  /// More or fewer bytes after the identifier than its item has.
  case length(expected: Int, received: Int)
  /// A block whose bytes are no whole number of items, or too many.
  case blockLength(itemSize: Int, received: Int)
  /// A freeze whose parts are not closed by AAH where they should be.
  case blockParts(received: Int)
  /// A load profile whose record, counted from 1, is none.
  case record(Int, RecordFault)
  /// A nibble that is no decimal digit. The item's name, and its bytes in wire order without the 33H.
  case notDecimal(String, bytes: [UInt8])
  /// Digits that are no date or time.
  case noDate(String, bytes: [UInt8])
  /// Bytes that are no printable text.
  case noText(String, bytes: [UInt8])
}

/// Why bytes are no record of a load profile.
public enum RecordFault: Error, Hashable, Sendable {
  /// They do not begin with A0H A0H.
  case start
  /// They end before the record does, or E5H does not stand at its end.
  case end
  /// The sum of its bytes is another.
  case checksum(computed: UInt8, received: UInt8)
  /// Its classes are not closed by AAH where they should be.
  case parts
}

extension DataError {
  init(_ fault: ItemFault, _ field: DataField, _ bytes: Span<UInt8>) {
    let raw = bytes.indices.map { bytes[$0] }
    switch fault {
    case .digit: self = .notDecimal(field.name, bytes: raw)
    case .date: self = .noDate(field.name, bytes: raw)
    case .character: self = .noText(field.name, bytes: raw)
    }
  }

  /// Of an item that is a quantity.
  static func notDecimal(_ quantity: Quantity, bytes: [UInt8]) -> DataError {
    .notDecimal(quantity.name, bytes: bytes)
  }

  /// Stable name, as printed in JSON.
  public var code: String {
    switch self {
    case .unknownIdentifier: "identifier"
    case .length, .blockLength, .blockParts: "length"
    case .record(_, .checksum): "checksum"
    case .record: "record"
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
    case .blockParts(let received):
      "\(received) data bytes after the identifier are no freeze whose parts end with AAH"
    case .record(let number, let fault): "load profile record \(number): \(fault)"
    case .notDecimal(let item, let bytes): "\(item): \(hexString(bytes)) has a digit that is not decimal"
    case .noDate(let item, let bytes): "\(item): \(hexString(bytes)) is no date or time"
    case .noText(let item, let bytes): "\(item): \(hexString(bytes)) is no text"
    }
  }
}

extension RecordFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .start: "A0H A0H is missing"
    case .end: "E5H does not stand at its end"
    case .checksum(let computed, let received):
      "its bytes add up to \(hexPair(computed))H and it says \(hexPair(received))H"
    case .parts: "its classes do not end with AAH where they should"
    }
  }
}
