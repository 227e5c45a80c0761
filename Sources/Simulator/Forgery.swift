/// The same answer from the neighbour: last digit of the address changed, checks made good.
func readdressed(_ bytes: [UInt8], _ language: MeterLanguage) -> [UInt8] {
  forged(bytes, language) { frame in
    switch language {
    case .dlt645: frame[1] = frame[1] & 0xF0 | (frame[1] & 0x0F + 1) % 10
    case .modbus: frame[0] ^= 1
    }
  }
}

/// The same answer to another question: first byte of the identifier, or the function, changed, checks made good.
func relabelled(_ bytes: [UInt8], _ language: MeterLanguage) -> [UInt8] {
  forged(bytes, language) { frame in
    switch language {
    case .dlt645: if frame[9] > 0 { frame[10] &+= 1 }
    // 3 becomes 4 and 4 becomes 3; of a refusal too.
    case .modbus: frame[1] ^= 7
    }
  }
}

/// Changes the frame within `bytes` and makes its check bytes right again; bytes without a frame stay.
private func forged(_ bytes: [UInt8], _ language: MeterLanguage, _ change: (inout [UInt8]) -> Void) -> [UInt8] {
  switch language {
  case .dlt645:
    guard let start = bytes.firstIndex(of: 0x68), bytes.count >= start + 12 else { return bytes }
    let checkAt = 10 + Int(bytes[start + 9])
    guard start + checkAt < bytes.count else { return bytes }
    var frame = Array(bytes[start...])
    change(&frame)
    frame[checkAt] = frame[..<checkAt].reduce(0, &+)
    return bytes[..<start] + frame
  case .modbus:
    guard bytes.count >= 4 else { return bytes }
    var frame = bytes
    change(&frame)
    let check = wireChecksum(frame[..<(frame.count - 2)])
    frame[frame.count - 2] = UInt8(truncatingIfNeeded: check)
    frame[frame.count - 1] = UInt8(truncatingIfNeeded: check >> 8)
    return frame
  }
}
