@testable import Acquisition
import DLT645
import Devices
import Line
import Metering
import Simulator
import Testing

/// An engine over simulated meters whose clocks are off, in a time of their own.
private final class Bench {
  let wire: SimulatedWire
  let engine: LineEngine
  private(set) var looks: [(meter: MeterID, look: ClockLook)] = []
  private(set) var controls: [ControlRecord] = []
  private(set) var rejected: [String] = []
  private final class Told { var note: (LineEvent) -> Void = { _ in } }

  init(
    _ meters: [(name: String, profile: String, address: String, off: Int64)], at time: MeterTime = halfPast,
    state: ClockState = .synchronised, serial: String = "2400 8E1",
    allowing functions: Set<ControlFunction> = [], broadcasts: Set<ControlFunction> = [],
    _ change: (inout MeterDescription) -> Void = { _ in }
  ) throws {
    let settings = try settings(serial)
    let boot = BootInstant(nanoseconds: 1_000_000_000)
    let clock = SimulatedClock(origin: SimulatedInstant(time), at: boot)
    var descriptions: [MeterDescription] = []
    var known: [LineMeter] = []
    for each in meters {
      let profile = try profile(named: each.profile)
      var description = try MeterDescription(
        id: id(each.name), profile: profile, address: each.address, seed: 1, delay: .milliseconds(60),
        clockOffset: each.off)
      change(&description)
      descriptions.append(description)
      let address = try #require(MeterAddress(each.address, for: profile))
      known.append(LineMeter(id: id(each.name), address: address, profile: profile, settings: settings))
    }
    let description = LineDescription(name: "bus", settings: settings, meters: descriptions)
    let port = try #require(PortAddress("/dev/null"))
    let wire = SimulatedWire(description.bus(clock: clock), called: port, at: boot)
    let wall = { HostInstant(unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds, clock: state) }
    let task = once("clock", [.clock])
    let planned = known.map {
      LinePlan.Meter(
        id: $0.id, programme: [$0.queries(for: task.targets)], probes: $0.probes, replyLimit: $0.replyLimit)
    }
    let told = Told()
    engine = try LineEngine(
      name: "bus",
      line: Line(
        port, settings: settings,
        guardedBy: WireGuard(
          Permissions(
            Dictionary(uniqueKeysWithValues: known.map { ($0.address, functions) }), broadcasts: broadcasts)),
        over: wire),
      meters: known, plan: LinePlan(tasks: [task], meters: planned, zone: .china, at: boot, wall: wall()), wall: wall
    ) { told.note($0) }
    self.wire = wire
    told.note = { [weak self] event in
      switch event {
      case .clock(_, let meter, let look): self?.looks.append((meter, look))
      case .control(_, let record): self?.controls.append(record)
      case .rejected(_, _, _, let reason): self?.rejected.append(reason)
      default: break
      }
    }
    #expect(engine.open() == nil)
  }

  func run(for span: BootInstant.Span) {
    engine.work(on: wire, for: span)
  }

  func set(_ names: [String], by way: ClockOrder.Way) -> ClockOutcome? {
    var outcome: ClockOutcome?
    engine.setClocks(ClockOrder(names.map { id($0) }, by: way)) { outcome = $0 }
    run(for: .seconds(120))
    return outcome
  }

  func off(_ name: String) -> Int64? { looks.last { $0.meter == id(name) }?.look.deviation }
}

private let halfPast = MeterTime(localSeconds: noon.localSeconds + 1800)
private let three = "dlt645-2007-three-phase"
private let old = "dlt645-1997-three-phase"

/// Clocks over a whole simulated line: looked at, set, and looked at again.
@Suite struct ClockEngineTests {
  @Test(arguments: [-700, -90, -1, 0, 1, 90, 700] as [Int64])
  func `a look tells how far a clock is off, to a second, at 2400 baud`(_ off: Int64) throws {
    let bench = try Bench([("M", three, "202311110001", off)])
    bench.run(for: .seconds(30))
    #expect(!bench.looks.isEmpty)
    for (_, look) in bench.looks {
      #expect(abs(look.deviation - off * 1000) <= look.uncertainty, "\(look)")
      #expect((500...700).contains(look.uncertainty), "\(look)")
    }
    #expect(bench.controls.isEmpty)
  }

  @Test func `nobody has set the host's clock, so nobody knows how far another is off`() throws {
    let bench = try Bench(
      [("M", three, "202311110001", 90)], state: .unsynchronised, allowing: [.setTime], broadcasts: [.setTime])
    bench.run(for: .seconds(30))
    #expect(bench.looks.isEmpty)
    #expect(bench.set(["M"], by: .address)?.trouble == "nobody has set the host's clock")
    #expect(bench.set(["M"], by: .broadcast)?.isSent == false)
    #expect(bench.controls.isEmpty)
  }

  struct Way: Sendable, CustomTestStringConvertible {
    let name: String
    let profile: String
    let way: ClockOrder.Way
    let functions: Set<ControlFunction>
    let off: Int64
    var testDescription: String { "\(name), \(profile)" }
  }

  private static let ways: [Way] = [three, old].flatMap { profile in
    let write = Password(level: 2, digits: "123456").flatMap { password in
      OperatorCode("1").map { ClockOrder.Way.write(password, $0) }
    }
    return [Way(name: "address", profile: profile, way: .address, functions: [.setTime], off: -200)]
      + (write.map { [Way(name: "write", profile: profile, way: $0, functions: [.write], off: 800)] } ?? [])
  }

  @Test(arguments: ways)
  func `a clock that is set at its address is right afterwards`(_ each: Way) throws {
    let bench = try Bench([("M", each.profile, "202311110001", each.off)], allowing: each.functions)
    bench.run(for: .seconds(30))
    #expect(abs((bench.off("M") ?? 0) - each.off * 1000) <= 700)
    let outcome = try #require(bench.set(["M"], by: each.way))
    #expect(outcome.isSent)
    #expect(outcome.trouble == "")
    let look = try #require(outcome.looks[id("M")])
    #expect(abs(look.deviation) <= 1000 + look.uncertainty, "\(look)")
    #expect(bench.controls.count == 1)
    #expect(bench.controls.allSatisfy { $0.refusal == nil })
  }

  @Test func `a broadcast moves those that are close enough, and every meter of the line is read back`() throws {
    let bench = try Bench(
      [
        ("A", three, "202311110001", 90), ("B", "dlt645-2007-single-phase", "202311110002", -280),
        ("C", old, "202311110003", 4), ("D", three, "202311110004", 700), ("E", "eastron-sdm630", "5", 0),
      ], broadcasts: [.setTime])
    bench.run(for: .seconds(60))
    let outcome = try #require(bench.set(["A", "B"], by: .broadcast))
    #expect(outcome.isSent)
    #expect(Set(outcome.looks.keys) == [id("A"), id("B"), id("C"), id("D")])
    for name in ["A", "B", "C"] {
      #expect(outcome.looks[id(name)].map { abs($0.deviation) <= 1000 + $0.uncertainty } == true, "\(name)")
    }
    #expect(outcome.looks[id("D")].map { abs($0.deviation - 700_000) <= $0.uncertainty } == true)
    #expect(bench.controls.map(\.act.target) == [ControlAct.everyone])
  }

  @Test func `what the configuration does not allow stays here`() throws {
    let bench = try Bench([("M", three, "202311110001", 90)])
    bench.run(for: .seconds(30))
    for way in [ClockOrder.Way.address, .broadcast] {
      let outcome = try #require(bench.set(["M"], by: way))
      #expect(!outcome.isSent)
      #expect(!outcome.trouble.isEmpty)
    }
    #expect(bench.controls.map(\.refusal) == [.notAllowed, .notAllowed])
    #expect(bench.wire.bus.meters.first.flatMap { ($0.meter as? SimulatedDLT645Meter)?.registers.clockOffset } == 90)
  }

  @Test(
    arguments: [("2026-11-22T11:55:30", 0), ("2026-11-22T12:04:00", 0), ("2026-11-22T12:52:00", 200)]
      as [(String, Int64)])
  func `near a whole hour nothing is sent, by either clock`(_ time: String, _ off: Int64) throws {
    let start = try #require(MeterTime(time))
    let bench = try Bench([("M", three, "202311110001", off)], at: start, allowing: [.setTime])
    bench.run(for: .seconds(30))
    let outcome = try #require(bench.set(["M"], by: .address))
    #expect(outcome.trouble == "a whole hour is too close")
    #expect(bench.controls.isEmpty)
  }

  @Test func `a wrong password is told as the meter's no, and the clock stays as it was`() throws {
    let password = try #require(Password(level: 2, digits: "999999"))
    let way = ClockOrder.Way.write(password, try #require(OperatorCode("1")))
    let bench = try Bench([("M", three, "202311110001", 90)], allowing: [.write])
    bench.run(for: .seconds(30))
    let outcome = try #require(bench.set(["M"], by: way))
    #expect(outcome.trouble.hasPrefix("refused: "))
    #expect(!outcome.trouble.contains("999999"))
    #expect(outcome.looks[id("M")].map { abs($0.deviation - 90_000) <= $0.uncertainty } == true)
  }

  @Test func `a meter that falls silent after a setting has no look, and the order still ends`() throws {
    let bench = try Bench([("M", three, "202311110001", 90)], allowing: [.setTime])
    bench.run(for: .seconds(30))
    var silence = LineFaults(seed: 1)
    silence[.silence] = 1_000_000
    bench.wire.bus.meters[0].faults = FaultInjector(silence)
    let outcome = try #require(bench.set(["M"], by: .address))
    #expect(outcome.isSent)
    #expect(outcome.looks.isEmpty)
  }

  @Test func `an adapter that is pulled out ends an order`() throws {
    let bench = try Bench([("M", three, "202311110001", 90)], allowing: [.setTime])
    bench.run(for: .seconds(30))
    bench.wire.pull()
    #expect(bench.set(["M"], by: .address)?.isSent == false)
    #expect(bench.set(["M"], by: .address)?.trouble == "the line is not open")
  }

  @Test func `a settlement after a setting is labelled by the clock as it is then`() throws {
    let bench = try Bench([("M", three, "202311110001", 90)], allowing: [.setTime])
    bench.run(for: .seconds(30))
    let before = try #require(bench.engine.notes[0].clock)
    var ended = false
    bench.engine.setClocks(ClockOrder([id("M")], by: .address)) { _ in ended = true }
    #expect(bench.engine.notes[0].clock == nil)
    bench.run(for: .seconds(10))
    #expect(ended)
    let after = try #require(bench.engine.notes[0].clock)
    #expect(after.meter.localSeconds - before.time(at: after.at).localSeconds < -80)
  }
}
