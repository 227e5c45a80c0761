import DLT645
import Foundation
import Host
import Metering
import Modbus
import Simulator
import Store
import Testing

@testable import Acquisition
@testable import Concentrator

/// What is known of meters goes on where they stay as they are.
@Suite(.serialized, .timeLimit(.minutes(1))) struct LearnedTests {
  private static let spoken = Query.identifier(DataIdentifier(rawValue: 0x0001_FF00))
  private static let registers = Query.registers(function: .inputRegisters, start: 0, count: 2)
  private static let now = BootInstant(nanoseconds: 1_000_000_000_000)

  /// A meter that answered for a while, 30 ms after each question, and is silent now.
  private static func silent(_ query: Query) -> MeterHealth {
    var health = MeterHealth()
    for _ in 0..<20 { health.answered(query, delay: .milliseconds(30)) }
    health.silent(query, at: now)
    return health
  }

  private static func learned() throws -> [MeterID: MeterHealth] {
    var found: [MeterID: MeterHealth] = [:]
    for (name, query) in [("M-1", spoken), ("M-2", spoken), ("E-1", registers)] {
      found[try #require(MeterID(name))] = silent(query)
    }
    return found
  }

  struct Change: Sendable, CustomTestStringConvertible {
    let name: String
    let old: String
    let new: String
    /// Meters that nobody has asked yet.
    let fresh: [String]
    var testDescription: String { name }
  }

  static let changes = [
    Change(name: "nothing", old: "account = \"A-1\"", new: "account = \"A-1\"", fresh: []),
    Change(name: "an address", old: "202311110001", new: "202311110009", fresh: ["M-1"]),
    Change(name: "a profile", old: "dlt645-2007-single-phase", new: "dlt645-2007-three-phase", fresh: ["M-2"]),
    Change(name: "a profile of Modbus", old: "eastron-sdm630", new: "eastron-sdm120", fresh: ["E-1"]),
    Change(name: "the speed of a line", old: "115200 8E1", new: "9600 8E1", fresh: ["M-1", "M-2"]),
    Change(name: "an id", old: "id = \"E-1\"", new: "id = \"E-2\"", fresh: ["E-2"]),
  ]

  @Test(arguments: changes)
  func `a meter that is asked otherwise than before is one that nobody has asked`(_ change: Change) throws {
    let bench = try StationBench("learned")
    let learned = Learned(try Self.learned(), of: try bench.station())
    let new = try Station(configuration(bench.toml.replacingOccurrences(of: change.old, with: change.new)))
    let health = learned.health(in: new)
    for place in new.places {
      let (id, query) = (place.meter.id, place.meter.profile.isModbus ? Self.registers : Self.spoken)
      let own = health[id] ?? MeterHealth()
      let isFresh = change.fresh.contains(id.text)
      #expect(own.isSetAside == !isFresh, "\(id)")
      #expect((own.replyTimeout(for: query, limit: .seconds(1)) == .seconds(1)) == isFresh, "\(id)")
      // Under any name or profile the unit at that place may still answer late.
      if place.meter.profile.isModbus { #expect(!own.mayAsk(query, at: Self.now)) }
    }
    #expect(new.places.count == 3)
  }

  /// Two values 70 registers apart: at 9600 baud the second read costs less than the registers between, unless the meter
  /// takes its time.
  private static let tail = """
    [[task]]
    name = "far"
    every = "15m"
    read = ["voltage.l1", "frequency"]
    meters = ["E-1"]

    """

  private func bench(_ serial: String) throws -> StationBench {
    try StationBench(
      "delays", tail: Self.tail,
      lines: StationBench.lines.map { $0.replacingOccurrences(of: "115200 8N1", with: serial) })
  }

  private func measured(_ milliseconds: Int64) throws -> [MeterID: MeterHealth] {
    var health = MeterHealth()
    for _ in 0..<16 { health.answered(Self.registers, delay: .milliseconds(milliseconds)) }
    return [try #require(MeterID("E-1")): health]
  }

  @Test func `registers are joined for the delay that was measured, where that takes less time`() throws {
    let station = try bench("9600 8N1").station()
    let meter = try #require(MeterID("E-1"))
    var programmes = Programmes()
    func cheaper(_ milliseconds: Int64, _ delays: [MeterID: AssumedDelay] = [:]) throws -> Station.Cheaper? {
      try station.cheaper(
        line: 1, measured(milliseconds), delays, programmes: &programmes, from: 1_000_000_000,
        unchangedSince: 990_000_000
      ).first
    }
    let slow = try #require(try cheaper(200))
    #expect(slow.meter == meter && slow.delay.since == 1_000_060_000 && slow.delay.before == .milliseconds(40))
    #expect((150...250).contains(slow.delay.now.milliseconds))
    #expect(slow.coming.programme.map(\.count) == [0, 1, 1])
    // About as long as was taken of it, or so long that the same reads are the best: nothing changes.
    #expect(try cheaper(41) == nil)
    #expect(try cheaper(2) == nil)
    // It was changed a moment ago, and goes back later.
    let changed = AssumedDelay(before: .milliseconds(40), now: slow.delay.now, since: 999_000_000)
    #expect(try cheaper(20, [meter: changed]) == nil)
    let settled = AssumedDelay(before: .milliseconds(40), now: slow.delay.now, since: 900_000_000)
    #expect(try cheaper(20, [meter: settled])?.coming.programme.map(\.count) == [0, 1, 2])
  }

  @Test func `rounds that are open at a start are asked as they were begun, and later ones as was noted`() throws {
    let station = try bench("9600 8N1").station()
    let meter = try #require(MeterID("E-1"))
    let wall = HostInstant(unixMilliseconds: 1_795_306_200_000, clock: .synchronised)
    let slot: Int64 = 1_795_305_600_000
    for (since, counts, later) in [(slot, [0, 1, 1], [0, 1, 1]), (slot + 1, [0, 1, 2], [0, 1, 1])] {
      var stored = StoredBefore()
      stored.delays[meter] = AssumedDelay(before: .milliseconds(40), now: .milliseconds(200), since: since)
      var programmes = Programmes()
      var plan = station.plan(
        line: 1, programmes: &programmes, health: [:], stored: stored, at: Self.now, wall: wall)
      #expect(plan.meters[0].programme.map(\.count) == counts)
      let next = HostInstant(unixMilliseconds: slot + 900_000, clock: .synchronised)
      var now = Self.now + .milliseconds(next.unixMilliseconds - wall.unixMilliseconds)
      var asked: [Int64: Int] = [:]
      for _ in 0..<40 {
        let wall = HostInstant(
          unixMilliseconds: wall.unixMilliseconds + (now - Self.now).milliseconds, clock: .synchronised)
        guard case .ask(let ask) = plan.next(at: now, wall: wall) else { break }
        if ask.round?.task == 2 { asked[ask.round?.slot ?? 0, default: 0] += 1 }
        now = now + .milliseconds(50)
        plan.concluded(ask, .answered(delay: nil), at: now)
      }
      #expect(asked[slot + 900_000] == later[2])
    }
  }

  @Test func `a running station notes the delay of its meters, and the next start goes on with it`() async throws {
    let bench = try bench("9600 8N1")
    let meters = try await bench.simulate { $0.delay = .milliseconds(200) }
    let meter = try #require(MeterID("E-1"))
    let run = try StationRun(bench.station())
    try await run.running.start()
    for _ in 0..<16 {
      _ = try await run.running.read(meter, [.quantity(.energyTotal(.importActive))])
    }
    await run.running.followDelays()
    let noted = try await run.running.notedDelays()
    let delay = try #require(noted[meter])
    #expect(delay.before == .milliseconds(40) && delay.now > .milliseconds(100))
    _ = await run.stop()
    let again = try StationRun(bench.station())
    try await again.running.start()
    #expect(await again.running.delays == noted)
    _ = await again.stop()
    // Under another address it is another meter.
    let moved = bench.toml.replacingOccurrences(of: "address = \"7\"", with: "address = \"8\"")
    let other = try StationRun(Station(configuration(moved)))
    try await other.running.start()
    #expect(await other.running.delays.isEmpty)
    _ = await other.stop()
    await meters.stop()
  }
}

@Suite struct AssumedDelayTests {
  @Test func `delays come in steps of a half, and one that differs by less changes nothing`() {
    var steps: Set<BootInstant.Span> = []
    for microseconds in stride(from: Int64(0), through: 3_000_000, by: 1000) {
      let delay = BootInstant.Span(nanoseconds: microseconds * 1000)
      let step = AssumedDelay.step(of: delay)
      steps.insert(step)
      #expect(AssumedDelay.step(of: step) == step)
      guard microseconds >= 5000, microseconds <= 1_250_000 else { continue }
      #expect(step * 5 >= delay * 4 && step * 4 <= delay * 5, "\(microseconds) us")
    }
    #expect(steps.count < 20)
    let now = AssumedDelay.usual.following(.milliseconds(100), since: 5)
    #expect(now?.since == 5 && now?.before == .milliseconds(40))
    #expect(now?.following(.milliseconds(100), since: 9) == nil)
  }

  @Test func `what the store keeps of a delay is read again, and nothing else is`() throws {
    let delay = AssumedDelay(before: .milliseconds(40), now: .microseconds(7500), since: 1_795_305_600_000)
    #expect(AssumedDelay(text: delay.text) == delay)
    for text in ["", "1 2", "1 2 3 4", "0 5000 1", "5000 -1 1", "a b c", "5000 99999999999 1"] {
      #expect(AssumedDelay(text: text) == nil, "\(text)")
    }
  }
}
