internal import Host
internal import Metering

/// A serial port or a connection of this host, by its boot clock.
final class HostWire: Wire {
  private let address: PortAddress
  private var port: Port?

  init(_ address: PortAddress) { self.address = address }

  var now: BootInstant { HostClock.boot }
  func sleep(until instant: BootInstant) { HostClock.sleep(until: instant) }

  var isOpen: Bool { port != nil }
  var marksParity: Bool { port?.marksParity == true }

  func open() throws(LineError) { port = try Port(address) }
  func close() { port = nil }
  func tune(_ settings: SerialSettings) throws(LineError) { try port?.tune(settings) }

  func waitReadable(until instant: BootInstant) throws(LineError) -> Bool {
    switch port {
    case .some(let open): return try open.waitReadable(until: instant)
    case .none: throw .closed(address)
    }
  }

  func read(into buffer: inout [UInt8]) throws(LineError) -> Int {
    switch port {
    case .some(let open): return try open.read(into: &buffer)
    case .none: throw .closed(address)
    }
  }

  func write(_ cleared: ClearedBytes, until instant: BootInstant) throws(LineError) {
    switch port {
    case .some(let open): try open.write(cleared, until: instant)
    case .none: throw .closed(address)
    }
  }
}
