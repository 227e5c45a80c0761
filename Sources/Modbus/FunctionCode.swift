/// What a Modbus request asks for. Any byte can be held, since any byte can come.
///
/// A reply carries the code of its request; an exception reply carries it with the top bit set.
/// Source: "Modbus Application Protocol Specification" V1.1b3, sections 5 and 6.
public struct FunctionCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let readCoils = FunctionCode(rawValue: 1)
  public static let readDiscreteInputs = FunctionCode(rawValue: 2)
  public static let readHoldingRegisters = FunctionCode(rawValue: 3)
  public static let readInputRegisters = FunctionCode(rawValue: 4)
  public static let writeSingleCoil = FunctionCode(rawValue: 5)
  public static let writeSingleRegister = FunctionCode(rawValue: 6)
  public static let writeMultipleCoils = FunctionCode(rawValue: 15)
  public static let writeMultipleRegisters = FunctionCode(rawValue: 16)
  public static let reportServerID = FunctionCode(rawValue: 17)
  /// Device identification is its interface type 14.
  public static let encapsulatedInterface = FunctionCode(rawValue: 43)

  /// True on the reply of a refusal.
  public var isException: Bool { rawValue & 0x80 != 0 }

  /// The code without the exception bit.
  public var requested: FunctionCode { FunctionCode(rawValue: rawValue & 0x7F) }

  /// The code with the exception bit.
  public var refused: FunctionCode { FunctionCode(rawValue: rawValue | 0x80) }

  /// What the specification calls the request; `nil` for codes it does not name.
  public var name: String? {
    switch requested.rawValue {
    case 1: "read coils"
    case 2: "read discrete inputs"
    case 3: "read holding registers"
    case 4: "read input registers"
    case 5: "write single coil"
    case 6: "write single register"
    case 7: "read exception status"
    case 8: "diagnostics"
    case 11: "get comm event counter"
    case 12: "get comm event log"
    case 15: "write multiple coils"
    case 16: "write multiple registers"
    case 17: "report server id"
    case 20: "read file record"
    case 21: "write file record"
    case 22: "mask write register"
    case 23: "read/write multiple registers"
    case 24: "read fifo queue"
    case 43: "encapsulated interface transport"
    default: nil
    }
  }
}

extension FunctionCode: CustomStringConvertible {
  /// The name, or `function 100` where there is none.
  public var description: String { name ?? "function \(requested.rawValue)" }
}

/// The tables of registers that a meter may have.
public enum ReadFunction: UInt8, Hashable, Sendable, CaseIterable, Comparable {
  case holdingRegisters = 3
  case inputRegisters = 4

  public var code: FunctionCode { FunctionCode(rawValue: rawValue) }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
