internal import Glibc

/// Whole small files, read with a bound.
public enum TextFile {
  /// Reads a file of at most `limit` bytes.
  ///
  /// - Throws: `Complaint` that says whether it is missing, unreadable, too large or no UTF-8.
  public static func read(_ path: String, limit: Int = 4 << 20, what: String) throws(Complaint) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      switch code {
      case ENOENT, ENOTDIR:
        throw Complaint(
          .configuration, "there is no \(what) \(path)", "Check the path; it counts from the folder you are in.")
      case EACCES, EPERM:
        throw Complaint(.notPermitted, "not permitted to read \(what) \(path)", "Give this user the right to read it.")
      default: throw Complaint(.inputOutput, "cannot open \(what) \(path): \(systemError(code))")
      }
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { break }
      guard count > 0 else {
        let code = errno
        if code == EINTR { continue }
        if code == EISDIR {
          throw Complaint(.configuration, "\(path) is a folder, not a \(what)", "Give the path of the file in it.")
        }
        throw Complaint(.inputOutput, "cannot read \(what) \(path): \(systemError(code))")
      }
      bytes += buffer[..<count]
      guard bytes.count <= limit else {
        throw Complaint(
          .configuration, "\(what) \(path) is larger than \(limit >> 10) KiB", "That cannot be a \(what).")
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Complaint(.configuration, "\(what) \(path) is not UTF-8 text", "Save it as UTF-8.")
    }
    return text
  }

  /// Whether a folder is there.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Names in a folder that end with `ending`, sorted; empty when it cannot be read.
  public static func names(in folder: String, ending: String) -> [String] {
    guard let directory = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name.hasSuffix(ending), !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }
}

/// What the system calls an errno.
public func systemError(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
