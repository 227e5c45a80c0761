import Concentrator
import Glibc

/// This program once more, beside itself, with its output in a file.
struct ChildProcess: ~Copyable {
  private let id: pid_t

  /// Starts `meterd` with `arguments`; what it prints goes to a new file at `output`.
  init(_ arguments: [String], output: String) throws(Complaint) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    var words = unsafe (["meterd"] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let code = unsafe posix_spawn(&child, "/proc/self/exe", &actions, nil, &words, environ)
    guard code == 0 else {
      throw Complaint(.inputOutput, "cannot start meterd \(arguments.joined(separator: " ")): \(systemError(code))")
    }
    id = child
  }

  /// Asks it to end, and waits until it has. Its exit status, or 128 and the signal that ended it.
  @discardableResult
  consuming func end() -> Int32 {
    kill(id, SIGTERM)
    var status: Int32 = 0
    while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
  }
}
