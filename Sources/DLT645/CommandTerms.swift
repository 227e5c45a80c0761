import Metering

/// What is done to a customer's supply: N1 of 1CH. 跳合闸、报警、保电
///
/// Source: trip, allow close and close as in published captures; the others are unverified.
public enum SupplyAction: UInt8, Hashable, Sendable, CaseIterable {
  /// 跳闸
  case trip = 0x1A
  /// The customer may close by hand. 允许合闸
  case allowClose = 0x1B
  /// 直接合闸
  case close = 0x1C
  case alarm = 0x2A
  case endAlarm = 0x2B
  /// The supply stays on whatever else is commanded. 保电
  case keepSupply = 0x3A
  case endKeepSupply = 0x3B

  /// Stable name, as printed in JSON.
  public var name: String {
    switch self {
    case .trip: "trip"
    case .allowClose: "allow-close"
    case .close: "close"
    case .alarm: "alarm"
    case .endAlarm: "end-alarm"
    case .keepSupply: "keep-supply"
    case .endKeepSupply: "end-keep-supply"
    }
  }
}

/// A transmission rate of the meter, one bit of the rate word Z. 通信速率特征字
///
/// Source: 2400, 4800 and 9600 as in published code; the other bits are unverified, and so is the word of 1997.
public enum RateWord: UInt8, Hashable, Sendable, CaseIterable {
  case baud600 = 0x02
  case baud1200 = 0x04
  case baud2400 = 0x08
  case baud4800 = 0x10
  case baud9600 = 0x20
  case baud19200 = 0x40

  public var bitsPerSecond: Int {
    switch self {
    case .baud600: 600
    case .baud1200: 1200
    case .baud2400: 2400
    case .baud4800: 4800
    case .baud9600: 9600
    case .baud19200: 19_200
    }
  }

  /// `nil` for a rate that has no bit.
  public init?(bitsPerSecond: Int) {
    guard let word = Self.allCases.first(where: { $0.bitsPerSecond == bitsPerSecond }) else { return nil }
    self = word
  }
}

/// What the multi-function terminal shows. 多功能端子输出 The bytes are unverified.
public enum TerminalOutput: UInt8, Hashable, Sendable, CaseIterable {
  case secondPulse = 0x00
  case demandPeriod = 0x01
  case zoneSwitch = 0x02

  /// Stable name, as printed in JSON.
  public var name: String {
    switch self {
    case .secondPulse: "second-pulse"
    case .demandPeriod: "demand-period"
    case .zoneSwitch: "zone-switch"
    }
  }
}

/// The events that 1BH erases.
public struct EventSelection: Hashable, Sendable {
  /// With DI0 FFH; `nil` for all.
  public let kind: DataIdentifier?

  /// FF FF FF FF.
  public static let all = EventSelection(valid: nil)

  /// One kind, named by the identifier of its counter or of any of its records; `nil` for what is no event.
  public init?(kind identifier: DataIdentifier) {
    guard identifier.di3 == 0x03 || (0x10...0x1E).contains(identifier.di3) else { return nil }
    kind = DataIdentifier(identifier.di3, identifier.di2, identifier.di1, 0xFF)
  }

  /// From four bytes, DI0 first; `nil` for another count and for what is no event.
  public init?(wire bytes: some Collection<UInt8>) {
    guard bytes.count == 4 else { return nil }
    let bits = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    if bits == .max {
      self = .all
    } else {
      guard bits & 0xFF == 0xFF else { return nil }
      self.init(kind: DataIdentifier(rawValue: bits))
    }
  }

  private init(valid kind: DataIdentifier?) { self.kind = kind }

  /// FF DI1 DI2 DI3, or four times FF.
  var wireBytes: [UInt8] { kind?.wireBytes ?? [0xFF, 0xFF, 0xFF, 0xFF] }
}

extension EventSelection: CustomStringConvertible {
  /// `all`, or the identifier, `033001FF`.
  public var description: String { kind?.description ?? "all" }
}

/// A parameter of the 2007 edition and what is written to it.
public struct Parameter: Hashable, Sendable {
  public let identifier: DataIdentifier
  /// Without the 33H, low byte first.
  public let data: [UInt8]

  /// The most bytes that are written at once. That identifier, password and operator code do not count among the
  /// 50 is unverified; a day table of fourteen periods would not fit otherwise.
  public static let maximumData = 50

  /// `nil` for 0 or more than 50 bytes, and for the passwords 04000C01 to 04000C0A, which have a command of their
  /// own.
  public init?(_ identifier: DataIdentifier, _ data: [UInt8]) {
    guard (1...Self.maximumData).contains(data.count), !identifier.isPassword else { return nil }
    self.identifier = identifier
    self.data = data
  }
}

/// A parameter of the 1997 edition and what is written to it.
public struct ShortParameter: Hashable, Sendable {
  public let identifier: ShortIdentifier
  /// Without the 33H, low byte first.
  public let data: [UInt8]

  /// `nil` for 0 or more than 50 bytes, and for the passwords C212 and C213.
  public init?(_ identifier: ShortIdentifier, _ data: [UInt8]) {
    guard (1...Parameter.maximumData).contains(data.count), !identifier.isPassword else { return nil }
    self.identifier = identifier
    self.data = data
  }
}

extension DataIdentifier {
  /// 04000C01...04000C0A, of which nothing but the level may be told.
  var isPassword: Bool { rawValue >> 8 == 0x04_000C }
}

extension ShortIdentifier {
  /// C212 and C213. Source: unverified.
  var isPassword: Bool { rawValue == 0xC212 || rawValue == 0xC213 }
}
