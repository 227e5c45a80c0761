import Foundation
import Glibc

/// A service manager's ear: a datagram socket that hears what the daemon tells of itself.
final class NotifySocket: Sendable {
  let path: String
  private let descriptor: CInt

  init(in folder: Folder) throws {
    path = folder.path + "/notify"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
      guard path.utf8.count < field.count else { return false }
      field.copyBytes(from: path.utf8)
      return true
    }
    guard fits, descriptor >= 0 else { throw Failure("no socket at \(path)") }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0 else { throw Failure("cannot bind \(path): \(errno)") }
  }

  deinit { close(descriptor) }

  /// The next message; throws when none comes in a minute.
  func next() async throws -> String {
    try await offPool { [descriptor] in
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      var buffer = [UInt8](repeating: 0, count: 4096)
      guard poll(&waiting, 1, 60_000) == 1 else { throw Failure("the daemon tells nothing") }
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count >= 0 else { throw Failure("recv: \(errno)") }
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
  }

  /// The next message that is no sign of life.
  func nextNews() async throws -> String {
    while true {
      let message = try await next()
      if message != "WATCHDOG=1" { return message }
    }
  }
}
