/// How deep in lists, inline tables and strings of several lines a TOML text is at the end of a line.
struct Nesting {
  private var depth = 0
  /// The three quotes that end the string which is open.
  private var open: [UInt8]?

  /// True where the next line may begin with a header or a key.
  var isTop: Bool { depth == 0 && open == nil }

  /// Takes one line, without its line feed.
  mutating func pass(_ line: ArraySlice<UInt8>) {
    var rest = line
    while let byte = rest.first {
      if let quotes = open {
        rest = pastEnd(of: quotes, in: rest)
        continue
      }
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        let quotes = [byte, byte, byte]
        if rest.starts(with: quotes) {
          open = quotes
          rest = rest.dropFirst(3)
        } else {
          rest = Self.pastString(rest.dropFirst(), quote: byte)
        }
        continue
      case UInt8(ascii: "#"): return
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
      default: break
      }
      rest = rest.dropFirst()
    }
  }

  /// What follows a string on one line, of which `rest` begins behind the first quote.
  private static func pastString(_ rest: ArraySlice<UInt8>, quote: UInt8) -> ArraySlice<UInt8> {
    var rest = rest
    while let byte = rest.popFirst(), byte != quote {
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") { rest = rest.dropFirst() }
    }
    return rest
  }

  /// What follows the string that is open; nothing, and it stays open, where the line does not end it.
  private mutating func pastEnd(of quotes: [UInt8], in line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = line
    while let byte = rest.first {
      guard !rest.starts(with: quotes) else {
        open = nil
        // Up to two quotes may stand right before those that end the string.
        let more = rest.dropFirst(3).prefix(2).prefix { $0 == byte }.count
        return rest.dropFirst(3 + more)
      }
      rest = rest.dropFirst(byte == UInt8(ascii: "\\") && quotes.first == UInt8(ascii: "\"") ? 2 : 1)
    }
    return rest
  }
}
