import Metering

/// Which of `bytes` are of passwords, with their levels, or check bytes over passwords, which tell a part of them.
///
/// Every place is looked at where a frame may start, whole, cut off or hurt; a byte too many is rather hidden than one
/// too few. Of two `68H` one may be hurt where function and length fit. A hurt control code is made good from the
/// check byte, as far as the whole frame is there.
///
/// | edition | functions | hidden from the first data byte |
/// |---|---|---|
/// | 2007 | 14H | bytes 4...7; all from 12 on to 04000C0x |
/// | 2007 | 18H, 98H | bytes 4...11; 0...3 |
/// | 2007 | 19H 1AH 1BH 1CH | bytes 0...3 |
/// | 2007 | 91H 92H of 04000C0x | all from 4 on |
/// | 1997 | 04H; 0FH; 8FH, 10H | bytes 2...5, all from 6 on to C212, C213; 0...7; 0...3 |
/// | 1997 | 81H 82H 83H of C212, C213 | all from 2 on |
/// | both | refusals | all behind the error words, which may be an echo of the request |
///
/// Source: DL/T 645-2007 and -1997 control codes, as in the layouts that wuhuangrui/C82_DL689 and 600888/dlt645 build.
public func secretBytes(in bytes: [UInt8]) -> [Bool] {
  var hidden = [Bool](repeating: false, count: bytes.count)
  guard bytes.count > Frame.header else { return hidden }
  for start in 0..<bytes.count - Frame.header
  where bytes[start] == Frame.start || bytes[start + 7] == Frame.start {
    let candidate = SecretCandidate(bytes, at: start)
    for place in candidate.places() {
      let index = start + Frame.header + place
      if index < hidden.count { hidden[index] = true }
    }
  }
  return hidden
}

/// Bytes that may be a frame.
private struct SecretCandidate {
  private let control: ControlCode
  private let count: Int
  /// Without the 33H, and beyond what the length byte says: that may be hurt.
  private let data: [UInt8]
  private let hasBothStarts: Bool
  private let isSound: Bool
  /// What the control code must have been for the sum to be right; `nil` where the frame is not whole.
  private let mended: ControlCode?

  init(_ bytes: [UInt8], at start: Int) {
    control = ControlCode(rawValue: bytes[start + 8])
    count = Int(bytes[start + 9])
    let from = start + Frame.header
    data = bytes[from..<min(bytes.count, from + 16)].map { $0 &- Frame.dataOffset }
    hasBothStarts = bytes[start] == Frame.start && bytes[start + 7] == Frame.start
    let end = from + count
    if end < bytes.count {
      let difference = bytes[end] &- bytes[start..<end].reduce(0) { $0 &+ $1 }
      mended = ControlCode(rawValue: control.rawValue &+ difference)
      isSound = hasBothStarts && difference == 0 && end + 1 < bytes.count && bytes[end + 1] == Frame.end
    } else {
      mended = nil
      isSound = false
    }
  }

  /// Places of secrets in the data, the check byte behind it included.
  func places() -> Set<Int> {
    guard hasBothStarts else { return fits(control) ? layout(control) : [] }
    var places = layout(control)
    if !isSound, let mended, mended != control, fits(mended) { places.formUnion(layout(mended)) }
    let isKnown = [Edition.dlt645v2007, .dlt645v1997].contains { Function.find(control.function, in: $0) != nil }
    // A control code that no request has is a hurt one.
    if !isSound, !control.isReply, !isKnown || control.rawValue != control.function {
      places.formUnion(0..<count + 1)
    }
    return places
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

  private func layout(_ control: ControlCode) -> Set<Int> {
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
    let isHurt = mended != nil && !isSound
    switch control.function {
    case ReadFunction.data, ReadFunction.following:
      return namesPassword(orNearly: isHurt) ? hide([4..<max(count, 8)]) : []
    case ReadFunction.data1997, ReadFunction.following1997, ReadFunction.again1997:
      return namesOldPassword(orNearly: isHurt) ? hide([2..<max(count, 6)]) : []
    default: return []
    }
  }

  /// With the check byte, where the length byte says and where the function has it.
  private func hide(_ ranges: [Range<Int>], whole: Int? = nil) -> Set<Int> {
    var places: Set<Int> = [count]
    if !isSound, let whole { places.insert(whole) }
    for range in ranges { places.formUnion(isSound ? range.clamped(to: 0..<count) : range) }
    return count == 0 && isSound ? [] : places
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

/// The bytes of a capture as hex pairs, those of passwords and of the sums over them as dots.
public func maskedHexString(_ bytes: [UInt8]) -> String {
  zip(bytes, secretBytes(in: bytes)).map { $1 ? ".." : hexPair($0) }.joined(separator: " ")
}
