internal import CSerial
internal import Glibc

/// Where a master finds a simulated line.
public enum LinePlace: Hashable, Sendable {
  /// A pseudo-terminal; a symbolic link at `link` always leads to it, across hang-ups.
  case terminal(link: String?)
  /// A transparent serial server on 127.0.0.1; port 0 takes a free one.
  case socket(port: UInt16)
  /// A Modbus TCP server on 127.0.0.1; port 0 takes a free one.
  case network(port: UInt16)
}

/// The descriptors of the meters' end of a line; all closed together.
struct LineEnd: ~Copyable {
  /// Where the bytes of the master come from: the terminal's controlling end, or the caller; -1 without a caller.
  private(set) var talk: CInt
  /// What keeps the place open: the terminal's device end, or the listener.
  private let hold: CInt
  private let isSocket: Bool
  /// What leads here, taken away with the rest.
  private var link: String?
  /// How many have called so far.
  private(set) var callers = 0
  /// The device's path, or the port taken.
  let path: String
  let port: UInt16

  private init(talk: CInt, hold: CInt, isSocket: Bool, path: String, port: UInt16) {
    self.talk = talk
    self.hold = hold
    self.isSocket = isSocket
    self.path = path
    self.port = port
  }

  static func open(_ place: LinePlace) throws(SimulatorError) -> LineEnd {
    switch place {
    case .terminal(let link):
      var controller: CInt = -1, device: CInt = -1
      var name = [CChar](repeating: 0, count: 256)
      let result = unsafe cserial_pseudo_terminal(&controller, &device, &name, name.count)
      guard result == 0 else { throw .terminal(errno: -result) }
      let path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      var end = LineEnd(talk: controller, hold: device, isSocket: false, path: path, port: 0)
      if let link {
        let linked = unsafe cserial_point_link(link, path)
        guard linked == 0 else { throw .link(link, errno: -linked) }
        end.link = link
      }
      return end
    case .socket(let wanted), .network(let wanted):
      var bound: UInt16 = 0
      let listener = unsafe cserial_listen_local(wanted, &bound)
      guard listener >= 0 else { throw .port(wanted, errno: -listener) }
      let scheme = if case .network = place { "modbus-tcp" } else { "tcp" }
      return LineEnd(talk: -1, hold: listener, isSocket: true, path: "\(scheme)://127.0.0.1:\(bound)", port: bound)
    }
  }

  deinit {
    if talk >= 0 { close(talk) }
    close(hold)
    if let link { _ = unsafe unlink(link) }
  }

  /// The rate that the master set; `nil` for a socket or a rate without a name.
  var baud: Int? {
    guard !isSocket else { return nil }
    let baud = cserial_baud(hold)
    return baud > 0 ? Int(baud) : nil
  }

  /// Blocks until the master has written, a caller has come, `bell` rings, or `until`. True when the bell rang.
  mutating func wait(_ bell: CInt, until instant: Int64) -> Bool {
    // One caller at a time, as serial servers have it; the next waits in the listener's queue.
    let watched = [bell, talk, isSocket && talk < 0 ? hold : -1]
    let ready = unsafe cserial_wait_any(watched, watched.count, instant)
    if ready > 0, ready & 4 != 0 {
      let caller = cserial_accept(hold)
      if caller >= 0 {
        talk = caller
        callers += 1
      }
    }
    return ready > 0 && ready & 1 != 0
  }

  /// What the master has written by now.
  mutating func read(into buffer: inout [UInt8]) -> Int {
    guard talk >= 0 else { return 0 }
    let count = unsafe Glibc.read(talk, &buffer, buffer.count)
    if count > 0 { return count }
    let isEmpty = count < 0 && (errno == EAGAIN || errno == EINTR)
    if isSocket, !isEmpty {
      close(talk)
      talk = -1
    }
    return 0
  }

  /// Hands bytes to the master; how many the port took.
  func write(_ bytes: [UInt8]) -> Int {
    guard talk >= 0, !bytes.isEmpty else { return 0 }
    let flags = CInt(MSG_NOSIGNAL)
    let count = isSocket ? unsafe send(talk, bytes, bytes.count, flags) : unsafe Glibc.write(talk, bytes, bytes.count)
    return max(0, count)
  }
}

/// Calls a thread out of its wait.
final class Bell: Sendable {
  let readable: CInt
  private let writable: CInt

  init() throws(SimulatorError) {
    var ends: [CInt] = [-1, -1]
    let result = unsafe cserial_bell(&ends)
    guard result == 0 else { throw .terminal(errno: -result) }
    readable = ends[0]
    writable = ends[1]
  }

  deinit {
    close(readable)
    close(writable)
  }

  func ring() {
    var byte: UInt8 = 1
    _ = unsafe Glibc.write(writable, &byte, 1)
  }

  /// Takes back one ring.
  func hush() {
    var byte: UInt8 = 0
    _ = unsafe Glibc.read(readable, &byte, 1)
  }
}
