import Metering
import Modbus
import Testing

@testable import Acquisition

/// Modbus meters that can be asked in few ways: a late answer is told from the next one by nothing but its shape.
@Suite struct FewShapesTests {
  private static let start = BootInstant(nanoseconds: 1_000_000_000_000)
  private static let wallStart: Int64 = 1_795_305_600_000

  private static func wall(_ now: BootInstant) -> HostInstant {
    HostInstant(unixMilliseconds: wallStart + (now - start).milliseconds, clock: .synchronised)
  }

  private static func registers(_ count: Int) -> Query {
    .registers(function: .inputRegisters, start: 0, count: UInt16(count))
  }

  private static func meter(shapes: Int, question: Int = 1) -> LinePlan.Meter {
    LinePlan.Meter(
      id: .unnamed, programme: [[registers(question)]], probes: (1...shapes).map(registers), replyLimit: .seconds(1))
  }

  private static let task = AcquisitionTask(name: "t", schedule: .every(seconds: 60), targets: [.energies])

  private static func plan(
    _ meters: [LinePlan.Meter], health: [MeterHealth]? = nil, behindServer: Bool = false
  ) -> LinePlan {
    var plan = LinePlan(
      tasks: [task], meters: meters, health: health, zone: .china, at: start, wall: wall(start))
    plan.answersMayOvertake = behindServer
    return plan
  }

  struct Way: Sendable, CustomTestStringConvertible {
    let shapes: Int
    let behindServer: Bool
    var testDescription: String { "\(shapes) shapes\(behindServer ? " behind a server" : "")" }
  }

  static let ways =
    (1...8).map { Way(shapes: $0, behindServer: false) } + (3...8).map { Way(shapes: $0, behindServer: true) }

  @Test(arguments: ways)
  func `a meter is found within a minute of its return, and asked nothing that a late answer could be taken for`(
    _ way: Way
  ) throws {
    let lateness = way.behindServer ? MeterHealth.longestLateness : MeterHealth.usualLateness
    for away in stride(from: Int64(1), through: 400, by: 7) {
      var plan = Self.plan([Self.meter(shapes: way.shapes)], behindServer: way.behindServer)
      var now = Self.start
      let returns = now + .seconds(away)
      var asked: [Query.Shape: BootInstant] = [:]
      var found: BootInstant?
      while found == nil, now < returns + .seconds(200) {
        switch plan.next(at: now, wall: Self.wall(now)) {
        case .rest(let until): now = max(until, now + .milliseconds(1))
        case .ask(let ask):
          if let before = asked[ask.query.shape] { #expect(now - before >= lateness) }
          if now >= returns {
            found = now
          } else {
            now = now + ask.replyTimeout
            asked[ask.query.shape] = now
            plan.concluded(ask, .silent, at: now)
          }
        }
      }
      let at = try #require(found, "away for \(away) s")
      #expect(at - returns <= .seconds(60), "away for \(away) s, found after \((at - returns).milliseconds) ms")
    }
  }

  @Test func `a meter that nobody may ask is not told silent, and holds no round up`() throws {
    // Whatever it were asked, it may still owe the answer to who was here before.
    let mute = Self.meter(shapes: 1), other = Self.meter(shapes: 4, question: 4)
    let health = [MeterHealth(owing: [Self.registers(1)], at: Self.start), MeterHealth()]
    var plan = Self.plan([mute, other], health: health)
    var now = Self.start
    var asked: [Int: [Int64]] = [:]
    var missed: [LinePlan.Missed] = []
    while now < Self.start + .seconds(170) {
      switch plan.next(at: now, wall: Self.wall(now)) {
      case .rest(let until): now = max(until, now + .milliseconds(1))
      case .ask(let ask):
        asked[ask.meter, default: []].append((now - Self.start).milliseconds / 1000)
        now = now + .milliseconds(50)
        plan.concluded(ask, .answered(delay: nil), at: now)
      }
      missed += plan.takeMissed()
    }
    // The round of the first minute is over, that of the second is asked to its end.
    #expect(missed.map(\.reason) == [.late])
    #expect(asked[0] == [120, 120])
    #expect(asked[1] == [0, 60, 120])
    #expect(plan.overruns == [0])
  }

  @Test func `a round whose questions nobody may ask holds up no other round of the meter`() throws {
    // What it owes is of one shape, and the second task asks for another one.
    let owed = Self.registers(1), free = Self.registers(2)
    let meter = LinePlan.Meter(
      id: .unnamed, programme: [[owed], [free]], probes: [owed], replyLimit: .seconds(1))
    let tasks = ["owed", "free"].map {
      AcquisitionTask(name: $0, schedule: .every(seconds: 3600), targets: [.energies])
    }
    var plan = LinePlan(
      tasks: tasks, meters: [meter], health: [MeterHealth(owing: [owed], at: Self.start)], zone: .china,
      at: Self.start, wall: Self.wall(Self.start))
    guard case .ask(let ask) = plan.next(at: Self.start, wall: Self.wall(Self.start)) else {
      Issue.record("nothing is asked")
      return
    }
    #expect(ask.query == free)
    // Nor is the other one left out: it waits for its time.
    plan.concluded(ask, .silent, at: Self.start + .seconds(1))
    #expect(plan.rounds.map(\.round.task) == [0, 1])
  }

  @Test func `bytes that come long after their time make a meter one whose answers are feared for long`() {
    var health = MeterHealth()
    health.silent(Self.registers(1), at: Self.start)
    #expect(health.lateness(at: Self.start) == MeterHealth.usualLateness)
    health.cameLate(at: Self.start + .seconds(2))
    #expect(health.lateness(at: Self.start + .seconds(2)) == MeterHealth.usualLateness)
    health.cameLate(at: Self.start + .seconds(7))
    #expect(health.lateness(at: Self.start + .seconds(7)) == MeterHealth.longestLateness)
    #expect(health.lateness(at: Self.start + .seconds(3700)) == MeterHealth.usualLateness)
  }
}
