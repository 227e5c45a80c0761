/// A frame as it came: its layout, its data without the 33H, its bytes.
struct Reception {
  let frame: Frame
  let data: [UInt8]
  let bytes: [UInt8]
}

/// One request on the wire, and what counts as its answer.
struct Question {
  let request: Request
  /// What was asked for, perhaps with a wildcard.
  let address: Address
  /// The meter that answered the first request, where this is a follow-up.
  let meter: Address?
  /// The request without wake-up bytes.
  let sent: [UInt8]

  enum Answer {
    /// Data after the identifier and without a sequence number.
    case part([UInt8], more: Bool)
    case address(Address)
    /// The frame comes from one address and tells another.
    case differentAddresses(Address)
    case refusal(ErrorWord)
  }

  enum Judgement {
    case answer(Answer)
    case ignored(IgnoredFrame.Reason)
  }

  /// 9FH, sent by some modules of their own accord. Source: qiujianhong/task_1020.
  static let reportFunction: UInt8 = 0x1F

  func judge(_ reception: Reception) -> Judgement {
    let control = reception.frame.control
    guard control.isReply else { return .ignored(reception.bytes == sent ? .echo : .otherRequest) }
    guard control.function != Self.reportFunction else { return .ignored(.unsolicited) }
    guard isAsked(reception.frame.address) else { return .ignored(.foreignAddress(reception.frame.address)) }
    guard control.function == request.function else { return .ignored(.otherFunction(control)) }
    let data = reception.data
    if control.isAbnormal {
      guard let word = data.first else { return .ignored(.malformed) }
      return .answer(.refusal(ErrorWord(rawValue: word)))
    }
    switch request {
    case .address: return addressAnswer(reception)
    case .data, .profile:
      let identifier = wanted
      guard data.count >= 4 else { return .ignored(.malformed) }
      let found = DataIdentifier(data[3], data[2], data[1], data[0])
      guard found == identifier else { return .ignored(.otherIdentifier(found)) }
      return .answer(.part(Array(data.dropFirst(4)), more: control.hasMore))
    case .following(let identifier, let sequence):
      guard data.count >= 5, let number = data.last else { return .ignored(.malformed) }
      let found = DataIdentifier(data[3], data[2], data[1], data[0])
      guard found == identifier else { return .ignored(.otherIdentifier(found)) }
      guard number == sequence else { return .ignored(.otherSequence(number)) }
      return .answer(.part(Array(data[4..<(data.count - 1)]), more: control.hasMore))
    case .data1997, .again1997:
      guard data.count >= 2 else { return .ignored(.malformed) }
      let found = ShortIdentifier(rawValue: UInt16(data[1]) << 8 | UInt16(data[0]))
      guard isWanted(found) else { return .ignored(.otherShortIdentifier(found)) }
      return .answer(.part(Array(data.dropFirst(2)), more: control.hasMore))
    case .following1997(let identifier, let sequence):
      guard data.count >= 3, let number = data.last else { return .ignored(.malformed) }
      let found = ShortIdentifier(rawValue: UInt16(data[1]) << 8 | UInt16(data[0]))
      guard found == identifier else { return .ignored(.otherShortIdentifier(found)) }
      guard number == sequence else { return .ignored(.otherSequence(number)) }
      return .answer(.part(Array(data[2..<(data.count - 1)]), more: control.hasMore))
    }
  }

  /// The identifier of a read of the 2007 edition.
  private var wanted: DataIdentifier? {
    switch request {
    case .data(let identifier), .following(let identifier, _): identifier
    case .profile(let read): read.identifier
    case .address, .data1997, .following1997, .again1997: nil
    }
  }

  /// A re-read that names no identifier takes whatever comes.
  private func isWanted(_ found: ShortIdentifier) -> Bool {
    switch request {
    case .data1997(let identifier), .following1997(let identifier, _): found == identifier
    case .again1997(let identifier): identifier == nil || found == identifier
    case .data, .profile, .following, .address: false
    }
  }

  /// The reply to 13H tells the address twice, in the frame and as its data.
  private func addressAnswer(_ reception: Reception) -> Judgement {
    guard !reception.frame.control.hasMore, let told = Address(wire: reception.data), told.isComplete else {
      return .ignored(.malformed)
    }
    guard reception.frame.address == told || !reception.frame.address.isComplete else {
      return .answer(.differentAddresses(told))
    }
    guard address.matches(told) else { return .ignored(.foreignAddress(told)) }
    return .answer(.address(told))
  }

  /// The address itself, which covers a wildcard that comes back, or a meter's own that it reaches.
  private func isAsked(_ found: Address) -> Bool {
    if let meter { return found == meter }
    if found == address { return true }
    switch request {
    case .data, .profile, .following, .address: return address.matches(found)
    case .data1997, .following1997, .again1997:
      // Meters of that edition answer a read to 99..99 with their own address.
      // Source: bench log of two meters in KTS-Intek/DLT645.
      return address == .broadcast ? found.isComplete : address.matches(found)
    }
  }
}
