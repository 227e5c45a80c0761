import DLT645
import Metering
import Simulator
import Testing

@Suite struct CommandedMeterTests {
  @Test func `what is written is what later reads tell`() throws {
    let bench = try CommandBench()
    let rows: [(String, [UInt8])] = [
      ("04000103", [0x30]), ("04000306", [0x40, 0, 0]), ("04000307", [0x01, 0x01, 0]), ("04000B02", [0x00, 0x15]),
      ("04000402", [1, 2, 3, 4, 5, 6]), ("04010000", [1, 1, 1, 2, 1, 7]),
      ("04010001", [UInt8](repeating: 1, count: 42)), ("04000204", [0x02]), ("04000A02", [0x30, 0x00]),
      ("04030001", [1, 1, 5, 0x26]), ("04000601", [0x06]),
    ]
    for (identifier, data) in rows {
      #expect(bench.data(identifier) != data)
      #expect(try bench.order(bench.parameter(identifier, data)).isDone, "\(identifier)")
      #expect(bench.data(identifier) == data, "\(identifier)")
    }
    #expect(bench.data("03300000") == bcd(Int64(rows.count), bytes: 3))
    let last = try #require(bench.data("03300001"))
    #expect(last.count == 50)
    let record: [UInt8] = bench.stamp + bench.author.wireBytes + [0x01, 0x06, 0x00, 0x04]
    #expect(Array(last.prefix(14)) == record)
    let ratio = try #require(Quantity(name: "ratio.current"))
    #expect(bench.meter.truth(ratio, .current, at: bench.now)?.value.number?.millionths == 40_000_000)
  }

  @Test func `a clock that was set goes on from there, and the setting is recorded`() throws {
    let bench = try CommandBench()
    let before = bench.stamp
    // 2026-11-24 13:30:15 is a Tuesday.
    #expect(try bench.order(bench.parameter("0400010C", [0x15, 0x30, 0x13, 0x02, 0x24, 0x11, 0x26])).isDone)
    #expect(bench.meter.registers.clock(at: bench.now).description == "2026-11-24T13:30:15")
    #expect(bench.data("03300400") == [1, 0, 0])
    let record: [UInt8] = bench.author.wireBytes + before + [0x15, 0x30, 0x13, 0x24, 0x11, 0x26]
    #expect(bench.data("03300401") == record)
    bench.now = bench.now.advanced(bySeconds: 60)
    #expect(bench.data("04000102") == [0x15, 0x31, 0x13])
    #expect(try bench.order(bench.parameter("04000102", [0x00, 0x00, 0x08])).isDone)
    #expect(try bench.order(bench.parameter("04000101", [0x05, 0x01, 0x01, 0x27])).isDone)
    #expect(bench.meter.registers.clock(at: bench.now).description == "2027-01-01T08:00:00")
    for bad: [UInt8] in [[0x60, 0, 0], [0x0A, 0, 0], [0xFF, 0xFF, 0xFF], [1, 1]] {
      #expect(try bench.order(bench.parameter("04000102", bad)).refusal == .other)
    }
  }

  @Test func `a settlement day that was written closes the months there`() throws {
    let bench = try CommandBench()
    #expect(try bench.order(bench.parameter("04000B01", [0x06, 0x23])).isDone)
    #expect(bench.data("04000B01") == [0x06, 0x23])
    let month = try #require(MeterTime("2026-10-23T06:00")).localSeconds
    let energy = bench.meter.registers.curve.energy(at: month) / 10_000
    #expect(bench.data("00010001") == bcd(energy, bytes: 4))
    for bad: [UInt8] in [[0x24, 0x01], [0x00, 0x29], [0x00, 0x00], [0x00]] {
      #expect(try bench.order(bench.parameter("04000B01", bad)).refusal == .other)
    }
    #expect(bench.data("04000B01") == [0x06, 0x23])
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    let name: String
    let word: ErrorWord
    let identifier: String
    let data: [UInt8]
    var testDescription: String { name }
  }

  static let refused = [
    Refused(name: "no such parameter", word: .noData, identifier: "04FE0101", data: [1]),
    Refused(name: "a register is no parameter", word: .other, identifier: "00010000", data: [0, 0, 0, 0]),
    Refused(name: "a status word is read only", word: .other, identifier: "04000501", data: [0, 0]),
    Refused(name: "a byte too many", word: .other, identifier: "04000103", data: [0x15, 0x00]),
    Refused(name: "15 zones", word: .tooManyZones, identifier: "04010000", data: .init(repeating: 1, count: 45)),
    Refused(name: "15 zones by number", word: .tooManyZones, identifier: "04000201", data: [0x15]),
    Refused(name: "15 periods", word: .tooManyPeriods, identifier: "04010001", data: .init(repeating: 1, count: 45)),
    Refused(name: "15 periods by number", word: .tooManyPeriods, identifier: "04000203", data: [0x15]),
    Refused(name: "a fifth rate in a day", word: .tooManyTariffs, identifier: "04020008", data: [5, 0, 0]),
    Refused(name: "64 rates by number", word: .tooManyTariffs, identifier: "04000204", data: [0x64]),
    Refused(name: "a broadcast address", word: .other, identifier: "04000401", data: .init(repeating: 0x99, count: 6)),
  ]

  @Test(arguments: refused)
  func `what does not fit is refused with its bit and changes nothing`(_ row: Refused) throws {
    let bench = try CommandBench()
    let before = bench.data(row.identifier)
    #expect(try bench.order(bench.parameter(row.identifier, row.data)).refusal == row.word)
    #expect(bench.data(row.identifier) == before)
    #expect(bench.data("03300000") == [0, 0, 0])
  }

  @Test func `wrong passwords are refused, three of them lock, and a day later it opens again`() throws {
    let bench = try CommandBench()
    let wrong = try #require(Password(level: 2, digits: "000000"))
    let low = try #require(Password(level: 4, digits: "123456"))
    let unknown = try #require(Password(level: 9, digits: "123456"))
    #expect(try bench.order(.clearMeter(low, bench.author)).refusal == .notAuthorised)
    #expect(try bench.order(.clearDemand(low, bench.author)).isDone)
    #expect(try bench.order(.clearDemand(wrong, bench.author)).refusal == .notAuthorised)
    #expect(try bench.order(.clearDemand(unknown, bench.author)).refusal == .notAuthorised)
    // The right one in between starts the count again.
    #expect(try bench.order(.clearDemand(bench.password, bench.author)).isDone)
    for _ in 0..<3 {
      #expect(try bench.order(.clearDemand(wrong, bench.author)).refusal == .notAuthorised)
    }
    #expect(try bench.order(.clearDemand(bench.password, bench.author)).refusal == .notAuthorised)
    bench.now = bench.now.advanced(bySeconds: 86_399)
    #expect(try bench.order(.clearDemand(bench.password, bench.author)).refusal == .notAuthorised)
    bench.now = bench.now.advanced(bySeconds: 1)
    #expect(try bench.order(.clearDemand(bench.password, bench.author)).isDone)
    #expect(bench.data("03300200") == [3, 0, 0])
  }

  @Test func `a changed password takes the place of the old one`() throws {
    let bench = try CommandBench()
    let new = try #require(Password(level: 2, digits: "654321"))
    let high = try #require(Password(level: 0, digits: "111111"))
    #expect(try bench.order(.changePassword(old: bench.password, new: high)).refusal == .notAuthorised)
    #expect(try bench.order(.changePassword(old: bench.password, new: new)) == .done(data: [], frame: []))
    #expect(try bench.order(.clearDemand(bench.password, bench.author)).refusal == .notAuthorised)
    #expect(try bench.order(.clearDemand(new, bench.author)).isDone)
    #expect(bench.data("04000C03") == nil)
  }

  @Test func `trip and close move the bits of status word 3`() throws {
    let bench = try CommandBench()
    func supply(_ action: SupplyAction, until: WireTime = .noLimit) throws -> CommandExchange.Outcome {
      try bench.order(.supply(action, until: until, bench.password, bench.author))
    }
    let rows: [(SupplyAction, UInt8?)] = [
      (.alarm, 0x80), (.trip, 0xD0), (.endAlarm, 0x50), (.allowClose, 0x10), (.close, 0x00), (.keepSupply, 0x00),
      (.trip, nil), (.endKeepSupply, 0x00), (.trip, 0x50), (.close, 0x00),
    ]
    for (action, bits) in rows {
      let outcome = try supply(action)
      #expect(bits == nil ? outcome.refusal == .other : outcome.isDone, "\(action)")
      if let bits {
        #expect(bench.data("04000503") == [bits, 0], "\(action)")
        #expect(bench.data("040005FF").map { Array($0[4..<6]) } == [bits, 0])
      }
    }
    #expect(bench.data("1D000001") == [2, 0, 0])
    #expect(bench.data("1E000001") == [3, 0, 0])
    let past = try #require(WireTime(MeterTime(localSeconds: noon2026.localSeconds - 1)))
    #expect(try supply(.trip, until: past).refusal == .other)
    #expect(bench.data("04000503") == [0, 0])
  }

  @Test func `clears take away what they name, count themselves and keep what was`() throws {
    let bench = try CommandBench()
    let energy = try #require(bench.data("00010000"))
    let demand = try #require(bench.data("01010000"))
    #expect(demand.prefix(3) != [0, 0, 0])
    #expect(try bench.order(.clearDemand(bench.password, bench.author)).isDone)
    #expect(bench.data("01010000") == [0, 0, 0, 0, 0, 0, 0, 0])
    #expect(bench.data("01010001")?.prefix(3) != [0, 0, 0])
    let demands = try #require(bench.data("03300201"))
    #expect(demands.count == 202)
    #expect(demands[10..<18] == demand[...])
    #expect(bench.data("00010000") == energy)
    bench.now = bench.now.advanced(bySeconds: 3600)
    #expect(bench.data("01010000")?.prefix(3) != [0, 0, 0])

    let last = try #require(bench.data("00010000"))
    #expect(try bench.order(.clearMeter(bench.password, bench.author)).isDone)
    #expect(bench.data("0001FF00") == [UInt8](repeating: 0, count: 20))
    #expect(bench.data("00010001") == [0xFF, 0xFF, 0xFF, 0xFF])
    let energies = try #require(bench.data("03300101"))
    #expect(energies.count == 106)
    #expect(energies[10..<14] == last[...])
    // The demand clear was an event like any other, the meter clear was not.
    #expect(bench.data("03300200") == [0, 0, 0])
    #expect(bench.data("03300100") == [1, 0, 0])
    let cleared = bench.meter.registers.curve.energy(at: noon2026.localSeconds + 3600)
    bench.now = bench.now.advanced(bySeconds: 86_400)
    let grown = bench.meter.registers.curve.energy(at: noon2026.localSeconds + 90_000) - cleared
    #expect(bench.data("00010000") == bcd(grown / 10_000, bytes: 4))
  }

  @Test func `events are cleared by kind or all, and the clear is one`() throws {
    let bench = try CommandBench()
    #expect(try bench.order(bench.parameter("04000103", [0x30])).isDone)
    #expect(try bench.order(.clearDemand(bench.password, bench.author)).isDone)
    let kind = try #require(EventSelection(kind: DataIdentifier(rawValue: 0x0330_0200)))
    #expect(try bench.order(.clearEvents(kind, bench.password, bench.author)).isDone)
    #expect(bench.data("03300200") == [0, 0, 0])
    #expect(bench.data("03300201") == [UInt8](repeating: 0xFF, count: 202))
    #expect(bench.data("03300000") == [1, 0, 0])
    let record: [UInt8] = bench.stamp + bench.author.wireBytes + [0xFF, 0x02, 0x30, 0x03]
    #expect(bench.data("03300301") == record)
    #expect(try bench.order(.clearEvents(.all, bench.password, bench.author)).isDone)
    #expect(bench.data("03300000") == [0, 0, 0])
    #expect(bench.data("03300300") == [2, 0, 0])
    #expect(bench.data("03300302")?.suffix(4) == [0xFF, 0x02, 0x30, 0x03])
  }

  @Test func `a new address is answered from and answered to`() throws {
    let bench = try CommandBench()
    let new = try #require(IndividualAddress("000000000777"))
    let old = bench.meter.address
    #expect(try bench.order(.writeAddress(new)).isDone)
    #expect(bench.meter.address == new.address)
    #expect(bench.read(.address, at: old) == .silent)
    #expect(bench.data("04000401") == new.address.wireBytes)
    #expect(try bench.order(bench.parameter("04000401", [1, 0, 0, 0, 0, 0])).isDone)
    #expect(bench.meter.address.description == "000000000001")
    // The wildcard reaches it too, which is why nothing in the master can send it.
    let wild = dlt645Frame("AAAAAAAAAAAA", 0x15, [2, 0, 0, 0, 0, 0])
    #expect(bench.meter.answer(wild, at: bench.now)?.bytes.suffix(12) == dlt645Frame("000000000002", 0x95, [])[...])
    #expect(bench.meter.answer(dlt645Frame("999999999999", 0x15, [3, 0, 0, 0, 0, 0]), at: bench.now) == nil)
    #expect(bench.meter.address.description == "000000000002")
  }

  @Test func `all meters obey the time and the freeze without a word, once a day and near the truth`() throws {
    let bench = try CommandBench()
    func send(_ text: String) throws {
      let time = try bench.time(text)
      #expect(bench.meter.answer(BroadcastCommand.time(time).frame(), at: bench.now) == nil)
    }
    try send("2026-11-22T12:05:01")
    #expect(bench.meter.registers.clockOffset == 0)
    try send("2026-11-22T12:05:00")
    #expect(bench.meter.registers.clockOffset == 300)
    try send("2026-11-22T12:00:00")
    #expect(bench.meter.registers.clockOffset == 300)
    bench.now = bench.now.advanced(bySeconds: 86_400)
    try send("2026-11-23T12:00:00")
    #expect(bench.meter.registers.clockOffset == 0)
    #expect(bench.meter.answer(BroadcastCommand.freeze(.atOnce).frame(), at: bench.now) == nil)
    #expect(bench.data("05010001")?.count == 5)
    // To one meter it is a custom of some makes, and some answer it.
    bench.now = bench.now.advanced(bySeconds: 86_400)
    let time = try bench.time("2026-11-24T12:00:10")
    #expect(try bench.order(.setClock(time)) == .silent)
    #expect(bench.meter.registers.clockOffset == 10)
    bench.meter.habits.confirmsTime = true
    #expect(try bench.order(.setClock(time)).refusal == .other)
    bench.now = bench.now.advanced(bySeconds: 86_400)
    let next = try bench.time("2026-11-25T12:00:00")
    #expect(try bench.order(.setClock(next)).isDone)
  }

  @Test func `the rate changes after the answer, if the meter has it`() throws {
    var habits = SimulatedDLT645Meter.Habits()
    habits.rates = [2400, 9600]
    let bench = try CommandBench(.dlt645v2007, habits)
    #expect(try bench.order(.changeRate(.baud4800)).refusal == .rateFixed)
    #expect(bench.meter.baud == nil)
    let command = Command.changeRate(.baud9600)
    let address = try #require(IndividualAddress(bench.meter.address))
    var line = BusBench([BusMeter(bench.meter, baud: 2400)])
    line.bus.change(pace: WirePace(baud: 2400, bits: 11), baud: 2400)
    // The answer still comes at the old rate.
    #expect(line.ask(command.frame(to: address)).suffix(13) == dlt645Frame("202311110001", 0x97, [0x20])[...])
    let read = Request.address.frame(to: address.address)
    #expect(line.ask(read).isEmpty)
    line.bus.change(pace: WirePace(baud: 9600, bits: 11), baud: 9600)
    #expect(!line.ask(read).isEmpty)
  }

  @Test func `every function can be made to refuse with any bits`() throws {
    let parts = try CommandBench()
    let commands: [Command] = [
      .freeze(.atOnce), .changeRate(.baud2400), .clearDemand(parts.password, parts.author),
      .terminalOutput(.zoneSwitch), .clearEvents(.all, parts.password, parts.author),
    ]
    for bit in 0..<8 {
      let word = ErrorWord(rawValue: 1 << UInt8(bit) | 0x80)
      var habits = SimulatedDLT645Meter.Habits()
      for function in UInt8(0)..<0x20 { habits.refusals[function] = word }
      let bench = try CommandBench(.dlt645v2007, habits)
      for command in commands { #expect(try bench.order(command).refusal == word) }
      guard case .refused(word, _, _) = bench.read(.data(DataIdentifier(rawValue: 0x0001_0000))) else {
        Issue.record("a read is not refused with \(word)")
        continue
      }
    }
    let plain = try CommandBench()
    for output in TerminalOutput.allCases {
      #expect(try plain.order(.terminalOutput(output)).isDone)
    }
  }

  @Test func `commands to others, to a wildcard, damaged or answered are not heard`() throws {
    let bench = try CommandBench()
    let address = try #require(IndividualAddress(bench.meter.address))
    let commands: [Command] = [
      .clearMeter(bench.password, bench.author), .supply(.trip, until: .noLimit, bench.password, bench.author),
      .clearDemand(bench.password, bench.author), .clearEvents(.all, bench.password, bench.author),
      .changeRate(.baud9600), .terminalOutput(.zoneSwitch),
      try bench.parameter("04000103", [0x30]),
    ]
    for command in commands {
      let good = command.frame(to: address, wakeUps: 0)
      for to: [UInt8] in [
        .init(repeating: 0xAA, count: 6), .init(repeating: 0x99, count: 6), [1, 0, 0xAA, 0xAA, 0xAA, 0xAA],
        [2, 0, 0x11, 0x11, 0x23, 0x20],
      ] {
        var bytes = good
        bytes.replaceSubrange(1..<7, with: to)
        bytes[bytes.count - 2] = bytes.dropLast(2).reduce(0, &+)
        #expect(bench.meter.answer(bytes, at: bench.now) == nil, "\(command)")
      }
      var hurt = good
      hurt[hurt.count - 2] &+= 1
      #expect(bench.meter.answer(hurt, at: bench.now) == nil)
      var reply = good
      reply[8] |= 0x80
      reply[reply.count - 2] = reply.dropLast(2).reduce(0, &+)
      #expect(bench.meter.answer(reply, at: bench.now) == nil)
    }
    #expect(bench.data("03300000") == [0, 0, 0])
    #expect(bench.data("04000503") == [0, 0])
  }

  @Test(arguments: [UInt64(10), 645])
  func `no frame makes it trap`(_ seed: UInt64) throws {
    print("commanded meter seed \(seed)")
    var random = SplitMix64(seed: seed)
    for edition in Edition.allCases {
      let bench = try CommandBench(edition)
      bench.meter.habits.passwordTries = 1_000_000
      var answered = 0
      for _ in 0..<6_000 {
        let function = UInt8(random.next(below: 32))
        var data = (0..<Int(random.next(below: 18))).map { _ in UInt8(random.next(below: 100)) }
        // Mostly with the right password, and with identifiers that are near something.
        if random.next(below: 2) == 0 {
          let identifier: [[UInt8]] = [
            [UInt8(random.next(below: 12)), UInt8(random.next(below: 16)), UInt8(random.next(below: 3)), 4],
            [UInt8(random.next(below: 4)), UInt8(random.next(below: 18)), UInt8(random.next(below: 8)), 5],
            [UInt8(random.next(below: 3)), 0, UInt8(random.next(below: 8)), 6],
          ]
          let head = identifier[Int(random.next(below: 3))]
          data = head + (function == 0x11 ? [] : [2, 0x56, 0x34, 0x12, 1, 2, 3, 4]) + data.prefix(6)
        }
        let to = random.next(below: 4) == 0 ? "999999999999" : bench.meter.address.description
        if bench.meter.answer(dlt645Frame(to, function, data), at: bench.now) != nil { answered += 1 }
        bench.now = bench.now.advanced(bySeconds: Int64(random.next(below: 4000)))
      }
      #expect(answered > 300)
    }
  }
}
