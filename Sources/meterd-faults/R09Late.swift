import Acquisition
import Host
import Line
import Metering
import Simulator

/// Answers that come after the time-out, in their order or one place behind it.
private struct TardyMeters: Behaviour {
  let ledger: Ledger
  var random: SplitMix64
  let counts: Tallies
  /// Per cent of the answers that are late.
  let percent: Int
  let timeout: BootInstant.Span
  /// A late answer waits for the next question and is handed over after its answer.
  let isOutOfOrder: Bool
  private var busyUntil: [UInt64: BootInstant] = [:]
  private var held: [UInt64: [UInt8]] = [:]

  init(
    ledger: Ledger, random: SplitMix64, counts: Tallies, percent: Int, timeout: BootInstant.Span, isOutOfOrder: Bool
  ) {
    self.ledger = ledger
    self.random = random
    self.counts = counts
    self.percent = percent
    self.timeout = timeout
    self.isOutOfOrder = isOutOfOrder
  }

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    let reply = asked.reply(ledger.number(for: asked, at: now))
    let isLate = random.chance(percent)
    var ready = now + .microseconds(100)
    if isLate {
      // 0.5 to 5 times the time-out.
      ready = now + BootInstant.Span(nanoseconds: timeout.nanoseconds * Int64(50 + random.below(451)) / 100)
      if ready - now > timeout { counts.add("late") }
    }
    if isOutOfOrder {
      // Of one meter: the answers of another are no danger.
      let behind = held.removeValue(forKey: asked.meter)
      if isLate, behind == nil {
        held[asked.meter] = reply
        if ready - now <= timeout { counts.add("late") }
        return []
      }
      // Nothing but the one that was held changes its place.
      ready = max(ready, busyUntil[asked.meter] ?? ready)
      let after = ready + .microseconds(Int64(random.below(4000)))
      busyUntil[asked.meter] = (behind == nil ? ready : after) + .microseconds(100)
      let own = Burst(due: ready, bytes: reply)
      return [own] + (behind.map { [Burst(due: after, bytes: $0)] } ?? [])
    }
    ready = max(ready, busyUntil[asked.meter] ?? ready)
    busyUntil[asked.meter] = ready + .milliseconds(1)
    return [Burst(due: ready, bytes: reply)]
  }
}

/// R9: late replies.
enum LateReplies {
  private struct Case {
    let name: String
    let tongue: Tongue
    let place: FarEnd.Place
    var isOutOfOrder = false
  }

  private static let cases = [
    Case(name: "DL/T 645 on a terminal", tongue: .dlt645, place: .terminal),
    Case(
      name: "DL/T 645 behind a serial server, out of order by one", tongue: .dlt645, place: .server, isOutOfOrder: true),
    Case(name: "Modbus RTU on a terminal", tongue: .modbus, place: .terminal),
    Case(name: "Modbus RTU behind a serial server", tongue: .modbus, place: .server),
    Case(
      name: "Modbus RTU behind a serial server, out of order by one", tongue: .modbus, place: .server,
      isOutOfOrder: true),
    Case(name: "Modbus TCP", tongue: .modbus, place: .network),
    Case(name: "Modbus TCP, out of order by one", tongue: .modbus, place: .network, isOutOfOrder: true),
  ]

  static func run(_ dose: Dose) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for (index, each) in cases.enumerated() {
      var findings: [String] = []
      var wrong: [String] = []
      var lateReplies = 0
      var isMet = true
      for percent in [100, 10] {
        let counts = Tallies()
        let quota = dose.of(5_000)
        let sum = Tallies()
        let seed = SplitMix64.number(seed: dose.seed, index: UInt64(900 + index * 100 + percent))
        let lines = 24
        try await withThrowingTaskGroup(of: [String].self) { group in
          for line in 0..<lines {
            group.addTask {
              try await Self.line(each, line, percent, counts, quota, sum, SplitMix64(seed: seed &+ UInt64(line)))
            }
          }
          for try await some in group { wrong += some }
        }
        lateReplies += counts["late"]
        // Nothing stored is nothing wrong. Where one in ten is late, several are believed for each of them.
        let wanted = percent == 10 ? counts["late"] : 0
        isMet = isMet && sum["wrong"] == 0 && counts["late"] >= quota && sum["accepted"] >= wanted
        findings.append(
          "\(percent) % late: \(counts["late"]) late replies of \(quota) wanted, \(sum["accepted"]) answers accepted of \(wanted) wanted, \(sum["wrong"]) wrong, \(sum["late bytes"]) late bytes dropped, \(sum["silences"]) meters set aside, \(sum["told"]) times taken for two meters"
        )
      }
      outcomes.append(
        Outcome(
          row: "R9", title: "late replies, \(each.name)", trials: lateReplies, what: "late replies", isMet: isMet,
          findings: findings, wrong: Array(wrong.prefix(3))))
    }
    return outcomes
  }

  private static func line(
    _ each: Case, _ number: Int, _ percent: Int, _ counts: Tallies, _ quota: Int, _ sum: Tallies, _ random: SplitMix64
  ) async throws -> [String] {
    let shape = Work.Shape(tongue: each.tongue, meters: 16, rounds: 60)
    let relay = Relay()
    let far = try FarEnd(each.place, relay)
    let work = try Work("late-\(number)", shape, port: far.port)
    relay.set(
      TardyMeters(
        ledger: work.ledger, random: random, counts: counts, percent: percent,
        timeout: .milliseconds(Int64(shape.timeout)), isOutOfOrder: each.isOutOfOrder))
    await work.run(limit: .seconds(120)) { _ in counts["late"] >= quota }
    await far.stop()
    for name in ["accepted", "wrong", "late bytes", "silences", "told"] { sum.add(name, work.tally[name]) }
    return work.wrongValues
  }
}
