public import DLT645
public import Metering
public import Modbus

/// One question to one meter: what one exchange asks for.
public enum Query: Hashable, Sendable {
  /// A data identifier of DL/T 645-2007.
  case identifier(DataIdentifier)
  /// A data identifier of DL/T 645-1997. A maximum demand is read together with its time.
  case shortIdentifier(ShortIdentifier)
  /// The daily freeze that was taken as a day began, by the identifier of the last one. Which record that is follows from
  /// the meter's clock when it is asked, and the time of the record proves it.
  case frozen(DataIdentifier, CivilDate)
  /// Records of a load profile of DL/T 645-2007. Each tells its own time.
  case profile(ProfileSpan)
  /// A run of Modbus registers.
  case registers(function: ReadFunction, start: UInt16, count: UInt16)

  /// What a reply shows of the question it answers.
  ///
  /// A reply can be mistaken only for the answer to a question of the same shape: DL/T 645 replies repeat the
  /// identifier, Modbus RTU replies tell no more than function and length.
  public enum Shape: Hashable, Sendable {
    case identifier(DataIdentifier)
    case shortIdentifier(ShortIdentifier)
    case registers(function: ReadFunction, count: UInt16)
  }

  public var shape: Shape {
    switch self {
    case .identifier(let identifier), .frozen(let identifier, _): .identifier(identifier)
    case .shortIdentifier(let identifier): .shortIdentifier(identifier)
    case .profile(let span): .identifier(span.identifier)
    case .registers(let function, _, let count): .registers(function: function, count: count)
    }
  }
}

extension Query {
  /// True for memories that bills rest on: closed months and days.
  var isBillingMemory: Bool {
    switch self {
    case .identifier(let identifier):
      switch identifier.di3 {
      case 0x00, 0x01: identifier.di0 != 0
      case 0x05: true
      default: false
      }
    case .frozen: true
    case .shortIdentifier(let identifier): identifier.monthsBack != nil
    case .profile, .registers: false
    }
  }

  /// Asks for what a month closed with.
  public var isSettlement: Bool {
    switch self {
    case .identifier(let identifier): identifier.di3 <= 0x01 && identifier.di0 != 0
    case .shortIdentifier(let identifier): identifier.monthsBack != nil
    case .frozen, .profile, .registers: false
    }
  }

  /// Asks when the meter closes its months, which says of which month its settlements are.
  var isSettlementDay: Bool {
    switch self {
    case .identifier(let identifier): identifier.rawValue & 0xFFFF_FF00 == 0x0400_0B00
    case .shortIdentifier(let identifier): identifier == .readingDay
    case .frozen, .profile, .registers: false
    }
  }

  /// Asks for a record of an event, which is read twice like what bills rest on.
  public var isEventRecord: Bool {
    if case .identifier(let identifier) = self { identifier.isEventRecord } else { false }
  }

  /// Asks for counts or records of events, or for status words.
  public var isEventData: Bool {
    switch self {
    case .identifier(let identifier): identifier.isEventData
    case .shortIdentifier(let identifier): identifier.isStatusWord
    case .frozen, .profile, .registers: false
    }
  }

  /// Asks for what a meter shows now, which nobody can read later: no clock, no memory, no events, nothing that is set.
  public var isOfTheMoment: Bool {
    guard !isClock, !isEventData, !isBillingMemory else { return false }
    switch self {
    case .identifier(let identifier): return identifier.di3 != 0x04
    case .shortIdentifier(let identifier): return identifier != .readingDay
    case .registers: return true
    case .frozen, .profile: return false
    }
  }

  /// Its answer tells all that the answer to `other` does, of the same moment or day.
  func covers(_ other: Query) -> Bool {
    switch (self, other) {
    case (.registers(let function, let start, let count), .registers(let another, let first, let length)):
      function == another && start <= first && Int(first) + Int(length) <= Int(start) + Int(count)
    default: self == other && (isOfTheMoment || freezeDay != nil)
    }
  }

  /// The day that the freeze asked for began; `nil` for all that is no freeze of a day.
  public var freezeDay: CivilDate? { if case .frozen(_, let day) = self { day } else { nil } }

  /// Asks for records of a load profile, which have their own times.
  public var isProfile: Bool { if case .profile = self { true } else { false } }

  /// The same question for the freeze of a day, where it is for the last daily freeze; itself else.
  func frozen(at day: CivilDate) -> Query {
    guard freezeTime != nil, case .identifier(let identifier) = self else { return self }
    return .frozen(identifier, day)
  }

  /// The record so many back, 1...254, of what this asks the last record of.
  func record(_ back: Int) -> Query {
    guard case .frozen(let identifier, _) = self else { return self }
    return .identifier(DataIdentifier(rawValue: identifier.rawValue & 0xFFFF_FF00 | UInt32(min(max(back, 1), 254))))
  }

  /// Looks at the meter's clock, which says what its memories are of.
  var isClock: Bool {
    switch self {
    case .identifier(let identifier): [0x0400_010C, 0x0400_0101, 0x0400_0102].contains(identifier.rawValue)
    case .shortIdentifier(let identifier): identifier == .clockDate || identifier == .clockTime
    case .frozen, .profile, .registers: false
    }
  }

  /// What is asked for, without the day: the name under which it is missed.
  public var subject: String {
    switch self {
    case .frozen(let identifier, _): "DI \(identifier)"
    case .profile(let span): span.subject
    case .identifier, .shortIdentifier, .registers: description
    }
  }

  /// The question for the time of the daily freeze that this one reads a value of; `nil` for all others.
  var freezeTime: Query? {
    guard case .identifier(let identifier) = self, identifier.di3 == 0x05, identifier.di2 == 0x06, identifier.di1 != 0
    else { return nil }
    return .identifier(DataIdentifier(rawValue: identifier.rawValue & 0xFFFF_00FF))
  }
}

extension Query: CustomStringConvertible {
  /// `DI 0001FF00`, `DI 901F` or `FC4 0+36`.
  public var description: String {
    switch self {
    case .identifier(let identifier): "DI \(identifier)"
    case .shortIdentifier(let identifier): "DI \(identifier)"
    case .frozen(let identifier, let day): "DI \(identifier) of \(day)T00:00"
    case .profile(let span): "\(span.subject), \(span.count) from \(span.first)"
    case .registers(let function, let start, let count): "FC\(function.rawValue) \(start)+\(count)"
    }
  }
}
