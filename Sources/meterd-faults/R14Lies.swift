import DLT645
import Metering
import Simulator
import Validation

/// R14: what a meter says, plausible or not, put to validation.
enum Lies {
  /// A scripted lie, and what must become of it.
  private enum Kind: CaseIterable {
    case backward, leap, hugeLeap, wrongScale, filledFF, filledEE, swap, rollover, falseRollover, beyondDigits, honest
  }

  private static let step: Int64 = 10_000
  private static let modulus: Int64 = 1_000_000_000_000
  /// 3 x 220 V x 60 A for a quarter of an hour, in millionths of a kWh.
  private static let most: Int64 = 9_900_000
  private static let file = MeterFile(
    phases: 3, nominalVoltage: 220_000_000, maximumCurrent: 60_000_000, integerDigits: 6, rates: 4)

  static func run(_ dose: Dose) async throws -> [Outcome] {
    var random = dose.random(14)
    var trials = 0
    var wrong: [String] = []
    var byKind: [String: Int] = [:]
    let scripted = dose.of(500)
    for number in 0..<scripted {
      let kind = Kind.allCases[number % Kind.allCases.count]
      trials += 1
      byKind["\(kind)", default: 0] += 1
      if let finding = lie(kind, &random) { wrong.append("\(kind): \(finding)") }
    }
    let parts = Kind.allCases.map { "\($0) \(byKind["\($0)"] ?? 0)" }.joined(separator: ", ")
    return [
      Outcome(
        row: "R14", title: "plausible lies through the codec and validation", trials: trials, what: "scripted answers",
        isMet: wrong.isEmpty,
        findings: [parts, "\(trials - wrong.count) verdicts as specified, \(wrong.count) not"],
        wrong: Array(wrong.prefix(3)))
    ]
  }

  /// What is not as specified; `nil` where all is.
  private static func lie(_ kind: Kind, _ random: inout SplitMix64) -> String? {
    func below(_ bound: Int64) -> Int64 { Int64(random.below(Int(bound / step))) * step }
    let before = 10_000_000_000 + below(500_000_000_000)
    switch kind {
    case .honest: return verdict(before, before + below(most), .accepted, nil)
    case .backward: return verdict(before, before - step - below(9_000_000_000), .held, .backward)
    case .leap: return verdict(before, before + most * 125 / 100 + below(most * 70 / 100), .flagged, .runaway)
    case .hugeLeap: return verdict(before, before + most * 205 / 100 + below(90_000_000_000), .rejected, .runaway)
    case .wrongScale:
      // Ten or a hundred times too much, or a tenth.
      let scale = random.below(3)
      if scale == 2 { return verdict(before, (before / 10) / step * step, .held, .backward) }
      let told = before * (scale == 0 ? 10 : 100)
      return told < modulus
        ? verdict(before, told, .rejected, .runaway) : verdict(before, told, .held, .runaway)
    case .swap:
      // Another meter on the same address begins lower.
      return verdict(before, below(9_000_000_000), .held, .backward)
    case .rollover:
      let high = modulus - step - below(most / 2)
      return verdict(high, below(most / 2), .accepted, .rollover)
    case .falseRollover:
      let high = modulus - step - below(90_000_000_000)
      return verdict(high, most * 2 + below(90_000_000_000), .held, .backward)
    case .beyondDigits: return verdict(before, modulus + below(modulus), .held, .runaway)
    case .filledFF: return filled(0xFF)
    case .filledEE: return filled(0xEE)
    }
  }

  private static func verdict(
    _ before: Int64, _ told: Int64, _ wanted: Verdict.Status, _ code: FindingCode?
  ) -> String? {
    let quarter: Int64 = 900_000, noon: Int64 = 1_795_348_800_000
    let host = HostInstant(unixMilliseconds: noon + quarter, clock: .synchronised)
    let key = ReadingKey(
      meter: .unnamed, quantity: .energyTotal(.importActive), kind: .instantaneous, instant: noon + quarter)
    let reading = Reading(
      key: key, value: RegisterValue(millionths: told, resolution: step), quality: .actual, hostTime: host,
      bootTime: BootInstant(nanoseconds: 0))
    let known = Neighbour(value: RegisterValue(millionths: before, resolution: step), instant: noon, readAt: noon)
    let verdict = judge([reading], neighbours: [Series(key): [known]], file: file, now: host).first
    let isRight = verdict?.status == wanted && verdict?.findings.map(\.code) == [code].compactMap { $0 }
    return isRight
      ? nil
      : "\(known.value) then \(reading.value): \(verdict.map { "\($0.status) \($0.findings)" } ?? "no verdict"), not \(wanted)"
  }

  /// Bytes that stand for no number make no reading.
  private static func filled(_ byte: UInt8) -> String? {
    let identifier = DataIdentifier(rawValue: 0x0001_0000)
    let told = try? identifier.observations(in: [UInt8](repeating: byte, count: 4))
    let numbers = (told ?? []).filter { if case .number = $0.value { true } else { false } }
    guard numbers.isEmpty else { return "a register full of \(byte) is read as \(numbers)" }
    let isRight = told?.map(\.value) == [.absent]
    return isRight ? nil : "a register full of \(byte) is read as \(told ?? [])"
  }
}
