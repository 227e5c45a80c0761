internal import Metering

/// Which objects of its identification a meter is asked for.
///
/// Source: "Modbus Application Protocol Specification" V1.1b3, section 6.21.
public enum IdentificationAccess: UInt8, Hashable, Sendable, CaseIterable {
  /// Objects 0...2, as a stream.
  case basic = 1
  /// Objects up to 7FH, as a stream.
  case regular = 2
  /// All objects, as a stream.
  case extended = 3
  /// One object.
  case individual = 4
}

extension IdentificationAccess: CustomStringConvertible {
  public var description: String {
    switch self {
    case .basic: "basic"
    case .regular: "regular"
    case .extended: "extended"
    case .individual: "individual"
    }
  }
}

/// Asks one meter what it is: function 43 with interface type 14.
public struct IdentificationRequest: Hashable, Sendable {
  public let unit: UInt8
  public let access: IdentificationAccess
  /// Where a stream begins, or the one object wanted.
  public let object: UInt8

  /// The interface type of device identification within function 43.
  public static let interface: UInt8 = 14

  public init(unit: UInt8, access: IdentificationAccess, object: UInt8 = 0) {
    self.unit = unit
    self.access = access
    self.object = object
  }

  /// Reads a request from a message that is taken for one.
  public init(_ message: Message) throws(FrameError) {
    guard message.function == .encapsulatedInterface else { throw .function(message.function) }
    let payload = message.payload
    guard payload.count == 3 else { throw .length(payload.count, expected: 3) }
    guard payload[0] == Self.interface else { throw .interface(payload[0]) }
    guard let access = IdentificationAccess(rawValue: payload[1]) else { throw .access(payload[1]) }
    self.init(unit: message.unit, access: access, object: payload[2])
  }

  public var message: Message {
    Message(unit: unit, function: .encapsulatedInterface, payload: [Self.interface, access.rawValue, object])
  }

  /// The request for what `reply` says follows it; `nil` where nothing does.
  ///
  /// A meter that leads back to objects it has told is not followed, so a series of requests always ends.
  public func next(after reply: Identification) -> IdentificationRequest? {
    guard access != .individual, reply.moreFollows, let last = reply.objects.last?.id, reply.next > last else {
      return nil
    }
    return IdentificationRequest(unit: unit, access: access, object: reply.next)
  }
}

/// One thing that a meter says of itself.
public struct IdentificationObject: Hashable, Sendable {
  public let id: UInt8
  public let bytes: [UInt8]

  public init(id: UInt8, bytes: [UInt8]) {
    self.id = id
    self.bytes = bytes
  }

  /// What the specification calls the object; `reserved object 7` or `private object 128` beyond its list.
  public var name: String {
    switch id {
    case 0: "vendor name"
    case 1: "product code"
    case 2: "revision"
    case 3: "vendor url"
    case 4: "product name"
    case 5: "model name"
    case 6: "user application name"
    case 7...0x7F: "reserved object \(id)"
    default: "private object \(id)"
    }
  }

  /// The bytes as text where they are printable ASCII, else as hex digits.
  public var text: String { printable(bytes) ?? hexString(bytes) }
}

/// What a meter tells of itself in one reply.
public struct Identification: Hashable, Sendable {
  public let access: IdentificationAccess
  /// 1 basic, 2 regular, 3 extended; 128 more where single objects can be asked for too.
  public let conformity: UInt8
  /// True where `next` is to be asked for.
  public let moreFollows: Bool
  public let next: UInt8
  public let objects: [IdentificationObject]

  public init(
    access: IdentificationAccess, conformity: UInt8, moreFollows: Bool = false, next: UInt8 = 0,
    objects: [IdentificationObject]
  ) {
    self.access = access
    self.conformity = conformity
    self.moreFollows = moreFollows
    self.next = next
    self.objects = objects
  }

  /// Reads what follows the function code of a reply.
  init(payload: [UInt8]) throws(FrameError) {
    guard payload.count >= 6 else { throw .length(payload.count, expected: 6) }
    guard payload[0] == IdentificationRequest.interface else { throw .interface(payload[0]) }
    guard let access = IdentificationAccess(rawValue: payload[1]) else { throw .access(payload[1]) }
    var objects: [IdentificationObject] = []
    var place = 6
    for _ in 0..<payload[5] {
      guard place + 2 <= payload.count else { throw .length(payload.count, expected: place + 2) }
      let end = place + 2 + Int(payload[place + 1])
      guard end <= payload.count else { throw .length(payload.count, expected: end) }
      objects.append(IdentificationObject(id: payload[place], bytes: Array(payload[(place + 2)..<end])))
      place = end
    }
    guard place == payload.count else { throw .length(payload.count, expected: place) }
    self.init(
      access: access, conformity: payload[2], moreFollows: payload[3] == 0xFF, next: payload[4], objects: objects)
  }

  /// The reply as a meter sends it; objects that do not fit into one frame are left out.
  public func message(unit: UInt8) -> Message {
    var payload: [UInt8] = [
      IdentificationRequest.interface, access.rawValue, conformity, moreFollows ? 0xFF : 0, next, 0,
    ]
    for object in objects.prefix(255) where payload.count + 2 + object.bytes.count <= 252 {
      payload += [object.id, UInt8(truncatingIfNeeded: object.bytes.count)] + object.bytes
      payload[5] &+= 1
    }
    return Message(unit: unit, function: .encapsulatedInterface, payload: payload)
  }
}

/// What a meter answers to function 17. Each maker fills it in another way.
public struct ServerID: Hashable, Sendable {
  /// An identifier of any length, a run indicator of 00H or FFH, and what else the maker thinks fit.
  public let bytes: [UInt8]

  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// The longest run of printable ASCII, the first where several are as long; empty where there is none.
  public var text: String {
    let runs = bytes.split { !(0x20...0x7E).contains($0) }
    let longest = runs.reduce(into: ArraySlice<UInt8>()) { best, run in if run.count > best.count { best = run } }
    return String(decoding: longest, as: UTF8.self)
  }
}

/// Printable ASCII as text; `nil` for anything else, and for nothing.
func printable(_ bytes: some Collection<UInt8>) -> String? {
  guard !bytes.isEmpty, bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
  return String(decoding: bytes, as: UTF8.self)
}
