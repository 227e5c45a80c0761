/// A request that one meter answers, with what its answer looks like.
public protocol Answerable: Hashable, Sendable {
  associatedtype Reply: Hashable & Sendable

  var message: Message { get }
  /// How its replies begin and how long they are on a serial line.
  var answerShape: AnswerShape { get }
  /// Reads the reply; throws where `message` answers something else.
  func reply(from message: Message) throws(FrameError) -> Reply
}

extension Answerable {
  /// The request for a serial line.
  public var rtu: [UInt8] { message.rtu }

  /// The request for a Modbus TCP connection.
  public func tcp(transaction: UInt16) -> [UInt8] { message.tcp(transaction: transaction) }

  /// True where the request is, or begins with, a whole reply to itself. Not asked of writes, which always are.
  ///
  /// For one register that takes a number of 512...767 and a check byte of 0: about one such request in 256. On a
  /// line with echo the request would be read as its own answer, so plans ask for two registers instead (see
  /// ``ReadLimits/clearOfEcho(_:unit:)``).
  public var echoBeginsLikeReply: Bool {
    let frame = rtu
    guard !answerShape.repeatsRequest, frame.count >= 5 else { return false }
    return (5...frame.count).contains { count in
      guard let message = try? Message(rtu: frame.span.extracting(..<count)) else { return false }
      return (try? reply(from: message)) != nil
    }
  }
}

/// What every sound reply to a request has in common, before anyone reads it.
public struct AnswerShape: Hashable, Sendable {
  public enum Length: Hashable, Sendable {
    /// So many bytes, unit and checksum included.
    case fixed(Int)
    /// The byte after the function code counts what follows it.
    case counted
    /// Objects of a device identification, each with its length.
    case objects
  }

  /// Unit, function code and whatever else is known of the first bytes; 2 at least.
  public let header: [UInt8]
  public let length: Length
  /// True where the reply is the request once more, byte for byte.
  public let repeatsRequest: Bool

  public init(header: [UInt8], length: Length, repeatsRequest: Bool = false) {
    self.header = header
    self.length = length
    self.repeatsRequest = repeatsRequest
  }
}

extension ReadRequest: Answerable {
  public var answerShape: AnswerShape {
    AnswerShape(
      header: [unit, function.rawValue, UInt8(truncatingIfNeeded: 2 &* count)], length: .fixed(replyLength))
  }

  public func reply(from message: Message) throws(FrameError) -> ReadReply { try ReadReply(message, to: self) }
}
