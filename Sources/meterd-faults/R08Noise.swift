import Acquisition
import Host
import Metering
import Simulator

/// Every other reply is spoilt; the one after it is clean and must be read.
private struct SpoiltMeter: Behaviour {
  let ledger: Ledger
  var random: SplitMix64
  private var isClean = false

  init(ledger: Ledger, random: SplitMix64) {
    self.ledger = ledger
    self.random = random
  }

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    let reply = asked.reply(ledger.number(for: asked, at: now))
    defer { isClean.toggle() }
    let (isWhole, bursts) = isClean ? (true, [Burst(due: now, bytes: reply)]) : spoil(reply, asked, now)
    ledger.note(isWhole: isWhole, bursts)
    return bursts
  }

  private mutating func spoil(_ reply: [UInt8], _ asked: Asked, _ now: BootInstant) -> (isWhole: Bool, [Burst]) {
    let rest: [BootInstant.Span] = [.microseconds(100), .microseconds(400), .milliseconds(1)]
    func soon() -> BootInstant { now + rest[0] }
    switch random.below(30) {
    case 0:
      // Cut short, and the rest never comes, or long after the gap that ends a frame.
      let cut = 1 + random.below(reply.count - 1)
      let head = Burst(due: now, bytes: Array(reply[..<cut]))
      return (
        false,
        random.chance(50)
          ? [head]
          : [head, Burst(due: now + .milliseconds(Int64(20 + random.below(40))), bytes: Array(reply[cut...]))]
      )
    case 1:
      var less = reply
      less.remove(at: random.below(less.count))
      return (false, [Burst(due: now, bytes: less)])
    case 3...7:
      // In pieces.
      var bursts: [Burst] = []
      var at = now
      var left = reply[...]
      while !left.isEmpty {
        let size = 1 + random.below(left.count)
        bursts.append(Burst(due: at, bytes: Array(left.prefix(size))))
        left = left.dropFirst(size)
        at = at + rest[random.below(2)]
      }
      return (true, bursts)
    case 8...11:
      return (true, [Burst(due: now, bytes: [UInt8](repeating: 0xFE, count: random.below(30)) + reply)])
    case 12...15:
      return (true, [Burst(due: now, bytes: random.bytes(1 + random.below(60)) + reply)])
    case 16...20:
      // Noise, a pause, the reply; among the noise what begins like a frame.
      let start: [UInt8] = asked.tongue == .dlt645 ? Array(reply.prefix(1 + random.below(10))) : [reply[0], reply[1]]
      return (true, [Burst(due: now, bytes: start + random.bytes(random.below(20))), Burst(due: soon(), bytes: reply)])
    case 21...24:
      return (true, [Burst(due: now, bytes: reply + random.bytes(1 + random.below(60)))])
    case 25...29:
      // Another meter's whole frame, or the meter's answer to another question, in the same read.
      let other =
        random.chance(50)
        ? Asked(tongue: asked.tongue, meter: asked.meter + 1, item: asked.item, function: asked.function)
        : Asked(
          tongue: asked.tongue, meter: asked.meter, item: asked.tongue == .dlt645 ? 0x0009_0000 : 6,
          function: asked.function)
      return (true, [Burst(due: now, bytes: other.reply(Int64(random.below(1_000_000))) + reply)])
    default:
      // A byte too many within the frame.
      var more = reply
      more.insert(UInt8(truncatingIfNeeded: random.next()), at: 1 + random.below(more.count - 1))
      return (false, [Burst(due: now, bytes: more)])
    }
  }
}

/// R8: truncated, split, merged and noisy replies.
enum Noise {
  static func run(_ dose: Dose) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for (index, tongue) in Tongue.allCases.enumerated() {
      let counts = Tallies()
      let unread = Guarded<[String]>([])
      let talk = Talk(
        tongue: tongue, trials: dose.of(500_000), lines: 24,
        seed: SplitMix64.number(seed: dose.seed, index: UInt64(800 + index)),
        // The machine's own pauses are not to end a frame.
        timeout: 40, gap: 40,
        behaviour: { SpoiltMeter(ledger: $0, random: $1) },
        judge: { exchange in
          let said = exchange.ledger.lastSaid
          counts.add(said.isWhole ? "whole" : "cut")
          guard said.isWhole, exchange.told == nil else { return }
          counts.add("unread")
          unread.withLock { if $0.count < 3 { $0.append("\(exchange.query): \(hex(said.bytes))") } }
        })
      let score = try await talk.run()
      let missed = counts["unread"]
      let late = score.overruns
      let overrun = decimalString(score.longestOverrun.nanoseconds / 1000, decimals: 3)
      let isMet =
        score.wrongCount == 0 && missed == 0 && score.longestOverrun < .milliseconds(250)
        && score.exchanges == talk.trials
      outcomes.append(
        Outcome(
          row: "R8", title: "truncation, split and merged reads, noise, \(tongue.rawValue)", trials: score.exchanges,
          what: "frames", isMet: isMet,
          findings: [
            "\(score.accepted) accepted, \(score.wrongCount) wrong; \(counts["whole"]) came whole, half of them right after a spoilt one: \(missed) of these not read",
            "\(counts["cut"]) came in pieces or with a byte too few or too many; \(score.damaged) damaged, \(score.silent) silent",
            "\(late) exchanges ended after their deadline, the latest by \(overrun) s (the machine's own delays; limit 0.250 s)",
          ], wrong: score.wrong + unread.withLock { $0.map { "not read: \($0)" } }))
    }
    return outcomes
  }
}
