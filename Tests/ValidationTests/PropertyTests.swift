import Metering
import Testing
import Validation

/// A small generator that a printed seed repeats (SplitMix64).
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite struct PropertyTests {
  static let edges: [Int64] = [.min, .min + 1, -1, 0, 1, 999_999_990_000, 1_000_000_000_000, noon, .max - 1, .max]

  func value(_ random: inout Seeded) -> Int64 {
    Bool.random(using: &random)
      ? Self.edges.randomElement(using: &random) ?? 0 : .random(in: .min ... .max, using: &random)
  }

  func anyReading(_ random: inout Seeded) throws -> Reading {
    let names = [
      "energy.import.active.total", "energy.import.active.rate1", "energy.import.active.rate2",
      "energy.combined.active.total", "voltage.l1", "voltage.l12", "current.neutral", "power.active.l1",
      "power-factor.total",
    ]
    let quantity = try #require(names.randomElement(using: &random).flatMap(Quantity.init(name:)))
    let clocks: [ClockState] = [.synchronised, .unsynchronised, .holdover(seconds: value(&random))]
    return try reading(
      RegisterValue(millionths: value(&random), resolution: value(&random)), quantity,
      kind: ReadingKind.allCases.randomElement(using: &random) ?? .event, at: value(&random),
      meterTime: MeterTime(localSeconds: .random(in: -62_135_596_800...253_402_300_799, using: &random)),
      clock: clocks.randomElement(using: &random) ?? .synchronised, readAt: value(&random))
  }

  func anyFile(_ random: inout Seeded) -> MeterFile {
    var limits = Limits()
    limits.runawayFlagPercent = value(&random)
    limits.runawayRejectPercent = value(&random)
    limits.future = value(&random)
    limits.clockMark = value(&random)
    return MeterFile(
      phases: Int(truncatingIfNeeded: value(&random)),
      nominalVoltage: Bool.random(using: &random) ? 1_000_000_000_000 : value(&random),
      maximumCurrent: Bool.random(using: &random) ? 1_000_000_000_000 : value(&random),
      integerDigits: Int.random(in: -1...20, using: &random), rates: Int.random(in: -1...99, using: &random),
      rounding: [.truncated, .rounded, nil].randomElement(using: &random) ?? nil, installedAt: value(&random),
      limits: limits)
  }

  @Test func `no numbers trap, and the order of an answer changes no verdict`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = Seeded(seed: seed)
    for _ in 0..<3000 {
      let answer = try (0..<Int.random(in: 1...6, using: &random)).map { _ in try anyReading(&random) }
      let file = anyFile(&random)
      let known = try (0..<3).map { _ in try Neighbour(anyReading(&random)) }
      let neighbours = Dictionary(answer.map { (Series($0.key), known) }, uniquingKeysWith: { first, _ in first })
      let host = HostInstant(unixMilliseconds: value(&random), clock: .synchronised)
      let verdicts = judge(answer, neighbours: neighbours, file: file, now: host)
      let order = answer.indices.shuffled(using: &random)
      let again = judge(
        order.map { answer[$0] }, neighbours: neighbours.mapValues { $0.shuffled(using: &random) }, file: file,
        now: host)
      // Two neighbours of one instant may show their value with more or fewer zeros; that is told, not judged.
      #expect(order.map { outline(verdicts[$0]) } == again.map(outline), "seed \(seed)")
    }
  }
}

/// A verdict without the words of its findings.
private func outline(_ verdict: Verdict) -> [String] {
  [verdict.status.rawValue] + verdict.findings.map(\.code.rawValue)
}
