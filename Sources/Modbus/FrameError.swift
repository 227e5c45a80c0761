/// Why bytes are not the Modbus frame they were taken for.
public enum FrameError: Error, Hashable, Sendable {
  /// Fewer bytes than the smallest frame of this kind has.
  case tooShort(count: Int)
  /// More bytes than a frame may have: 256 on a serial line, 260 over TCP.
  case tooLong(count: Int)
  /// The check bytes disagree with the frame before them.
  case checksum(computed: UInt16, received: UInt16)
  /// A TCP header whose protocol number is not 0.
  case protocolNumber(UInt16)
  /// A TCP header that announces another number of bytes than follow it.
  case announcedLength(UInt16, following: Int)
  /// Another function than the one looked for.
  case function(FunctionCode)
  /// A frame of another unit.
  case unit(UInt8, expected: UInt8)
  /// The frame's inner part has another length than its function prescribes.
  case length(Int, expected: Int)
  /// A reply whose byte count is not that of the registers asked for.
  case byteCount(UInt8, expected: UInt8)
  /// A request for no register, for more than 125, or past register 65535.
  case registers(first: UInt16, count: UInt16)
  /// A request for no coil or input, for more than one frame carries, or past number 65535.
  case bits(first: UInt16, count: UInt16)
  /// A coil is to be neither 0000H nor FF00H.
  case coilValue(UInt16)
  /// An interface of function 43 other than device identification, 14.
  case interface(UInt8)
  /// A kind of device identification that is none, or not the one asked for.
  case access(UInt8)
  /// A write to unit 0, which all meters obey.
  case broadcast
  /// A confirmation of another write.
  case otherWrite
}

extension FrameError: CustomStringConvertible {
  /// The short name in `decode --json`.
  public var code: String {
    switch self {
    case .tooShort: "truncated"
    case .tooLong, .announcedLength, .length, .byteCount: "length"
    case .checksum: "checksum"
    case .protocolNumber: "protocol"
    case .function: "function"
    case .unit: "unit"
    case .registers, .bits: "range"
    case .coilValue: "value"
    case .interface, .access: "identification"
    case .broadcast: "broadcast"
    case .otherWrite: "write"
    }
  }

  public var description: String {
    switch self {
    case .tooShort(let count): "the frame ends after \(count) \(count == 1 ? "byte" : "bytes")"
    case .tooLong(let count): "\(count) bytes are more than a frame may have"
    case .checksum(let computed, let received):
      "the checksum is \(hexWord(received)), and the bytes before it give \(hexWord(computed))"
    case .protocolNumber(let number): "protocol number \(number) in the header is not 0"
    case .announcedLength(let announced, let following):
      "the header announces \(announced) bytes and \(following) follow"
    case .function(let function): "\(function) is not the function asked for"
    case .unit(let unit, let expected): "unit \(unit) sent it, not unit \(expected)"
    case .length(let length, let expected): "\(length) bytes after the function code, where \(expected) belong"
    case .byteCount(let count, let expected): "a byte count of \(count), where \(expected) belongs"
    case .registers(let first, let count): "\(count) registers from \(first) cannot be asked for"
    case .bits(let first, let count): "\(count) coils or inputs from \(first) cannot be asked for"
    case .coilValue(let value): "a coil is 0000 or FF00, not \(hexWord(value))"
    case .interface(let number): "interface \(number) is no device identification, which is 14"
    case .access(let number): "\(number) is not the kind of identification asked for"
    case .broadcast: "a write to unit 0 goes to every meter"
    case .otherWrite: "it confirms another write"
    }
  }
}
