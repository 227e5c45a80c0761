internal import CSerial
internal import Glibc

/// What of this process is in memory.
public enum ProcessMemory {
  /// Lets go of code and of freed memory, page by page: a start needs much that is never needed again.
  public static func release() {
    releaseCode()
    cserial_release_memory()
  }

  /// Lets go of program code that is in memory and was needed for the start alone; what is needed again comes back from
  /// the page cache. Nothing is lost: these pages are never written to.
  static func releaseCode() {
    guard let maps = unsafe fopen("/proc/self/maps", "r") else { return }
    defer { unsafe fclose(maps) }
    var line = [CChar](repeating: 0, count: 4096)
    while unsafe fgets(&line, CInt(line.count), maps) != nil {
      guard let range = codeRange(of: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }),
        let start = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound)
      else { continue }
      _ = unsafe madvise(start, range.count, MADV_DONTNEED)
    }
  }

  /// The addresses of a mapping that is read and executed, never written, and of a file; `nil` for all others. Source:
  /// proc(5), /proc/pid/maps.
  static func codeRange(of line: [UInt8]) -> Range<UInt>? {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
    guard parts.count == 6, parts[1].elementsEqual("r-xp".utf8), parts[5].contains(UInt8(ascii: "/")) else {
      return nil
    }
    let ends = parts[0].split(separator: UInt8(ascii: "-")).map { UInt(String(decoding: $0, as: UTF8.self), radix: 16) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first < last else { return nil }
    return first..<last
  }
}
