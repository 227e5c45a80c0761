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

  /// What the register was before `byte` made it `register`.
  static func before(_ register: UInt16, _ byte: UInt8) -> UInt16 {
    // The high bytes of the table are all different, so the one that was taken is known.
    let index = inverse[Int(register >> 8)]
    return (register ^ table[Int(index)]) << 8 | UInt16(index ^ byte)
  }

  /// The index whose entry of the table has such a high byte.
  private static let inverse: [UInt8] = {
    var indices = [UInt8](repeating: 0, count: 256)
    for (index, entry) in table.enumerated() { indices[Int(entry >> 8)] = UInt8(index) }
    return indices
  }()

  private static let table: [UInt16] = (0..<256).map { index in
    (0..<8).reduce(UInt16(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xA001 : value >> 1 }
  }
}
