public import Devices
public import Metering
public import Modbus

/// Where a simulated meter shows one value.
public struct RegisterItem: Hashable, Sendable {
  public let function: ReadFunction
  /// The first register by its number on the wire, from 0.
  public let register: Int
  public let format: RegisterFormat
  public let quantity: Quantity
  public let memory: Memory

  public init(
    _ function: ReadFunction, register: Int, format: RegisterFormat, quantity: Quantity, memory: Memory = .current
  ) {
    self.function = function
    self.register = register
    self.format = format
    self.quantity = quantity
    self.memory = memory
  }

  var end: Int { register + format.type.registerCount }
}

/// The registers of one kind of meter.
///
/// What lies between two items and is not forbidden reads as 0, as on most meters; what lies before the first or
/// behind the last is not there.
public struct RegisterMap: Hashable, Sendable {
  public let items: [RegisterItem]
  /// Ranges in which no register may be asked for.
  public let forbidden: [RegisterRange]
  /// The most registers that one request may ask for, 1...125.
  public let maximumCount: Int
  private let extents: [ReadFunction: Range<Int>]

  public init(items: [RegisterItem], forbidden: [RegisterRange] = [], maximumCount: Int = ReadRequest.maximumCount) {
    self.items = items.sorted { ($0.function, $0.register) < ($1.function, $1.register) }
    self.forbidden = forbidden
    self.maximumCount = min(max(maximumCount, 1), ReadRequest.maximumCount)
    extents = Dictionary(grouping: items, by: \.function).compactMapValues { items in
      guard let first = items.map(\.register).min(), let end = items.map(\.end).max() else { return nil }
      return first..<end
    }
  }

  /// What a profile lists of its meter.
  public init(_ map: ModbusMap) {
    self.init(
      items: map.registers.map {
        RegisterItem($0.range.function, register: $0.range.first, format: $0.format, quantity: $0.quantity)
      }, forbidden: map.limits.forbidden, maximumCount: map.limits.maximumRegisters)
  }

  /// Whether a meter with this map answers a read of `range`.
  func allows(_ range: RegisterRange) -> Bool {
    guard let extent = extents[range.function], extent.lowerBound <= range.first, range.end <= extent.upperBound
    else { return false }
    return !forbidden.contains { $0.overlaps(range) }
  }

  /// The items of which a read of `range` shows at least a part.
  func items(in range: RegisterRange) -> [RegisterItem] {
    items.filter { $0.function == range.function && $0.register < range.end && range.first < $0.end }
  }
}
