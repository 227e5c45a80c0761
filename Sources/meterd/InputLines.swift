import Concentrator
import Glibc

/// Lines of standard input or of a file, of any number and length, with bounded memory.
///
/// A line that is longer than `limit` comes in pieces, cut at a space or after an even number of characters.
struct InputLines {
  static let limit = 32_768

  private let descriptor: CInt
  private let name: String
  private var waiting: [UInt8] = []
  private var start = 0
  private var isAtEnd = false

  /// Standard input.
  init() {
    descriptor = 0
    name = "standard input"
  }

  /// The file at `path`; the caller ends it with `close`.
  init(path: String) throws {
    let opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else {
      let code = errno
      let status: ExitStatus = code == EACCES || code == EPERM ? .notPermitted : .inputOutput
      throw Complaint(
        status, "cannot read \(path): \(systemError(code))",
        "Check the path; it counts from the folder you are in.")
    }
    descriptor = opened
    name = path
  }

  func close() { if descriptor > 0 { Glibc.close(descriptor) } }

  /// The next line without its end; `nil` after the last. `isContinued` where it is the rest of a longer one.
  mutating func next() throws -> String? {
    while true {
      if let end = waiting[start...].firstIndex(of: UInt8(ascii: "\n")) {
        return take(to: end, dropping: 1)
      }
      let held = waiting.count - start
      if held > Self.limit {
        let space = waiting[start..<(start + Self.limit)].lastIndex {
          $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t")
        }
        return take(to: space ?? start + Self.limit, dropping: 0)
      }
      if isAtEnd { return held > 0 ? take(to: waiting.count, dropping: 0) : nil }
      try fill()
    }
  }

  private mutating func take(to end: Int, dropping: Int) -> String {
    let line = String(decoding: waiting[start..<end], as: UTF8.self)
    start = end + dropping
    return line.hasSuffix("\r") ? String(line.dropLast()) : line
  }

  private mutating func fill() throws {
    if start > 0 {
      waiting.removeFirst(start)
      start = 0
    }
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw Complaint(
          .inputOutput, "cannot read \(name): \(systemError(errno))", "Give a text file, or a pipe that stays open.")
      }
      isAtEnd = count == 0
      waiting += buffer[..<count]
      return
    }
  }
}
