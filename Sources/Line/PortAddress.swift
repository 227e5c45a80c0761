/// Where a line is: a serial device, a serial server that passes bytes through, or a Modbus TCP server.
public enum PortAddress: Hashable, Sendable {
  /// A device such as `/dev/ttyS1`; a stable name under `/dev/serial/by-id` survives unplugging.
  case device(path: String)
  /// A transparent serial server.
  case server(host: String, port: Int)
  /// A meter or gateway that speaks Modbus TCP: each of its units is a meter.
  case modbusServer(host: String, port: Int)

  /// The port that Modbus TCP has of right.
  public static let modbusPort = 502

  /// True where frames carry a header with their number instead of a checksum, and no serial line is known of.
  public var isModbusTCP: Bool {
    if case .modbusServer = self { true } else { false }
  }
}

extension PortAddress: CustomStringConvertible {
  /// `/dev/ttyS1`, `tcp://127.0.0.1:4001` or `modbus-tcp://10.0.3.9:502`.
  public var description: String {
    switch self {
    case .device(let path): path
    case .server(let host, let port): "tcp://\(Self.bracketed(host)):\(port)"
    case .modbusServer(let host, let port): "modbus-tcp://\(Self.bracketed(host)):\(port)"
    }
  }

  private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

  /// Reads a path that begins with `/`, `tcp://HOST:PORT` or `modbus-tcp://HOST[:PORT]`; a host with colons stands in
  /// brackets.
  public init?(_ text: String) {
    if text.hasPrefix("tcp://") {
      guard let (host, port) = Self.hostAndPort(text.dropFirst("tcp://".count)), let port else { return nil }
      self = .server(host: host, port: port)
    } else if text.hasPrefix("modbus-tcp://") {
      guard let (host, port) = Self.hostAndPort(text.dropFirst("modbus-tcp://".count)) else { return nil }
      self = .modbusServer(host: host, port: port ?? Self.modbusPort)
    } else {
      guard text.hasPrefix("/"), text.count > 1, !text.utf8.contains(0) else { return nil }
      self = .device(path: text)
    }
  }

  /// The port is `nil` where none is written.
  private static func hostAndPort(_ text: Substring) -> (host: String, port: Int?)? {
    var host = text
    var port: Int?
    let afterHost = text.lastIndex(of: "]").map { text.index(after: $0) } ?? text.startIndex
    if let colon = text[afterHost...].lastIndex(of: ":") {
      let digits = text[text.index(after: colon)...]
      // A sign is no digit, though a number may have one.
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
        (1...65_535).contains(number)
      else { return nil }
      port = number
      host = text[..<colon]
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(where: { $0 == ":" || $0 == "]" }) {
      return nil
    }
    // The resolver takes a text that ends at its first NUL, and no host has one, nor a space.
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
    return (String(host), port)
  }
}
