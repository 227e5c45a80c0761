import Acquisition
import Host
import Metering
import Simulator
import Validation

/// Independent bit errors on every frame of both ways, through the whole path.
private struct NoisyMeter: Behaviour {
  let ledger: Ledger
  var random: SplitMix64
  let errors: BitErrors
  let marked: Bool

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let heard = errors.hurt(request, marked: marked, &random).heardByMeter, let asked = Asked(heard) else {
      return []
    }
    let reply = asked.reply(ledger.number(for: asked, at: now))
    return [Burst(due: now, bytes: errors.hurt(reply, marked: marked, &random).bytes)]
  }
}

/// What a bad line does to characters.
enum BitErrors: Sendable {
  /// Each bit is turned over with this chance; with parity each character has nine.
  case rate(Double)
  /// One burst of so many bits in each frame: its ends are wrong, what lies between may be.
  case burst(ClosedRange<Int>)

  struct Hurt {
    var bytes: [UInt8]
    /// What a meter that checks parity hears; `nil` where it drops the frame.
    var heardByMeter: [UInt8]?
  }

  /// The bytes as they arrive; marked, a character whose parity is wrong comes as FF 00 and itself, a good FF twice.
  func hurt(_ bytes: [UInt8], marked: Bool, _ random: inout SplitMix64) -> Hurt {
    let width = marked ? 9 : 8
    var plain = bytes
    var bad = Set<Int>()
    for bit in flips(bytes.count * width, &random) {
      let place = bit / width
      if bit % width < 8 { plain[place] ^= 1 << UInt8(bit % width) }
      bad.formSymmetricDifference([place])
    }
    guard marked else { return Hurt(bytes: plain, heardByMeter: plain) }
    var wire: [UInt8] = []
    for (index, byte) in plain.enumerated() {
      if bad.contains(index) { wire += [0xFF, 0x00, byte] } else { wire += byte == 0xFF ? [0xFF, 0xFF] : [byte] }
    }
    return Hurt(bytes: wire, heardByMeter: bad.isEmpty ? plain : nil)
  }

  /// The places of the wrong bits among `count`, in order.
  func flips(_ count: Int, _ random: inout SplitMix64) -> [Int] {
    switch self {
    case .rate(let rate):
      var flips: [Int] = []
      var place = Self.gap(rate, &random)
      while place < count {
        flips.append(place)
        place += 1 + Self.gap(rate, &random)
      }
      return flips
    case .burst(let lengths):
      let length = min(count, lengths.lowerBound + random.below(lengths.count))
      let start = random.below(count - length + 1)
      let inner = random.next()
      return (0..<length).filter { $0 == 0 || $0 == length - 1 || inner >> UInt64($0) & 1 == 1 }.map { start + $0 }
    }
  }

  /// Good bits before the next wrong one.
  static func gap(_ rate: Double, _ random: inout SplitMix64) -> Int {
    Int(min(1e9, naturalLogarithm(1 - random.fraction()) / naturalLogarithm(1 - rate)))
  }
}

/// R7 through terminal, line, speaker and codec.
enum WireErrors {
  private struct Cell {
    let name: String
    let errors: BitErrors
    /// Frames in the full run.
    let frames: Int
    /// Wrong frames accepted per frame: DL/T 645 with identity and digits checked, Modbus with its CRC.
    let limits: [Tongue: Double]
  }

  /// Limits: measured on 20 to 400 million frames a cell by a model of the two checks alone.
  private static let cells = [
    Cell(
      name: "BER 1e-4", errors: .rate(1e-4), frames: 650_000, limits: [.dlt645: 2.0e-7, .modbus: 5e-14]),
    Cell(name: "BER 1e-3", errors: .rate(1e-3), frames: 250_000, limits: [.dlt645: 1.7e-5, .modbus: 5e-10]),
    Cell(name: "BER 1e-2", errors: .rate(1e-2), frames: 50_000, limits: [.dlt645: 4.3e-4, .modbus: 2.7e-6]),
    Cell(name: "bursts of 2-8 bits", errors: .burst(2...8), frames: 20_000, limits: [.dlt645: 0, .modbus: 0]),
    Cell(
      name: "bursts of 9-24 bits", errors: .burst(9...24), frames: 30_000, limits: [.dlt645: 8.2e-4, .modbus: 1.5e-5]),
  ]

  /// With even parity checked.
  private static let markedCells = [
    Cell(name: "BER 1e-2 with marked parity", errors: .rate(1e-2), frames: 50_000, limits: [.dlt645: 1.2e-7]),
    Cell(name: "BER 1e-3 with marked parity", errors: .rate(1e-3), frames: 150_000, limits: [.dlt645: 6.7e-9]),
  ]

  /// Replies of 20 and of 9 bytes, as the limits are for.
  private static func questions(_ tongue: Tongue) -> [Query] {
    TestMeter.questions(tongue).filter { if case .registers(_, _, let count) = $0 { count == 2 } else { true } }
  }

  static func run(_ dose: Dose) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for tongue in Tongue.allCases { outcomes.append(try await run(dose, tongue, cells, marked: false)) }
    return outcomes
  }

  static func runMarked(_ dose: Dose) async throws -> [Outcome] {
    [try await run(dose, .dlt645, markedCells, marked: true)]
  }

  private static func run(_ dose: Dose, _ tongue: Tongue, _ cells: [Cell], marked: Bool) async throws -> Outcome {
    var frames = 0
    var isMet = true
    var findings: [String] = []
    var wrong: [String] = []
    for (index, cell) in cells.enumerated() {
      let plausible = Plausibility()
      // A request and a reply are two frames.
      let talk = Talk(
        tongue: tongue, trials: dose.of(cell.frames / 2), lines: 32,
        seed: SplitMix64.number(seed: dose.seed, index: UInt64(700 + index)), quarantine: .milliseconds(5),
        marksParity: marked, questions: questions(tongue), allowsLate: true,
        behaviour: { NoisyMeter(ledger: $0, random: $1, errors: cell.errors, marked: marked) },
        judge: { plausible.judge($0, tongue) })
      let score = try await talk.run()
      let sent = 2 * score.exchanges
      frames += sent
      let limit = cell.limits[tongue] ?? 0
      let most = mostAt95(limit * Double(sent))
      isMet = isMet && score.wrongCount <= most && score.exchanges == talk.trials
      wrong += score.wrong
      findings.append(
        "\(cell.name): \(sent) frames, \(score.accepted) answers accepted, \(score.wrongCount) wrong of at most \(most) (limit \(scientific(limit)) a frame), \(plausible.believed) of these pass validation"
      )
    }
    return Outcome(
      row: marked ? "R7-parity" : "R7", title: "bit errors through the whole path, \(tongue.rawValue)", trials: frames,
      what: "frames", isMet: isMet, findings: findings, wrong: Array(wrong.prefix(3)))
  }
}

/// Wrong values that were accepted, put to validation beside the true value before them.
private final class Plausibility: Sendable {
  private let counts = Tallies()

  var believed: Int { counts["believed"] }

  func judge(_ exchange: Talk.Exchange, _ tongue: Tongue) {
    guard let told = exchange.told, !exchange.isTrue, case .number(let value)? = told.first?.value else { return }
    // The register stands where the questions so far have brought it: one step each.
    let before = Int64(exchange.number) * 10_000
    let known = Neighbour(value: RegisterValue(millionths: before, resolution: 10_000), instant: 0, readAt: 0)
    let key = ReadingKey(
      meter: .unnamed, quantity: .energyTotal(.importActive), kind: .instantaneous, instant: 900_000)
    let reading = Reading(
      key: key, value: value, quality: .actual,
      hostTime: HostInstant(unixMilliseconds: 900_000, clock: .synchronised), bootTime: BootInstant(nanoseconds: 0))
    let file = MeterFile(
      phases: 3, nominalVoltage: 220_000_000, maximumCurrent: 60_000_000, integerDigits: 6, rates: 4)
    let verdicts = Validation.judge(
      [reading], neighbours: [Series(key): [known]], file: file,
      now: HostInstant(unixMilliseconds: 900_000, clock: .synchronised))
    if verdicts.first?.isUsable == true { counts.add("believed") }
  }
}
