import Acquisition
import Glibc
import Host
import Metering
import Simulator
import Synchronization

/// R15: the adapter is pulled out and comes back under the same link.
enum Replug {
  static func run(_ dose: Dose) async throws -> [Outcome] {
    let cycles = dose.of(1_000)
    let sum = Tallies()
    // What the runtime opens once and keeps is no leak.
    try await Task.sleep(for: .milliseconds(1))
    let before = openDescriptors()
    let left = Counter(cycles)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for line in 0..<64 {
        let random = SplitMix64(seed: SplitMix64.number(seed: dose.seed, index: UInt64(1500 + line)))
        group.addTask { try await Self.line(line, left, sum, random) }
      }
      try await group.waitForAll()
    }
    let leaked = openDescriptors() - before
    let worst = BootInstant.Span(nanoseconds: Int64(sum["slowest"]))
    return [
      Outcome(
        row: "R15", title: "hang-up and return under the same link", trials: sum["cycles"], what: "cycles",
        isMet: sum["wrong"] == 0 && leaked <= 0 && worst <= .seconds(5) && sum["cycles"] >= cycles && sum["stuck"] == 0,
        findings: [
          "read again at most \(decimalString(worst.nanoseconds / 1000, decimals: 2)) s after the return (limit 5), \(sum["stuck"]) never",
          "\(leaked) descriptors leaked, \(sum["wrong"]) of \(sum["accepted"]) answers wrong, told \(sum["lost"]) times as lost and \(sum["opened"]) as open",
        ])
    ]
  }

  private static func line(
    _ number: Int, _ left: Counter, _ sum: Tallies, _ random: SplitMix64
  ) async throws {
    var random = random
    let link = "/tmp/meterd-faults-\(getpid())-\(number)"
    let relay = Relay()
    let far = try FarEnd(.link(link), relay)
    defer { _ = unsafe unlink(link) }
    let tongue = Tongue.allCases[number % 2]
    let work = try Work(
      "replug-\(number)", Work.Shape(tongue: tongue, meters: 2, rounds: 4000, speed: 1), port: far.port)
    relay.set(SlowMeters(ledger: work.ledger))
    let over = Flag()
    let working = Task { await work.run(limit: .seconds(3600)) { _ in over.isSet } }
    func answered(since count: Int) async -> Bool {
      let end = HostClock.boot + .seconds(30)
      while work.tally["accepted"] <= count {
        guard HostClock.boot < end else { return false }
        try? await Task.sleep(for: .milliseconds(10))
      }
      return true
    }
    _ = await answered(since: 0)
    while left.take() {
      far.unplug()
      // Mostly at once, sometimes after half a minute.
      let wait = [0, 100, 300, 600, 1_000, 1_500, 2_500, 4_000, 8_000, 30_000]
      let places = random.below(100)
      let base =
        places < 75 ? wait[random.below(6)] : places < 95 ? wait[6 + random.below(2)] : wait[8 + random.below(2)]
      try await Task.sleep(for: .milliseconds(base + random.below(100)))
      let count = work.tally["accepted"]
      let back = HostClock.boot
      far.plugIn()
      if await answered(since: count) {
        let took = HostClock.boot - back
        sum.most("slowest", Int(took.nanoseconds))
      } else {
        sum.add("stuck")
      }
      sum.add("cycles")
    }
    over.set()
    await working.value
    await far.stop()
    for name in ["accepted", "wrong", "lost", "opened"] { sum.add(name, work.tally[name]) }
  }
}

/// Meters that take ten milliseconds, so that a line of theirs does not fill the processor.
struct SlowMeters: Behaviour {
  let ledger: Ledger
  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    return [Burst(due: now + .milliseconds(10), bytes: asked.reply(ledger.number(for: asked, at: now)))]
  }
}

/// Set once.
final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
