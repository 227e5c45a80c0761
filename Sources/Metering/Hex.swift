/// Bytes as upper-case hex pairs, `68 11 04`.
public func hexString(_ bytes: some Sequence<UInt8>, separator: String = " ") -> String {
  bytes.map { hexPair($0) }.joined(separator: separator)
}

/// One byte as two upper-case hex digits.
public func hexPair(_ byte: UInt8) -> String {
  let text = String(byte, radix: 16, uppercase: true)
  return text.count == 1 ? "0" + text : text
}

/// Where text is not hex.
public enum HexError: Error, Hashable, Sendable {
  /// A character that is neither hex digit nor separator, at so many characters from the start.
  case character(Character, offset: Int)
  /// A digit without its partner at the end or before a separator.
  case oddDigit(offset: Int)
}

/// Reads hex pairs with or without spaces, commas, colons, hyphens, line ends and `0x` before a pair.
public func hexBytes(_ text: some StringProtocol) throws(HexError) -> [UInt8] {
  var bytes: [UInt8] = []
  var high: UInt8?
  for (offset, character) in text.enumerated() {
    if character == "x" || character == "X" {
      guard high == 0 else { throw .character(character, offset: offset) }
      high = nil
    } else if character.isWhitespace || character == "," || character == ":" || character == "-" {
      guard high == nil else { throw .oddDigit(offset: offset - 1) }
    } else {
      guard character.isASCII, let digit = character.hexDigitValue else {
        throw .character(character, offset: offset)
      }
      if let first = high {
        bytes.append(first << 4 | UInt8(digit))
        high = nil
      } else {
        high = UInt8(digit)
      }
    }
  }
  guard high == nil else { throw .oddDigit(offset: text.count - 1) }
  return bytes
}
