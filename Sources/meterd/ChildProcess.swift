import Concentrator
import Glibc
import Host
import Metering

/// This program once more, beside itself; ended with this object at the latest.
final class ChildProcess {
  private let id: pid_t
  private var isOver = false
  /// Just before the process was made.
  let startedAt: BootInstant

  /// Starts `meterd` with `arguments`; what it prints goes to a new file at `output`.
  init(_ arguments: [String], output: String = "/dev/null") throws(Complaint) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var words = unsafe (["meterd"] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var child: pid_t = 0
    startedAt = HostClock.boot
    let code = unsafe posix_spawn(&child, "/proc/self/exe", &actions, nil, &words, environ)
    guard code == 0 else {
      throw Complaint(.inputOutput, "cannot start meterd \(arguments.joined(separator: " ")): \(systemError(code))")
    }
    id = child
  }

  deinit { end(by: SIGKILL) }

  /// What of it is in memory.
  var residentKibibytes: Int64 {
    let text = (try? TextFile.read("/proc/\(id)/statm", what: "process")) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0
    return pages * Int64(sysconf(CInt(_SC_PAGESIZE))) / 1024
  }

  /// Asks it to end, and waits until it has.
  func finish() throws(Complaint) {
    let status = end(by: SIGTERM)
    guard status == 0 else { throw Complaint(.software, "the meterd beside this one ended with status \(status)") }
  }

  /// Its exit status, or 128 and the signal that ended it; 0 where it was over before.
  @discardableResult
  private func end(by signal: CInt) -> CInt {
    guard !isOver else { return 0 }
    isOver = true
    kill(id, signal)
    var status: CInt = 0
    while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
  }
}
