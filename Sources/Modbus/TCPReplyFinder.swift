/// Finds the reply to one request in what a Modbus TCP connection brings.
///
/// The transaction number tells a late reply from the one looked for. A header that is none is passed over byte
/// by byte until one fits.
public struct TCPReplyFinder<Request: Answerable>: Sendable {
  public let request: Request
  public let transaction: UInt16

  private var bytes: [UInt8] = []
  /// Transactions of whole frames that were not the answer, oldest first; the last 16.
  public private(set) var stale: [UInt16] = []
  /// Bytes that belong to no frame.
  public private(set) var noise = 0
  /// Bytes of a frame that has begun and not ended.
  public var pending: Int { bytes.count }

  private var headerLength: Int { 6 }

  /// A finder for one exchange.
  public init(expecting request: Request, transaction: UInt16) {
    self.request = request
    self.transaction = transaction
    bytes.reserveCapacity(260)
  }

  /// Takes the next byte of the connection; the reply when this byte completes it.
  public mutating func receive(_ byte: UInt8) -> Found<Request.Reply>? {
    bytes.append(byte)
    while bytes.count >= headerLength, !isHeader {
      bytes.removeFirst()
      noise += 1
    }
    guard bytes.count > headerLength, bytes.count == headerLength + announced else { return nil }
    defer { bytes.removeAll(keepingCapacity: true) }
    guard let frame = try? TCPMessage(tcp: bytes.span) else {
      noise += bytes.count
      return nil
    }
    guard frame.transaction == transaction, let reply = try? request.reply(from: frame.message) else {
      stale.append(frame.transaction)
      if stale.count > 16 { stale.removeFirst() }
      return nil
    }
    return Found(frame: bytes, reply: reply)
  }

  private var announced: Int { Int(word(bytes[4], bytes[5])) }

  /// Protocol 0 and the length of a unit, a function and at most 252 bytes more.
  private var isHeader: Bool { bytes[2] == 0 && bytes[3] == 0 && (2...254).contains(announced) }
}
