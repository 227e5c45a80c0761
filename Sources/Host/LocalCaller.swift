internal import CSerial
internal import Glibc
public import Metering

/// The calling end of a stream socket, line by line. Blocks its thread.
public final class LocalCaller {
  private let descriptor: CInt
  private var held: [UInt8] = []
  /// Where the next line begins in what is held, and how far it was searched.
  private var start = 0
  private var searched = 0
  private var buffer = [UInt8](repeating: 0, count: 16_384)

  /// Calls who listens at `path`.
  public init(path: String) throws(LocalSocketError) {
    let connected = unsafe cserial_local_connect(path)
    guard connected >= 0 else { throw LocalSocketError(connected) }
    descriptor = connected
  }

  deinit { cserial_close(descriptor) }

  /// Sends a line and its end; false where the other end is gone or takes nothing for ten seconds.
  public func send(_ line: String) -> Bool {
    let bytes = Array((line + "\n").utf8)
    var done = 0
    let until = HostClock.boot + .seconds(10)
    while done < bytes.count {
      let sent = unsafe bytes[done...].withUnsafeBufferPointer { rest in
        unsafe cserial_local_send(descriptor, rest.baseAddress, CInt(clamping: rest.count))
      }
      guard sent >= 0, sent > 0 || HostClock.boot < until else { return false }
      if sent == 0 {
        var wish = [cserial_local_wish(descriptor: descriptor, wants: 2, gets: 0)]
        _ = unsafe cserial_local_wait(&wish, 1, until.nanoseconds)
      }
      done += Int(sent)
    }
    return true
  }

  public enum Heard: Hashable, Sendable {
    /// A line without its end.
    case line([UInt8])
    /// Nothing whole until then, or the bell rang.
    case nothing
    /// The other end is gone.
    case ended
  }

  /// The next line. Waits until an instant of the boot clock; a `bell` ends the wait when it rings.
  public func next(until instant: BootInstant, bell: Doorbell? = nil) -> Heard {
    while true {
      if let end = held[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(held[start..<end])
        start = end + 1
        searched = start
        return .line(line)
      }
      held.removeFirst(start)
      (start, searched) = (0, held.count)
      // No reply of a daemon is this long.
      guard held.count < 16 << 20 else { return .ended }
      var wishes = [
        cserial_local_wish(descriptor: descriptor, wants: 1, gets: 0),
        cserial_local_wish(descriptor: bell?.descriptor ?? -1, wants: 1, gets: 0),
      ]
      let ready = unsafe cserial_local_wait(&wishes, 2, instant.nanoseconds)
      guard ready > 0, wishes[0].gets != 0 else { return ready < 0 ? .ended : .nothing }
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return .ended }
      held += buffer[..<count]
    }
  }
}
