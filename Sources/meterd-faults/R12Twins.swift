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

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    let number = ledger.number(for: asked, at: now)
    let reply = asked.reply(number)
    let ready = now + .microseconds(200)
    // The first meter of the line has the twin; one question in three is heard by both.
    guard asked.meter & 0xF == 1, asked.item != 0x0400_0102, random.chance(33) else {
      return [Burst(due: ready, bytes: reply)]
    }
    let twin = asked.reply(ledger.number(for: asked, at: now))
    guard random.chance(50) else {
      // One after the other: at once, within the silence that is kept, and long after it.
      let gap = BootInstant.Span.microseconds([0, 200, 600, 1500, 3000, 6000, 12_000, 18_000][random.below(8)])
      book.note(number, .clean)
      book.note(number + 1, .clean)
      return [Burst(due: ready, bytes: reply), Burst(due: ready + gap, bytes: twin)]
    }
    // Both drive the pair: where either pulls, the wire follows.
    book.note(number, .garbled)
    book.note(number + 1, .garbled)
    let shift = random.below(4)
    var wire = reply
    for (index, byte) in twin.enumerated() {
      if wire.indices.contains(index + shift) { wire[index + shift] |= byte } else { wire.append(byte) }
    }
    return [Burst(due: ready, bytes: wire)]
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
        && sum["told"] >= sum["clean"] && sum["doubles"] >= quota
      outcomes.append(
        Outcome(
          row: "R12", title: "two meters with one address, \(tongue.rawValue)", trials: sum["doubles"],
          what: "questions that both answered", isMet: isMet,
          findings: [
            "\(sum["clean"]) clean doubles: \(sum["clean accepted"]) accepted, told as a duplicate address \(sum["told"]) times",
            "\(sum["garbled"]) garbled: \(sum["garbled accepted"]) accepted; \(sum["accepted"]) other answers accepted, \(sum["wrong"]) wrong",
          ], wrong: Array(wrong.prefix(3))))
    }
    return outcomes
  }

  private static func line(
    _ tongue: Tongue, _ number: Int, _ quota: Int, _ sum: Tallies, _ random: SplitMix64
  ) async throws -> [String] {
    // A second is left between two questions to one meter at 2400 Bd; here a line of few meters is enough.
    let shape = Work.Shape(tongue: tongue, meters: 3, rounds: 300, speed: 200)
    let relay = Relay()
    let book = TwinBook()
    let far = try FarEnd(.terminal, relay)
    let work = try Work("twins-\(number)", shape, port: far.port)
    relay.set(TwinMeters(ledger: work.ledger, random: random, book: book))
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
      return (0..<12).reduce(0) { $0 + sum["running \($1)"] } >= quota
    }
    await far.stop()
    sum.add("doubles", book.clean + book.garbled)
    sum.add("clean", book.clean)
    sum.add("garbled", book.garbled)
    for name in ["accepted", "wrong", "clean accepted", "garbled accepted", "told"] { sum.add(name, work.tally[name]) }
    return work.wrongValues
  }
}
