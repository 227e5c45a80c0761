import Metering
import Simulator
import Testing

private let request = withChecksum([1, 4, 0, 0, 0, 2])
private let reply = withChecksum([1, 4, 4, 0x43, 0x66, 0x33, 0x34])
private let character = BootInstant.Span(nanoseconds: 1_041_667)

@Suite struct SimulatedBusTests {
  private func bench(_ faults: LineFaults = .none, line: LineFaults = .none, isStrict: Bool = false) throws -> BusBench
  {
    BusBench(
      [BusMeter(try modbusParrot(unit: 1, reply: reply), faults: faults)], faults: line, isStrict: isStrict)
  }

  @Test func `an exchange takes the time of its bytes and the meter's delay`() throws {
    var bench = try bench()
    let start = bench.now
    bench.bus.hear(request, at: start)
    let arrivals = bench.pass(.seconds(1))
    #expect(arrivals.flatMap(\.bytes) == reply)
    let expected = character * Int64(request.count + reply.count) + .milliseconds(20)
    #expect(arrivals.last?.at == start + expected)
    #expect(arrivals.first?.at == start + (character * Int64(request.count + 1) + .milliseconds(20)))
    #expect(bench.bus.statistics.busy + bench.bus.statistics.turnaround == expected)
  }

  @Test func `a frame is found whole, byte by byte, and after noise`() throws {
    for junk in [[], [0], [0x68], [0x16, 0xFE, 0x68, 1, 4], [UInt8](repeating: 0x68, count: 40)] as [[UInt8]] {
      var bench = try bench()
      for byte in junk + request {
        bench.bus.hear([byte], at: bench.now)
        _ = bench.pass(.milliseconds(1))
      }
      #expect(bench.pass(.seconds(1)).flatMap(\.bytes) == reply, "after \(junk)")
    }
  }

  @Test func `requests after too little silence are counted, and a strict meter does not hear them`() throws {
    for isStrict in [false, true] {
      var bench = try bench(isStrict: isStrict)
      #expect(bench.ask(request) == reply)
      bench.bus.hear(request, at: bench.now)
      let end = try #require(bench.pass(.seconds(1)).last).at
      #expect(bench.bus.statistics.brokenSilence == 0)
      // One character short of three and a half.
      bench.now = end + (character * 5 / 2)
      bench.bus.hear(request, at: bench.now)
      // The clock of the bench went back to just after the reply; the bus is asked anew.
      let answered = bench.pass(.seconds(1)).flatMap(\.bytes)
      #expect(answered == (isStrict ? [] : reply))
      #expect(bench.bus.statistics.brokenSilence == 1)
    }
  }

  @Test func `who writes into an answer garbles it and is counted`() throws {
    var bench = try bench()
    bench.bus.hear(request, at: bench.now)
    _ = bench.pass(character * 8 + .milliseconds(20) + character * 2)
    bench.bus.hear(request, at: bench.now)
    let arrived = bench.pass(.seconds(1)).flatMap(\.bytes)
    #expect(bench.bus.statistics.collisions == 1)
    #expect(arrived.count >= reply.count - 4)
    #expect(Array(arrived.suffix(reply.count)) != reply)
  }

  @Test func `two meters at one address garble each other`() throws {
    var other = try modbusParrot(unit: 1, reply: withChecksum([1, 4, 4, 0x3C, 0x99, 0xCC, 0x01]))
    other.delay = .milliseconds(21)
    var bench = BusBench([BusMeter(try modbusParrot(unit: 1, reply: reply)), BusMeter(other)])
    let heard = bench.ask(request)
    #expect(heard != reply)
    #expect(bench.bus.statistics.meterCollisions == 1)
    #expect(bench.bus.statistics.replies == 2)
  }

  @Test func `both languages share a line`() throws {
    let question = dlt645Frame("000000000161", 0x11, [0, 0, 1, 0])
    let told = dlt645Frame("000000000161", 0x91, [0, 0, 1, 0, 0x26, 0, 0, 0])
    let meter = ParrotMeter(
      id: try #require(MeterID("D")), language: .dlt645, registers: try someRegisters(), mark: 0x61, reply: told)
    var bench = BusBench([BusMeter(try modbusParrot(unit: 1, reply: reply)), BusMeter(meter)])
    for _ in 0..<3 {
      #expect(bench.ask([0xFE, 0xFE, 0xFE, 0xFE] + question) == told)
      #expect(bench.ask(request) == reply)
    }
    #expect(bench.bus.statistics.requests == 6)
    #expect(bench.bus.statistics.modbusRequests == 3)
    #expect(bench.bus.statistics.unanswered == 0)
  }

  @Test func `a damaged DL/T 645 request finds no ears, and the next one does`() throws {
    let question = dlt645Frame("000000000161", 0x11, [0, 0, 1, 0])
    let meter = ParrotMeter(
      id: try #require(MeterID("D")), language: .dlt645, registers: try someRegisters(), mark: 0x61, reply: [1])
    for position in question.indices {
      var bench = BusBench([BusMeter(meter)])
      var damaged = question
      damaged[position] ^= 0x04
      #expect(bench.ask(damaged) == [])
      #expect(bench.ask(Array(question.prefix(position))) == [])
      #expect(bench.ask(question) == [1])
    }
  }

  @Test func `a meter at another rate hears nothing`() throws {
    var bench = BusBench([BusMeter(try modbusParrot(unit: 1, reply: reply), baud: 2400)])
    #expect(bench.ask(request) == reply)
    bench.bus.baud = 9600
    #expect(bench.ask(request) == [])
    bench.bus.change(pace: WirePace(baud: 2400, bits: 11), baud: 2400)
    #expect(bench.ask(request) == reply)
  }
}
