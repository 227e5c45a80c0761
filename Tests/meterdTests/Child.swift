import Foundation
import Glibc

/// The built program, run as a person or a service manager runs it; ended with this object at the latest.
final class Child: Sendable {
  private let watch: Watch

  /// What is known of a child so far.
  struct Seen: Sendable {
    var output: [UInt8] = []
    var errors: [UInt8] = []
    /// Exit code; less than 0 for the signal that ended it; `nil` while it runs.
    var status: Int32?

    var outputText: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
  }

  /// Starts `meterd` in `folder`; standard input holds `input` or is the file `inputFile`, standard output goes to
  /// `output` where that is given.
  init(
    _ arguments: [String], in folder: String, input: String = "", inputFile: String? = nil, output: String? = nil,
    environment: [String: String] = [:], program: String = Program.path
  ) throws {
    let out = try Pipe(), errors = try Pipe(), into = try Pipe()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    _ = posix_spawn_file_actions_addchdir_np(&actions, folder)
    if let inputFile {
      posix_spawn_file_actions_addopen(&actions, 0, inputFile, O_RDONLY, 0)
    } else {
      posix_spawn_file_actions_adddup2(&actions, into.reading, 0)
    }
    if let output {
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY, 0)
    } else {
      posix_spawn_file_actions_adddup2(&actions, out.writing, 1)
    }
    posix_spawn_file_actions_adddup2(&actions, errors.writing, 2)
    // Nothing that another test has open may live on in the child.
    _ = posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var variables = ["PATH": "/usr/bin:/bin", "METERD_DATA": Program.root]
    variables.merge(environment) { $1 }
    var started: pid_t = 0
    let result = withTexts([program] + arguments) { texts in
      withTexts(variables.map { "\($0.key)=\($0.value)" }) { variables in
        // A program that was just copied is busy as long as a child that was started meanwhile has it open.
        for _ in 0..<1_000_000 {
          let result = posix_spawn(&started, program, &actions, &attributes, texts, variables)
          guard result == ETXTBSY else { return result }
          sched_yield()
        }
        return ETXTBSY
      }
    }
    guard result == 0 else { throw Failure("cannot start \(program): \(result)") }
    let watch = Watch(process: started, output: out.keepReading(), errors: errors.keepReading())
    self.watch = watch
    // The thread keeps what it writes to, and not this object: whoever forgets a child ends it.
    Thread.detachNewThread { watch.follow() }
    into.give(Array(input.utf8))
  }

  deinit { end() }

  /// Ends it at once, wherever it is.
  func end() { signal(SIGKILL) }

  var process: pid_t { watch.process }

  /// Sends a signal, unless it has ended.
  func signal(_ number: Int32) { watch.signal(number) }

  /// What is known now.
  var now: Seen { watch.now }

  /// Waits until `isThere` is true of what is known; throws when it ends or a minute passes without that.
  @discardableResult
  func wait(_ what: String, until isThere: @escaping @Sendable (Seen) -> Bool) async throws -> Seen {
    try await offPool { [watch] in try watch.wait(what, until: isThere) }
  }

  /// Waits until standard error holds `text`.
  func says(_ text: String) async throws { try await wait(text) { $0.errorText.contains(text) } }

  /// Waits until it has ended, with all it has said.
  func finish() async throws -> Seen { try await wait("end") { $0.status != nil } }
}

/// One pipe of a child.
private final class Pipe {
  private(set) var reading: CInt
  private(set) var writing: CInt

  init() throws {
    var ends: [CInt] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Failure("no pipe: \(errno)") }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    if reading >= 0 { close(reading) }
    if writing >= 0 { close(writing) }
  }

  /// Leaves the reading end to the caller.
  func keepReading() -> CInt {
    defer { reading = -1 }
    return reading
  }

  /// Writes what fits into a pipe, and no more follows.
  func give(_ bytes: [UInt8]) {
    precondition(bytes.count <= 65_536)
    if !bytes.isEmpty { precondition(write(writing, bytes, bytes.count) == bytes.count) }
    close(writing)
    writing = -1
  }
}

private func withTexts<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return body(&pointers)
}
