import Acquisition
import Host
import Line
import Metering
import Simulator
import Synchronization

/// Many lines, one meter each, asked without end through `MeterSpeaker`: what the daemon does, without its plan.
struct Talk: Sendable {
  let tongue: Tongue
  /// Exchanges of all lines together.
  let trials: Int
  let lines: Int
  let seed: UInt64
  var place = FarEnd.Place.terminal
  var timeout = 10
  var gap = 3
  /// Silence after a failure; the daemon's is 30 ms or more.
  var quarantine = BootInstant.Span.milliseconds(30)
  /// Bytes come as a UART with marked parity gives them.
  var marksParity = false
  var questions: [Query] = []
  /// A true answer to an earlier question counts as right: only what bit errors make of one is looked for.
  var allowsLate = false
  let behaviour: @Sendable (_ ledger: Ledger, _ random: SplitMix64) -> any Behaviour
  /// What is asked of each exchange besides; on the line's thread.
  var judge: @Sendable (_ exchange: Exchange) -> Void = { _ in }

  struct Exchange {
    let line: Int
    let number: Int
    let query: Query
    /// `nil` where nothing was accepted.
    let told: [Observation]?
    let isTrue: Bool
    let ledger: Ledger
  }

  /// What came of it.
  struct Score: Sendable {
    var exchanges = 0
    var accepted = 0
    var refused = 0
    var damaged = 0
    var silent = 0
    var wrong: [String] = []
    var wrongCount = 0
    /// How long after its deadline an exchange ended at most.
    var longestOverrun = BootInstant.Span.zero
    var overruns = 0

    static func + (a: Score, b: Score) -> Score {
      var sum = a
      sum.exchanges += b.exchanges
      sum.accepted += b.accepted
      sum.refused += b.refused
      sum.damaged += b.damaged
      sum.silent += b.silent
      sum.wrong = Array((a.wrong + b.wrong).prefix(5))
      sum.wrongCount += b.wrongCount
      sum.longestOverrun = max(a.longestOverrun, b.longestOverrun)
      sum.overruns += b.overruns
      return sum
    }
  }

  func run() async throws -> Score {
    let left = Counter(trials)
    return try await withThrowingTaskGroup(of: Score.self) { group in
      for line in 0..<lines {
        let thread = OwnedThread(name: "talk-\(line)")
        group.addTask(executorPreference: thread) {
          defer { thread.stop() }
          let ledger = Ledger()
          let random = SplitMix64(seed: SplitMix64.number(seed: seed, index: UInt64(line)))
          let far = try FarEnd(place, behaviour(ledger, random))
          let score = try converse(line, far.port, ledger, left)
          await far.stop()
          return score
        }
      }
      var sum = Score()
      for try await score in group { sum = sum + score }
      return sum
    }
  }

  private func converse(
    _ number: Int, _ port: PortAddress, _ ledger: Ledger, _ left: Counter
  ) throws -> Score {
    // Above 19200 Bd Modbus keeps a fixed silence, so the quickest rate is the cheapest.
    guard let settings = SerialSettings("921600 8N1") else { throw FaultError("no settings") }
    let line = Line(port, settings: settings, guardedBy: WireGuard())
    line.expectsMarks = marksParity
    let speaker = try MeterSpeaker(on: port)
    try line.open()
    let profile = try TestMeter.profile(tongue, timeout: timeout, gap: gap)
    let meter = try TestMeter.meter(tongue, 1 + number % 200, profile: profile, settings: settings)
    let questions = questions.isEmpty ? TestMeter.questions(tongue) : questions
    let reply = BootInstant.Span.milliseconds(Int64(timeout))
    // Request, time-out, the longest reply and two gaps; silence before and after.
    let longest = reply + .milliseconds(Int64(2 * gap) + 4) + settings.characterTime * 80
    var score = Score()
    while left.take() {
      let query = questions[score.exchanges % questions.count]
      let began = HostClock.boot
      let said = try speaker.ask(query, of: meter, on: line, replyTimeout: reply)
      let over = HostClock.boot - began - longest
      if over > .zero {
        score.overruns += 1
        score.longestOverrun = max(score.longestOverrun, over)
      }
      score.exchanges += 1
      var told: [Observation]?
      var isTrue = true
      switch said.result {
      case .told(let all):
        score.accepted += 1
        told = all.observations
        isTrue = ledger.isTrue(
          all.observations, to: query, of: meter, since: said.record.startedAt, allowingLate: allowsLate)
        if !isTrue {
          score.wrongCount += 1
          if score.wrong.count < 5 {
            score.wrong.append("\(query): \(all.observations.map { "\($0.value)" }) in \(hex(all.frames))")
          }
        }
      case .refused: score.refused += 1
      case .damaged: score.damaged += 1
      case .silent: score.silent += 1
      }
      if told == nil { _ = try line.quarantine(silence: quarantine) }
      judge(
        Exchange(
          line: number, number: score.exchanges - 1, query: query, told: told, isTrue: isTrue,
          ledger: ledger))
    }
    return score
  }
}

/// Counts down for several threads.
final class Counter: Sendable {
  private let left: Atomic<Int>
  init(_ count: Int) { left = Atomic(count) }
  func take() -> Bool { left.subtract(1, ordering: .relaxed).oldValue > 0 }
}

/// Counts up for several threads.
final class Tallies: Sendable {
  private let counts = Guarded<[String: Int]>([:])
  func add(_ name: String, _ count: Int = 1) { counts.withLock { $0[name, default: 0] += count } }
  func most(_ name: String, _ count: Int) { counts.withLock { $0[name] = max($0[name] ?? 0, count) } }
  subscript(name: String) -> Int { counts.withLock { $0[name] ?? 0 } }
}

func hex(_ frames: [[UInt8]]) -> String {
  frames.map { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined() }.joined(
    separator: " ")
}

extension SplitMix64 {
  mutating func below(_ bound: Int) -> Int { Int(next(below: UInt64(max(1, bound)))) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
  /// 0 ..< 1, in 53 bits.
  mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
