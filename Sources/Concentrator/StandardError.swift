internal import Glibc
internal import Host

/// Writes to standard error, whole or not at all; nothing is said when nobody listens.
public func writeError(_ text: String) {
  let bytes = Array(text.utf8)
  var written = 0
  while written < bytes.count {
    let count = unsafe bytes[written...].withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    guard count > 0 else { return }
    written += count
  }
}

/// Where log lines go: never waits for whoever reads them.
///
/// Lines that find no room are dropped and counted, and the next line that goes out is led by the count.
public final class LogOutlet: Sendable {
  public static let standardError = LogOutlet(descriptor: 2)

  private struct State {
    var dropped = 0
    /// The last line was cut off.
    var isInLine = false
  }

  private let descriptor: CInt
  // Logs come from every thread; one line at a time, so that room that was seen is still there.
  private let state = Guarded(State())

  /// An outlet to an open descriptor, which stays the caller's.
  public init(descriptor: CInt) { self.descriptor = descriptor }

  /// Writes a line that ends with a line feed, after what `notice` says of the lines dropped before it.
  func write(_ line: String, notice: (_ dropped: Int) -> String) {
    state.withLock { state in
      let lead = (state.isInLine ? "\n" : "") + (state.dropped > 0 ? notice(state.dropped) : "")
      let bytes = Array((lead + line).utf8)
      let written = put(bytes)
      if written == bytes.count {
        state = State()
      } else {
        state.dropped += 1
        if written > 0 { state.isInLine = bytes[written - 1] != UInt8(ascii: "\n") }
      }
    }
  }

  /// How many bytes found room.
  private func put(_ bytes: [UInt8]) -> Int {
    var written = 0
    while written < bytes.count {
      // A pipe with room takes this much at once (PIPE_BUF, pipe(7)).
      let piece = bytes[written...].prefix(4096)
      let count = unsafe piece.withUnsafeBytes { piece -> Int in
        let sent = unsafe send(descriptor, piece.baseAddress, piece.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
        guard sent < 0, errno == ENOTSOCK, hasRoom else { return sent }
        return unsafe Glibc.write(descriptor, piece.baseAddress, piece.count)
      }
      guard count > 0 else { break }
      written += count
    }
    return written
  }

  private var hasRoom: Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&waiting, 1, 0) == 1 && waiting.revents & Int16(POLLOUT) != 0
  }
}
