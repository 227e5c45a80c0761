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
  /// Where the meter shows the power of ten that the number is to be taken times; `nil` where it shows none.
  public let scaleRegister: Int?

  public init(
    _ function: ReadFunction, register: Int, format: RegisterFormat, quantity: Quantity, memory: Memory = .current,
    scaleRegister: Int? = nil
  ) {
    self.function = function
    self.register = register
    self.format = format
    self.quantity = quantity
    self.memory = memory
    self.scaleRegister = scaleRegister
  }

  var end: Int { register + format.type.registerCount }
}

/// Registers that hold the same at all times: who the meter is.
public struct FixedRegisters: Hashable, Sendable {
  public let function: ReadFunction
  public let register: Int
  public let words: [UInt16]

  public init(_ function: ReadFunction, register: Int, words: [UInt16]) {
    self.function = function
    self.register = register
    self.words = words
  }
}

/// The registers of one kind of meter.
///
/// What lies between two items and is not forbidden reads as 0, as on most meters; what lies before the first or
/// behind the last is not there.
public struct RegisterMap: Hashable, Sendable {
  public let items: [RegisterItem]
  public let fixed: [FixedRegisters]
  /// What one request may ask for.
  public let limits: ReadLimits
  private let extents: [ReadFunction: Range<Int>]

  public init(items: [RegisterItem], fixed: [FixedRegisters] = [], limits: ReadLimits = ReadLimits()) {
    self.items = items.sorted { ($0.function, $0.register) < ($1.function, $1.register) }
    self.fixed = fixed
    self.limits = limits
    var extents: [ReadFunction: Range<Int>] = [:]
    for item in items {
      let scale = item.scaleRegister ?? item.register
      let own = min(item.register, scale)..<max(item.end, scale + 1)
      let known = extents[item.function] ?? own
      extents[item.function] = min(known.lowerBound, own.lowerBound)..<max(known.upperBound, own.upperBound)
    }
    self.extents = extents
  }

  public init(items: [RegisterItem], forbidden: [RegisterRange], maximumCount: Int = ReadRequest.maximumCount) {
    self.init(items: items, limits: ReadLimits(maximumRegisters: maximumCount, forbidden: forbidden))
  }

  /// What a profile lists of its meter.
  public init(_ map: ModbusMap) {
    self.init(
      items: map.registers.map {
        RegisterItem(
          $0.range.function, register: $0.range.first, format: $0.format, quantity: $0.quantity,
          scaleRegister: $0.scaleRegister)
      }, fixed: map.identity.map { FixedRegisters($0.range.function, register: $0.range.first, words: $0.registers) },
      limits: map.limits)
  }

  /// Whether a meter with this map answers a read of `range`.
  func allows(_ range: RegisterRange) -> Bool {
    guard limits.allow(range) else { return false }
    if let extent = extents[range.function], extent.lowerBound <= range.first, range.end <= extent.upperBound {
      return true
    }
    return fixed.contains {
      $0.function == range.function && $0.register <= range.first && range.end <= $0.register + $0.words.count
    }
  }

  /// The items of which a read of `range` shows at least a part, or whose power of ten it shows.
  func items(in range: RegisterRange) -> [RegisterItem] {
    let registers = range.first..<range.end
    return items.filter { item in
      item.function == range.function
        && (item.register < range.end && range.first < item.end
          || item.scaleRegister.map(registers.contains) ?? false)
    }
  }
}
