import Acquisition
import Devices
import Host
import Metering
import Simulator
import Testing

/// What meters have sent too late, by the instant at which they were asked for it: no later question may be answered so.
private final class LateBook: Sendable {
  private let values = Guarded<[MeterID: [Value: BootInstant]]>([:])

  func note(_ value: Value, of meter: MeterID, asked: BootInstant) {
    values.withLock { $0[meter, default: [:]][value] = asked }
  }
  /// On a busy machine an answer may just be waited for beyond its time; it then answers its own question, which the meter
  /// cannot have heard before it was begun.
  func has(_ value: Value, of meter: MeterID, askedBefore began: BootInstant) -> Bool {
    values.withLock { $0[meter]?[value].map { $0 < began } ?? false }
  }
  var count: Int { values.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}

/// A meter that now and then answers after the time-out; what it is asked meanwhile waits its turn, as in a meter
/// with one processor or behind a serial server.
private struct TardyMeter: SimulatedMeter {
  var inner: any SimulatedMeter
  /// Parts per million of the answers.
  let chance: UInt64
  /// How much later those come: one of these.
  let lateness: [BootInstant.Span]
  var random: SplitMix
  private var busyUntil = BootInstant(nanoseconds: 0)
  /// Where the register moves on by an hour with every question, and what it showed too late.
  private let book: LateBook?
  private var hours: Int64 = 0

  init(
    _ inner: any SimulatedMeter, chance: UInt64, lateness: [BootInstant.Span], seed: UInt64,
    book: LateBook? = nil
  ) {
    self.inner = inner
    self.chance = chance
    self.lateness = lateness
    self.book = book
    random = SplitMix(seed)
  }

  var id: MeterID { inner.id }
  var language: MeterLanguage { inner.language }
  var unit: UInt8? { inner.unit }
  var registers: MeterRegisters { inner.registers }

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    if book != nil { hours += 1 }
    let moment = now.advanced(bySeconds: hours * 3600)
    guard var answer = inner.answer(request, at: moment) else { return nil }
    let asked = HostClock.boot
    var ready = asked + answer.delay
    if random.next() % 1_000_000 < chance {
      ready = ready + lateness[Int(random.next() % UInt64(lateness.count))]
      if let shown = inner.truth(.energyTotal(.importActive), .current, at: moment)?.value {
        book?.note(shown, of: id, asked: asked)
      }
    }
    ready = max(ready, busyUntil)
    // The bytes of one answer leave before those of the next.
    busyUntil = ready + .milliseconds(10)
    answer.delay = ready - asked
    return answer
  }

  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    inner.truth(quantity, memory, at: now)
  }
}

/// The time-out is 20 ms, and a little for the request at its baud rate: right after it, within the silence that follows, after it, and when the meter is asked again
/// a tenth of a second later, or two tenths.
private let tardiness: [BootInstant.Span] = [30, 34, 40, 60, 90, 115, 120, 125, 130, 135, 220].map { .milliseconds($0) }

private struct LateCase: Sendable, CustomTestStringConvertible {
  let chance: UInt64
  let lines: Int
  let meters: Int
  let rounds: Int
  let values: Int
  /// How many of the values are waited for: the last ones are of meters that rest for long.
  let percent: Int
  var testDescription: String { "\(chance / 10_000) % late" }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct LateReplyTests {
  private let seed: UInt64 = 645

  private func run(
    _ row: LateCase, _ pair: (Int, UInt64) throws -> Pair, tasks: [AcquisitionTask]
  )
    async throws -> Tally
  {
    try await withThrowingTaskGroup(of: Tally.self) { group in
      for number in 0..<row.lines {
        let seeds = UInt64(number * 1000)
        let pairs = try (1...row.meters).map { try pair($0, seeds + UInt64($0)) }
        let rig = try Rig(pairs, tasks: tasks) { index, meter in
          TardyMeter(
            meter, chance: row.chance, lateness: tardiness, seed: seed ^ (seeds + UInt64(index)))
        }
        group.addTask {
          var tally = await rig.runToTheEnd(percent: row.percent)
          tally.missedFor["silences"] = tally.health.filter { !$0.isAnswering }.count
          return tally
        }
      }
      var sum = Tally()
      for try await tally in group { sum = sum + tally }
      return sum
    }
  }

  private func report(_ what: String, _ row: LateCase, _ tally: Tally) {
    print(
      """
      \(what), \(row.testDescription): \(tally.exchanges) exchanges, \(tally.missedFor["silences"] ?? 0) silences, \
      \(tally.lateBytes) late bytes dropped, \(tally.values) values, \(tally.wrong.count) wrong, seed \(seed)
      """)
  }

  /// A question whose three answers were all late is given up; hardly any is.
  private func expectHardlyAnyGivenUp(_ tally: Tally, of row: LateCase) {
    let wanted = row.lines * row.meters * row.rounds * row.values
    #expect((tally.answers + tally.missed) * 100 >= row.percent * wanted)
    #expect(tally.missed * 50 <= wanted, "\(tally.missed) of \(wanted) given up")
  }

  private static let modbusCases = [
    LateCase(chance: 20_000, lines: 6, meters: 12, rounds: 5, values: 20, percent: 99),
    LateCase(chance: 300_000, lines: 6, meters: 12, rounds: 2, values: 6, percent: 90),
  ]

  /// One-value reads of Modbus are all alike: a late answer taken for the next one shifts every value after it.
  @Test(arguments: modbusCases)
  fileprivate func `a late Modbus reply is never taken for the answer to the next question`(_ row: LateCase)
    async throws
  {
    let line = try settings(quickSettings)
    let profile = try TestProfile.farApart()
    let targets = try TestProfile.farApartNames.prefix(row.values).map {
      AcquisitionTask.Target.quantity(try quantity($0))
    }
    let tasks = (0..<row.rounds).map { once("round \($0)", targets) }
    let tally = try await run(
      row, { try Pair("M\($0)", profile, address: "\($0)", seed: $1, on: line) }, tasks: tasks)
    report("Modbus", row, tally)
    #expect(tally.wrong == [])
    expectHardlyAnyGivenUp(tally, of: row)
  }

  @Test func `each value of the meters above differs from all others, so that a shift shows`() throws {
    let line = try settings(quickSettings)
    let meter = try Pair("M", TestProfile.farApart(), address: "1", seed: 7, on: line).description.meter
    let values = try TestProfile.farApartNames.map {
      try #require(meter.truth(quantity($0), .current, at: SimulatedInstant(noon))?.value)
    }
    #expect(Set(values).count >= values.count - 2)
  }

  private static let dlt645Cases = [
    LateCase(chance: 20_000, lines: 4, meters: 12, rounds: 60, values: 1, percent: 99),
    LateCase(chance: 300_000, lines: 4, meters: 12, rounds: 8, values: 1, percent: 90),
  ]

  /// The same identifier again and again, while the register moves: an old answer would carry an old value.
  @Test(arguments: dlt645Cases)
  fileprivate func `a late DL-T 645 reply never answers a later question for the same item`(
    _ row: LateCase
  ) async throws {
    let line = try settings(quickSettings)
    let profile = try TestProfile.dlt645(items: ["00010000"])
    let tasks = (0..<row.rounds).map { once("round \($0)", [.energies]) }
    var late = 0
    var sum = Tally()
    var tooLate = 0
    try await withThrowingTaskGroup(of: (Tally, LateBook).self) { group in
      for number in 0..<row.lines {
        let own = LateBook()
        let pairs = try (1...row.meters).map {
          try Pair("D\($0)", profile, address: "\(202_311_110_000 + $0)", seed: UInt64(number * 100 + $0), on: line)
        }
        let rig = try Rig(pairs, tasks: tasks) { index, meter in
          TardyMeter(
            meter, chance: row.chance, lateness: tardiness, seed: seed ^ UInt64(number * 1000 + index), book: own)
        }
        group.addTask { (await rig.runToTheEnd(percent: row.percent), own) }
      }
      for try await (tally, own) in group {
        for answer in tally.all {
          tooLate +=
            answer.observations.filter {
              own.has($0.value, of: answer.meter, askedBefore: answer.startedAt)
            }.count
        }
        sum = sum + tally
        late += own.count
      }
    }
    print(
      """
      DL/T 645, \(row.testDescription): \(sum.exchanges) exchanges, \(late) late, \
      \(sum.lateBytes) late bytes dropped, \(sum.answers) values, \(tooLate) of them late, seed \(seed)
      """)
    #expect(tooLate == 0)
    expectHardlyAnyGivenUp(sum, of: row)
  }
}
