import Acquisition
import Host
import Metering
import Simulator
import Synchronization

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
      // One after the other: at once, within the silence that is kept, and long after it.
      let gap = BootInstant.Span.microseconds([0, 200, 600, 1500, 3000, 6000, 12_000, 18_000][random.below(8)])
      book.note(number, .clean)
      book.note(other, .clean)
      return [Burst(due: ready, bytes: reply), Burst(due: ready + gap, bytes: twin)]
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
  private let numbers = Mutex<[Int64: Kind]>([:])
  private let counts = Tallies()
  func note(_ number: Int64, _ kind: Kind) {
    numbers.withLock { $0[number] = kind }
    counts.add(kind == .clean ? "clean" : "garbled")
  }
  func kind(_ number: Int64) -> Kind? { numbers.withLock { $0[number] } }
  /// Questions, of two numbers each.
  var clean: Int { counts["clean"] / 2 }
  var garbled: Int { counts["garbled"] / 2 }
}

/// R12: two meters with one address.
enum Twins {
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
        && sum["told"] + sum["doubted"] >= sum["clean"] && sum["untold lines"] == 0 && sum["doubles"] >= quota
      outcomes.append(
        Outcome(
          row: "R12", title: "two meters with one address, \(tongue.rawValue)", trials: sum["doubles"],
          what: "questions that both answered", isMet: isMet,
          findings: [
            "\(sum["clean"]) clean doubles: \(sum["clean accepted"]) accepted, told as a duplicate address \(sum["told"]) times, \(sum["doubted"]) more not believed of a meter so told; never told on \(sum["untold lines"]) lines",
            "\(sum["garbled"]) garbled: \(sum["garbled accepted"]) accepted; \(sum["accepted"]) other answers accepted, \(sum["wrong"]) wrong",
          ], wrong: Array(wrong.prefix(3))))
    }
    return outcomes
  }

  private static func line(
    _ tongue: Tongue, _ number: Int, _ quota: Int, _ sum: Tallies, _ random: SplitMix64
  ) async throws -> [String] {
    // A second is left between two questions to one meter at 2400 Bd; here a line of few meters is enough.
    let shape = Work.Shape(tongue: tongue, meters: 3, rounds: 300, timeout: 100, speed: 200)
    let relay = Relay()
    let book = TwinBook()
    let far = try FarEnd(.terminal, relay)
    let work = try Work("twins-\(number)", shape, port: far.port)
    let enough = Flag()
    // When enough is done, the last of it is waited for.
    let ended = Tallies()
    relay.set(TwinMeters(ledger: work.ledger, random: random, book: book, isOver: enough))
    await work.run(limit: .seconds(120)) { event in
      switch event {
      case .answered(let answer):
        guard let shown = Ledger.shown(answer.observations, in: tongue) else { return }
        switch book.kind(shown) {
        case .clean: work.tally.add("clean accepted")
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
      return ended["looks"] > 10
    }
    await far.stop()
    if book.clean > 0, work.tally["told"] == 0 { sum.add("untold lines") }
    sum.add("doubles", book.clean + book.garbled)
    sum.add("clean", book.clean)
    sum.add("garbled", book.garbled)
    for name in ["accepted", "wrong", "clean accepted", "garbled accepted", "told", "doubted"] {
      sum.add(name, work.tally[name])
    }
    return work.wrongValues
  }
}
