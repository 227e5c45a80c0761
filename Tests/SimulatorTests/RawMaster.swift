import CSerial
import Glibc
import Host
import Testing

/// The plainest master there is: a descriptor, bytes out, bytes in.
final class RawMaster {
  let descriptor: CInt

  init(path: String) throws {
    descriptor =
      path.contains("tcp://")
      ? cserial_connect("127.0.0.1", String(path.split(separator: ":").last ?? ""), 2000) : cserial_open(path)
    try #require(descriptor >= 0, "cannot open \(path): \(-descriptor)")
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    try #require(write(descriptor, bytes, bytes.count) == bytes.count)
  }

  /// What comes until there are `count` bytes; less where nothing came for `patience` milliseconds.
  func receive(_ count: Int, patience: CInt = 3000) -> [UInt8] {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while received.count < count {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, patience) > 0 else { break }
      let got = read(descriptor, &buffer, buffer.count)
      guard got > 0 else { break }
      received += buffer[..<got]
    }
    return received
  }

  func ask(_ request: [UInt8], _ count: Int) throws -> [UInt8] {
    try send(request)
    return receive(count)
  }

  /// True once the other end has gone.
  func isHungUp() -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, 3000) > 0 else { return false }
    var byte: UInt8 = 0
    return waiting.revents & Int16(POLLHUP) != 0 || read(descriptor, &byte, 1) == 0
  }

  func tune(baud: UInt32) throws {
    var settings = cserial_settings(baud: baud, data_bits: 8, parity: .even, stop_bits: 1)
    var refused: UInt32 = 0
    try #require(cserial_tune(descriptor, &settings, &refused) == 0)
  }
}

extension UInt8 {
  static let even = UInt8(ascii: "E")
}
