/// Bytes that may be a frame, whole, cut off or hurt.
struct SecretCandidate {
  /// How many of the two `68H` are there.
  let starts: Int
  /// Two starts, the check byte and `16H` are right.
  let isSound: Bool
  /// Of the check byte, as the length byte says.
  let end: Int
  private let control: ControlCode
  private let count: Int
  /// Without the 33H, and beyond what the length byte says: that may be hurt.
  private let data: [UInt8]
  /// Six bytes of digits stand where the address does.
  private let hasAddress: Bool
  /// The check byte is there, and 16H or what stands in its place.
  private let isWhole: Bool
  /// `16H` stands where the length byte says.
  private let endsWell: Bool
  /// What the control code must have been for the sum to be right; `nil` where the frame is not whole.
  private let mended: ControlCode?
  /// One `68H` is hurt and nothing else, by the sum.
  private let isHurtAtStartOnly: Bool

  /// `nil` where no function with a password has such a head.
  init?(_ bytes: [UInt8], at start: Int) {
    starts = (bytes[start] == Frame.start ? 1 : 0) + (bytes[start + 7] == Frame.start ? 1 : 0)
    control = ControlCode(rawValue: bytes[start + 8])
    count = Int(bytes[start + 9])
    hasAddress = bytes[(start + 1)..<(start + 7)].allSatisfy { $0 >> 4 <= 0xA && $0 & 0xF <= 0xA }
    guard starts > 0 || hasAddress && Self.codes.contains(control.rawValue) else { return nil }
    let from = start + Frame.header
    data = bytes[from..<min(bytes.count, from + 16)].map { $0 &- Frame.dataOffset }
    end = from + count
    endsWell = end + 1 < bytes.count && bytes[end + 1] == Frame.end
    if end < bytes.count {
      let difference = bytes[end] &- bytes[start..<end].reduce(0) { $0 &+ $1 }
      // After a right sum the 16H may still come.
      isWhole = difference != 0 || end + 1 < bytes.count
      mended = ControlCode(rawValue: control.rawValue &+ difference)
      // The sum was made over the delimiter as it was sent.
      let hurt = bytes[start] == Frame.start ? bytes[start + 7] : bytes[start]
      isHurtAtStartOnly = starts == 1 && difference == Frame.start &- hurt
      isSound = starts == 2 && difference == 0 && endsWell
    } else {
      isWhole = false
      mended = nil
      isHurtAtStartOnly = false
      isSound = false
    }
  }

  /// Functions whose frames hold passwords, answers to reads aside.
  private static let codes: [UInt8] = [0x14, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x04, 0x0F, 0x10, 0x98, 0x8F]

  /// True while a frame goes on that is well so far.
  var isOpen: Bool { !isWhole && isPlausible }

  /// Places of secrets in the data behind two `68H`, the check byte included.
  func places() -> [Range<Int>] {
    if isSound { return layout(control) }
    guard isWhole else {
      guard isPlausible else { return [everything] }
      return isRead || control.isReply && !Self.codes.contains(control.rawValue)
        ? layout(control) : layout(control) + anyOfLength
    }
    guard isAnswerToRead else { return [everything] + layout(control) }
    guard let mended, mended != control, fits(mended) else { return layout(control) }
    return layout(control) + layout(mended)
  }

  /// The same where one `68H` or none is there; `isWithin` a frame that goes on.
  func placesOfHurt(isWithin: Bool) -> [Range<Int>] {
    var places = starts == 1 && fits(control) || starts == 0 && !isWithin && fitsWell(control) ? layout(control) : []
    guard starts == 1, hasAddress, !isWithin, !(isHurtAtStartOnly && isAnswerToRead) else { return places }
    places += anyOfLength
    return Self.codes.contains(control.rawValue) ? places + layout(control) : places
  }

  /// All the data, and what a length byte that is hurt leaves out.
  private var everything: Range<Int> { 0..<(endsWell ? count : max(count, 16)) + 1 }

  /// What the functions hide that a frame of this length may have.
  private var anyOfLength: [Range<Int>] {
    Self.codes.map(ControlCode.init(rawValue:)).filter(fitsWell).flatMap(layout)
  }

  private var isRead: Bool {
    switch control.rawValue {
    case 0x11: [4, 5, 10].contains(count)
    case 0x12: count == 5
    case 0x13: count == 0
    case 0x01: count == 2
    case 0x02: count == 2 || count == 3
    case 0x03: count == 0 || count == 2
    default: false
    }
  }

  /// Whether function and length go together, as far as the frame is there.
  private var isPlausible: Bool {
    switch control.rawValue {
    case 0x08, 0x0A, 0x15: return count == 6
    case 0x16: return count == 4
    case 0x0C, 0x17, 0x1D: return count == 1
    // A write that goes on may not have told yet what it writes.
    case 0x14: return fits(control) && (data.count < 4 || fitsWell(control))
    case let code where Self.codes.contains(code): return fits(control)
    default: break
    }
    guard control.isReply else { return isRead }
    // A refusal has one byte or two, a confirmation one at most.
    return control.isAbnormal ? count <= 2 : isAnswerToRead || count <= 1
  }

  /// An answer whose identifier, as far as it is there, is of a kind that can be asked for.
  private var isAnswerToRead: Bool {
    guard control.isReply, !control.isAbnormal else { return false }
    let isLong = data.count < 4 || data[3] <= 0x23
    let isShort = data.count < 2 || (0x90...0xEF).contains(data[1])
    switch control.function {
    case ReadFunction.data, ReadFunction.following: return count >= 4 && isLong
    case ReadFunction.data1997, ReadFunction.following1997: return count >= 2 && isShort
    case ReadFunction.again1997: return count >= 2 && (isShort || isLong)
    case ReadFunction.address: return count == 6
    default: return false
    }
  }

  /// Whether the length byte fits the function, so that one hurt `68H` or control code does not matter.
  private func fits(_ control: ControlCode) -> Bool {
    switch control.rawValue {
    case 0x14: count > 12 && count <= Frame.maximumData
    case 0x04: count > 6 && count <= Frame.maximumData
    case 0x19, 0x1A, 0x0F: count == 8
    case 0x18, 0x1B: count == 12
    case 0x1C: count == 16
    case 0x10, 0x98, 0x8F: count == 4
    default: control.isReply && !control.isAbnormal && count > 2 && count <= Frame.maximumData
    }
  }

  /// The same, and a write names a parameter: nearly any length would fit one.
  private func fitsWell(_ control: ControlCode) -> Bool {
    switch control.rawValue {
    case 0x14: fits(control) && data.count >= 4 && data[3] == 0x04
    case 0x04: fits(control) && data.count >= 2 && (0xC0...0xC5).contains(data[1])
    default: fits(control)
    }
  }

  private func layout(_ control: ControlCode) -> [Range<Int>] {
    switch control.rawValue {
    case 0x14: return hide([4..<8] + (namesPassword(orNearly: true) ? [12..<max(count, 16)] : []))
    case 0x04: return hide([2..<6] + (namesOldPassword(orNearly: true) ? [6..<max(count, 10)] : []))
    case 0x18: return hide([4..<12], whole: 12)
    case 0x19, 0x1A: return hide([0..<4], whole: 8)
    case 0x1B: return hide([0..<4], whole: 12)
    case 0x1C: return hide([0..<4], whole: 16)
    case 0x10, 0x98, 0x8F: return hide([0..<4], whole: 4)
    case 0x0F: return hide([0..<8], whole: 8)
    default: break
    }
    guard control.isReply else { return [] }
    if control.isAbnormal {
      let words = control.function == 0x03 ? 2 : 1
      return count > words ? hide([words..<count]) : []
    }
    // Of an answer that is not whole only the very identifier counts: values of others are what a trace is for.
    let isHurt = isWhole && !isSound
    switch control.function {
    case ReadFunction.data, ReadFunction.following:
      return namesPassword(orNearly: isHurt) ? hide([4..<max(count, 8)]) : []
    case ReadFunction.data1997, ReadFunction.following1997, ReadFunction.again1997:
      return namesOldPassword(orNearly: isHurt) ? hide([2..<max(count, 6)]) : []
    default: return []
    }
  }

  /// With the check byte, where the length byte says and where the function has it.
  private func hide(_ ranges: [Range<Int>], whole: Int? = nil) -> [Range<Int>] {
    if isSound { return count == 0 ? [] : ranges.map { $0.clamped(to: 0..<count) } + [count..<count + 1] }
    return ranges + [count..<count + 1] + (whole.map { [$0..<$0 + 1] } ?? [])
  }

  private func namesPassword(orNearly: Bool) -> Bool {
    guard data.count >= 4 else { return false }
    let right = [(1...0x0A).contains(data[0]), data[1] == 0x0C, data[2] == 0x00, data[3] == 0x04]
    let isPassword = DataIdentifier(data[3], data[2], data[1], data[0]).isPassword
    return isPassword || orNearly && !isSound && right.count { $0 } >= 3
  }

  private func namesOldPassword(orNearly: Bool) -> Bool {
    guard data.count >= 2 else { return false }
    let isPassword = ShortIdentifier(rawValue: UInt16(data[1]) << 8 | UInt16(data[0])).isPassword
    return isPassword || orNearly && !isSound && (data[1] == 0xC2 || data[0] == 0x12 || data[0] == 0x13)
  }
}
