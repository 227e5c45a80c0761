public import Line
public import Metering
internal import Modbus

extension Probe {
  /// What a Modbus unit says of itself: its objects of function 43/14, or its identity by function 17; empty where
  /// it refuses both or stays silent.
  ///
  /// Source: "Modbus Application Protocol Specification" V1.1b3, sections 6.13 and 6.21.
  public func identity(
    ofUnit unit: UInt8, settings: SerialSettings, timeout: BootInstant.Span
  ) throws(LineError) -> [String] {
    for question in [
      Message(unit: unit, function: FunctionCode(rawValue: 43), payload: [14, 1, 0]),
      Message(unit: unit, function: FunctionCode(rawValue: 17), payload: []),
    ] {
      guard let reply = try exchange(question, settings, timeout) else { continue }
      let texts = Identity.texts(in: reply)
      if !texts.isEmpty { return texts }
    }
    return []
  }
}

/// The readable parts of replies that identify a device.
enum Identity {
  static func texts(in reply: Message) -> [String] {
    switch reply.function.rawValue {
    case 43: objects(reply.payload)
    case 17: printable(Array(reply.payload.dropFirst())).map { [$0] } ?? []
    default: []
    }
  }

  /// After 14, access, conformity, more, next and the number of objects: objects with number, length and text.
  private static func objects(_ payload: [UInt8]) -> [String] {
    let names = ["vendor", "product", "revision"]
    var texts: [String] = []
    var at = 6
    while at + 2 <= payload.count, texts.count < 8 {
      let length = Int(payload[at + 1])
      guard at + 2 + length <= payload.count else { break }
      if let text = printable(Array(payload[(at + 2)..<(at + 2 + length)])) {
        let number = Int(payload[at])
        texts.append("\(names.indices.contains(number) ? names[number] : "object \(number)") \(text)")
      }
      at += 2 + length
    }
    return texts
  }

  /// The longest readable run; `nil` for fewer than three characters.
  private static func printable(_ bytes: [UInt8]) -> String? {
    let runs = bytes.split { !(0x20...0x7E).contains($0) }
    guard let longest = runs.max(by: { $0.count < $1.count }), longest.count >= 3 else { return nil }
    return String(decoding: longest, as: UTF8.self)
  }

  /// The sound reply to `question` somewhere in what came; `nil` where there is none yet. A refusal counts as one.
  static func reply(to question: Message, in bytes: [UInt8]) -> Message? {
    for start in bytes.indices where bytes[start] == question.unit {
      guard start + 1 < bytes.count,
        FunctionCode(rawValue: bytes[start + 1]).requested == question.function.requested
      else { continue }
      guard let length = length(bytes[start...]), start + length <= bytes.count else { continue }
      let frame = Array(bytes[start..<(start + length)])
      guard frame != question.rtu, let message = try? Message(rtu: frame.span) else { continue }
      return message
    }
    return nil
  }

  /// How long a reply is that starts like these bytes; `nil` where that is not to be seen yet.
  private static func length(_ bytes: ArraySlice<UInt8>) -> Int? {
    let start = bytes.startIndex
    guard bytes.count >= 5 else { return nil }
    switch bytes[start + 1] {
    case 0x80...0xFF: return 5
    case 17: return 3 + Int(bytes[start + 2]) + 2
    case 43:
      guard bytes.count >= 8 else { return nil }
      var at = 8
      for _ in 0..<bytes[start + 7] {
        guard at + 1 < bytes.count else { return nil }
        at += 2 + Int(bytes[start + at + 1])
      }
      return at + 2
    default: return nil
    }
  }
}

/// Sends a question of which only function and unit of the reply are known.
struct IdentityConversation: Conversation {
  let question: Message
  private(set) var reply: Message?
  private var bytes: [UInt8] = []

  init(_ question: Message) { self.question = question }

  mutating func start() -> ConversationStep { .send(question.rtu, longestReply: 256) }
  mutating func receive(_ byte: UInt8) -> ConversationStep {
    guard bytes.count < 512 else { return .finished }
    bytes.append(byte)
    return .listen
  }
  mutating func interrupted() { bytes = [] }
  /// The checksum may come out right in the midst of a frame: all of it is heard first.
  mutating func timedOut() -> ConversationStep {
    reply = Identity.reply(to: question, in: bytes)
    return .finished
  }
}
