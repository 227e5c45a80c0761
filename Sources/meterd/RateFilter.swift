import Concentrator
import Glibc
import Rating

/// Usage records in, bills out, line by line: `meterd rate` without its files, so that a benchmark can feed it too.
struct RateFilter {
  /// A longer line is no record: two years of quarter-hours are half as long.
  static let longestLine = 1 << 20

  let plan: Plan
  let calendar: DayCalendar?
  /// Bills that wait to be written, each with its end of line.
  var output: [UInt8] = []
  private(set) var lines = 0
  private(set) var billed = 0
  private(set) var refused = 0
  private var writer: BillWriter

  init(plan: Plan, calendar: DayCalendar? = nil) {
    self.plan = plan
    self.calendar = calendar
    writer = BillWriter(plan)
  }

  /// Takes one line without its end; says why it is no bill, or nothing.
  mutating func take(_ line: ArraySlice<UInt8>) -> String? {
    lines += 1
    guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return nil }
    do {
      let record = try UsageRecord(json: line)
      let bill = try rate(record.usage(under: plan, calendar: calendar), under: plan)
      writer.write(bill, to: &output)
      output.append(UInt8(ascii: "\n"))
      billed += 1
      return nil
    } catch {
      return refuse("\(error)")
    }
  }

  /// Counts a line that is longer than any record.
  mutating func takeTooLong() -> String {
    lines += 1
    return refuse("longer than \(Self.longestLine >> 20) MiB, which is no record")
  }

  private mutating func refuse(_ reason: String) -> String {
    refused += 1
    return "line \(lines): \(reason)"
  }
}

/// Lines of standard input as bytes, whatever they hold, in bounded memory.
struct ByteLines {
  private var buffer: [UInt8] = []
  private var start = 0
  /// Up to where no end of line was found.
  private var searched = 0
  private var isAtEnd = false
  private var chunk = [UInt8](repeating: 0, count: 1 << 18)

  /// A line, without its end.
  enum Line {
    case whole(ArraySlice<UInt8>)
    case tooLong
  }

  /// The next line; `nil` after the last. `waiting` is called before every wait for more input.
  mutating func next(limit: Int, waiting: () throws -> Void) throws -> Line? {
    var isTooLong = false
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = buffer[start..<end]
        (start, searched) = (end + 1, end + 1)
        return isTooLong || line.count > limit ? .tooLong : .whole(line)
      }
      searched = buffer.count
      if isAtEnd {
        let line = buffer[start...]
        start = buffer.count
        if isTooLong || line.count > limit { return .tooLong }
        return line.isEmpty ? nil : .whole(line)
      }
      // The rest of a line that is too long is not kept.
      if buffer.count - start > limit {
        isTooLong = true
        start = buffer.count
      }
      buffer.removeFirst(start)
      searched -= start
      start = 0
      try waiting()
      try fill()
    }
  }

  private mutating func fill() throws {
    while true {
      let count = unsafe read(0, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw Complaint(
          .inputOutput, "cannot read standard input: \(systemError(errno))",
          "Give a text file, or a pipe that stays open.")
      }
      isAtEnd = count == 0
      buffer += chunk[..<count]
      return
    }
  }
}

/// Bytes to standard output, all of them.
///
/// - Returns: false where the reader has seen enough and closed its end.
func writeOutput(_ bytes: [UInt8]) throws -> Bool {
  var written = 0
  while written < bytes.count {
    let count = unsafe bytes[written...].withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
    let code = errno
    if count < 0, code == EINTR { continue }
    if count < 0, code == EPIPE { return false }
    guard count > 0 else {
      throw Complaint(
        .inputOutput, "cannot write to standard output: \(systemError(code))",
        "What was printed is not whole. Make room, or send it elsewhere.")
    }
    written += count
  }
  return true
}
