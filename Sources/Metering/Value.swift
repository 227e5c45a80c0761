/// What a meter told about a quantity.
public enum Value: Hashable, Sendable {
  /// What a register counts or measures.
  case number(RegisterValue)
  /// Date and time together.
  case instant(MeterTime)
  /// A day of a meter's calendar.
  case date(CivilDate)
  /// A time of a meter's day.
  case timeOfDay(TimeOfDay)
  /// Addresses, numbers with leading zeros, names.
  case text(String)
  /// A status word of `width` bits.
  case bits(UInt32, width: Int)
  /// The meter has no such value: a filled item, a phase that is not there, an event that never was.
  case absent
}

extension Value: CustomStringConvertible {
  /// The value as printed, without its unit; `"-"` when absent.
  public var description: String {
    switch self {
    case .number(let value): value.description
    case .instant(let time): time.description
    case .date(let date): date.description
    case .timeOfDay(let time): time.description
    case .text(let text): text
    case .bits(let bits, let width): bitString(bits, width: width)
    case .absent: "-"
    }
  }

  /// The number, where it is one.
  public var number: RegisterValue? {
    guard case .number(let value) = self else { return nil }
    return value
  }
}

private func bitString(_ bits: UInt32, width: Int) -> String {
  (0..<min(max(width, 0), 32)).reversed().map { bits >> UInt32($0) & 1 == 1 ? "1" : "0" }.joined()
}

/// Which of a meter's memories a value comes from.
public enum Memory: Hashable, Sendable {
  /// The register as it stands.
  case current
  /// The settlement so many back: 1 is the last one closed, 12 the oldest. 上1..12结算日
  case settlement(Int)
  /// The daily freeze so many back: 1 is the last one. 日冻结
  case dailyFreeze(Int)
}

/// One value as a meter told it, before it is a reading: no host time, no verdict.
public struct Observation: Hashable, Sendable {
  /// Of what it is.
  public let quantity: Quantity
  /// What it is.
  public let value: Value
  /// When a maximum demand occurred, by the meter's clock.
  public let occurred: MeterTime?
  /// Which of the meter's memories it comes from.
  public let memory: Memory

  /// A value as a meter told it.
  public init(quantity: Quantity, value: Value, occurred: MeterTime? = nil, memory: Memory = .current) {
    self.quantity = quantity
    self.value = value
    self.occurred = occurred
    self.memory = memory
  }
}
