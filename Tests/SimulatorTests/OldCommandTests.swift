import DLT645
import Metering
import Simulator
import Testing

/// A simulated meter of 1997 under its commands.
@Suite struct OldCommandTests {
  @Test func `what is written is what later reads tell`() throws {
    let bench = try CommandBench(.dlt645v1997)
    let rows: [(String, [UInt8])] = [
      ("C111", [0x30]), ("C313", [0x02]), ("C321", [1, 1, 2]), ("C33E", [1, 0, 8]), ("C033", [1, 2, 3, 4, 5, 6]),
      ("C117", [0x06, 0x23]),
    ]
    for (identifier, data) in rows {
      #expect(bench.data(identifier) != data)
      #expect(try bench.order(bench.parameter(identifier, data)).isDone, "\(identifier)")
      #expect(bench.data(identifier) == data, "\(identifier)")
    }
    #expect(bench.data("B212") == [0x06, 0x00])
    #expect(bench.data("B210") == Array(bench.stamp[1..<5]))
    let month = try #require(MeterTime("2026-10-23T06:00")).localSeconds
    #expect(bench.data("9410") == bcd(bench.meter.registers.curve.energy(at: month) / 10_000, bytes: 4))
    #expect(try bench.order(bench.parameter("C011", [0x00, 0x30, 0x15])).isDone)
    #expect(try bench.order(bench.parameter("C010", [0x05, 0x01, 0x01, 0x27])).isDone)
    #expect(bench.meter.registers.clock(at: bench.now).description == "2027-01-01T15:30:00")
  }

  @Test func `a refusal has the bit of its edition`() throws {
    let bench = try CommandBench(.dlt645v1997)
    let rows: [(String, [UInt8], ErrorWord, String)] = [
      ("C111", [0x1A], .other, "illegal data"), ("9010", [0, 0, 0, 0], .other, "illegal data"),
      ("C0FF", [0], .noData, "wrong data identifier"), ("C310", [0x15], .tooManyZones, "too many yearly zones"),
      ("C312", [0x15], .tooManyPeriods, "too many daily periods"),
      ("C313", [0x15], .tooManyTariffs, "too many tariffs"),
    ]
    for (identifier, data, word, name) in rows {
      #expect(try bench.order(bench.parameter(identifier, data)).refusal == word, "\(identifier)")
      #expect(word.names(in: .dlt645v1997) == [name])
    }
    let wrong = try #require(Password(level: 2, digits: "000000"))
    #expect(try bench.order(.clearDemand1997(wrong)).refusal == .notAuthorised)
    #expect(bench.data("B212") == [0, 0])
  }

  @Test func `demand, password, rate and address change`() throws {
    let bench = try CommandBench(.dlt645v1997)
    #expect(bench.data("A010") != [0, 0, 0])
    #expect(try bench.order(.clearDemand1997(bench.password)).isDone)
    #expect(bench.data("A010") == [0, 0, 0])
    #expect(bench.data("B213") == [1, 0])
    #expect(bench.data("B211") == Array(bench.stamp[1..<5]))
    let new = try #require(Password(level: 2, digits: "654321"))
    #expect(try bench.order(.changePassword1997(old: bench.password, new: new)).isDone)
    #expect(try bench.order(.clearDemand1997(bench.password)).refusal == .notAuthorised)
    #expect(try bench.order(.changeRate1997(.baud9600)).isDone)
    #expect(bench.meter.baud == 9600)
    let address = try #require(IndividualAddress("000000000777"))
    #expect(try bench.order(.writeAddress1997(address)).isDone)
    #expect(bench.meter.address == address.address)
    let all = dlt645Frame("999999999999", 0x0A, [1, 0, 0, 0, 0, 0])
    #expect(bench.meter.answer(all, at: bench.now)?.bytes.suffix(12) == dlt645Frame("000000000001", 0x8A, [])[...])
  }

  @Test func `the last answer comes once more, and only that`() throws {
    var habits = SimulatedDLT645Meter.Habits()
    habits.partSize = 12
    let bench = try CommandBench(.dlt645v1997, habits)
    let total = try #require(ShortIdentifier(hex: "9010"))
    let block = try #require(ShortIdentifier(hex: "901F"))
    guard case .refused(.noData, _, _) = bench.read(.again1997(total)) else {
      Issue.record("there is a last answer before the first")
      return
    }
    let first = bench.data("9010")
    // Later the register stands higher; the answer is still the old one.
    bench.now = bench.now.advanced(bySeconds: 86_400)
    guard case .data(let again, _, _) = bench.read(.again1997(total)) else {
      Issue.record("no last answer")
      return
    }
    #expect(again == first)
    #expect(bench.data("9010") != first)
    let whole = bench.data("901F")
    guard case .data(let parts, _, let frames) = bench.read(.again1997(block)) else {
      Issue.record("no last block")
      return
    }
    #expect(parts == whole)
    #expect(frames.map { $0[8] } == [0xA3, 0x82])
    guard case .refused(.noData, _, _) = bench.read(.again1997(total)) else {
      Issue.record("another answer than the last comes")
      return
    }
    let bare = bench.meter.answer(dlt645Frame("202311110001", 0x03, []), at: bench.now)?.bytes ?? []
    #expect(bare.count == 4 + 12 + 2 + 12)
  }

  @Test func `it takes the time from all, and knows no function of 2007`() throws {
    let bench = try CommandBench(.dlt645v1997)
    let time = try bench.time("2026-11-22T12:01:00")
    #expect(bench.meter.answer(BroadcastCommand.time(time).frame(), at: bench.now) == nil)
    #expect(bench.meter.registers.clockOffset == 60)
    #expect(bench.meter.answer(BroadcastCommand.freeze1997.frame(), at: bench.now) == nil)
    let address = try #require(IndividualAddress(bench.meter.address))
    for command: Command in [
      .clearMeter(bench.password, bench.author), .freeze(.atOnce), .changeRate(.baud9600),
      .supply(.trip, until: .noLimit, bench.password, bench.author), .writeAddress(address),
    ] {
      #expect(bench.meter.answer(command.frame(to: address), at: bench.now) == nil)
    }
    let young = try CommandBench()
    for command: Command in [
      .clearDemand1997(bench.password), .changeRate1997(.baud9600), .writeAddress1997(address),
      .changePassword1997(old: bench.password, new: bench.password),
    ] {
      #expect(young.meter.answer(command.frame(to: address), at: bench.now) == nil)
    }
  }
}
