/// Looks for frames of one shape with a right checksum in a serial stream, byte by byte.
///
/// It knows no protocol beyond lengths: what it finds is read by someone else, who then takes it or leaves it.
@usableFromInline struct FrameSearch: Sendable {
  private let echo: [UInt8]
  private let header: [UInt8]
  private let answer: CheckedStretch?
  private var announced: AnnouncedFrames?
  private let refusal = CheckedStretch(length: 5)
  private let refusalHeader: [UInt8]
  private(set) var bytes: [UInt8] = []
  /// The running checksum before each of `bytes`.
  private var before: [UInt16] = []
  private var running = Checksum(register: 0)
  /// No reply starts before this index: an echo or a reply ended there.
  private var floor = 0
  /// Bytes that were let go to stay within bounds.
  private(set) var forgotten = 0
  /// The first frame that was taken.
  private(set) var found: Range<Int>?
  /// A reply that repeats its request looks like an echo: so many copies are echoes.
  private var echoesToCome: Int

  static let keptBytes = 1024

  /// `echoesToCome` matters where the reply is the request once more.
  init(echo: [UInt8], shape: AnswerShape, echoesToCome: Int) {
    self.echo = echo
    header = shape.header
    let unit = shape.header.first ?? 0
    let function = FunctionCode(rawValue: shape.header.dropFirst().first ?? 0)
    refusalHeader = [unit, function.refused.rawValue]
    self.echoesToCome = shape.repeatsRequest ? echoesToCome : .max
    var expected = 256
    switch shape.length {
    case .fixed(let length):
      answer = CheckedStretch(length: length)
      announced = nil
      expected = length
    case .counted:
      answer = nil
      announced = AnnouncedFrames(counted: true)
    case .objects:
      answer = nil
      announced = AnnouncedFrames(counted: false)
    }
    bytes.reserveCapacity(expected + echo.count)
    before.reserveCapacity(expected + echo.count)
  }

  /// Takes the next byte; where a frame stands that it completes. `take` or `leave` it before the next byte.
  @usableFromInline mutating func receive(_ byte: UInt8) -> Range<Int>? {
    before.append(running.register)
    bytes.append(byte)
    running.add(byte)
    if endsWithEcho(prefix: echo.count) {
      if echoesToCome == 0 {
        if bytes.count - echo.count >= floor { return bytes.count - echo.count..<bytes.count }
      } else {
        if echoesToCome < .max { echoesToCome -= 1 }
        floor = bytes.count
      }
    } else if let range = completed() {
      return range
    }
    forgetOldest()
    return nil
  }

  /// The frame just completed is the answer.
  mutating func take(_ range: Range<Int>) {
    if found == nil { found = range }
    floor = bytes.count
  }

  /// The frame just completed is none.
  mutating func leave() { forgetOldest() }

  /// Where a frame stands that the last byte completed, if it completed one.
  private mutating func completed() -> Range<Int>? {
    if let answer {
      if let range = stretch(answer, startingWith: header) { return range }
    } else if let length = announced?.completed(in: bytes, header: header), let range = announcedFrame(length) {
      return range
    }
    return stretch(refusal, startingWith: refusalHeader)
  }

  /// The end of the stream, where it starts with `header` and ends with its own checksum.
  private func stretch(_ stretch: CheckedStretch, startingWith header: [UInt8]) -> Range<Int>? {
    let start = bytes.count - stretch.length
    guard start >= floor, bytes[start...].starts(with: header),
      stretch.isWhole(from: before[start], to: running.register), !mayBeEcho(length: stretch.length)
    else { return nil }
    return start..<bytes.count
  }

  private func announcedFrame(_ length: Int) -> Range<Int>? {
    let start = bytes.count - length
    guard start >= floor, !mayBeEcho(length: length),
      (try? Message(rtu: bytes.span.extracting(start..<bytes.count))) != nil
    else { return nil }
    return start..<bytes.count
  }

  /// True when the last `length` bytes lie within what may be the echo, seen so far.
  private func mayBeEcho(length: Int) -> Bool {
    guard length < echo.count else { return false }
    return (length..<echo.count).contains { endsWithEcho(prefix: $0) }
  }

  /// True when the stream ends with the first `count` bytes of the request.
  private func endsWithEcho(prefix count: Int) -> Bool {
    let start = bytes.count - count
    guard start >= 0 else { return false }
    for index in 0..<count where bytes[start + index] != echo[index] { return false }
    return true
  }

  private mutating func forgetOldest() {
    guard bytes.count >= Self.keptBytes else { return }
    // Three quarters go at once, so that the move is paid for by the bytes before it. A reply, once found, stays.
    let surplus = min(bytes.count - Self.keptBytes / 4, found?.lowerBound ?? bytes.count)
    guard surplus > 0 else { return forgetNewest() }
    bytes.removeFirst(surplus)
    before.removeFirst(surplus)
    forgotten += surplus
    floor = max(0, floor - surplus)
    announced?.forget(surplus)
    if let range = found { found = range.lowerBound - surplus..<range.upperBound - surplus }
  }

  /// After the reply, what still pours in is counted and let go.
  private mutating func forgetNewest() {
    guard let found, bytes.count > found.upperBound else { return }
    forgotten += bytes.count - found.upperBound
    bytes.removeSubrange(found.upperBound...)
    before.removeSubrange(found.upperBound...)
    announced?.forgetAll()
    floor = bytes.count
  }
}

/// Frames under way whose own bytes say how long they are.
///
/// Each start is looked at again only where its next length stands, and none lasts longer than a frame, so a byte
/// costs a bounded work whatever came before it.
struct AnnouncedFrames: Sendable {
  private struct Candidate {
    let start: Int
    /// How many bytes of the stream must be there before this one is looked at again.
    var due: Int
    /// Objects whose length is not known yet.
    var objects = 0
    var isLast = false
  }

  /// True where one byte counts all, false where each object has its length.
  let counted: Bool
  private var candidates: [Candidate] = []

  init(counted: Bool) { self.counted = counted }

  /// The length of the longest frame that the last of `bytes` ends, by its own account.
  mutating func completed(in bytes: [UInt8], header: [UInt8]) -> Int? {
    var length: Int?
    candidates.removeAll { $0.start + 256 < bytes.count }
    for index in candidates.indices.reversed() where candidates[index].due == bytes.count {
      if candidates[index].isLast {
        length = bytes.count - candidates[index].start
        candidates.remove(at: index)
      } else {
        advance(&candidates[index], bytes)
      }
    }
    let start = bytes.count - header.count
    if start >= 0, bytes[start...].starts(with: header) {
      candidates.append(Candidate(start: start, due: start + (counted ? 3 : 8)))
    }
    return length
  }

  private func advance(_ candidate: inout Candidate, _ bytes: [UInt8]) {
    let last = Int(bytes[candidate.due - 1])
    if counted {
      candidate.due += last + 2
      candidate.isLast = true
    } else if candidate.due == candidate.start + 8 {
      candidate.objects = last
      candidate.due += 2
      candidate.isLast = last == 0
    } else {
      candidate.objects -= 1
      candidate.due += last + 2
      candidate.isLast = candidate.objects == 0
    }
  }

  /// So many bytes were taken away from the front of the stream.
  mutating func forget(_ count: Int) {
    candidates = candidates.compactMap { old in
      old.start < count
        ? nil : Candidate(start: old.start - count, due: old.due - count, objects: old.objects, isLast: old.isLast)
    }
  }

  mutating func forgetAll() { candidates.removeAll() }
}
