public import DLT645
public import Modbus

/// One question to one meter: what one exchange asks for.
public enum Query: Hashable, Sendable {
  /// A data identifier of DL/T 645-2007.
  case identifier(DataIdentifier)
  /// A data identifier of DL/T 645-1997. A maximum demand is read together with its time.
  case shortIdentifier(ShortIdentifier)
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
    case .identifier(let identifier): .identifier(identifier)
    case .shortIdentifier(let identifier): .shortIdentifier(identifier)
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
    case .shortIdentifier(let identifier): identifier.monthsBack != nil
    case .registers: false
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
    case .registers(let function, let start, let count): "FC\(function.rawValue) \(start)+\(count)"
    }
  }
}
