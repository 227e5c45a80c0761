internal import Glibc

/// The right to write a store: a lock on a file beside it, held as long as this lives, gone with the process.
///
/// While it is held, and after a holder that died, the file says who that was; after one that let go it is empty.
@safe final class LockFile: Sendable {
  private let descriptor: CInt
  /// True when the last holder did not come to `letGo`.
  let wasLeft: Bool

  /// Where the store lies, by whatever path it is reached: links in it are resolved.
  let file: String

  /// Takes the lock at once, or says who has it.
  ///
  /// It lies beside the file itself, as SQLite's log does: two links to one store are one store. A file that has a second
  /// name without being a link is refused, since each of its names would get a lock and a log of its own.
  init(besides path: String) throws(StoreError) {
    let file = resolved(path)
    let lockPath = file + ".lock"
    let descriptor = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw Self.error(errno, lockPath) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let holder = Self.process(in: descriptor)
      close(descriptor)
      throw code == EWOULDBLOCK ? .locked(path: path, process: holder) : Self.error(code, lockPath)
    }
    let names = countOfNames(of: file)
    guard names < 2 else {
      close(descriptor)
      throw .manyNames(path: path, count: names)
    }
    self.file = file
    wasLeft = Self.process(in: descriptor) != nil
    // The lock holds without it, so a full disk does not stop the store here.
    let number = Array("\(getpid())\n".utf8)
    if ftruncate(descriptor, 0) == 0 { _ = unsafe pwrite(descriptor, number, number.count, 0) }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Says that the holder ended in order.
  func letGo() { _ = ftruncate(descriptor, 0) }

  private static func process(in descriptor: CInt) -> Int32? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
    return Int32(String(decoding: bytes.prefix(max(count, 0)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  private static func error(_ code: Int32, _ path: String) -> StoreError {
    let message = unsafe String(cString: strerror(code))
    let failure = StoreError.Failure(path: path, operation: "lock", code: code, message: message)
    switch code {
    case EROFS: return .readOnly(failure)
    case ENOSPC, EDQUOT: return .diskFull(failure)
    default: return .cannotOpen(failure)
    }
  }
}

/// The kernel's name for this run of the machine; boot clocks of two runs cannot be compared.
///
/// From `METERD_BOOT_ID` where the service manager gives it: a hardened unit hides the kernel's own file.
func currentBootID() -> String {
  if let given = unsafe getenv("METERD_BOOT_ID") { return unsafe String(cString: given) }
  let descriptor = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return "unknown" }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 64)
  let count = unsafe read(descriptor, &bytes, bytes.count)
  return String(decoding: bytes.prefix(max(count, 0)).prefix { $0 > 0x20 }, as: UTF8.self)
}

/// Whether there is anything at `path`.
func isPresent(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 || errno != ENOENT }

/// `path` without links, also where its file, or the file that a link leads to, is not there yet. Where a folder is
/// missing, `path` itself: opening it tells why.
private func resolved(_ path: String) -> String {
  var path = path
  // As many links in a row as the kernel follows.
  for _ in 0..<40 {
    if let file = unsafe realpath(path, nil) {
      defer { unsafe free(file) }
      return unsafe String(cString: file)
    }
    let slash = path.lastIndex(of: "/")
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    // Names that lead elsewhere are those of a folder.
    guard !["", ".", ".."].contains(name), let found = unsafe realpath(slash.map { String(path[...$0]) } ?? ".", nil)
    else { return path }
    defer { unsafe free(found) }
    let folder = unsafe String(cString: found)
    path = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink(path, &target, target.count)
    guard count > 0 else { return path }
    let next = String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = next.hasPrefix("/") ? next : "\(folder)/\(next)"
  }
  return path
}

/// How many names the file has in its folders; 0 where it is not there.
private func countOfNames(of path: String) -> Int {
  var status = stat()
  return unsafe stat(path, &status) == 0 ? Int(status.st_nlink) : 0
}
