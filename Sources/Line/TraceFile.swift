internal import Glibc
internal import Host
public import Metering
internal import Synchronization

/// Writes what is said on a line into a file of bounded size, once a second, on a thread of its own.
///
/// One line a run: its time, `>` for sent or `<` for received, hex pairs, `**` for what must not be kept. When the
/// file is full it becomes the old one, `PATH.1`, and a new one is begun; what was there at the start goes on. A disk
/// that takes no more ends the trace and nothing else. A file that does not begin as a trace does is left alone.
public actor TraceFile {
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }
  /// What the line puts its runs into.
  public nonisolated let buffer = TraceBuffer()

  /// Which bytes of the next run must not be kept; it is told all runs of one direction in their order.
  public typealias Mask = @Sendable (_ bytes: [UInt8], _ isSent: Bool) -> [Bool]

  private let thread: OwnedThread
  private let doorbell = Doorbell()
  private nonisolated let stopping = Atomic(false)
  private let path: String
  private let limit: Int
  private let zone: ZoneOffset
  private let heading: String
  private let mask: Mask
  private let failed: @Sendable (String) -> Void
  private var descriptor: CInt = -1
  private var size = 0
  private var hasFailed = false

  /// A trace that has not begun. `limit` is in bytes, `heading` says in a word whose line it is, and `failed` is
  /// called once where the file cannot be written.
  public init(
    path: String, limit: Int, zone: ZoneOffset, heading: String, mask: @escaping Mask,
    failed: @escaping @Sendable (String) -> Void
  ) {
    self.path = path
    self.limit = max(4096, limit)
    self.zone = zone
    self.heading = heading
    self.mask = mask
    self.failed = failed
    thread = OwnedThread(name: "trace")
  }

  deinit {
    thread.stop()
    if descriptor >= 0 { close(descriptor) }
  }

  /// Ends `run` after what waits has been written.
  public nonisolated func stop() {
    stopping.store(true, ordering: .releasing)
    doorbell.ring()
  }

  /// Works until `stop` is called.
  public func run() async {
    while !stopping.load(ordering: .acquiring) {
      doorbell.wait(until: HostClock.boot + .seconds(1))
      flush()
      await withCheckedContinuation { thread.resumeLater($0) }
    }
    flush()
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  /// Writes what waits.
  private func flush() {
    let content = buffer.take()
    guard !hasFailed, !content.runs.isEmpty || content.dropped > 0 else { return }
    let (boot, wall) = (HostClock.boot, HostClock.wall.unixMilliseconds)
    var text = ""
    for run in content.runs {
      text += Self.line(run, at: wall - (boot - run.at).milliseconds, zone, mask(run.bytes, run.sent))
    }
    if content.dropped > 0 { text += "# \(content.dropped) runs are missing: the disk was too slow\n" }
    do throws(TraceError) {
      try write(Array(text.utf8))
    } catch {
      hasFailed = true
      if descriptor >= 0 { close(descriptor) }
      descriptor = -1
      let reason = error.code == 0 ? "the file is no trace" : unsafe String(cString: strerror(error.code))
      failed("\(path): \(error.operation): \(reason)")
    }
  }

  /// `2026-11-22T08:00:00.000+08:00 > 68 11 ** 16`.
  static func line(_ run: Traffic, at unixMilliseconds: Int64, _ zone: ZoneOffset, _ hidden: [Bool]) -> String {
    var line = zone.rfc3339(unixMilliseconds: unixMilliseconds) + (run.sent ? " >" : " <")
    for (index, byte) in run.bytes.enumerated() {
      line += " "
      line += hidden.indices.contains(index) && hidden[index] ? "**" : hexPair(byte)
    }
    return line + "\n"
  }

  private struct TraceError: Error {
    let operation: String
    /// 0 where the file holds something else.
    let code: Int32
  }

  private func write(_ bytes: [UInt8]) throws(TraceError) {
    if descriptor < 0 { try begin() }
    if size + bytes.count > limit, size > 0 { try rotate() }
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes[written...].withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw TraceError(operation: "write", code: errno) }
      written += count
    }
    size += bytes.count
  }

  private func begin() throws(TraceError) {
    // Never waits for the reader of a pipe, and keeps its hands off everything that is no plain file.
    let opened = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0o640)
    guard opened >= 0 else { throw TraceError(operation: "open", code: errno) }
    var status = stat()
    guard unsafe fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(opened)
      throw TraceError(operation: "open", code: EINVAL)
    }
    guard status.st_size == 0 || Self.isTrace(opened) else {
      close(opened)
      throw TraceError(operation: "open", code: 0)
    }
    descriptor = opened
    size = Int(status.st_size)
    if size == 0 { try write(Array("\(Self.beginning) of \(heading)\n".utf8)) }
  }

  /// What every trace begins with.
  private static let beginning = "# meterd trace"

  private static func isTrace(_ descriptor: CInt) -> Bool {
    let expected = Array(beginning.utf8)
    var head = [UInt8](repeating: 0, count: expected.count)
    let count = unsafe head.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
    return count == expected.count && head == expected
  }

  /// The full trace takes the place of an older one, and of nothing else.
  private func mayReplace(_ path: String) -> Bool {
    let old = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard old >= 0 else { return errno == ENOENT }
    defer { close(old) }
    var status = stat()
    guard unsafe fstat(old, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
    return status.st_size == 0 || Self.isTrace(old)
  }

  private func rotate() throws(TraceError) {
    close(descriptor)
    descriptor = -1
    guard mayReplace("\(path).1") else { throw TraceError(operation: "rename to \(path).1", code: 0) }
    guard unsafe rename(path, "\(path).1") == 0 else { throw TraceError(operation: "rename", code: errno) }
    try begin()
  }
}
