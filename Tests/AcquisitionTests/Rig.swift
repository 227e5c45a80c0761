@testable import Acquisition
import DLT645
import Devices
import Documents
import Foundation
import Host
import Line
import Metering
import Simulator
import TOML
import Testing

/// 2026-11-22 12:00:00 by the meters' clocks. Where the simulated clock stands still every value has one truth.
let noon = MeterTime(localSeconds: 1_795_348_800)

/// The host's clock as a rig begins. It lives on the meters' day, an hour after them: far off, and the same midnight is
/// behind both.
let hostStart = MeterTime(localSeconds: noon.localSeconds + 3600)

/// So many characters a second that tests have time for thousands of exchanges.
let quickPace = WirePace(character: .microseconds(5), silence: .microseconds(18))
let quickSettings = "115200 8N1"

func settings(_ text: String) throws -> SerialSettings { try #require(SerialSettings(text)) }
func quantity(_ name: String) throws -> Quantity { try #require(Quantity(name: name), "\(name)") }
func id(_ text: String) -> MeterID { MeterID(text) ?? .unnamed }

/// A profile of the folder `devices`, or one written in the test.
func profile(named name: String) throws -> DeviceProfile { try profile(profileText(name)) }

private let devices = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "devices")

func profileText(_ name: String) throws -> String {
  try String(contentsOf: devices.appending(path: "\(name).toml"), encoding: .utf8)
}

/// Every profile that comes with meterd.
let profileNames: [String] = {
  let files = (try? FileManager.default.contentsOfDirectory(atPath: devices.path)) ?? []
  return files.filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted()
}()

func profile(_ toml: String) throws -> DeviceProfile { try DeviceProfile(Document(toml: toml, file: "test.toml")) }

/// A daily task: its round is open at once and no other comes while a test runs.
func once(_ name: String, _ targets: [AcquisitionTask.Target]) -> AcquisitionTask {
  AcquisitionTask(name: name, schedule: .every(seconds: 86_400), targets: targets)
}

/// One meter, as the line simulates it and as the worker knows it.
struct Pair {
  var description: MeterDescription
  let meter: LineMeter

  init(description: MeterDescription, meter: LineMeter) {
    self.description = description
    self.meter = meter
  }

  init(
    _ name: String, _ profile: DeviceProfile, address: String, seed: UInt64 = 1, on line: SerialSettings,
    own: SerialSettings? = nil, delay: BootInstant.Span = .microseconds(100), faults: LineFaults = .none
  ) throws {
    description = try MeterDescription(
      id: id(name), profile: profile, address: address, seed: seed, delay: delay, faults: faults, settings: own)
    meter = LineMeter(
      id: id(name), address: try #require(MeterAddress(address, for: profile, overTCP: (own ?? line) == .network)),
      profile: profile,
      settings: own ?? line)
  }
}

/// A simulated line, the worker that reads it, and what the worker told.
final class Rig: Sendable {
  let simulated: SimulatedLine
  let worker: LineWorker
  let meters: [LineMeter]
  let truths: [MeterID: any SimulatedMeter]
  let events: AsyncStream<LineEvent>
  let clock: SimulatedClock
  /// Questions of all rounds together.
  let wanted: Int

  init(
    _ pairs: [Pair], settings text: String = quickSettings, tasks: [AcquisitionTask], faults: LineFaults = .none,
    place: LinePlace = .terminal(link: nil), pace: WirePace? = quickPace, followsPort: Bool = false,
    health: [MeterHealth]? = nil, speed: Int64 = 20, extra: [MeterDescription] = [],
    wrapped wrap: (Int, any SimulatedMeter) -> any SimulatedMeter = { $1 }
  ) throws {
    let settings = try #require(SerialSettings(text))
    let clock = SimulatedClock(origin: SimulatedInstant(noon), at: HostClock.boot, speed: 0)
    let description = LineDescription(
      name: "bus", settings: settings, place: place, meters: pairs.map(\.description) + extra, faults: faults,
      followsPort: followsPort, pace: pace)
    var bus = description.bus(clock: clock)
    for index in bus.meters.indices { bus.meters[index].meter = wrap(index, bus.meters[index].meter) }
    simulated = try SimulatedLine(name: "bus", place: place, bus: bus, paces: description.paces)
    meters = pairs.map(\.meter)
    truths = Dictionary(
      pairs.map { ($0.description.id, $0.description.meter) }, uniquingKeysWith: { first, _ in first })
    self.clock = clock
    let planned = meters.map { $0.planned(for: tasks) }
    wanted = planned.flatMap(\.programme).reduce(0) { $0 + $1.count }
    let start = ZoneOffset.china.unixMilliseconds(of: hostStart)
    let wall = WallClock(isTrusted: true, lead: start - HostClock.wall.unixMilliseconds)
    let plan = LinePlan(
      tasks: tasks, meters: planned, health: health, zone: .china, at: HostClock.boot, wall: wall.now)
    // Two seconds of rest pass in a tenth of a second.
    let (events, tell) = AsyncStream.makeStream(of: LineEvent.self)
    self.events = events
    worker = try LineWorker(
      name: "bus", address: try #require(PortAddress(simulated.path)), settings: settings, meters: meters, plan: plan,
      clock: wall, planClock: PlanClock(speed: speed)
    ) { tell.yield($0) }
  }

  /// Lets the worker go on until `isEnough` says so of what came so far; then stops worker and line.
  func run(
    whenStarted act: @escaping @Sendable () async -> Void = {}, until isEnough: (inout Tally, LineEvent) -> Bool
  ) async -> Tally {
    let running = Task { [worker] in
      _ = await worker.open()
      await worker.run()
    }
    var tally = Tally()
    for await event in events {
      tally.take(event, rig: self)
      if isEnough(&tally, event) { break }
    }
    worker.stop()
    await running.value
    tally.exchanges = await worker.counters().exchanges
    tally.counters = await worker.counters()
    tally.line = await simulated.stop()
    return tally
  }

  /// Until every question of the open rounds is answered or given up, or such a share of them: the last ones may be
  /// of meters that rest for long.
  func runToTheEnd(percent: Int = 100) async -> Tally {
    await run { tally, _ in (tally.answers + tally.missed) * 100 >= self.wanted * percent }
  }

  /// Whether what a meter told is what it holds.
  func isTrue(_ observation: Observation, of meter: MeterID) -> Bool {
    let now = clock.instant(at: HostClock.boot)
    return truths[meter]?.truth(observation.quantity, observation.memory, at: now) == observation
  }
}

extension LineMeter {
  /// As a plan knows it that does `tasks` and has learned nothing.
  func planned(for tasks: [AcquisitionTask]) -> LinePlan.Meter {
    LinePlan.Meter(
      id: id, programme: tasks.map { queries(for: $0.targets) }, probes: probes, replyLimit: replyLimit,
      isNumbered: isOnNetwork)
  }
}

extension LineEngine {
  /// Lets so much time of a simulated wire pass.
  func work(on wire: SimulatedWire, for span: BootInstant.Span) {
    let end = wire.now + span
    while wire.now < end {
      if case .rest(let until) = turn() { wire.sleep(until: min(until, end)) }
    }
  }
}

/// What a worker told, counted.
struct Tally {
  var answers = 0
  var values = 0
  var wrong: [String] = []
  var missed = 0
  var missedFor: [String: Int] = [:]
  var rejected: [String] = []
  var lateBytes = 0
  var health: [(meter: MeterID, isAnswering: Bool)] = []
  var answeredTwice: [(query: Query, disagree: Bool)] = []
  var looks: [ClockLook] = []
  var lost = 0
  var opened = 0
  var byMeter: [MeterID: Int] = [:]
  var seen: [MeterID: Set<Quantity>] = [:]
  var all: [Acquisition.Answer] = []
  var exchanges = 0
  var counters = LineCounters()
  var line = LineStatistics()

  mutating func take(_ event: LineEvent, rig: Rig) {
    switch event {
    case .answered(let answer):
      answers += 1
      byMeter[answer.meter, default: 0] += 1
      all.append(answer)
      for observation in answer.observations {
        values += 1
        seen[answer.meter, default: []].insert(observation.quantity)
        if !rig.isTrue(observation, of: answer.meter) {
          wrong.append("\(answer.meter) \(answer.query): \(observation.quantity) \(observation.value)")
        }
      }
    case .missed(_, _, let queries, let reason, _):
      missed += queries.count
      missedFor[reason.rawValue, default: 0] += queries.count
    case .leftOut(_, let task, _, _, _, let rounds, _): rejected.append("left out: \(rounds) of \(task)")
    case .recordsLapsed(_, _, _, _, _, let records, _): missed += records
    case .recordsRefused(_, _, let records, _): missed += records.count
    case .journalWanted, .lacking: break
    case .health(_, let meter, let isAnswering): health.append((meter, isAnswering))
    case .rejected(_, _, _, let reason): rejected.append(reason)
    case .answeredTwice(_, _, let query, let disagree, _):
      answeredTwice.append((query, disagree))
    case .staleFreeze(_, _, let query, _): rejected.append("stale freeze: \(query)")
    case .backfillFailed(_, _, let query, _, _): rejected.append("back-fill failed: \(query)")
    case .late(_, _, let bytes): lateBytes += bytes
    case .events: break
    case .clock(_, _, let look): looks.append(look)
    case .control(_, let record): rejected.append("sent or refused: \(record.act.function)")
    case .portLost: lost += 1
    case .portOpened: opened += 1
    }
  }

  /// Of several lines together.
  static func + (a: Tally, b: Tally) -> Tally {
    var sum = a
    sum.answers += b.answers
    sum.values += b.values
    sum.wrong += b.wrong
    sum.missed += b.missed
    sum.missedFor.merge(b.missedFor) { $0 + $1 }
    sum.rejected += b.rejected
    sum.lateBytes += b.lateBytes
    sum.exchanges += b.exchanges
    sum.line.requests += b.line.requests
    sum.line.faults += b.line.faults
    return sum
  }
}

/// Test profiles: short time-outs, no pauses.
enum TestProfile {
  static let farApartNames = [
    "voltage.l1", "voltage.l2", "voltage.l3", "current.l1", "current.l2", "current.l3", "power.active.l1",
    "power.active.l2", "power.active.l3", "power.active.total", "power.reactive.total", "power.apparent.total",
    "power.reactive.l1", "power.reactive.l2", "power.reactive.l3", "power.apparent.l1", "power.apparent.l2",
    "power.apparent.l3", "energy.import.active.total", "energy.import.reactive.total",
  ]

  /// A Modbus meter whose values lie so far apart that each is a read of its own, all of the same length; and a run
  /// of eight registers for questions of other lengths.
  static func farApart(timeout: Int = 20) throws -> DeviceProfile {
    var text = """
      name = "far-apart"
      title = "Test"
      manufacturer = "Nobody"
      protocol = "modbus"
      source = "made for a test"
      certainty = "unverified"
      phases = 3
      nominal-voltage = "230"
      reply-timeout-ms = \(timeout)
      inter-byte-ms = 5
      function = "input"
      [[group]]
      type = "u32"
      scale = "0.001"

      """
    for (index, name) in farApartNames.enumerated() {
      text += "[[group.register]]\nquantity = \"\(name)\"\naddress = \(1000 + 200 * index)\n"
    }
    for (index, name) in ["angle.l1", "angle.l2", "angle.l3", "frequency"].enumerated() {
      text += "[[group.register]]\nquantity = \"\(name)\"\naddress = \(2 * index)\n"
    }
    return try profile(text)
  }

  static func dlt645(timeout: Int = 20, items: [String]) throws -> DeviceProfile {
    var text = """
      name = "quick"
      title = "Test"
      manufacturer = "Nobody"
      protocol = "dlt645-2007"
      source = "made for a test"
      certainty = "unverified"
      phases = 3
      nominal-voltage = "220"
      rates = 4
      settlements = 12
      daily-freezes = 62
      energy-digits = 6
      reply-timeout-ms = \(timeout)
      inter-byte-ms = 5
      quiet-after-ms = 0
      [[group]]

      """
    for item in items { text += "[[group.item]]\nidentifier = \"\(item)\"\n" }
    for (kind, last) in [("settlement", "0001FF01"), ("daily-freeze", "05060101")] {
      text += "[[group]]\nkind = \"\(kind)\"\n[[group.item]]\nidentifier = \"\(last)\"\n"
    }
    return try profile(text)
  }

  static let dlt645Items = [
    "0001FF00", "0002FF00", "0003FF00", "0004FF00", "00050000", "0101FF00", "0201FF00", "0202FF00", "0203FF00",
    "0204FF00", "0206FF00", "02800002",
  ]
}
