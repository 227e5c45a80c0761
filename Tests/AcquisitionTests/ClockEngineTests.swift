@testable import Acquisition
import DLT645
import Devices
import Line
import Metering
import Simulator
import Testing

/// A simulated wire on which somebody babbles for a while.
private final class NoisyWire: Wire {
  let inner: SimulatedWire
  var noiseUntil = BootInstant(nanoseconds: 0)
  private var hasNoise = false

  init(_ inner: SimulatedWire) { self.inner = inner }

  var now: BootInstant { inner.now }
  var isOpen: Bool { inner.isOpen }
  var marksParity: Bool { false }
  func sleep(until instant: BootInstant) { inner.sleep(until: instant) }
  func open() throws(LineError) { try inner.open() }
  func close() { inner.close() }
  func tune(_ settings: SerialSettings) throws(LineError) { try inner.tune(settings) }
  func waitReadable(until instant: BootInstant) throws(LineError) -> Bool {
    let next = inner.now + .milliseconds(20)
    guard next <= instant, next < noiseUntil else { return try inner.waitReadable(until: instant) }
    inner.sleep(until: next)
    hasNoise = true
    return true
  }
  func read(into buffer: inout [UInt8]) throws(LineError) -> Int {
    guard hasNoise else { return try inner.read(into: &buffer) }
    hasNoise = false
    buffer[0] = 0x55
    return 1
  }
  func write(_ cleared: ClearedBytes, until instant: BootInstant) throws(LineError) {
    try inner.write(cleared, until: instant)
  }
}

/// An engine over simulated meters whose clocks are off, in a time of their own.
private final class Bench {
  let wire: SimulatedWire
  let noisy: NoisyWire
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
    noisy = NoisyWire(wire)
    let wall = { HostInstant(unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds, clock: state) }
    let task = once("clock", [.clock])
    let planned = known.map { $0.planned(for: [task]) }
    let told = Told()
    engine = try LineEngine(
      name: "bus",
      line: Line(
        port, settings: settings,
        guardedBy: WireGuard(
          Permissions(
            Dictionary(uniqueKeysWithValues: known.map { ($0.address, functions) }), broadcasts: broadcasts)),
        over: noisy),
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

  @Test(arguments: [ClockOrder.Way.address, .broadcast])
  func `the time is that of the last byte, however long the line was not silent`(_ way: ClockOrder.Way) throws {
    let bench = try Bench([("M", three, "202311110001", 90)], allowing: [.setTime], broadcasts: [.setTime])
    bench.run(for: .seconds(30))
    bench.noisy.noiseUntil = bench.wire.now + .milliseconds(6300)
    let outcome = try #require(bench.set(["M"], by: way))
    #expect(outcome.isSent)
    #expect(outcome.trouble == "")
    let look = try #require(outcome.looks[id("M")])
    #expect(abs(look.deviation) <= 1000 + look.uncertainty, "\(look)")
  }

  @Test func `a line that is silent only when a whole hour is close sends nothing`() throws {
    let start = try #require(MeterTime("2026-11-22T12:54:25"))
    let bench = try Bench([("M", three, "202311110001", 20)], at: start, allowing: [.setTime])
    bench.run(for: .seconds(30))
    bench.noisy.noiseUntil = bench.wire.now + .milliseconds(6300)
    let outcome = try #require(bench.set(["M"], by: .address))
    #expect(!outcome.isSent)
    #expect(outcome.trouble == "a whole hour is too close")
    #expect(bench.controls.isEmpty)
  }

  @Test func `a clock that was set is looked at once more after five seconds, and the line works meanwhile`() throws {
    let bench = try Bench(
      [("A", three, "202311110001", 90), ("B", three, "202311110002", 0)], allowing: [.setTime])
    bench.run(for: .seconds(30))
    var outcome: ClockOutcome?
    bench.engine.setClocks(ClockOrder([id("A")], by: .address)) { outcome = $0 }
    let sent = bench.wire.now
    bench.run(for: .seconds(3))
    #expect(bench.looks.count { $0.meter == id("A") && abs($0.look.deviation) < 2000 } >= 1)
    #expect(outcome == nil)
    // It takes the time and loses it again.
    let index = try #require(bench.wire.bus.meters.firstIndex { $0.meter.id == id("A") })
    let meter = try #require(bench.wire.bus.meters[index].meter as? SimulatedDLT645Meter)
    var description = meter
    let known = meter.registers
    description.registers = MeterRegisters(
      curve: known.curve, clockOffset: known.clockOffset + 40, phases: known.phases, rateCount: known.rateCount)
    bench.wire.bus.meters[index].meter = description
    var read: BootInstant?
    bench.engine.read(bench.engine.meters[1].clockQueries, of: id("B"), number: 7) { _ in read = bench.wire.now }
    bench.run(for: .seconds(20))
    #expect(read.map { $0 - sent < .seconds(5) } == true)
    let look = try #require(outcome?.looks[id("A")])
    #expect(abs(look.deviation - 40_000) <= 1500 + look.uncertainty, "\(look)")
  }

  @Test func `a line that goes between two looks ends the order by the first one`() throws {
    let bench = try Bench([("M", three, "202311110001", 90)], allowing: [.setTime])
    bench.run(for: .seconds(30))
    var outcome: ClockOutcome?
    bench.engine.setClocks(ClockOrder([id("M")], by: .address)) { outcome = $0 }
    bench.run(for: .seconds(3))
    bench.wire.pull()
    bench.run(for: .seconds(10))
    let look = try #require(outcome?.looks[id("M")])
    #expect(abs(look.deviation) <= 1000 + look.uncertainty)
  }

  @Test func `a broadcast names all who heard it`() throws {
    let bench = try Bench(
      [
        ("A", three, "202311110001", 90), ("B", three, "202311110002", -20), ("E", "eastron-sdm630", "5", 0),
      ], broadcasts: [.setTime])
    bench.run(for: .seconds(30))
    let outcome = try #require(bench.set(["A"], by: .broadcast))
    #expect(Set(outcome.heard) == [id("A"), id("B")])
    #expect(outcome.sentAt != nil)
  }

  @Test func `a person's setting makes the line forget what it knew of the clock`() throws {
    let bench = try Bench([("M", three, "202311110001", 90)], allowing: [.setTime])
    bench.run(for: .seconds(30))
    #expect(bench.engine.notes[0].clock != nil && bench.engine.looks[0] != nil)
    let target = try #require(Address("202311110001").flatMap(IndividualAddress.init))
    _ = try bench.engine.command(to: id("M")) { (commander) throws(LineError) in
      try commander.clock(of: target, edition: .dlt645v2007, wakeUps: 0, timeout: .seconds(1))
    }
    #expect(bench.engine.notes[0].clock != nil)
    let time = try #require(WireTime(halfPast))
    _ = try bench.engine.command(to: id("M")) { (commander) throws(LineError) in
      try commander.carry(
        .setClock(time), to: target, edition: .dlt645v2007, wakeUps: 0, timeout: .seconds(1), time: { _ in time })
    }
    #expect(bench.engine.notes[0].clock == nil && bench.engine.looks[0] == nil)
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
