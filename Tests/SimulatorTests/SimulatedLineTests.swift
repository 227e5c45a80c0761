import Glibc
import Host
import Metering
import Simulator
import Testing

private let request = withChecksum([1, 4, 0, 0, 0, 2])
private let reply = withChecksum([1, 4, 4, 0x43, 0x66, 0x33, 0x34])
/// A hundred thousand characters a second: tests have no time for more.
private let quick = WirePace(character: .microseconds(10), silence: .microseconds(35))

private func bus(faults: LineFaults = .none) throws -> SimulatedBus {
  var meter = try modbusParrot(unit: 1, reply: reply)
  meter.delay = .microseconds(200)
  return SimulatedBus(
    pace: quick, meters: [BusMeter(meter, baud: 9600)], faults: faults,
    clock: SimulatedClock(origin: SimulatedInstant(noon2026), at: HostClock.boot))
}

@Suite(.serialized) struct SimulatedLineTests {
  @Test func `a request on the terminal comes back as the meter's answer`() async throws {
    let line = try SimulatedLine(name: "t", place: .terminal(link: nil), bus: try bus())
    let master = try RawMaster(path: line.path)
    for _ in 0..<200 { #expect(try master.ask(request, reply.count) == reply) }
    let statistics = await line.stop()
    #expect(statistics.requests == 200)
    #expect(statistics.replies == 200)
    #expect(statistics.collisions == 0)
    #expect(statistics.masterBytes == 200 * request.count)
    #expect(statistics.meterBytes == 200 * reply.count)
    #expect(statistics.lostBytes == 0)
  }

  @Test func `a serial server on a socket carries the same bytes, for one caller after another`() async throws {
    let line = try SimulatedLine(name: "s", place: .socket(port: 0), bus: try bus())
    for _ in 0..<3 {
      let master = try RawMaster(path: line.path)
      for _ in 0..<20 { #expect(try master.ask(request, reply.count) == reply) }
    }
    await line.hangUp()
    try await line.reopen()
    let master = try RawMaster(path: line.path)
    #expect(try master.ask(request, reply.count) == reply)
    #expect(await line.stop().requests == 61)
  }

  @Test func `a hang-up ends the device, and the link leads to the next one`() async throws {
    let link = "/tmp/meterd-simulator-\(getpid())"
    let line = try SimulatedLine(name: "h", place: .terminal(link: link), bus: try bus())
    #expect(line.path == link)
    for _ in 0..<20 {
      let master = try RawMaster(path: link)
      #expect(try master.ask(request, reply.count) == reply)
      await line.hangUp()
      #expect(master.isHungUp())
      try await line.reopen()
    }
    let master = try RawMaster(path: link)
    #expect(try master.ask(request, reply.count) == reply)
    #expect(await line.stop().requests == 21)
    #expect(access(link, F_OK) != 0)
    // A stopped line still tells what happened, and stays closed.
    #expect(await line.stop().requests == 21)
    await #expect(throws: SimulatorError.stopped) { try await line.reopen() }
  }

  @Test func `a link is never put over a file`() throws {
    let path = "/tmp/meterd-simulator-file-\(getpid())"
    close(open(path, O_CREAT | O_WRONLY, 0o600))
    defer { unlink(path) }
    #expect(throws: SimulatorError.link(path, errno: EEXIST)) {
      try SimulatedLine(name: "f", place: .terminal(link: path), bus: try bus())
    }
  }

  @Test func `faults, meters and the clock change while the line runs`() async throws {
    let line = try SimulatedLine(name: "c", place: .terminal(link: nil), bus: try bus())
    let master = try RawMaster(path: line.path)
    #expect(try master.ask(request, reply.count) == reply)
    await line.change { $0.faults.faults[.echo] = 1_000_000 }
    #expect(try master.ask(request, request.count + reply.count) == request + reply)
    await line.change { $0.meters.removeAll() }
    #expect(try master.ask(request, request.count) == request)
    let statistics = await line.statistics()
    #expect(statistics.faults[.echo] == 2)
    #expect(statistics.unanswered == 1)
    await line.stop()
  }

  @Test func `the line follows the rate of the port`() async throws {
    let line = try SimulatedLine(name: "r", place: .terminal(link: nil), bus: try bus(), paces: [9600: quick])
    let master = try RawMaster(path: line.path)
    try master.tune(baud: 115_200)
    try master.send(request)
    while await line.statistics().unanswered < 1 {}
    try master.tune(baud: 9600)
    #expect(try master.ask(request, reply.count) == reply)
    #expect(await line.stop().replies == 1)
  }

  @Test func `many lines run at once, each on its own thread`() async throws {
    let lines = try (0..<8).map { try SimulatedLine(name: "m\($0)", place: .terminal(link: nil), bus: try bus()) }
    let masters = try lines.map { try RawMaster(path: $0.path) }
    for _ in 0..<25 {
      for master in masters { try master.send(request) }
      for master in masters { #expect(master.receive(reply.count) == reply) }
    }
    for line in lines { #expect(await line.stop().replies == 25) }
  }
}
