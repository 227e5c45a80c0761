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
    // The last threads may still be on their way out.
    var leaked = openDescriptors() - before
    for _ in 0..<200 where leaked > 0 {
      try await Task.sleep(for: .milliseconds(10))
      leaked = openDescriptors() - before
    }
    func seconds(_ name: String) -> String { decimalString(Int64(sum[name]) / 1000, decimals: 2) }
    let worst = BootInstant.Span(nanoseconds: Int64(sum["slowest"]))
    return [
      Outcome(
        row: "R15", title: "hang-up and return under the same link", trials: sum["cycles"], what: "cycles",
        isMet: sum["wrong"] == 0 && leaked <= 0 && worst <= .seconds(5) && sum["cycles"] >= cycles && sum["stuck"] == 0,
        findings: [
          "read again at most \(seconds("slowest")) s after the return (limit 5), \(sum["stuck"]) never",
          "told at most \(seconds("told")) s after it: what is read in a run of like questions without end is held until the run is cut",
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
    // A time-out as lines have it: 64 of them on one machine may be served 20 ms late, and a silence costs seconds.
    let shape = Work.Shape(tongue: tongue, meters: 2, rounds: 4000, timeout: 300, speed: 1)
    let work = try Work("replug-\(number)", shape, port: far.port)
    relay.set(SlowMeters(ledger: work.ledger))
    let over = Flag()
    let first = FirstAnswer()
    let working = Task {
      await work.run(limit: .seconds(3600)) { event in
        guard case .answered(let answer) = event else { return }
        first.take(answer)
      } isEnough: { _ in
        over.isSet
      }
    }
    _ = await first.answered(since: BootInstant(nanoseconds: 0))
    while left.take() {
      far.unplug()
      // Mostly at once, sometimes after half a minute.
      let wait = [0, 100, 300, 600, 1_000, 1_500, 2_500, 4_000, 8_000, 30_000]
      let places = random.below(100)
      let base =
        places < 75 ? wait[random.below(6)] : places < 95 ? wait[6 + random.below(2)] : wait[8 + random.below(2)]
      try await Task.sleep(for: .milliseconds(base + random.below(100)))
      let back = HostClock.boot
      far.plugIn()
      if let read = await first.answered(since: back) {
        sum.most("slowest", Int((read - back).nanoseconds))
        sum.most("told", Int((HostClock.boot - back).nanoseconds))
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

/// Waits for the answer to a question that was put after an instant: what was read before an adapter went is told as
/// it goes.
private final class FirstAnswer: Sendable {
  private let state = Guarded<(since: BootInstant, read: BootInstant?)>((BootInstant(nanoseconds: 0), nil))

  func take(_ answer: Acquisition.Answer) {
    state.withLock { if $0.read == nil, answer.startedAt >= $0.since { $0.read = answer.bootTime } }
  }

  /// When it was read; `nil` where that took more than half a minute.
  func answered(since start: BootInstant) async -> BootInstant? {
    state.withLock { $0 = (start, nil) }
    let end = HostClock.boot + .seconds(30)
    while HostClock.boot < end {
      if let read = state.withLock({ $0.read }) { return read }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return nil
  }
}

/// Set once.
final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
