internal import Metering

/// One client of the control socket as a value: lines come out of its bytes, and what is sent to it waits in bounds.
struct ControlSession {
  /// What a client sends in one piece.
  enum Taken: Hashable {
    case line([UInt8])
    /// No line is that long.
    case overlong
  }

  /// Replies that wait for a client to read; more, and it is cut off. The state of 2,000 meters fits several times.
  static let mostWaiting = 2 << 20
  /// A stream goes on only while less than this waits.
  static let mostOfStream = 256 << 10

  private var input: [UInt8] = []
  private var start = 0
  private var searched = 0
  private(set) var output: [UInt8] = []
  private var sentSoFar = 0

  /// When a byte last came, when the line that is not whole began, and when what waits last got shorter.
  private(set) var lastHeard: BootInstant
  private var lineBegan: BootInstant?
  private var waitsSince: BootInstant?

  init(at now: BootInstant) { lastHeard = now }

  /// Room for more before what is there has been looked at.
  var wantsInput: Bool { input.count - start <= ControlRequest.longest }
  /// Whether something waits to be sent.
  var hasOutput: Bool { sentSoFar < output.count }
  var waiting: ArraySlice<UInt8> { output[sentSoFar...] }

  mutating func receive(_ bytes: ArraySlice<UInt8>, at now: BootInstant) {
    lastHeard = now
    input += bytes
    if lineBegan == nil { lineBegan = now }
  }

  /// Nothing more comes: what was begun is a line as it is.
  mutating func end() {
    if start < input.count { input.append(UInt8(ascii: "\n")) }
  }

  /// The next whole line; `nil` where more must come first. Empty lines are nothing.
  mutating func next(at now: BootInstant) -> Taken? {
    while let end = input[searched...].firstIndex(of: UInt8(ascii: "\n")) {
      var line = input[start..<end]
      start = end + 1
      searched = start
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      guard line.count <= ControlRequest.longest else { return .overlong }
      lineBegan = start < input.count ? now : nil
      if !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return .line(Array(line)) }
    }
    input.removeFirst(start)
    (start, searched) = (0, input.count)
    if input.isEmpty {
      lineBegan = nil
      // A long line must not be paid for as long as the client stays.
      if input.capacity > 8192 { input = [] }
    }
    return input.count > ControlRequest.longest ? .overlong : nil
  }

  /// Takes a reply; false where no room is left, since nobody reads.
  mutating func put(_ line: String, at now: BootInstant) -> Bool {
    guard output.count - sentSoFar + line.utf8.count < Self.mostWaiting else { return false }
    if !hasOutput { waitsSince = now }
    output += line.utf8
    output.append(UInt8(ascii: "\n"))
    return true
  }

  /// Takes a line of a stream, unless too much waits.
  mutating func offer(_ line: String, at now: BootInstant) -> Bool {
    output.count - sentSoFar < Self.mostOfStream && put(line, at: now)
  }

  mutating func sent(_ count: Int, at now: BootInstant) {
    sentSoFar += count
    if count > 0 { waitsSince = now }
    if sentSoFar >= output.count {
      output.removeAll(keepingCapacity: output.capacity <= 65_536)
      sentSoFar = 0
      waitsSince = nil
    } else if sentSoFar > 65_536 {
      output.removeFirst(sentSoFar)
      sentSoFar = 0
    }
  }

  /// Since when a line has been begun and not ended.
  var halfSince: BootInstant? { lineBegan }
  /// Since when nothing of what waits was taken.
  var stuckSince: BootInstant? { hasOutput ? waitsSince : nil }
}
