/// A reply and the bytes that are its evidence.
public struct Found<Reply: Hashable & Sendable>: Hashable, Sendable {
  /// The whole frame as it came.
  public let frame: [UInt8]
  public let reply: Reply

  public init(frame: [UInt8], reply: Reply) {
    self.frame = frame
    self.reply = reply
  }
}

/// Finds the reply to one request in whatever a serial line brings.
///
/// Bytes of an undriven pair, the echo of the request, replies of other units and leftovers may stand before and
/// after it. A reply is taken when unit, function, length and checksum are right and it says nothing else than
/// what was asked for; nothing less is. Each byte costs the same small work, however long the noise, and at most
/// 1,024 bytes are kept.
///
/// A reply to a read names no register: one that answers an earlier question cannot be told apart here, so the line
/// must be silent before a request. And where a request begins like its own reply (see
/// ``Answerable/echoBeginsLikeReply``), such bytes are never taken, for they may be the echo, whether its last byte
/// follows or was lost: ask for two registers instead.
public struct ReplyFinder<Request: Answerable>: Sendable {
  public let request: Request
  @usableFromInline var search: FrameSearch

  /// A finder for one exchange.
  ///
  /// A write of one coil or register is answered by its own copy. On a line with echo that is `afterEcho`, so that
  /// the first copy is not believed; for all other requests it changes nothing.
  public init(expecting request: Request, afterEcho: Bool = false) {
    self.request = request
    search = FrameSearch(echo: request.rtu, shape: request.answerShape, echoesToCome: afterEcho ? 1 : 0)
  }

  /// Takes the next byte of the line; the reply when this byte completes it.
  // Inlined, so that a byte costs no more than in a finder made for one kind of request.
  @inlinable public mutating func receive(_ byte: UInt8) -> Found<Request.Reply>? {
    guard let range = search.receive(byte) else { return nil }
    return read(range)
  }

  /// Reads the frame that the last byte completed.
  @usableFromInline mutating func read(_ range: Range<Int>) -> Found<Request.Reply>? {
    let frame = Array(search.bytes[range])
    guard let message = try? Message(rtu: frame.span), let reply = try? request.reply(from: message) else {
      search.leave()
      return nil
    }
    search.take(range)
    return Found(frame: frame, reply: reply)
  }

  /// What the line brought besides the reply, as far as it is still kept.
  public var skipped: Skipped {
    var others = Skipped(noise: search.forgotten)
    let echo = request.rtu
    if let found = search.found {
      others.add(search.bytes[..<found.lowerBound], echo: echo)
      others.add(search.bytes[found.upperBound...], echo: echo)
    } else {
      others.add(search.bytes[...], echo: echo)
    }
    return others
  }
}
