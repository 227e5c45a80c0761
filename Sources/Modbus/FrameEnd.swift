/// Whether a frame may end where `bytes` end: a serial one with a right checksum, or one whose header counts to there.
///
/// Cheaper by far than to look for frames, and true wherever `annotate` would find a sound one that ends there. At most
/// the last 260 bytes are looked at, each once.
public func mayEndFrame(_ bytes: [UInt8], as framings: Set<AnnotatedFrame.Framing>) -> Bool {
  framings.contains(.rtu) && endsWithChecksum(bytes) || framings.contains(.tcp) && endsWithCounted(bytes)
}

/// From the checksum register 0 behind the last byte back to a place where it was FFFFH, as a frame starts.
private func endsWithChecksum(_ bytes: [UInt8]) -> Bool {
  var register: UInt16 = 0
  for (count, byte) in bytes.suffix(256).reversed().enumerated() {
    register = Checksum.before(register, byte)
    // Unit, function and checksum at least.
    if register == 0xFFFF, count >= 3 { return true }
  }
  return false
}

/// Protocol number 0 and the number of bytes that follow, of which there are 254 at most.
private func endsWithCounted(_ bytes: [UInt8]) -> Bool {
  guard bytes.count >= 8 else { return false }
  return (max(0, bytes.count - 260)...(bytes.count - 8)).contains { start in
    bytes[start + 2] == 0 && bytes[start + 3] == 0
      && Int(bytes[start + 4]) << 8 | Int(bytes[start + 5]) == bytes.count - start - 6
  }
}
