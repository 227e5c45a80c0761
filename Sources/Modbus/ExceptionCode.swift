/// Why a meter refused a request. Any byte can be held: makers add codes of their own.
///
/// Source: "Modbus Application Protocol Specification" V1.1b3, section 7; 7 and 9 are of older editions.
public struct ExceptionCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let illegalFunction = ExceptionCode(rawValue: 1)
  public static let illegalDataAddress = ExceptionCode(rawValue: 2)
  public static let illegalDataValue = ExceptionCode(rawValue: 3)
  public static let serverDeviceFailure = ExceptionCode(rawValue: 4)
  public static let acknowledge = ExceptionCode(rawValue: 5)
  public static let serverDeviceBusy = ExceptionCode(rawValue: 6)
  public static let negativeAcknowledge = ExceptionCode(rawValue: 7)
  public static let memoryParityError = ExceptionCode(rawValue: 8)
  public static let gatewayPathUnavailable = ExceptionCode(rawValue: 10)
  public static let gatewayTargetFailed = ExceptionCode(rawValue: 11)

  /// The name in the specification, `vendor code 21` for codes beyond it.
  public var name: String {
    switch rawValue {
    case 1: "illegal function"
    case 2: "illegal data address"
    case 3: "illegal data value"
    case 4: "server device failure"
    case 5: "acknowledge"
    case 6: "server device busy"
    case 7: "negative acknowledge"
    case 8: "memory parity error"
    case 10: "gateway path unavailable"
    case 11: "gateway target device failed to respond"
    default: "vendor code \(rawValue)"
    }
  }
}

extension ExceptionCode: CustomStringConvertible {
  public var description: String { name }
}
