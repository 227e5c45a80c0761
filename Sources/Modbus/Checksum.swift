/// CRC-16 of Modbus RTU, taken byte by byte.
///
/// Polynomial 8005H reflected to A001H, start FFFFH, sent low byte first. Over a whole frame, its own check
/// bytes included, the register ends at 0.
/// Source: "Modbus over Serial Line Specification and Implementation Guide" V1.02, section 6.2.2.
public struct Checksum: Hashable, Sendable {
  public private(set) var register: UInt16

  /// Starts at FFFFH, as every frame does.
  public init() { register = 0xFFFF }

  init(register: UInt16) { self.register = register }

  public mutating func add(_ byte: UInt8) {
    register = register >> 8 ^ Self.table[Int((register ^ UInt16(byte)) & 0xFF)]
  }

  /// The checksum of `bytes`.
  public static func of(_ bytes: Span<UInt8>) -> UInt16 {
    var sum = Checksum()
    for index in bytes.indices { sum.add(bytes[index]) }
    return sum.register
  }

  private static let table: [UInt16] = (0..<256).map { index in
    (0..<8).reduce(UInt16(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xA001 : value >> 1 }
  }
}
