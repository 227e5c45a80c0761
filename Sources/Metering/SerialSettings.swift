/// How characters travel on a line: `2400 8E1`.
public struct SerialSettings: Hashable, Sendable {
  /// The bit that is added to each byte so that one flipped bit shows. 校验位
  public enum Parity: Character, Hashable, Sendable {
    /// No such bit.
    case none = "N"
    /// An even number of ones in all. 偶校验
    case even = "E"
    /// An odd number of ones in all. 奇校验
    case odd = "O"
  }

  /// Bits per second.
  public let baud: Int
  /// 7 or 8.
  public let dataBits: Int
  /// The bit that guards each byte.
  public let parity: Parity
  /// 1 or 2.
  public let stopBits: Int

  /// The rates that terminals know.
  public static let knownBauds = [
    300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600,
  ]

  /// `nil` for a rate that terminals do not know, or bits that no meter uses.
  public init?(baud: Int, dataBits: Int = 8, parity: Parity = .none, stopBits: Int = 1) {
    guard Self.knownBauds.contains(baud), (7...8).contains(dataBits), (1...2).contains(stopBits) else { return nil }
    self.baud = baud
    self.dataBits = dataBits
    self.parity = parity
    self.stopBits = stopBits
  }

  private init(validBaud baud: Int, parity: Parity) {
    self.baud = baud
    dataBits = 8
    self.parity = parity
    stopBits = 1
  }

  /// What DL/T 645-2007 meters use on RS-485 as a rule.
  public static let dlt645 = SerialSettings(validBaud: 2400, parity: .even)
  /// What Modbus meters use as a rule.
  public static let modbus = SerialSettings(validBaud: 9600, parity: .none)

  /// Of a line that is none: on a network bytes take no time, and no silence ends a frame.
  public static let network = SerialSettings(validBaud: 1_000_000_000, parity: .none)

  /// Start, data, parity and stop bits of one character.
  public var bitsPerCharacter: Int { 1 + dataBits + (parity == .none ? 0 : 1) + stopBits }

  /// How long one character takes, rounded up: a silence must never come out short.
  public var characterTime: BootInstant.Span {
    guard self != .network else { return .zero }
    return BootInstant.Span(nanoseconds: (Int64(bitsPerCharacter) * 1_000_000_000 + Int64(baud) - 1) / Int64(baud))
  }

  /// The silence that ends a Modbus RTU frame.
  ///
  /// 3.5 characters; 1.75 ms above 19200 baud. Source: MODBUS over Serial Line V1.02, section 2.5.1.1.
  public var frameSilence: BootInstant.Span {
    guard self != .network else { return .zero }
    return baud > 19_200 ? .microseconds(1750) : characterTime * 7 / 2
  }
}

extension SerialSettings: CustomStringConvertible {
  /// `2400 8E1`; `network` where there is no serial line.
  public var description: String { self == .network ? "network" : "\(baud) \(dataBits)\(parity.rawValue)\(stopBits)" }

  /// Reads `2400 8E1`; one space, upper-case parity.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard text.utf8.allSatisfy({ $0 < 0x80 }), parts.count == 2, let baud = digits(parts[0]), parts[0] == "\(baud)"
    else { return nil }
    let frame = Array(parts[1])
    guard frame.count == 3, let dataBits = frame[0].wholeNumberValue, let parity = Parity(rawValue: frame[1]),
      let stopBits = frame[2].wholeNumberValue
    else { return nil }
    self.init(baud: baud, dataBits: dataBits, parity: parity, stopBits: stopBits)
  }
}
