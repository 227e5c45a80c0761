internal import Glibc
internal import Modbus

/// Two connected sockets: one end for libmodbus, the other for us. Both are closed with it.
///
/// Neither end ever blocks, and programs started later do not inherit them.
struct SocketPair: ~Copyable {
  /// The end that libmodbus reads and writes.
  let library: CInt
  private let ours: CInt

  init() throws(ModbusClientError) {
    var ends: (CInt, CInt) = (-1, -1)
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let made = unsafe withUnsafeMutableBytes(of: &ends) { bytes in
      unsafe socketpair(AF_UNIX, kind, 0, bytes.assumingMemoryBound(to: CInt.self).baseAddress)
    }
    guard made == 0 else { throw .socketPair(errno) }
    let highest = max(ends.0, ends.1)
    guard highest < ModbusContext.descriptorLimit else {
      close(ends.0)
      close(ends.1)
      throw .descriptorTooHigh(highest)
    }
    library = ends.0
    ours = ends.1
  }

  deinit {
    close(library)
    close(ours)
  }

  /// What libmodbus has sent.
  func takeSent() -> [UInt8] { Self.drain(ours) }

  /// Puts `bytes` where libmodbus reads; false where they did not all go in.
  func hand(_ bytes: [UInt8]) -> Bool {
    unsafe send(ours, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
  }

  /// Throws away what neither end has read; the number of bytes that libmodbus left.
  @discardableResult func flush() -> Int {
    _ = Self.drain(ours)
    return Self.drain(library).count
  }

  private static func drain(_ descriptor: CInt) -> [UInt8] {
    var all: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 512)
    while true {
      let count = unsafe recv(descriptor, &part, part.count, CInt(MSG_DONTWAIT))
      guard count > 0 else { return all }
      all += part.prefix(count)
    }
  }
}
