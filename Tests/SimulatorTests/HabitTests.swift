import DLT645
import Metering
import Simulator
import Testing

/// The ways of single makes, each against the master's exchange.
@Suite struct HabitTests {
  private let energy = DataIdentifier(rawValue: 0x0001_0000)

  private func bench(_ change: (inout SimulatedDLT645Meter.Habits) -> Void) throws -> CommandBench {
    var habits = SimulatedDLT645Meter.Habits()
    change(&habits)
    return try CommandBench(.dlt645v2007, habits)
  }

  @Test func `a doubled 68H, trailing bytes and any FE change nothing for the master`() throws {
    let expected = try bench { _ in }.data("00010000")
    #expect(expected?.count == 4)
    for wakeUps in [0, 1, 4, 7] {
      let meter = try bench {
        $0.wakeUps = wakeUps
        $0.doublesStart = true
        $0.trailer = [0xFF, 0xFF, 0xFF]
      }
      let bytes = meter.meter.answer(Request.data(energy).frame(to: meter.meter.address), at: meter.now)?.bytes
      #expect(bytes?.prefix(wakeUps + 2) == ([UInt8](repeating: 0xFE, count: wakeUps) + [0x68, 0x68])[...])
      #expect(meter.data("00010000") == expected)
    }
  }

  @Test func `a lost first 68H is silence`() throws {
    let meter = try bench { $0.losesStart = true }
    #expect(meter.read(.data(energy)) == .silent)
    #expect(try meter.order(.freeze(.atOnce)) == .silent)
    // Silence does not tell whether it obeyed; here it did.
    meter.meter.habits.losesStart = false
    #expect(meter.data("05010001") == Array(meter.stamp.dropFirst()))
  }

  @Test func `a block is closed with the byte of the make, and both are read`() throws {
    let rates = DataIdentifier(rawValue: 0x0001_FF00)
    let plain = try #require(try bench { _ in }.data("0001FF00"))
    for byte: UInt8 in [0xAA, 0xDD] {
      let meter = try bench {
        $0.closesBlocks = true
        $0.closingByte = byte
      }
      let data = try #require(meter.data("0001FF00"))
      #expect(data == plain + [byte])
      #expect(try rates.observations(in: data) == rates.observations(in: plain))
    }
  }

  @Test func `phases that are not there are filled, or zero`() throws {
    let registers = MeterRegisters(curve: try someRegisters().curve, phases: 1)
    var filled = try dlt645Meter(registers: registers)
    let request = dlt645Frame("202311110001", 0x11, [0x00, 0xFF, 0x01, 0x02])
    let now = SimulatedInstant(noon2026)
    #expect(filled.answer(request, at: now).map { Array(dataOf($0.bytes).suffix(4)) } == [0xFF, 0xFF, 0xFF, 0xFF])
    filled.habits.zeroesMissingPhases = true
    #expect(filled.answer(request, at: now).map { Array(dataOf($0.bytes).suffix(4)) } == [0, 0, 0, 0])
  }

  @Test func `a wildcard that comes back is taken only for a wildcard`() throws {
    let meter = try bench { $0.keepsWildcard = true }
    guard case .data(_, .wildcard, _) = meter.read(.data(energy), at: .wildcard) else {
      Issue.record("the wildcard does not come back")
      return
    }
    guard case .data(_, let from, _) = meter.read(.data(energy)) else {
      Issue.record("no data")
      return
    }
    #expect(from == meter.meter.address)
  }

  @Test func `commands after too few FE are not heard`() throws {
    let meter = try bench { $0.neededWakeUps = 2 }
    let address = try #require(IndividualAddress(meter.meter.address))
    for wakeUps in 0...4 {
      let answer = meter.meter.answer(Command.freeze(.atOnce).frame(to: address, wakeUps: wakeUps), at: meter.now)
      #expect((answer == nil) == (wakeUps < 2))
    }
  }

  @Test func `a follow-up that was announced and refused is no data`() throws {
    let meter = try bench {
      $0.partSize = 50
      $0.refusesFollowing = true
    }
    let read = try #require(LoadProfileRead(.latest, blocks: 1))
    #expect(meter.read(.profile(read)) == .failed(.followUpRefused(.noData)))
  }
}

/// Commands over a line that has its own ideas, byte by byte at its rate.
@Suite struct CommandLineTests {
  @Test(arguments: [UInt64(1), 2, 3, 4, 5])
  func `what is reported as done was done, and a silent line repeats nothing`(_ seed: UInt64) throws {
    print("command line seed \(seed)")
    let parts = try CommandBench()
    let meters = try (1...3).map { index in
      SimulatedDLT645Meter(
        id: try #require(MeterID("L-\(index)")), address: try #require(Address("20231111000\(index)")),
        registers: try someRegisters(seed: UInt64(index)))
    }
    var faults = LineFaults(seed: seed)
    faults[.echo] = 300_000
    faults[.noiseBefore] = 200_000
    faults[.truncation] = 100_000
    faults[.bitFlip] = 100_000
    faults[.wrongAddress] = 100_000
    var line = BusBench(meters.map { BusMeter($0, baud: nil) }, faults: faults)
    var done = 0, silent = 0
    for round in 0..<60 {
      let target = try #require(IndividualAddress("20231111000\(round % 3 + 1)"))
      let minutes = UInt8(0x10 + round % 10)
      var exchange = CommandExchange(try parts.parameter("04000103", [minutes]), to: target)
      guard case .send(let frame) = exchange.start() else { continue }
      var action = CommandExchange.Action.listen
      for byte in line.ask(frame) { action = exchange.receive(byte) }
      if action == .listen { action = exchange.timedOut() }
      switch action {
      case .finish(.done):
        done += 1
        // The register tells so, by a way around the line.
        guard var meter = line.bus.meters[round % 3].meter as? SimulatedDLT645Meter else { continue }
        let read = dlt645Frame(target.description, 0x11, [0x03, 0x01, 0x00, 0x04])
        let now = SimulatedInstant(noon2026)
        #expect(meter.answer(read, at: now).map { dataOf(Array($0.bytes.dropFirst(4))) } == [3, 1, 0, 4, minutes])
      case .finish(.silent): silent += 1
      case .finish(let outcome): Issue.record("\(outcome)")
      case .send, .listen: Issue.record("it is not finished")
      }
      #expect(exchange.start() == action)
    }
    #expect(done > 20)
    #expect(done + silent == 60)
  }
}
