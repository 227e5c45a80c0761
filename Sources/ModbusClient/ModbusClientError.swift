public import Modbus

/// Why libmodbus did not build a request or did not confirm a reply.
public enum ModbusClientError: Error, Hashable, Sendable {
  /// The socket pair could not be made; the number is errno.
  case socketPair(CInt)
  /// libmodbus waits with `select`, which aborts the process beyond descriptor 1023.
  case descriptorTooHigh(CInt)
  case outOfMemory
  /// A unit that libmodbus does not address: it takes 1...247, over TCP also 0 and 255.
  case unit(UInt8)
  /// A reply was to be confirmed, and no request is pending.
  case nothingPending
  /// libmodbus built other bytes than Modbus prescribes.
  case request([UInt8])
  /// The meter refused.
  case exception(ExceptionCode)
  /// A whole frame that does not answer the request.
  case answer(FrameError)
  /// A frame of another TCP transaction.
  case transaction(UInt16, expected: UInt16)
  /// Bytes after the end of the reply.
  case surplus(count: Int)
  /// What libmodbus said itself.
  case library(LibraryError)
}

extension ModbusClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .socketPair(let number): "no socket pair for libmodbus (errno \(number))"
    case .descriptorTooHigh(let descriptor):
      "descriptor \(descriptor) is too high for libmodbus, which takes those below \(ModbusContext.descriptorLimit)"
    case .outOfMemory: "no memory for a libmodbus context"
    case .unit(let unit): "libmodbus does not address unit \(unit)"
    case .nothingPending: "no request is pending"
    case .request(let frame): "libmodbus built a wrong request of \(frame.count) bytes"
    case .exception(let code): "the meter refused: \(code)"
    case .answer(let error): "\(error)"
    case .transaction(let number, let expected): "transaction \(number) came, not \(expected)"
    case .surplus(let count): "\(count) \(count == 1 ? "byte follows" : "bytes follow") the reply"
    case .library(let error): "libmodbus: \(error)"
    }
  }
}

/// A number that libmodbus left in errno: one of its own or one of the system's.
///
/// Its own numbers are C macros over an enumeration, which Swift does not import; a test holds these against the
/// library's texts. Source: libmodbus 3.1.6, modbus.h.
public struct LibraryError: RawRepresentable, Hashable, Sendable {
  public let rawValue: CInt
  public init(rawValue: CInt) { self.rawValue = rawValue }

  static let base: CInt = 112_345_678

  public static let badChecksum = LibraryError(rawValue: base + 12)
  public static let badData = LibraryError(rawValue: base + 13)
  public static let badException = LibraryError(rawValue: base + 14)
  public static let unknownException = LibraryError(rawValue: base + 15)
  public static let tooManyData = LibraryError(rawValue: base + 16)
  public static let badSlave = LibraryError(rawValue: base + 17)
  /// ETIMEDOUT of Linux: the reply was cut short.
  public static let timedOut = LibraryError(rawValue: 110)

  /// The Modbus exception that the number stands for; `nil` for all others.
  public var exception: ExceptionCode? {
    let code = Int64(rawValue) - Int64(Self.base)
    return (1...11).contains(code) && code != 9 ? ExceptionCode(rawValue: UInt8(code)) : nil
  }
}

extension LibraryError: CustomStringConvertible {
  public var description: String {
    if let exception { return exception.name }
    switch self {
    case .badChecksum: return "wrong checksum"
    case .badData: return "wrong data"
    case .badException: return "unknown exception code"
    case .unknownException: return "unknown error"
    case .tooManyData: return "too many registers"
    case .badSlave: return "reply of another unit"
    case .timedOut: return "the reply ends too early"
    default: return "errno \(rawValue)"
    }
  }
}
