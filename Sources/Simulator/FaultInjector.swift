internal import Metering

/// Does what `LineFaults` ask for, answer by answer, and counts it.
public struct FaultInjector: Hashable, Sendable {
  public var faults: LineFaults
  public private(set) var counts = FaultCounts()
  private var answers: UInt64 = 0

  public init(_ faults: LineFaults) { self.faults = faults }

  /// What becomes of an answer on its way; `nil` when nothing is sent.
  public mutating func damage(
    _ answer: Answer, of language: MeterLanguage, overTCP: Bool = false, at now: SimulatedInstant
  ) -> Answer? {
    answers &+= 1
    guard !faults.isDead(at: now), !happens(.silence) else {
      counts[.silence] += 1
      return nil
    }
    var damaged = answer
    if overTCP {
      // Unit and function stand behind the header, and no checksum needs to be made good.
      if damaged.bytes.count >= 8 {
        if count(.wrongAddress) { damaged.bytes[6] ^= 1 }
        if count(.wrongItem) { damaged.bytes[7] ^= 7 }
        if count(.wrongTransaction) { damaged.bytes[1] &-= UInt8(1 + draw(.wrongTransaction, 1) % 255) }
      }
    } else {
      if count(.wrongAddress) { damaged.bytes = readdressed(damaged.bytes, language) }
      if count(.wrongItem) { damaged.bytes = relabelled(damaged.bytes, language) }
    }
    if count(.bitFlip) { flip(&damaged.bytes) }
    if count(.truncation), damaged.bytes.count > 1 {
      damaged.bytes.removeLast(1 + Int(draw(.truncation, 1) % UInt64(damaged.bytes.count - 1)))
    }
    if count(.doubledFirst) { damaged.bytes.insert(contentsOf: damaged.bytes.prefix(1), at: 0) }
    if count(.lostFirst) { damaged.bytes = Array(damaged.bytes.dropFirst()) }
    if count(.noiseBefore) { damaged.bytes.insert(contentsOf: noise(.noiseBefore), at: 0) }
    if count(.noiseAfter) { damaged.bytes += noise(.noiseAfter) }
    if count(.babble) { damaged.bytes += randomBytes(faults.babbleBytes, .babble) }
    if count(.late) { damaged.delay = damaged.delay + faults.lateBy }
    return damaged
  }

  /// Whether the master hears its own request this time.
  public mutating func echoes() -> Bool {
    // Asked before there is an answer, so the number is that of the next one.
    answers &+= 1
    defer { answers &-= 1 }
    return count(.echo)
  }

  private mutating func count(_ fault: LineFault) -> Bool {
    let does = happens(fault)
    if does { counts[fault] += 1 }
    return does
  }

  private func happens(_ fault: LineFault) -> Bool {
    let chance = faults[fault]
    return chance > 0 && draw(fault, 0) % 1_000_000 < UInt64(chance)
  }

  /// A number that depends on the seed, the fault, the answer and `index`, and on nothing else.
  private func draw(_ fault: LineFault, _ index: UInt64) -> UInt64 {
    let own = LineFault.allCases.firstIndex(of: fault) ?? 0
    let seed = SplitMix64.number(seed: faults.seed, index: UInt64(own))
    return SplitMix64.number(seed: seed ^ index, index: answers)
  }

  private func noise(_ fault: LineFault) -> [UInt8] {
    randomBytes(1 + Int(draw(fault, 1) % UInt64(max(1, faults.noiseBytes))), fault)
  }

  private func randomBytes(_ count: Int, _ fault: LineFault) -> [UInt8] {
    var random = SplitMix64(seed: draw(fault, 2))
    return (0..<max(0, count)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  private func flip(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    var random = SplitMix64(seed: draw(.bitFlip, 1))
    var flipped: Set<Int> = []
    let wanted = min(max(1, faults.flippedBits), bytes.count * 8)
    while flipped.count < wanted { flipped.insert(Int(random.next(below: UInt64(bytes.count * 8)))) }
    for bit in flipped { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
  }
}

/// CRC-16 of Modbus RTU, low byte sent first; 0 over a frame with its check.
///
/// Bit by bit and apart from the codec's: the simulator is the codec's witness and shares none of its tables.
func wireChecksum(_ bytes: some Sequence<UInt8>) -> UInt16 {
  bytes.reduce(0xFFFF) { sum, byte in
    (0..<8).reduce(sum ^ UInt16(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xA001 : value >> 1 }
  }
}
