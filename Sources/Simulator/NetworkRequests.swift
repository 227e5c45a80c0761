internal import Modbus

/// The ears of a Modbus TCP server: requests out of the bytes of one connection.
struct NetworkRequests: Hashable, Sendable {
  private var bytes: [UInt8] = []

  /// The request that the next byte completes. A header that is none is passed over byte by byte.
  mutating func hear(_ byte: UInt8) -> TCPMessage? {
    bytes.append(byte)
    while bytes.count >= 6, !isHeader { bytes.removeFirst() }
    guard bytes.count > 6, bytes.count == 6 + announced else { return nil }
    defer { bytes.removeAll() }
    return try? TCPMessage(tcp: bytes.span)
  }

  mutating func forget() { bytes.removeAll() }

  private var announced: Int { Int(bytes[4]) << 8 | Int(bytes[5]) }
  private var isHeader: Bool { bytes[2] == 0 && bytes[3] == 0 && (2...254).contains(announced) }
}
