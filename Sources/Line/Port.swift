internal import CSerial
internal import Glibc
internal import Host
internal import Metering

/// An open descriptor of a line, closed exactly once.
struct Port: ~Copyable {
  let address: PortAddress
  private let descriptor: CInt
  /// Bytes arrive with marked parity and must be taken apart.
  private(set) var marksParity = false

  /// Opens and takes the port for this process. A serial server must answer within 3 s.
  ///
  /// A device that is opened to listen cannot be written to.
  init(_ address: PortAddress, toListen: Bool = false) throws(LineError) {
    self.address = address
    switch address {
    case .device(let path):
      let opened = unsafe toListen ? cserial_open_to_listen(path) : cserial_open(path)
      guard opened >= 0 else { throw Self.error(-opened, opening: address) }
      let locked = cserial_lock(opened)
      guard locked >= 0 else {
        cserial_close(opened)
        throw locked == -EBUSY ? .busy(address) : Self.error(-locked, opening: address)
      }
      descriptor = opened
    case .server(let host, let port), .modbusServer(let host, let port):
      let opened = unsafe cserial_connect(host, String(port), 3000)
      guard opened >= 0 else { throw .unreachable(address, errno: -opened) }
      descriptor = opened
    }
  }

  deinit { cserial_close(descriptor) }

  private static func error(_ code: Int32, opening address: PortAddress) -> LineError {
    switch code {
    case ENOENT, ENXIO, ENODEV, ENOTDIR: .noSuchPort(address)
    case ENOTTY, EISDIR: .notATerminal(address)
    case EBUSY: .busy(address)
    case EACCES, EPERM: .notPermitted(address)
    default: .inputOutput(address, operation: "open", errno: code)
    }
  }

  private func error(_ code: Int32, _ operation: String) -> LineError {
    switch code {
    case EIO, ENXIO, ENODEV, EPIPE, ECONNRESET, EBADF: .vanished(address)
    default: .inputOutput(address, operation: operation, errno: code)
    }
  }

  /// Changes the serial settings. A serial server has its own and is left alone.
  mutating func tune(_ settings: SerialSettings) throws(LineError) {
    guard case .device = address else { return }
    var wanted = cserial_settings()
    wanted.baud = UInt32(settings.baud)
    wanted.data_bits = UInt8(settings.dataBits)
    wanted.parity = settings.parity.rawValue.asciiValue ?? UInt8(ascii: "N")
    wanted.stop_bits = UInt8(settings.stopBits)
    var refused: UInt32 = 0
    let drained = cserial_drain(descriptor)
    guard drained >= 0 else { throw error(-drained, "drain") }
    let result = unsafe cserial_tune(descriptor, &wanted, &refused)
    guard result >= 0 else {
      if refused != 0 { throw .settingsRefused(address, settings, refused: .init(rawValue: refused)) }
      throw error(-result, "set")
    }
    marksParity = settings.parity != .none && !cserial_is_pseudo_terminal(descriptor)
  }

  /// True when bytes can be read, false when `until` was reached first.
  func waitReadable(until: BootInstant) throws(LineError) -> Bool {
    let result = cserial_wait_readable(descriptor, until.nanoseconds)
    guard result >= 0 else { throw error(-result, "wait") }
    return result == 1
  }

  /// Reads what is there into `buffer`; the count, 0 when nothing waits.
  func read(into buffer: inout [UInt8]) throws(LineError) -> Int {
    let count = unsafe buffer.withUnsafeMutableBufferPointer { bytes -> CInt in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe cserial_read(descriptor, base, CInt(bytes.count))
    }
    guard count >= 0 else { throw error(-count, "read") }
    return Int(count)
  }

  func write(_ cleared: ClearedBytes, until: BootInstant) throws(LineError) {
    let count = unsafe cleared.bytes.withUnsafeBufferPointer { bytes -> CInt in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe cserial_write(descriptor, base, CInt(bytes.count), until.nanoseconds)
    }
    guard count >= 0 else { throw error(-count, "write") }
  }
}
