internal import Metering

extension AnnotatedFrame {
  /// One thing that a frame says, for people: `coils` `1 0 1`.
  public struct Field: Hashable, Sendable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What the bytes after the function code say, in their order; empty where they are not as they should be.
  ///
  /// A frame that may be either says the same as a request and as a reply.
  static func fields(of message: Message, _ direction: Direction?) -> [Field] {
    if message.function.isException {
      guard let code = try? message.exception() else { return [] }
      return [Field(name: "exception", value: "\(hexPair(code.rawValue)) \(code.name)")]
    }
    switch direction {
    case .reply: return replyFields(of: message)
    case .request, nil: return requestFields(of: message)
    }
  }

  private static func requestFields(of message: Message) -> [Field] {
    switch message.function.rawValue {
    case 1, 2:
      guard let request = try? BitRequest(message) else { return [] }
      return place(request.function == .coils ? "coil" : "input", request.first) + count(Int(request.count))
    case 3, 4:
      guard let request = try? ReadRequest(message) else { return [] }
      return place("register", request.register) + count(Int(request.count))
    case 5, 6, 15, 16:
      guard let change = try? Change(of: message) else { return [] }
      return fields(of: change) + (message.unit == 0 ? [Field(name: "broadcast", value: "every unit")] : [])
    case 43:
      guard let request = try? IdentificationRequest(message) else { return [] }
      return [
        Field(name: "identification", value: "\(request.access)"),
        Field(name: "object", value: IdentificationObject(id: request.object, bytes: []).name),
      ]
    default: return []
    }
  }

  private static func fields(of change: Change) -> [Field] {
    switch change {
    case .coil(let first, let isOn): place("coil", first) + [Field(name: "value", value: isOn ? "on" : "off")]
    case .register(let first, let value): place("register", first) + [Field(name: "value", value: hexWord(value))]
    case .coils(let first, let bits): place("coil", first) + count(bits.count) + [field("coils", bits)]
    case .registers(let first, let words):
      place("register", first) + count(words.count) + [field("registers", words)]
    }
  }

  private static func replyFields(of message: Message) -> [Field] {
    if message.function == .writeMultipleCoils || message.function == .writeMultipleRegisters {
      guard let (first, written) = try? message.firstAndCount() else { return [] }
      return place(message.function == .writeMultipleCoils ? "coil" : "register", first) + count(Int(written))
    }
    switch try? InquiryReply(message) {
    case .bits(let bits): return [field(message.function == .readCoils ? "coils" : "inputs", bits)]
    case .registers(let words): return count(words.count) + [field("registers", words)]
    case .serverID(let id):
      return [Field(name: "server id", value: hexString(id.bytes))]
        + (id.text.isEmpty ? [] : [Field(name: "text", value: id.text)])
    case .identification(let told): return fields(of: told)
    case .exception, nil: return []
    }
  }

  private static func fields(of told: Identification) -> [Field] {
    var fields = [
      Field(name: "identification", value: "\(told.access)"),
      Field(name: "conformity", value: hexPair(told.conformity)),
      Field(name: "more follows", value: told.moreFollows ? "from object \(told.next)" : "no"),
    ]
    fields += told.objects.map { Field(name: $0.name, value: $0.text) }
    return fields
  }

  private static func place(_ name: String, _ number: UInt16) -> [Field] {
    [Field(name: name, value: "\(number) (\(hexWord(number))H)")]
  }

  private static func count(_ count: Int) -> [Field] { [Field(name: "count", value: "\(count)")] }

  private static func field(_ name: String, _ bits: [Bool]) -> Field {
    Field(name: name, value: bits.map { $0 ? "1" : "0" }.joined(separator: " "))
  }

  private static func field(_ name: String, _ words: [UInt16]) -> Field {
    Field(name: name, value: words.map(hexWord).joined(separator: " "))
  }
}
