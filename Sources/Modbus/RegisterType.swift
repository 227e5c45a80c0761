/// How the registers of one value are to be understood.
public enum RegisterType: Hashable, Sendable {
  case u16, i16, u32, i32, u64, i64
  /// IEEE 754 binary32 and binary64.
  case f32, f64
  /// Four decimal digits a register, one in each half byte.
  case bcd16, bcd32, bcd64
  /// An unsigned number in some bits of one register; 0 is the lowest bit, and the last one is included.
  case bits(first: UInt8, last: UInt8)
  /// ASCII, two characters a register, the first one in the high byte; 1...32 registers.
  case text(registers: Int)
  /// Three registers year-month, day-hour, minute-second; the first of each in the high byte, years from 2000.
  /// Source: Acrel ADL3000 map, registers 003CH to 003EH.
  case dateTime

  public var registerCount: Int {
    switch self {
    case .u16, .i16, .bcd16, .bits: 1
    case .u32, .i32, .f32, .bcd32: 2
    case .u64, .i64, .f64, .bcd64: 4
    case .dateTime: 3
    case .text(let registers): registers
    }
  }

  /// True where the value is a number that a scale applies to.
  public var isNumber: Bool {
    switch self {
    case .text, .dateTime: false
    case .u16, .i16, .u32, .i32, .u64, .i64, .f32, .f64, .bcd16, .bcd32, .bcd64, .bits: true
    }
  }

  /// True where the number is whole, so that a power of ten from a scale register applies to it.
  public var isWhole: Bool {
    switch self {
    case .u16, .i16, .u32, .i32, .u64, .i64, .bcd16, .bcd32, .bcd64, .bits: true
    case .f32, .f64, .text, .dateTime: false
    }
  }

  private static let simple: [(name: String, type: RegisterType)] = [
    ("u16", .u16), ("i16", .i16), ("u32", .u32), ("i32", .i32), ("u64", .u64), ("i64", .i64), ("f32", .f32),
    ("f64", .f64), ("bcd16", .bcd16), ("bcd32", .bcd32), ("bcd64", .bcd64), ("datetime", .dateTime),
  ]
}

extension RegisterType: CustomStringConvertible {
  /// The name in profiles: `u32`, `f32`, `bcd32`, `bits0-3`, `text8`, `datetime`.
  public var description: String {
    switch self {
    case .bits(let first, let last): "bits\(first)-\(last)"
    case .text(let registers): "text\(registers)"
    case .u16, .i16, .u32, .i32, .u64, .i64, .f32, .f64, .bcd16, .bcd32, .bcd64, .dateTime:
      Self.simple.first { $0.type == self }?.name ?? ""
    }
  }

  /// Reads a name; `nil` for no type, bits beyond 15 and texts beyond 32 registers.
  public init?(_ name: some StringProtocol) {
    if let type = Self.simple.first(where: { $0.name == name })?.type {
      self = type
    } else if name.hasPrefix("text"), let registers = Int(name.dropFirst(4)), (1...32).contains(registers) {
      self = .text(registers: registers)
    } else if name.hasPrefix("bits") {
      let ends = name.dropFirst(4).split(separator: "-", omittingEmptySubsequences: false).compactMap { UInt8($0) }
      guard ends.count == 2, ends[0] <= ends[1], ends[1] <= 15 else { return nil }
      self = .bits(first: ends[0], last: ends[1])
    } else {
      return nil
    }
    // Only the written form: "text08" names nothing.
    guard description == name else { return nil }
  }
}
