import Acquisition
import DLT645
import Devices
import Documents
import Line
import Metering
import Simulator
import TOML

/// One line with its meters and its engine in simulated time, and a journal that outlives the engine.
final class DayLine {
  /// A meter as the line simulates it and as the engine knows it.
  struct Meter {
    var description: MeterDescription
    let known: LineMeter
    var isKey = false
  }

  let wire: SimulatedWire
  let meters: [Meter]
  let tasks: [AcquisitionTask]
  var journal = DayJournal()
  private(set) var engine: LineEngine
  /// The host's wall clock less the true time, in milliseconds, and whether anybody has set it.
  var wallOffset: Int64 = 0 { didSet { hostClock.offset = wallOffset } }
  var isSynchronised = true { didSet { hostClock.isSynchronised = isSynchronised } }
  private let hostClock: HostClockOfDay
  private let line: Line
  private let address: PortAddress

  static let zone = ZoneOffset.china

  /// The host's clock, shared with the engines that come and go.
  private final class HostClockOfDay {
    let wire: SimulatedWire
    let clock: SimulatedClock
    var offset: Int64 = 0
    var isSynchronised = true

    init(_ wire: SimulatedWire, _ clock: SimulatedClock) {
      self.wire = wire
      self.clock = clock
    }

    var wall: HostInstant {
      HostInstant(
        unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds + offset,
        clock: isSynchronised ? .synchronised : .unsynchronised)
    }
  }

  /// A line that begins at `start`, local time, and is open.
  init(
    _ meters: [Meter], tasks: [AcquisitionTask], settings: SerialSettings, faults: LineFaults = .none,
    from start: MeterTime, wallOffset: Int64 = 0, isSynchronised: Bool = true
  ) throws {
    guard let address = PortAddress("/dev/null") else { throw DayError("no address") }
    let boot = BootInstant(nanoseconds: 60_000_000_000)
    let clock = SimulatedClock(origin: SimulatedInstant(start, zone: Self.zone), at: boot)
    let description = LineDescription(
      name: "bus", settings: settings, meters: meters.map(\.description), faults: faults, isStrict: true)
    wire = SimulatedWire(description.bus(clock: clock), called: address, at: boot)
    hostClock = HostClockOfDay(wire, clock)
    hostClock.offset = wallOffset
    hostClock.isSynchronised = isSynchronised
    self.wallOffset = wallOffset
    self.isSynchronised = isSynchronised
    self.address = address
    self.meters = meters
    self.tasks = tasks + tasks.compactMap(\.synthetic)
    line = Line(address, settings: settings, guardedBy: WireGuard(), over: wire)
    engine = try Self.engine(meters, self.tasks, line, hostClock, journal, known: [:], wasKilled: false)
    _ = engine.open()
  }

  private static func engine(
    _ meters: [Meter], _ tasks: [AcquisitionTask], _ line: Line, _ host: HostClockOfDay, _ journal: DayJournal,
    known: [MeterID: [String: KnownEvents]], wasKilled: Bool
  ) throws -> LineEngine {
    let wall = host.wall
    if wall.clock == .synchronised, journal.knownSince == nil { journal.knownSince = wall.unixMilliseconds }
    let planned = planned(meters, tasks, journal, at: wall.unixMilliseconds)
    let health = zip(meters, planned).map { meter, planned in
      wasKilled && meter.known.isOfModbus
        ? MeterHealth(owing: planned.programme.joined(), at: line.now) : MeterHealth()
    }
    let plan = LinePlan(tasks: tasks, meters: planned, health: health, zone: zone, at: line.now, wall: wall)
    let truths = Dictionary(
      meters.map { ($0.known.id, $0.description.meter) }, uniquingKeysWith: { first, _ in first })
    let engine = try LineEngine(
      name: "bus", line: line, meters: meters.map(\.known), plan: plan, wall: { host.wall }, listensFirst: wasKilled
    ) { event in
      journal.take(event, truths, host.clock, host.offset, zone)
    }
    if tasks.contains(where: { $0.targets.contains(.events) }) {
      engine.events = EventWatch(meters.map(\.known), known: known)
    }
    engine.profiles = profiles(meters, tasks, journal)
    return engine
  }

  /// The load profiles that tasks read, less what the journal holds; `nil` where there are none.
  private static func profiles(_ meters: [Meter], _ tasks: [AcquisitionTask], _ journal: DayJournal) -> ProfilePlan? {
    var parts: [ProfilePlan.Part] = []
    var stored: [RecordRuns] = []
    for (index, meter) in meters.enumerated() where meter.known.profile.dailyFreezes > 0 {
      for task in tasks {
        for case .loadProfile(let recordClass, let minutes) in task.targets {
          parts.append(ProfilePlan.Part(meter: index, task: task, recordClass: recordClass, minutes: minutes))
          let times = journal.instants(of: meter.known.id, .profile).map {
            zone.local(unixMilliseconds: $0).localSeconds
          }
          stored.append(RecordRuns(step: Int64(minutes) * 60, times.sorted()))
        }
      }
    }
    return parts.isEmpty ? nil : ProfilePlan(parts, stored: stored, zone: zone)
  }

  /// The meters with their parts in the tasks, and what the journal holds of them.
  private static func planned(
    _ meters: [Meter], _ tasks: [AcquisitionTask], _ journal: DayJournal, at wall: Int64
  ) -> [LinePlan.Meter] {
    meters.map { meter in
      LinePlan.Meter(
        meter.known, programme: tasks.map { meter.known.queries(for: $0.targets) }, probes: meter.known.probes,
        tasks: tasks, isKey: meter.isKey, at: wall, zone: zone, knownSince: journal.knownSince ?? wall
      ) { journal.stored(meter.known.id, $0, $1) }
    }
  }

  /// The true local time.
  var now: MeterTime { Self.zone.local(unixMilliseconds: hostClock.clock.instant(at: wire.now).unixMilliseconds) }

  /// The true time at an instant of the boot clock, in milliseconds since 1970.
  func unixMilliseconds(at boot: BootInstant) -> Int64 { hostClock.clock.instant(at: boot).unixMilliseconds }

  /// Lets time pass until the true local time.
  func run(until time: MeterTime) {
    let end = wire.now + .seconds(max(0, time.localSeconds - now.localSeconds))
    while wire.now < end {
      if case .rest(let until) = engine.turn() { wire.sleep(until: min(until, end)) }
      guard journal.isWanted else { continue }
      journal.isWanted = false
      let wall = hostClock.wall.unixMilliseconds
      // As the store has it: what was known by a clock that was ahead is known by this one.
      journal.knownSince = journal.knownSince.map { min($0, wall) }
      engine.profiles = Self.profiles(meters, tasks, journal)
      engine.recalled(Self.planned(meters, tasks, journal, at: wall).map(\.held), of: wall)
    }
  }

  /// kill -9 and a start: what was held back and not told is lost.
  func restart() throws {
    wire.close()
    let known = Dictionary(
      meters.map { ($0.known.id, engine.events?.known(of: $0.known.id) ?? [:]) },
      uniquingKeysWith: { first, _ in first })
    engine = try Self.engine(meters, tasks, line, hostClock, journal, known: known, wasKilled: true)
    _ = engine.open()
  }

  /// The adapter is pulled out, and plugged in again.
  func pull() { wire.pull() }
  func plugIn() { wire.plugIn() }

  /// The process stands still while time goes on, as after SIGSTOP or while the machine sleeps.
  func suspend(for span: BootInstant.Span) { wire.sleep(until: wire.now + span) }

  /// The daemon is off until the true local time, and started again.
  func outage(until time: MeterTime) throws {
    wire.close()
    wire.sleep(until: wire.now + .seconds(max(0, time.localSeconds - now.localSeconds)))
    try restart()
  }
}

struct DayError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What was told and stored: it survives the engine.
final class DayJournal {
  struct Stored {
    let reading: Reading
    let at: Int64
  }

  /// Rounds that nobody began, from the first slot through the last.
  struct LeftOut {
    let task: String
    let meters: Int
    let from: Int64
    let through: Int64
    let rounds: Int
    let reason: LinePlan.Missed.Reason
  }

  /// An answer to a question of a round.
  struct Heard {
    let task: String
    let meter: MeterID
    let query: Query
    let slot: Int64
    let startedAt: BootInstant
    let time: HostInstant
  }

  private(set) var readings: [ReadingKey: Stored] = [:]
  /// Answers of rounds, as they came; only where `keepsHeard`.
  private(set) var heard: [Heard] = []
  var keepsHeard = false
  /// The line garbles answers.
  var garbles = false
  /// How far the time of an answer was from what the host's clock showed when it came, at most; in milliseconds.
  private(set) var largestSkew: Int64 = 0
  private var byInstant: [MeterID: [ReadingKind: [Int64: Set<Quantity>]]] = [:]
  /// The same value of the same instant again; another value of the same instant.
  private(set) var duplicates = 0
  private(set) var conflicts: [String] = []
  /// Values that the meter did not hold at that time.
  private(set) var wrong: [String] = []
  private(set) var unlabelled = 0
  /// Values of the instant of their read, one answer each, that the meter did not hold: the checksum of DL/T 645 misses
  /// some. What bills rest on is read twice and is in `wrong`.
  private(set) var misread: [String] = []
  private(set) var unlabelledReasons: [String] = []
  private(set) var stale: [String] = []
  private(set) var failures: [(meter: MeterID, query: Query, isFinal: Bool)] = []
  private(set) var missed: [(meter: MeterID, query: Query, reason: LinePlan.Missed.Reason, slot: Int64)] = []
  private(set) var leftOut: [LeftOut] = []
  private(set) var filled = 0
  /// The oldest look at a meter's clock by which a freeze was found in its memory.
  private(set) var oldestSight = BootInstant.Span.zero
  /// A line asks what is stored.
  var isWanted = false
  /// When the meters were first configured, by the host's clock.
  var knownSince: Int64?
  private(set) var answers = 0

  func stored(_ meter: MeterID, _ kind: ReadingKind, _ instant: Int64) -> Set<Quantity> {
    byInstant[meter]?[kind]?[instant] ?? []
  }

  /// The instants of a meter's stored readings of a kind.
  func instants(of meter: MeterID, _ kind: ReadingKind) -> [Int64] { Array((byInstant[meter]?[kind] ?? [:]).keys) }

  /// Freezes of a day that are stored, by meter.
  func freezes(of day: CivilDate) -> [MeterID: [Reading]] {
    let instant = DayLine.zone.unixMilliseconds(of: MeterTime(localSeconds: day.daysSince1970 * 86_400))
    var found: [MeterID: [Reading]] = [:]
    for (key, stored) in readings where key.kind == .dailyFreeze && key.instant == instant {
      found[key.meter, default: []].append(stored.reading)
    }
    return found
  }

  func take(
    _ event: LineEvent, _ truths: [MeterID: any SimulatedMeter], _ clock: SimulatedClock, _ offset: Int64,
    _ zone: ZoneOffset
  ) {
    switch event {
    case .answered(let answer):
      answers += 1
      if answer.fillsGap {
        filled += 1
        if let clock = answer.clock { oldestSight = max(oldestSight, answer.bootTime - clock.at) }
      }
      if keepsHeard, let task = answer.task, let slot = answer.slot {
        heard.append(
          Heard(
            task: task, meter: answer.meter, query: answer.query, slot: slot, startedAt: answer.startedAt,
            time: answer.hostTime))
      }
      let shown = clock.instant(at: answer.bootTime).unixMilliseconds + offset
      largestSkew = max(largestSkew, abs(answer.hostTime.unixMilliseconds - shown))
      let made = answer.readings(zone: zone)
      unlabelled += made.unlabelled.count
      if unlabelledReasons.count < 20 {
        unlabelledReasons += made.unlabelled.map { "\(answer.meter) \(answer.query): \($0.reason)" }
      }
      for reading in made.readings {
        if !isTrue(reading, of: answer, truths[reading.key.meter], clock, zone) {
          let text = "\(reading.key.meter) \(answer.query) \(reading.key.quantity) \(reading.value)"
          if reading.key.kind == .instantaneous, garbles { misread.append(text) } else { wrong.append(text) }
        }
        store(reading)
      }
    case .missed(_, let meter, let queries, let reason, let slot):
      missed += queries.map { (meter, $0, reason, slot) }
    case .leftOut(_, let task, let meters, let from, let through, let rounds, let reason):
      leftOut.append(
        LeftOut(task: task, meters: meters.count, from: from, through: through, rounds: rounds, reason: reason))
    case .journalWanted: isWanted = true
    case .staleFreeze(_, let meter, let query, let told):
      stale.append("\(meter) \(query): \(told.map { "\($0)" } ?? "none")")
    case .backfillFailed(_, let meter, let query, _, let isFinal): failures.append((meter, query, isFinal))
    case .lacking, .recordsLapsed, .recordsRefused, .health, .rejected, .answeredTwice, .late, .control, .events,
      .clock,
      .portLost, .portOpened:
      break
    }
  }

  private func store(_ reading: Reading) {
    let key = reading.key
    if let known = readings[key] {
      if known.reading.value == reading.value {
        duplicates += 1
      } else {
        conflicts.append("\(key.meter) \(key.quantity) \(key.instant): \(known.reading.value), \(reading.value)")
      }
      return
    }
    readings[key] = Stored(reading: reading, at: reading.hostTime.unixMilliseconds)
    byInstant[key.meter, default: [:]][key.kind, default: [:]][key.instant, default: []].insert(key.quantity)
  }

  /// So long an exchange takes at most, in milliseconds: a register that stood so longer ago is not of now.
  private static let longestExchange: Int64 = 30_000

  /// Registers as they stood hold for some second of the exchange; a freeze and what a month or a record of the load
  /// profile kept, for the second in which the meter took it.
  private func isTrue(
    _ reading: Reading, of answer: Acquisition.Answer, _ meter: (any SimulatedMeter)?, _ clock: SimulatedClock,
    _ zone: ZoneOffset
  ) -> Bool {
    guard let meter else { return false }
    func holds(_ memory: Memory, _ instant: SimulatedInstant) -> Bool {
      meter.truth(reading.key.quantity, memory, at: instant)?.value == .number(reading.value)
    }
    if reading.key.kind == .dailyFreeze, reading.quality != .synthetic {
      let taken = SimulatedInstant(unixMilliseconds: reading.key.instant - meter.registers.clockOffset * 1000)
      return holds(.dailyFreeze(1), taken.advanced(bySeconds: 1))
    }
    let kept = SimulatedInstant(unixMilliseconds: reading.key.instant - meter.registers.clockOffset * 1000)
    if reading.key.kind == .settlement { return holds(.settlement(1), kept.advanced(bySeconds: 1)) }
    if reading.key.kind == .profile { return holds(.current, kept) }
    let end = clock.instant(at: answer.bootTime).unixMilliseconds
    let from = max(clock.instant(at: answer.startedAt).unixMilliseconds, end - Self.longestExchange) / 1000
    let to = end / 1000
    return (from...max(from, to)).contains { holds(.current, SimulatedInstant(unixMilliseconds: $0 * 1000)) }
  }
}
