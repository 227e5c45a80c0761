/// The name a meter has in the configuration, such as `M-0001`; 1...64 characters.
public struct MeterID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// As it stands in configuration and store.
  public let text: String

  /// `nil` when empty, longer than 64 characters, or with a space or control character.
  public init?(_ text: String) {
    guard (1...64).contains(text.count), text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F })
    else { return nil }
    self.text = text
  }

  private init(valid text: String) { self.text = text }

  /// For a meter that no configuration names.
  public static let unnamed = MeterID(valid: "unnamed")

  public var description: String { text }
  public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

/// What an instant of a reading means.
public enum ReadingKind: String, Hashable, Sendable, CaseIterable {
  /// The register as it stood when it was read; the instant is the due time of the round.
  case instantaneous
  /// Kept by the meter at midnight; the instant is the meter's own freeze time. 日冻结
  case dailyFreeze = "daily-freeze"
  /// Kept by the meter at its settlement; the instant is the boundary that closed the month. 结算
  case settlement
  /// One interval of a load profile; the instant is its end.
  case profile
  /// Told with an event of the meter.
  case event
  /// Made by a method, not by the meter.
  case estimate
}

/// What makes a reading the same reading.
///
/// The same key with the same value is a duplicate and changes nothing; with another value it is a finding.
public struct ReadingKey: Hashable, Sendable {
  /// Whose value it is.
  public let meter: MeterID
  /// Of what.
  public let quantity: Quantity
  /// By which of the meter's memories.
  public let kind: ReadingKind
  /// Milliseconds since 1970 UTC; for values the meter kept, its own local time put in the station's zone.
  public let instant: Int64

  /// A key; `instant` as its property says.
  public init(meter: MeterID, quantity: Quantity, kind: ReadingKind, instant: Int64) {
    self.meter = meter
    self.quantity = quantity
    self.kind = kind
    self.instant = instant
  }
}

/// How a value came to be.
public enum Quality: String, Hashable, Sendable, CaseIterable {
  /// Read from the meter. 实抄
  case actual
  /// Read twice, and both reads agreed.
  case confirmed
  /// Read at the boundary because the meter keeps no freeze of its own.
  case synthetic
  /// Made by a method from other readings. 估抄
  case estimated
  /// Written by a person. 代抄
  case substituted
}

/// One value of one quantity of one meter at one instant, with how it was obtained.
public struct Reading: Hashable, Sendable {
  /// What the reading is of.
  public let key: ReadingKey
  /// What the register showed.
  public let value: RegisterValue
  /// How the value came to be.
  public let quality: Quality
  /// When a maximum demand occurred, by the meter's clock.
  public let occurred: MeterTime?
  /// What the meter's clock showed at the read, also of a memory that was kept long before; `nil` for meters without
  /// one. Beside `hostTime` it tells how far that clock was off.
  public let meterTime: MeterTime?
  /// Wall clock of the host when the last byte had come.
  public let hostTime: HostInstant
  /// Boot clock of the host at the same moment.
  public let bootTime: BootInstant

  /// A reading as it came from the line, or was made instead.
  public init(
    key: ReadingKey, value: RegisterValue, quality: Quality, occurred: MeterTime? = nil, meterTime: MeterTime? = nil,
    hostTime: HostInstant, bootTime: BootInstant
  ) {
    self.key = key
    self.value = value
    self.quality = quality
    self.occurred = occurred
    self.meterTime = meterTime
    self.hostTime = hostTime
    self.bootTime = bootTime
  }
}
