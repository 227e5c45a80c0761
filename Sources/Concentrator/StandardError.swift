internal import Glibc

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
