/// One frame found in a stream of bytes, for people who look at captures.
public struct AnnotatedFrame: Hashable, Sendable {
  public enum Framing: String, Hashable, Sendable, CaseIterable {
    case rtu = "modbus-rtu"
    case tcp = "modbus-tcp"
  }

  public enum Direction: String, Hashable, Sendable {
    case request, reply
  }

  public let framing: Framing
  /// Index of its first byte in the stream.
  public let offset: Int
  /// Bytes of it that are there.
  public let length: Int
  /// `nil` where a frame of its function may be either.
  public let direction: Direction?
  public let unit: UInt8
  public let function: FunctionCode
  /// The first register asked for; `nil` where the frame does not say.
  public let register: UInt16?
  /// How many registers are asked for or brought; `nil` where the frame does not say.
  public let count: UInt16?
  /// The registers brought; `nil` where the frame brings none.
  public let registers: [UInt16]?
  public let exception: ExceptionCode?
  /// What it says, by name, for every function that meterd knows; empty where it does not say.
  public let fields: [Field]
  /// What is wrong with it; `nil` for a good frame. What the other fields say is then a guess.
  public let error: FrameError?

  public var isValid: Bool { error == nil }

  init(
    _ framing: Framing, offset: Int, length: Int, direction: Direction?, message: Message, error: FrameError? = nil
  ) {
    self.framing = framing
    self.offset = offset
    self.length = length
    self.direction = direction
    unit = message.unit
    function = message.function.requested
    self.error = error
    let request = direction == .request ? try? ReadRequest(message) : nil
    let reply = direction == .reply ? try? ReadReply(message) : nil
    register = request?.register
    switch reply {
    case .registers(let words):
      registers = words
      count = UInt16(truncatingIfNeeded: words.count)
    case .exception, nil:
      registers = nil
      count = request?.count
    }
    fields = Self.fields(of: message, direction)
    // Every function can be refused, not only those that are read here.
    exception =
      message.function.isException && direction == .reply
      ? message.payload.first.map(ExceptionCode.init(rawValue:)) : nil
  }
}
