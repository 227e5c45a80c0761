import Foundation
import Glibc

/// What a child says and how it ends, collected on a thread of its own.
final class Watch: @unchecked Sendable {
  let process: pid_t
  private let output: CInt
  private let errors: CInt
  private let changed = NSCondition()
  /// Guarded by `changed`.
  private var seen = Child.Seen()

  init(process: pid_t, output: CInt, errors: CInt) {
    self.process = process
    self.output = output
    self.errors = errors
  }

  var now: Child.Seen { changed.withLock { seen } }

  /// Nothing to a child that was reaped: its number may be another's.
  func signal(_ number: Int32) {
    changed.withLock { if seen.status == nil { _ = kill(process, number) } }
  }

  /// Blocks until `isThere` is true of what is known.
  func wait(_ what: String, until isThere: (Child.Seen) -> Bool) throws -> Child.Seen {
    let deadline = Date(timeIntervalSinceNow: 60)
    changed.lock()
    defer { changed.unlock() }
    while !isThere(seen) {
      guard seen.status == nil, changed.wait(until: deadline) else {
        let status = seen.status.map(String.init) ?? "none"
        throw Failure("no \(what)\nstatus: \(status)\noutput: \(seen.outputText)\nerrors: \(seen.errorText)")
      }
    }
    return seen
  }

  /// Reads until the child has ended.
  func follow() {
    var open = [output, errors]
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while open.contains(where: { $0 >= 0 }) {
      var waiting = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      _ = poll(&waiting, nfds_t(waiting.count), -1)
      for index in open.indices where open[index] >= 0 && waiting[index].revents != 0 {
        let count = read(open[index], &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          close(open[index])
          open[index] = -1
          continue
        }
        changed.withLock {
          if index == 0 { seen.output += buffer[..<count] } else { seen.errors += buffer[..<count] }
          changed.broadcast()
        }
      }
    }
    // Waited for without reaping first: until it is reaped its number is its own.
    var information = siginfo_t()
    while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    changed.withLock {
      var status: Int32 = 0
      while waitpid(process, &status, 0) < 0, errno == EINTR {}
      let signal = status & 0x7F
      seen.status = signal == 0 ? (status >> 8) & 0xFF : -signal
      changed.broadcast()
    }
  }
}
