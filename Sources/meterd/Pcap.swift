import Concentrator
import Glibc

/// A classic pcap file of what was said on a line, for Wireshark and its kin.
///
/// Link type 147, USER0. Each packet is one byte of direction and then the raw bytes: 0 not known, 1 from the master,
/// 2 from a meter. Source: "PCAP Capture File Format", draft-ietf-opsawg-pcap, section 4.
struct Pcap {
  static let linkType: UInt32 = 147
  private let descriptor: CInt
  private let path: String

  /// Makes the file, or empties it.
  init(path: String) throws {
    self.path = path
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else {
      throw Complaint(.cannotCreate, "cannot write \(path): \(systemError(errno))", "The folder must be there.")
    }
    try write(Self.header)
  }

  func finish() { close(descriptor) }

  /// Adds a packet; it is in the file when this returns.
  func add(_ bytes: [UInt8], direction: String?, unixMicroseconds: Int64) throws {
    try write(Self.packet(bytes, direction: direction, unixMicroseconds: unixMicroseconds))
  }

  /// Magic number for microseconds, version 2.4, no zone, longest packet, link type.
  static let header =
    little(0xA1B2_C3D4, 4) + little(2, 2) + little(4, 2) + little(0, 4) + little(0, 4) + little(65_535, 4)
    + little(linkType, 4)

  static func packet(_ bytes: [UInt8], direction: String?, unixMicroseconds: Int64) -> [UInt8] {
    let mark: UInt8 =
      switch direction {
      case "request": 1
      case "reply": 2
      default: 0
      }
    let held = bytes.prefix(65_534)
    let microseconds = max(0, unixMicroseconds)
    let length = UInt32(held.count + 1)
    return little(UInt32(clamping: microseconds / 1_000_000), 4)
      + little(UInt32(microseconds % 1_000_000), 4) + little(length, 4) + little(length, 4) + [mark] + held
  }

  private static func little(_ number: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
  }

  private func write(_ bytes: [UInt8]) throws {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes[written...].withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw Complaint(
          .inputOutput, "cannot write \(path): \(systemError(errno))", "Make room, or write it elsewhere.")
      }
      written += count
    }
  }
}
