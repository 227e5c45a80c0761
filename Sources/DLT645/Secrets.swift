import Metering

/// Which of `bytes` are of passwords, with their levels, or check bytes over passwords, which tell a part of them.
///
/// Every place is looked at where a frame may start, whole, cut off or hurt; a byte too many is rather hidden than one
/// too few.
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
/// Where a frame is hurt, any of these may have been its function:
///
/// | what is there | hidden |
/// |---|---|
/// | a header with both `68H`, then no sound frame | all its data, 16 bytes at least; not those of an answer to a read, unless its sum says that its control code is hurt |
/// | such a header that goes on, of a function and a length that fit | what any change of that length would hide |
/// | such a header that goes on, of others | all its data |
/// | one `68H`, or an address between two bytes that are none | what any function would hide that has this length, and what this function would |
///
/// Not to be told from an answer or a question: a control code that was hurt into just one of these.
/// Source: DL/T 645-2007 and -1997 control codes, as in the layouts that wuhuangrui/C82_DL689 and 600888/dlt645 build.
public func secretBytes(in bytes: [UInt8]) -> [Bool] {
  var hidden = [Bool](repeating: false, count: bytes.count)
  guard bytes.count > Frame.header else { return hidden }
  func hide(_ places: [Range<Int>], of start: Int) {
    for range in places {
      for place in range where start + Frame.header + place < hidden.count {
        hidden[start + Frame.header + place] = true
      }
    }
  }
  var sound: [(range: Range<Int>, places: [Range<Int>])] = []
  // Where the last sound frame ends, and the last that goes on.
  var soundEnd = 0, openEnd = 0
  for start in 0..<bytes.count - Frame.header {
    guard let candidate = SecretCandidate(bytes, at: start) else { continue }
    let places: [Range<Int>]
    switch candidate.starts {
    case 2:
      places = candidate.places()
      if candidate.isSound {
        sound.append((start..<candidate.end + 2, places))
        soundEnd = max(soundEnd, candidate.end + 2)
        continue
      }
      if candidate.isOpen { openEnd = max(openEnd, candidate.end + 2) }
    default:
      // Within a frame nothing starts; but one that goes on may be noise itself.
      guard start >= soundEnd else { continue }
      places = candidate.placesOfHurt(isWithin: start < openEnd)
    }
    hide(places, of: start)
  }
  // What a sound frame says is known, whatever stands before it.
  for frame in sound { for index in frame.range { hidden[index] = false } }
  for frame in sound { hide(frame.places, of: frame.range.lowerBound) }
  return hidden
}

/// The bytes of a capture as hex pairs, those of passwords and of the sums over them as dots.
public func maskedHexString(_ bytes: [UInt8]) -> String {
  zip(bytes, secretBytes(in: bytes)).map { $1 ? ".." : hexPair($0) }.joined(separator: " ")
}
