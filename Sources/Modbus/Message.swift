/// What one Modbus frame says, without what carries it: unit, function and the bytes after them.
///
///     RTU   unit 1 | function 1 | payload 0...252 | CRC 2, low byte first
///     TCP   transaction 2 | 0 0 | length 2 | unit 1 | function 1 | payload 0...252
///
/// Source: "Modbus over Serial Line" V1.02, section 2.3; "Modbus Messaging on TCP/IP" V1.0b, section 3.1.
public struct Message: Hashable, Sendable {
  /// 1...247 for a meter on a serial line, 0 for all of them; any byte over TCP.
  public let unit: UInt8
  public let function: FunctionCode
  public let payload: [UInt8]

  public init(unit: UInt8, function: FunctionCode, payload: [UInt8]) {
    self.unit = unit
    self.function = function
    self.payload = payload
  }

  /// Reads one whole RTU frame.
  public init(rtu frame: Span<UInt8>) throws(FrameError) {
    guard frame.count >= 4 else { throw .tooShort(count: frame.count) }
    guard frame.count <= 256 else { throw .tooLong(count: frame.count) }
    let end = frame.count - 2
    let received = word(frame[end + 1], frame[end])
    let computed = Checksum.of(frame.extracting(..<end))
    guard computed == received else { throw .checksum(computed: computed, received: received) }
    self.init(unit: frame[0], function: FunctionCode(rawValue: frame[1]), payload: frame.bytes(2..<end))
  }

  /// The message as an RTU frame.
  public var rtu: [UInt8] {
    var frame = [unit, function.rawValue] + payload
    let checksum = Checksum.of(frame.span)
    frame.append(checksum.lowByte)
    frame.append(checksum.highByte)
    return frame
  }

  /// The message as a TCP frame of the transaction.
  public func tcp(transaction: UInt16) -> [UInt8] {
    var frame: [UInt8] = []
    frame.reserveCapacity(payload.count + 8)
    frame.append(word: transaction)
    frame.append(word: 0)
    frame.append(word: UInt16(truncatingIfNeeded: payload.count &+ 2))
    return frame + [unit, function.rawValue] + payload
  }
}

/// A message over TCP with the number that joins a reply to its request.
public struct TCPMessage: Hashable, Sendable {
  public let transaction: UInt16
  public let message: Message

  public init(transaction: UInt16, message: Message) {
    self.transaction = transaction
    self.message = message
  }

  /// Reads one whole TCP frame.
  public init(tcp frame: Span<UInt8>) throws(FrameError) {
    guard frame.count >= 8 else { throw .tooShort(count: frame.count) }
    guard frame.count <= 260 else { throw .tooLong(count: frame.count) }
    let number = word(frame[2], frame[3])
    guard number == 0 else { throw .protocolNumber(number) }
    let announced = word(frame[4], frame[5])
    guard Int(announced) == frame.count - 6 else {
      throw .announcedLength(announced, following: frame.count - 6)
    }
    transaction = word(frame[0], frame[1])
    message = Message(
      unit: frame[6], function: FunctionCode(rawValue: frame[7]), payload: frame.bytes(8..<frame.count))
  }

  /// The message as a TCP frame.
  public var tcp: [UInt8] { message.tcp(transaction: transaction) }
}

extension Span where Element == UInt8 {
  /// A copy of part of the span; the range is within it.
  func bytes(_ range: Range<Int>) -> [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(range.count)
    for index in range { copy.append(self[index]) }
    return copy
  }
}
