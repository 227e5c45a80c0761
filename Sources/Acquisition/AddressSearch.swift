public import DLT645

/// Finds the addresses of the DL/T 645 meters that share a line: what was heard in, the next question out.
///
/// First the wildcard is asked. One sound answer is one meter; where answers collide or more than one comes, the
/// lowest byte of the address is asked for from 00 to 99, then the next byte wherever that collides again. Every
/// address is asked by itself before it counts: two answers on top of each other pass the checksum now and then.
/// Noise looks like a collision. So a mask that brought only garbage is asked again before it is narrowed, a level whose
/// hundred masks all bring garbage is noise, and a search that narrows garbage over and over and finds nobody ends.
/// A 1997 meter has no function that tells the address: reading its energy shows it, through AA..AA or 99..99.
/// Source: DL/T 645-2007, shortened addressing; 99..99 for 1997 as in KTS-Intek/DLT645 (a bench log).
public struct AddressSearch: Sendable {
  /// One question, to be put by itself.
  public struct Question: Hashable, Sendable {
    public let request: ReadExchange.Request
    public let address: Address
    /// Two meters have just spoken at once: the line needs a long silence first.
    public let followsCollision: Bool
  }

  /// What the line brought until no answer could come any more.
  public enum Heard: Hashable, Sendable {
    case silence
    /// Sound replies; `isClean` is false where bytes came that are part of none. No reply and not clean is garbage.
    case replies([Reply], isClean: Bool)
  }

  /// A sound reply to what was asked.
  public struct Reply: Hashable, Sendable {
    /// The address of its frame.
    public let from: Address
    /// The address in its data, where the question was for it.
    public let number: Address?

    public init(from: Address, number: Address? = nil) {
      self.from = from
      self.number = number
    }
  }

  public let edition: Edition
  /// Also sweeps where the line stays silent: two answers may cancel each other out.
  public let isThorough: Bool
  /// Addresses that answered by themselves, as they were found.
  public private(set) var found: [Address] = []
  /// Addresses at which more than one meter answers.
  public private(set) var crowded: [Address] = []
  /// Addresses that were told and gave no sound answer when they were asked.
  public private(set) var doubtful: [Address] = []
  /// A meter answers with the wildcard and nothing tells its address: it can be read only alone on its line.
  public private(set) var isNamelessThere = false
  /// Bytes came that nobody could make an address of.
  public private(set) var isGarbageHeard = false
  /// Garbage came so often that it was not followed to its end: meters that speak at once may be left.
  public private(set) var isNoisy = false

  private enum Step: Hashable, Sendable {
    /// Ask all meters whose address ends in these digits.
    case mask(String, tries: Int)
    /// 1997: ask everybody at the broadcast address.
    case everybody
    /// Ask for the next of the hundred masks that go one byte further.
    case sweep(String, next: Int)
    /// Look at which masks of a sweep brought garbage.
    case settle(String)
    /// Ask one meter; a failure means that the answer to the mask `within` was no real one.
    case confirm(Address, within: String?, tries: Int)
    /// 1997: ask for the meter's number where it hides its address.
    case number
  }

  /// What a sweep under way has heard.
  private struct Level {
    /// Masks that brought bytes and no reply.
    var garbled: [String] = []
    /// Masks that brought bytes which are no reply, with a reply or without.
    var unclean = 0
  }

  /// A collision is followed through six levels at most; twice that without a meter is noise.
  private static let mostFruitless = 12

  private var levels: [String: Level] = [:]
  /// Masks narrowed for garbage alone since a meter was found.
  private var fruitless = 0
  /// The last is the next.
  private var steps: [Step]
  private var open: Step?
  private var followsCollision = false
  private let known: Set<Address>

  /// A search that has not begun. Meters of `known` answer too and are not found again.
  public init(_ edition: Edition, isThorough: Bool = false, known: Set<Address> = []) {
    self.edition = edition
    self.isThorough = isThorough
    self.known = known
    steps = [.mask("", tries: 0)]
  }

  /// Questions that are certain to come; collisions add more.
  public var questionsLeft: Int {
    steps.reduce(0) { count, step in
      switch step {
      case .sweep(_, let next): count + 100 - next
      case .settle: count
      case .mask, .everybody, .confirm, .number: count + 1
      }
    }
  }

  /// The next question; `nil` when the search is over. Every question is followed by `heard`.
  public mutating func next() -> Question? {
    guard let step = steps.popLast() else { return nil }
    switch step {
    case .sweep(let digits, let next):
      if next < 99 { steps.append(.sweep(digits, next: next + 1)) }
      steps.append(.mask((next < 10 ? "0\(next)" : "\(next)") + digits, tries: 1))
      return self.next()
    case .settle(let digits):
      settle(digits)
      return self.next()
    case .mask(let digits, _):
      guard let address = Self.mask(digits) else { return self.next() }
      return ask(step, hello, address)
    case .everybody: return ask(step, hello, .broadcast)
    case .confirm(let address, _, _): return ask(step, proof, address)
    case .number: return ask(step, .data1997(ShortIdentifier(rawValue: 0xC032)), .wildcard)
    }
  }

  /// What came of the question.
  public mutating func heard(_ heard: Heard) {
    guard let step = open else { return }
    open = nil
    var replies: [Reply] = []
    var isClean = true
    if case .replies(let found, let clean) = heard { (replies, isClean) = (found, clean) }
    followsCollision = !isClean || replies.count > 1
    if !isClean, replies.isEmpty { isGarbageHeard = true }
    switch step {
    case .mask(let digits, let tries): heardMask(digits, tries, heard, replies, isClean)
    case .everybody: heardMask("", 1, heard, replies, isClean, isLast: true)
    case .confirm(let address, let within, let tries): heardOne(address, within, tries, replies, isClean)
    case .number:
      if let number = replies.compactMap(\.number).first(where: \.isComplete), replies.count == 1, isClean {
        confirm(number, within: nil)
        isNamelessThere = !hasSeen(number)
      } else {
        isNamelessThere = true
      }
    case .sweep, .settle: break
    }
  }
}

extension AddressSearch {
  /// All meters whose address ends in an even number of digits, up to twelve.
  static func mask(_ digits: String) -> Address? {
    Address(String(repeating: "A", count: max(0, 12 - digits.utf8.count)) + digits)
  }

  private var hello: ReadExchange.Request { edition == .dlt645v2007 ? .address : proof }

  /// What every meter has, so that it answers when it is asked by itself.
  private var proof: ReadExchange.Request {
    edition == .dlt645v2007
      ? .data(DataIdentifier(rawValue: 0x0001_0000)) : .data1997(ShortIdentifier(rawValue: 0x9010))
  }

  private mutating func ask(_ step: Step, _ request: ReadExchange.Request, _ address: Address) -> Question {
    open = step
    return Question(request: request, address: address, followsCollision: followsCollision)
  }

  private func hasSeen(_ address: Address) -> Bool { found.contains(address) || known.contains(address) }

  private mutating func confirm(_ address: Address, within: String?) {
    guard !hasSeen(address) else { return }
    let isWaiting = steps.contains { if case .confirm(address, _, _) = $0 { true } else { false } }
    if !isWaiting { steps.append(.confirm(address, within: within, tries: 0)) }
  }

  private mutating func heardMask(
    _ digits: String, _ tries: Int, _ heard: Heard, _ replies: [Reply], _ isClean: Bool, isLast: Bool = false
  ) {
    guard heard != .silence else {
      guard digits.isEmpty else { return }
      // One lost answer must not end the whole search.
      if tries == 0 {
        steps.append(.mask("", tries: 1))
      } else if edition == .dlt645v1997, !isLast {
        steps.append(.everybody)
      } else if isThorough {
        steps.append(.sweep("", next: 0))
      }
      return
    }
    if !isClean, tries == 1, !digits.isEmpty { levels[String(digits.dropFirst(2)), default: Level()].unclean += 1 }
    guard !replies.isEmpty else {
      if digits.isEmpty || tries > 1 {
        narrowGarbage(digits)
      } else {
        levels[String(digits.dropFirst(2)), default: Level()].garbled.append(digits)
      }
      return
    }
    // The frame of a reply may carry the wildcard, and its data the address.
    var addresses: [Address?] = []
    for reply in replies {
      let told = reply.from.isComplete ? reply.from : reply.number
      if !addresses.contains(told) { addresses.append(told) }
    }
    let isOne = addresses.count == 1 && isClean
    if !isOne { narrow(digits) }
    // Garbage at a whole address may be noise; two sound replies are two meters.
    if digits.utf8.count == 12, let address = Address(digits), replies.count(where: { $0.from == address }) > 1 {
      crowd(address)
    }
    for told in addresses.reversed() {
      if let told, told.isComplete, told != .broadcast {
        // What answers outside of the mask is late; it says nothing of this mask.
        let isInside = Self.mask(digits)?.matches(told) ?? false
        confirm(told, within: isOne && isInside ? digits : nil)
      } else if edition == .dlt645v1997, isOne {
        steps.append(.number)
      } else if isOne {
        narrow(digits)
      }
    }
  }

  private mutating func narrow(_ digits: String) {
    guard digits.utf8.count < 12 else { return }
    steps.append(.settle(digits))
    steps.append(.sweep(digits, next: 0))
  }

  /// Narrows a mask that no sound reply speaks for, as long as that still leads to meters.
  private mutating func narrowGarbage(_ digits: String) {
    guard digits.utf8.count < 12 else { return }
    guard !isNoisy, fruitless < Self.mostFruitless else {
      isNoisy = true
      return
    }
    fruitless += 1
    narrow(digits)
  }

  /// Asks again for the masks of a sweep that brought garbage, unless all did: meters do not fill a whole level.
  private mutating func settle(_ digits: String) {
    guard let level = levels.removeValue(forKey: digits) else { return }
    guard level.unclean < 100 else {
      isNoisy = true
      return
    }
    guard !isNoisy else { return }
    for mask in level.garbled.reversed() where mask.utf8.count < 12 { steps.append(.mask(mask, tries: 2)) }
  }

  private mutating func heardOne(
    _ address: Address, _ within: String?, _ tries: Int, _ replies: [Reply], _ isClean: Bool
  ) {
    let own = replies.filter { $0.from == address }
    if own.isEmpty {
      guard tries > 0 else { return steps.append(.confirm(address, within: within, tries: 1)) }
      if !doubtful.contains(address) { doubtful.append(address) }
      if isClean, let within { narrowGarbage(within) }
      return
    }
    if !hasSeen(address) {
      found.append(address)
      fruitless = 0
    }
    doubtful.removeAll { $0 == address }
    // The line was otherwise silent: a second voice at this address is a second meter.
    if own.count > 1 { crowd(address) }
  }

  private mutating func crowd(_ address: Address) {
    if !crowded.contains(address) { crowded.append(address) }
  }
}

extension AddressSearch.Heard {
  /// Fewer bytes outside of frames than this are noise of the line; a frame that collided leaves at least twelve.
  private static let strays = 6

  /// Judges all that came after a question. `broken` counts characters with wrong parity.
  public init(_ bytes: [UInt8], broken: Int = 0, answering request: ReadExchange.Request) {
    var replies: [AddressSearch.Reply] = []
    var stray = broken
    var offset = 0
    let span = bytes.span
    while offset < bytes.count {
      guard bytes[offset] == 0x68, let frame = try? Frame.decode(span, at: offset) else {
        // Wake-up bytes, and what an undriven pair looks like.
        if ![0xFE, 0x00, 0xFF].contains(bytes[offset]) { stray += 1 }
        offset += 1
        continue
      }
      offset += frame.length
      // An echo, somebody else's request or an unasked report is no answer.
      guard frame.control.isReply, frame.control.function == request.function else { continue }
      let isPossible = frame.address.isComplete || frame.address == .wildcard
      guard isPossible else {
        stray += frame.length
        continue
      }
      let number = frame.control.isAbnormal ? nil : request.number(in: frame.data(in: span))
      if case .address = request, frame.address.isComplete, number != frame.address {
        stray += frame.length
        continue
      }
      replies.append(AddressSearch.Reply(from: frame.address, number: number))
    }
    let isClean = stray < Self.strays
    self = replies.isEmpty && isClean ? .silence : .replies(replies, isClean: isClean)
  }
}

extension ReadExchange.Request {
  fileprivate var function: UInt8 {
    switch self {
    case .data, .profile: 0x11
    case .address: 0x13
    case .data1997: 0x01
    case .again1997: 0x03
    }
  }

  /// The meter's number in the data of a reply.
  fileprivate func number(in data: [UInt8]) -> Address? {
    switch self {
    case .address: Address(wire: data)
    case .data1997(let identifier) where identifier.rawValue == 0xC032 && data.count >= 8:
      Address(wire: Array(data[2..<8]))
    case .data, .data1997, .profile, .again1997: nil
    }
  }
}
