import Acquisition
import Devices
import Host
import Line
import Metering
import Simulator

/// One line with its plan and worker, as the daemon has it, and the far end that plays its meters.
final class Work: Sendable {
  let meters: [LineMeter]
  let ledger = Ledger()
  let tally = Tallies()
  private let worker: LineWorker
  private let events: AsyncStream<LineEvent>
  private let wrong = Guarded<[String]>([])
  let wanted: Int

  /// What is read on the line, and how fast its rests go by.
  struct Shape: Sendable {
    var tongue: Tongue
    var meters = 6
    /// Questions of each meter in a round.
    var questions = 8
    var rounds = 50
    var timeout = 20
    var gap = 5
    /// Rests of the plan go by so many times faster than time itself.
    var speed: Int64 = 20
    var settings = "921600 8N1"
  }

  init(_ name: String, _ shape: Shape, port: PortAddress, listensFirst: Bool = false) throws {
    guard let settings = port.isModbusTCP ? .network : SerialSettings(shape.settings) else {
      throw FaultError("no settings")
    }
    let profile = try TestMeter.profile(shape.tongue, timeout: shape.timeout, gap: shape.gap)
    let meters = try (1...shape.meters).map {
      try TestMeter.meter(shape.tongue, $0, profile: profile, settings: settings)
    }
    self.meters = meters
    let all = TestMeter.questions(shape.tongue)
    // Modbus reads that all look alike: the hardest case for late answers.
    let alike = shape.tongue == .modbus ? stride(from: 0, to: all.count, by: 4).map { all[$0] } : all
    let questions = Array(alike.prefix(shape.questions))
    let programme = [[Query]](repeating: questions, count: shape.rounds)
    wanted = shape.meters * questions.count * shape.rounds
    let tasks = (0..<shape.rounds).map {
      AcquisitionTask(name: "round \($0)", schedule: .every(seconds: 86_400), targets: [.energies, .instantaneous])
    }
    let plan = LinePlan(
      tasks: tasks,
      meters: meters.map {
        LinePlan.Meter(
          id: $0.id, programme: programme, probes: $0.probes, replyLimit: $0.replyLimit,
          isNumbered: port.isModbusTCP)
      }, zone: .china, at: HostClock.boot, wall: HostClock.wall)
    let (events, tell) = AsyncStream.makeStream(of: LineEvent.self)
    self.events = events
    worker = try LineWorker(
      name: name, address: port, settings: settings, meters: meters, plan: plan, clock: WallClock(isTrusted: true),
      listensFirst: listensFirst, planClock: PlanClock(speed: shape.speed)
    ) { tell.yield($0) }
  }

  var wrongValues: [String] { wrong.withLock { $0 } }

  func open() async -> LineError? { await worker.open() }
  func counters() async -> LineCounters { await worker.counters() }

  /// Works until `isEnough` says so, the rounds are done or `limit` is over; `hear` gets every event.
  func run(
    limit: BootInstant.Span, hear: @escaping @Sendable (LineEvent) -> Void = { _ in },
    isEnough: @escaping @Sendable (Work) -> Bool
  ) async {
    let running = Task { [worker] in
      _ = await worker.open()
      await worker.run()
    }
    let end = HostClock.boot + limit
    let watch = Task { [worker] in
      // Looks from time to time: a line on which nothing is told would be waited for in vain.
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(20))
        if HostClock.boot >= end || isEnough(self) { break }
      }
      worker.stop()
    }
    let listening = Task {
      for await event in events {
        take(event)
        hear(event)
        if done { worker.stop() }
      }
    }
    await running.value
    watch.cancel()
    await watch.value
    // What was told last is heard too.
    try? await Task.sleep(for: .milliseconds(5))
    listening.cancel()
    await listening.value
  }

  private var done: Bool { tally["accepted"] + tally["missed"] >= wanted }

  private func take(_ event: LineEvent) {
    switch event {
    case .answered(let answer):
      tally.add("accepted")
      guard let meter = meters.first(where: { $0.id == answer.meter }) else { return }
      guard
        !ledger.isTrue(
          answer.observations, to: answer.query, of: meter, since: answer.startedAt, allowingLate: false)
      else { return }
      tally.add("wrong")
      wrong.withLock { wrong in
        if wrong.count < 5 {
          wrong.append("\(answer.meter) \(answer.query): \(answer.observations.map { "\($0.value)" })")
        }
      }
    case .missed(_, _, let queries, _, _): tally.add("missed", queries.count)
    case .leftOut(_, _, let meters, _, _, let rounds, _): tally.add("left out", meters.count * rounds)
    case .recordsLapsed(_, _, _, _, _, let records, _): tally.add("missed", records)
    case .recordsRefused(_, _, let records, _): tally.add("missed", records.count)
    case .health(_, _, let isAnswering): tally.add(isAnswering ? "returns" : "silences")
    case .rejected(_, _, _, let reason):
      tally.add("rejected")
      if reason.contains("answers twice") || reason.contains("more came") || reason.contains("came after") {
        tally.add("doubted")
      }
      if reason.contains("babbles") { tally.add("babbles") }
    case .answeredTwice(_, _, _, let disagree, _): tally.add(disagree ? "told" : "told alike")
    case .late(_, _, let bytes): tally.add("late bytes", bytes)
    case .journalWanted, .lacking: break
    case .staleFreeze, .backfillFailed: tally.add("stale")
    case .clock: break
    case .control: tally.add("controls")
    case .portLost: tally.add("lost")
    case .events: tally.add("events")
    case .portOpened: tally.add("opened")
    }
  }
}

/// A behaviour that is told only once the line's port is known.
final class Relay: Behaviour {
  private let inner = Guarded<(any Behaviour)?>(nil)
  func set(_ behaviour: any Behaviour) { inner.withLock { $0 = behaviour } }
  func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    inner.withLock { $0?.answer(request, at: now) ?? [] }
  }
}
