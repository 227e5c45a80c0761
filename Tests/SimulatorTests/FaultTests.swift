import Metering
import Simulator
import Testing

private let request = withChecksum([2, 4, 0, 0, 0, 2])
private let reply = withChecksum([2, 4, 4, 0x43, 0x66, 0x33, 0x34])
private let always = 1_000_000

struct FaultCase: Sendable, CustomTestStringConvertible {
  let fault: LineFault
  let isExpected: @Sendable ([UInt8]) -> Bool
  var testDescription: String { fault.rawValue }

  static let cases = [
    FaultCase(fault: .silence) { $0.isEmpty },
    FaultCase(fault: .late) { $0 == reply },
    FaultCase(fault: .noiseBefore) {
      $0.count > reply.count && $0.count <= reply.count + 4 && $0.suffix(reply.count) == reply[...]
    },
    FaultCase(fault: .noiseAfter) {
      $0.count > reply.count && $0.count <= reply.count + 4 && $0.prefix(reply.count) == reply[...]
    },
    FaultCase(fault: .bitFlip) {
      $0.count == reply.count && zip($0, reply).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } == 2
    },
    FaultCase(fault: .truncation) { (1..<reply.count).contains($0.count) && $0[...] == reply.prefix($0.count) },
    FaultCase(fault: .doubledFirst) { $0 == [reply[0]] + reply },
    FaultCase(fault: .lostFirst) { $0[...] == reply.dropFirst() },
    FaultCase(fault: .wrongAddress) { $0 == withChecksum([3, 4, 4, 0x43, 0x66, 0x33, 0x34]) },
    FaultCase(fault: .wrongItem) { $0 == withChecksum([2, 3, 4, 0x43, 0x66, 0x33, 0x34]) },
    FaultCase(fault: .babble) { $0.count == reply.count + 1000 && $0.prefix(reply.count) == reply[...] },
  ]
}

@Suite struct FaultTests {
  private func bench(meter: LineFaults = .none, line: LineFaults = .none) throws -> BusBench {
    BusBench([BusMeter(try modbusParrot(unit: 2, reply: reply), faults: meter)], faults: line)
  }

  @Test(arguments: FaultCase.cases)
  func `a fault that always happens has its bytes and its count`(_ row: FaultCase) throws {
    var faults = LineFaults(seed: 5)
    faults[row.fault] = always
    for isLine in [false, true] {
      var bench = try isLine ? bench(line: faults) : bench(meter: faults)
      for _ in 0..<50 { #expect(row.isExpected(bench.ask(request))) }
      #expect(bench.bus.statistics.faults[row.fault] == 50)
      #expect(bench.bus.statistics.faults.total == 50)
    }
  }

  @Test func `an echo comes back while the master still sends`() throws {
    var faults = LineFaults()
    faults[.echo] = always
    var bench = try bench(line: faults)
    #expect(bench.ask(request) == request + reply)
    #expect(bench.bus.statistics.faults[.echo] == 1)
    #expect(bench.bus.statistics.collisions == 0)
  }

  @Test func `a late answer comes later by what was asked for`() throws {
    var faults = LineFaults()
    faults[.late] = always
    faults.lateBy = .milliseconds(700)
    var late = try bench(meter: faults), prompt = try bench()
    let start = late.now
    late.bus.hear(request, at: start)
    prompt.bus.hear(request, at: start)
    let lateEnd = try #require(late.pass(.seconds(5)).last).at
    let promptEnd = try #require(prompt.pass(.seconds(5)).last).at
    #expect(lateEnd - promptEnd == .milliseconds(700))
  }

  @Test func `noise that no one asked for comes at its pace and drowns a request`() throws {
    var bench = try bench()
    let noise = [UInt8](repeating: 0x55, count: 100)
    let start = bench.now
    bench.bus.interject(noise, at: start)
    let arrivals = bench.pass(.seconds(1))
    #expect(arrivals.flatMap(\.bytes) == noise)
    #expect(arrivals.last?.at == start + BootInstant.Span(nanoseconds: 1_041_667) * 100)
    bench.bus.interject(noise, at: bench.now)
    let heard = bench.ask(request)
    #expect(heard.count == noise.count && heard != noise)
    #expect(bench.bus.statistics.collisions == 1)
    #expect(bench.bus.statistics.replies == 0)
  }

  @Test func `a wrong address or item keeps the sum of a DL/T 645 frame good`() throws {
    let told = dlt645Frame("000000000161", 0x91, [0, 0, 1, 0, 0x26, 0, 0, 0])
    var faults = LineFaults()
    faults[.wrongAddress] = always
    let meter = ParrotMeter(
      id: try #require(MeterID("D")), language: .dlt645, registers: try someRegisters(), mark: 0x61,
      reply: [0xFE, 0xFE] + told)
    var bench = BusBench([BusMeter(meter, faults: faults)])
    let heard = bench.ask(dlt645Frame("000000000161", 0x11, [0, 0, 1, 0]))
    faults[.wrongAddress] = 0
    faults[.wrongItem] = always
    bench.bus.meters[0].faults.faults = faults
    let mislabelled = bench.ask(dlt645Frame("000000000161", 0x11, [0, 0, 1, 0]))
    #expect(mislabelled == [0xFE, 0xFE] + dlt645Frame("000000000161", 0x91, [1, 0, 1, 0, 0x26, 0, 0, 0]))
    #expect(heard == [0xFE, 0xFE] + dlt645Frame("000000000162", 0x91, [0, 0, 1, 0, 0x26, 0, 0, 0]))
  }

  @Test func `a meter is dead between two instants`() throws {
    var faults = LineFaults()
    faults.deadFrom = SimulatedInstant(noon2026).advanced(bySeconds: 15)
    faults.deadUntil = SimulatedInstant(noon2026).advanced(bySeconds: 35)
    var bench = try bench(meter: faults)
    // A question every ten seconds: at 0, 10, 20, 30, 40.
    #expect((0..<5).map { _ in bench.ask(request).isEmpty } == [false, false, true, true, false])
    #expect(bench.bus.statistics.faults[.silence] == 2)
  }

  @Test func `one seed is one run, another seed is another, and rates are kept`() throws {
    func run(_ seed: UInt64) throws -> [[UInt8]] {
      var faults = LineFaults(seed: seed)
      faults[.bitFlip] = 100_000
      faults[.truncation] = 100_000
      var bench = try bench(meter: faults)
      let heard = (0..<2000).map { _ in bench.ask(request) }
      let flips = bench.bus.statistics.faults[.bitFlip]
      #expect((150...250).contains(flips), "\(flips) of 2000")
      return heard
    }
    let first = try run(1)
    #expect(try run(1) == first)
    #expect(try run(2) != first)
  }

  @Test func `turning one fault on moves no other`() throws {
    func silences(noise: Int) throws -> [Bool] {
      var faults = LineFaults(seed: 9)
      faults[.silence] = 300_000
      faults[.noiseAfter] = noise
      var bench = try bench(meter: faults)
      return (0..<200).map { _ in bench.ask(request).isEmpty }
    }
    #expect(try silences(noise: 0) == silences(noise: 500_000))
  }
}
