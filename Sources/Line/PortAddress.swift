/// Where a line is: a serial device, or a serial server that passes bytes through.
public enum PortAddress: Hashable, Sendable {
  /// A device such as `/dev/ttyS1`; a stable name under `/dev/serial/by-id` survives unplugging.
  case device(path: String)
  /// A transparent serial server.
  case server(host: String, port: Int)
}

extension PortAddress: CustomStringConvertible {
  /// `/dev/ttyS1` or `tcp://127.0.0.1:4001`.
  public var description: String {
    switch self {
    case .device(let path): path
    case .server(let host, let port): "tcp://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
  }

  /// Reads a path that begins with `/`, or `tcp://HOST:PORT`; a host with colons stands in brackets.
  public init?(_ text: String) {
    if text.hasPrefix("tcp://") {
      let rest = text.dropFirst("tcp://".count)
      guard let colon = rest.lastIndex(of: ":"), let port = Int(rest[rest.index(after: colon)...]),
        (1...65_535).contains(port)
      else { return nil }
      var host = rest[..<colon]
      if host.hasPrefix("["), host.hasSuffix("]") {
        host = host.dropFirst().dropLast()
      } else if host.contains(":") {
        return nil
      }
      guard !host.isEmpty else { return nil }
      self = .server(host: String(host), port: port)
    } else {
      guard text.hasPrefix("/"), text.count > 1, !text.utf8.contains(0) else { return nil }
      self = .device(path: text)
    }
  }
}
