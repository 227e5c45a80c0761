/// A reply and the bytes that are its evidence.
public struct Found: Hashable, Sendable {
  /// The whole frame as it came.
  public let frame: [UInt8]
  public let reply: ReadReply

  public init(frame: [UInt8], reply: ReadReply) {
    self.frame = frame
    self.reply = reply
  }
}

/// Finds the reply to one request in whatever a serial line brings.
///
/// Bytes of an undriven pair, the echo of the request, replies of other units and leftovers may stand before and
/// after it. A reply is taken when unit, function, byte count and checksum are right; nothing less is.
/// Each byte costs the same small work, however long the noise, and at most 1,024 bytes are kept.
///
/// A reply names no register: one that answers an earlier question cannot be told apart here, so the line must
/// be silent before a request. And where a request for one register begins like its own reply (see
/// ``ReadRequest/echoBeginsLikeReply``), such bytes are never taken, for they may be the echo: ask for two
/// registers instead.
public struct ReplyFinder: Sendable {
  public let request: ReadRequest

  private let echo: [UInt8]
  private let answer: CheckedStretch
  private let answerHeader: [UInt8]
  private let refusal = CheckedStretch(length: ReadReply.exceptionLength)
  private let refusalHeader: [UInt8]
  private var bytes: [UInt8] = []
  /// The running checksum before each of `bytes`.
  private var before: [UInt16] = []
  private var running = Checksum(register: 0)
  /// No reply starts before this index: an echo or a reply ended there.
  private var floor = 0
  /// Bytes that were let go to stay within bounds.
  private var forgotten = 0
  private var found: Range<Int>?

  static let keptBytes = 1024

  /// A finder for one exchange.
  public init(expecting request: ReadRequest) {
    self.request = request
    echo = request.rtu
    answer = CheckedStretch(length: request.replyLength)
    answerHeader = [request.unit, request.function.rawValue, UInt8(truncatingIfNeeded: 2 &* request.count)]
    refusalHeader = [request.unit, request.function.code.refused.rawValue]
    bytes.reserveCapacity(answer.length + echo.count)
    before.reserveCapacity(answer.length + echo.count)
  }

  /// Takes the next byte of the line; the reply when this byte completes it.
  public mutating func receive(_ byte: UInt8) -> Found? {
    before.append(running.register)
    bytes.append(byte)
    running.add(byte)
    if endsWithEcho(prefix: echo.count) {
      floor = bytes.count
    } else if let range = completed() {
      let frame = Array(bytes[range])
      if let message = try? Message(rtu: frame.span), let reply = try? ReadReply(message, to: request) {
        if found == nil { found = range }
        floor = bytes.count
        return Found(frame: frame, reply: reply)
      }
    }
    forgetOldest()
    return nil
  }

  /// What the line brought besides the reply, as far as it is still kept.
  public var skipped: Skipped {
    var others = Skipped(noise: forgotten)
    if let found {
      others.add(bytes[..<found.lowerBound], request: request)
      others.add(bytes[found.upperBound...], request: request)
    } else {
      others.add(bytes[...], request: request)
    }
    return others
  }

  /// Where the reply stands that the last byte completed, if it completed one.
  private func completed() -> Range<Int>? {
    stretch(answer, startingWith: answerHeader) ?? stretch(refusal, startingWith: refusalHeader)
  }

  /// The end of the stream, where it starts with `header` and ends with its own checksum.
  private func stretch(_ stretch: CheckedStretch, startingWith header: [UInt8]) -> Range<Int>? {
    let start = bytes.count - stretch.length
    guard start >= floor, bytes[start...].starts(with: header),
      stretch.isWhole(from: before[start], to: running.register), !mayBeEcho(length: stretch.length)
    else { return nil }
    return start..<bytes.count
  }

  /// True when the last `length` bytes lie within what may be the echo, seen so far.
  private func mayBeEcho(length: Int) -> Bool {
    guard length < echo.count else { return false }
    return (length..<echo.count).contains { endsWithEcho(prefix: $0) }
  }

  /// True when the stream ends with the first `count` bytes of the request.
  private func endsWithEcho(prefix count: Int) -> Bool {
    let start = bytes.count - count
    guard start >= 0 else { return false }
    for index in 0..<count where bytes[start + index] != echo[index] { return false }
    return true
  }

  private mutating func forgetOldest() {
    guard bytes.count >= Self.keptBytes else { return }
    // Three quarters go at once, so that the move is paid for by the bytes before it. A reply, once found, stays.
    let surplus = min(bytes.count - Self.keptBytes / 4, found?.lowerBound ?? bytes.count)
    guard surplus > 0 else { return forgetNewest() }
    bytes.removeFirst(surplus)
    before.removeFirst(surplus)
    forgotten += surplus
    floor = max(0, floor - surplus)
    if let range = found { found = range.lowerBound - surplus..<range.upperBound - surplus }
  }

  /// After the reply, what still pours in is counted and let go.
  private mutating func forgetNewest() {
    guard let found, bytes.count > found.upperBound else { return }
    forgotten += bytes.count - found.upperBound
    bytes.removeSubrange(found.upperBound...)
    before.removeSubrange(found.upperBound...)
    floor = bytes.count
  }
}

extension ReadRequest {
  /// True where the first seven bytes of the request are themselves a whole reply to it.
  ///
  /// That takes one register, numbered 512...767, and a check byte of 0: about one such request in 256. On a line
  /// with echo the request would be read as its own answer.
  public var echoBeginsLikeReply: Bool {
    let frame = rtu
    guard let message = try? Message(rtu: frame.span.extracting(..<7)) else { return false }
    return (try? ReadReply(message, to: self)) != nil
  }
}
