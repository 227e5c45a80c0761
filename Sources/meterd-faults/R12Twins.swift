import Acquisition
import Host
import Metering
import Simulator

/// Two meters with one address: now and then both answer, at once or one after the other, and disagree.
private struct TwinMeters: Behaviour {
  let ledger: Ledger
  var random: SplitMix64
  let book: TwinBook
  let isOver: Flag

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    let number = ledger.number(for: asked, at: now)
    let reply = asked.reply(number)
    let ready = now + .microseconds(200)
    // The first meter of the line has the twin; one question in three is heard by both.
    guard !isOver.isSet, asked.meter & 0xF == 1, asked.item != 0x0400_0102, random.chance(33) else {
      return [Burst(due: ready, bytes: reply)]
    }
    // The other meter has counted something else altogether.
    let other = Int64(20_000_000 + random.below(60_000_000))
    let twin = asked.reply(other)
    guard random.chance(50) else {
      // One after the other: at once, within the silence that is kept, up to the meter's limit and beyond it.
      let gap: Int64 =
        switch random.below(10) {
        case 0...3: [0, 200, 600, 1500, 3000, 6000, 12_000, 18_000][random.below(8)]
        case 4...8: Int64(random.below(1000 * Twins.timeout))
        default: Int64(1000 * Twins.timeout + random.below(1000 * Twins.timeout))
        }
      book.note(number, .clean)
      book.note(other, .clean)
      return [
        Burst(due: ready, bytes: reply) { [book] in book.left(number, at: $0) },
        Burst(due: ready + .microseconds(gap), bytes: twin) { [book] in book.followed(number, at: $0) },
      ]
    }
    // Both drive the pair: where either pulls, the wire follows.
    book.note(number, .garbled)
    book.note(other, .garbled)
    return [Burst(due: ready, bytes: Self.collided(reply, twin, after: 1 + random.below(60)))]
  }

  /// What a receiver makes of two frames on one pair, the second so many bits later: a driven 0 wins over the resting
  /// 1 of the other, and characters are found again from edge to edge.
  private static func collided(_ first: [UInt8], _ second: [UInt8], after bits: Int) -> [UInt8] {
    func line(_ frame: [UInt8]) -> [Bool] {
      frame.flatMap { byte in [false] + (0..<8).map { byte >> UInt8($0) & 1 == 1 } + [true] }
    }
    var wire = line(first)
    for (index, bit) in line(second).enumerated() {
      while wire.count <= index + bits { wire.append(true) }
      wire[index + bits] = wire[index + bits] && bit
    }
    var bytes: [UInt8] = []
    var place = 0
    while place + 9 < wire.count {
      guard !wire[place] else {
        place += 1
        continue
      }
      var byte: UInt8 = 0
      for bit in 0..<8 where wire[place + 1 + bit] { byte |= 1 << UInt8(bit) }
      bytes.append(byte)
      place += 10
    }
    return bytes
  }
}

/// The numbers that two meters showed to one question.
private final class TwinBook: Sendable {
  enum Kind { case clean, garbled }
  private let numbers = Guarded<[Int64: Kind]>([:])
  private let counts = Tallies()
  func note(_ number: Int64, _ kind: Kind) {
    numbers.withLock { $0[number] = kind }
    counts.add(kind == .clean ? "clean" : "garbled")
  }
  func kind(_ number: Int64) -> Kind? { numbers.withLock { $0[number] } }

  private let times = Guarded<[Int64: (first: BootInstant, second: BootInstant?)]>([:])
  func left(_ number: Int64, at now: BootInstant) { times.withLock { $0[number] = (now, nil) } }
  func followed(_ number: Int64, at now: BootInstant) { times.withLock { $0[number]?.second = now } }

  /// How long after the answer that shows `number` the other one left the twin; `nil` where it has not yet.
  func gap(after number: Int64) -> BootInstant.Span? {
    times.withLock { times in
      guard let pair = times[number], let second = pair.second else { return nil }
      return second - pair.first
    }
  }
  /// Twins whose answers came within the time that a meter has.
  func timely(_ limit: BootInstant.Span) -> Int {
    times.withLock { $0.values.count { pair in pair.second.map { $0 - pair.first < limit } ?? false } }
  }
  /// Questions, of two numbers each.
  var clean: Int { counts["clean"] / 2 }
  var garbled: Int { counts["garbled"] / 2 }
}

/// Numbers that were accepted.
private final class Shown: Sendable {
  private let all = Guarded<[Int64]>([])
  func note(_ number: Int64) { all.withLock { $0.append(number) } }
  var numbers: [Int64] { all.withLock { $0 } }
}

/// R12: two meters with one address.
enum Twins {
  /// What the meters of the row have for an answer, in milliseconds.
  static let timeout = 100

  /// The machine hands a byte over when it has the time: what left so close to the limit is of neither kind.
  private static let inTime = BootInstant.Span.milliseconds(Int64(timeout) - 10)

  static func run(_ dose: Dose) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for (index, tongue) in Tongue.allCases.enumerated() {
      let quota = dose.of(2_500)
      let sum = Tallies()
      var wrong: [String] = []
      try await withThrowingTaskGroup(of: [String].self) { group in
        for line in 0..<12 {
          let random = SplitMix64(
            seed: SplitMix64.number(seed: dose.seed, index: UInt64(1200 + index * 100 + line)))
          group.addTask { try await Self.line(tongue, line, quota, sum, random) }
        }
        for try await some in group { wrong += some }
      }
      let isMet =
        sum["clean accepted"] == 0 && sum["garbled accepted"] == 0 && sum["wrong"] == 0
        && sum["told"] + sum["doubted"] >= sum["timely"] && sum["untold lines"] == 0 && sum["doubles"] >= quota
        // Nothing stored is nothing wrong: the two meters without a twin go on being read.
        && sum["accepted"] >= sum["doubles"]
      outcomes.append(
        Outcome(
          row: "R12", title: "two meters with one address, \(tongue.rawValue)", trials: sum["doubles"],
          what: "questions that both answered", isMet: isMet,
          findings: [
            "\(sum["clean"]) clean doubles, \(sum["timely"]) of them within the meter's limit: \(sum["clean accepted"]) accepted (and \(sum["stored before"]) whose second came after the limit), told as a duplicate address \(sum["told"]) times, \(sum["doubted"]) more not believed of a meter so told; never told on \(sum["untold lines"]) lines",
            "\(sum["garbled"]) garbled: \(sum["garbled accepted"]) accepted; \(sum["accepted"]) other answers accepted, \(sum["wrong"]) wrong",
          ], wrong: Array(wrong.prefix(3))))
    }
    return outcomes
  }

  private static func line(
    _ tongue: Tongue, _ number: Int, _ quota: Int, _ sum: Tallies, _ random: SplitMix64
  ) async throws -> [String] {
    // A second is left between two questions to one meter at 2400 Bd; here a line of few meters is enough.
    let shape = Work.Shape(tongue: tongue, meters: 3, rounds: 300, timeout: timeout, speed: 200)
    let relay = Relay()
    let book = TwinBook()
    let far = try FarEnd(.terminal, relay)
    let work = try Work("twins-\(number)", shape, port: far.port)
    let enough = Flag()
    // When enough is done, the last of it is waited for.
    let ended = Tallies()
    let accepted = Shown()
    relay.set(TwinMeters(ledger: work.ledger, random: random, book: book, isOver: enough))
    await work.run(limit: .seconds(240)) { event in
      switch event {
      case .answered(let answer):
        guard let shown = Ledger.shown(answer.observations, in: tongue) else { return }
        switch book.kind(shown) {
        case .clean: accepted.note(shown)
        case .garbled: work.tally.add("garbled accepted")
        case nil: break
        }
      default: break
      }
    } isEnough: { _ in
      sum.most("running \(number)", book.clean + book.garbled)
      if (0..<12).reduce(0, { $0 + sum["running \($1)"] }) >= quota { enough.set() }
      guard enough.isSet else { return false }
      ended.add("looks")
      return ended["looks"] > 2 * timeout / 20 + 10
    }
    await far.stop()
    for number in accepted.numbers {
      // The number of the twin, or a first answer that was not held long enough.
      let isLate = book.gap(after: number).map { $0 >= inTime } ?? (number < 20_000_000)
      work.tally.add(isLate ? "stored before" : "clean accepted")
    }
    sum.add("timely", book.timely(inTime))
    if book.timely(inTime) > 2, work.tally["told"] == 0 { sum.add("untold lines") }
    sum.add("doubles", book.clean + book.garbled)
    sum.add("clean", book.clean)
    sum.add("garbled", book.garbled)
    for name in ["accepted", "wrong", "clean accepted", "stored before", "garbled accepted", "told", "doubted"] {
      sum.add(name, work.tally[name])
    }
    return work.wrongValues
  }
}
