import DLT645
import Metering
import Testing

/// SplitMix64: the same seed gives the same bytes everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

/// The bytes of a frame as it is printed in a document.
func wire(_ hex: String) -> [UInt8] {
  do {
    return try hexBytes(hex)
  } catch {
    Issue.record("bad hex in a test: \(error)")
    return []
  }
}

/// The first frame in `bytes`, or why there is none, from one decoder fed byte by byte.
func firstFrame(_ bytes: [UInt8], decoder: inout FrameDecoder) -> [UInt8]? {
  for byte in bytes {
    decoder.append(byte)
    while let event = decoder.next() {
      if case .frame(let frame) = event { return decoder.bytes(of: frame) }
    }
  }
  return nil
}

/// Every frame that a fresh decoder finds, the line being silent after the last byte.
func allFrames(_ bytes: [UInt8]) -> [[UInt8]] {
  var decoder = FrameDecoder()
  var found: [[UInt8]] = []
  func drain() {
    while let event = decoder.next() {
      if case .frame(let frame) = event { found.append(decoder.bytes(of: frame)) }
    }
  }
  for byte in bytes {
    decoder.append(byte)
    drain()
  }
  decoder.silence()
  drain()
  return found
}
