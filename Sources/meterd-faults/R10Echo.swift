import Acquisition
import Host
import Metering
import Simulator

/// An adapter that hears its own request: all of it, a part, a hurt copy, or the echo and no reply at all.
private struct EchoingMeter: Behaviour {
  let ledger: Ledger
  var random: SplitMix64
  let counts: Tallies
  /// The echo comes whole with every request.
  let isSteady: Bool

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    let soon = now + .microseconds(200)
    let replies = isSteady || random.chance(80)
    if !replies { counts.add("unanswered") }
    let reply = replies ? asked.reply(ledger.number(for: asked, at: now)) : []
    var echo = request
    switch isSteady ? 0 : random.below(4) {
    case 0: break
    case 1: echo = Array(request.prefix(random.below(request.count)))
    case 2: echo[random.below(echo.count)] ^= 1 << UInt8(random.below(8))
    default: echo = Array(request.suffix(random.below(request.count)))
    }
    counts.add("echoes")
    // In one read or in two.
    if random.chance(50) { return [Burst(due: now, bytes: echo + reply)] }
    return [Burst(due: now, bytes: echo), Burst(due: soon, bytes: reply)]
  }
}

/// R10: the echo of our own request.
enum Echoes {
  static func run(_ dose: Dose) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for (index, tongue) in Tongue.allCases.enumerated() {
      var findings: [String] = []
      var wrong: [String] = []
      var trials = 0
      var isMet = true
      for isSteady in [true, false] {
        let counts = Tallies()
        let streak = Tallies()
        let talk = Talk(
          tongue: tongue, trials: dose.of(5_000), lines: 8,
          seed: SplitMix64.number(seed: dose.seed, index: UInt64(1000 + index)),
          behaviour: { EchoingMeter(ledger: $0, random: $1, counts: counts, isSteady: isSteady) },
          judge: { exchange in
            if exchange.told != nil, streak["first \(exchange.line)"] == 0 {
              streak.most("first \(exchange.line)", exchange.number + 1)
              streak.most("first", exchange.number + 1)
            }
          })
        let score = try await talk.run()
        trials += score.exchanges
        wrong += score.wrong
        let answered = score.exchanges - counts["unanswered"]
        let first = streak["first"]
        isMet = isMet && score.wrongCount == 0 && first <= 3 && score.accepted <= answered
        if isSteady { isMet = isMet && score.accepted == score.exchanges }
        findings.append(
          "\(isSteady ? "whole echoes with every request" : "whole, partial, hurt echoes and none"): \(score.accepted) of \(answered) answers accepted, \(score.wrongCount) echoes or others taken for one; first value at poll \(first) at the latest"
        )
      }
      outcomes.append(
        Outcome(
          row: "R10", title: "echo of our own request, \(tongue.rawValue)", trials: trials, what: "requests",
          isMet: isMet, findings: findings, wrong: wrong))
    }
    return outcomes
  }
}
