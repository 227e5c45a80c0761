/// How characters travel on a serial line, written `2400 8E1`.
public struct SerialSettings: Hashable, Sendable {
  public enum Parity: Character, Hashable, Sendable, CaseIterable {
    case none = "N"
    case even = "E"
    case odd = "O"
  }

  /// The rates that meters use, in bits a second.
  public static let rates = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200]

  /// Bits a second, one of `rates`.
  public let baud: Int
  /// 7 or 8.
  public let dataBits: Int
  public let parity: Parity
  /// 1 or 2.
  public let stopBits: Int

  /// `nil` for a rate that is not in `rates`, or other than 7 or 8 data bits and 1 or 2 stop bits.
  public init?(baud: Int, dataBits: Int, parity: Parity, stopBits: Int) {
    guard Self.rates.contains(baud), dataBits == 7 || dataBits == 8, stopBits == 1 || stopBits == 2 else { return nil }
    self.baud = baud
    self.dataBits = dataBits
    self.parity = parity
    self.stopBits = stopBits
  }

  /// Bits of one character on the wire, start bit included: 9...12.
  public var bitsPerCharacter: Int { 1 + dataBits + (parity == .none ? 0 : 1) + stopBits }

  /// Time of one character in nanoseconds, rounded up.
  public var characterNanoseconds: Int64 {
    let bits = Int64(bitsPerCharacter) * 1_000_000_000
    return (bits + Int64(baud) - 1) / Int64(baud)
  }
}

extension SerialSettings: CustomStringConvertible {
  /// `2400 8E1`.
  public var description: String { "\(baud) \(dataBits)\(parity.rawValue)\(stopBits)" }

  /// Reads `2400 8E1`; one space, upper-case parity.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].count == 3, let baud = Int(parts[0]), parts[0] == "\(baud)" else { return nil }
    let format = Array(parts[1])
    guard let dataBits = format[0].wholeNumberValue, let parity = Parity(rawValue: format[1]),
      let stopBits = format[2].wholeNumberValue
    else { return nil }
    self.init(baud: baud, dataBits: dataBits, parity: parity, stopBits: stopBits)
    // Digits of other scripts have values too.
    guard description == text else { return nil }
  }
}
