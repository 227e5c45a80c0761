import DLT645
import Metering
import Testing

/// Meter 161 and what its commands are made of.
struct CommandParts {
  let meter: IndividualAddress
  let other: IndividualAddress
  let password: Password
  let newPassword: Password
  let author: OperatorCode

  init() throws {
    meter = try #require(IndividualAddress("000000000161"))
    other = try #require(IndividualAddress("202311110001"))
    password = try #require(Password(level: 2, digits: "123456"))
    newPassword = try #require(Password(level: 4, digits: "214365"))
    author = try #require(OperatorCode("12345678"))
  }

  func parameter(_ identifier: String, _ data: [UInt8]) throws -> Parameter {
    let identifier = try #require(DataIdentifier(hex: identifier))
    return try #require(Parameter(identifier, data))
  }

  func shortParameter(_ identifier: String, _ data: [UInt8]) throws -> ShortParameter {
    let identifier = try #require(ShortIdentifier(hex: identifier))
    return try #require(ShortParameter(identifier, data))
  }

  func time(_ text: String) throws -> WireTime {
    let time = try #require(MeterTime(text))
    return try #require(WireTime(time))
  }
}

@Suite struct CommandTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    /// As in `Function.name`.
    let function: String
    /// From the first 68H to 16H. The bodies follow the layouts as published; the sums were made apart from this code.
    let hex: String
    let command: @Sendable (CommandParts) throws -> Command
    var testDescription: String { name }
  }

  static let rows = [
    Row(
      name: "write a settlement day", function: "write",
      hex: "68 61 01 00 00 00 00 68 14 0E 34 3E 33 37 35 89 67 45 AB 89 67 45 33 34 E1 16"
    ) { .write(try $0.parameter("04000B01", [0x00, 0x01]), $0.password, $0.author) },
    Row(
      name: "write the address", function: "write-address",
      hex: "68 61 01 00 00 00 00 68 15 06 34 33 44 44 56 53 E5 16"
    ) { .writeAddress($0.other) },
    Row(name: "freeze at once", function: "freeze", hex: "68 61 01 00 00 00 00 68 16 04 CC CC CC CC 7C 16") { _ in
      .freeze(.atOnce)
    },
    Row(name: "freeze hourly", function: "freeze", hex: "68 61 01 00 00 00 00 68 16 04 38 CC CC CC E8 16") { _ in
      .freeze(try #require(FreezePattern(hourlyAt: 5)))
    },
    Row(name: "freeze daily", function: "freeze", hex: "68 61 01 00 00 00 00 68 16 04 38 33 CC CC 4F 16") { _ in
      .freeze(try #require(FreezePattern(dailyAt: 0, 5)))
    },
    Row(name: "freeze monthly", function: "freeze", hex: "68 61 01 00 00 00 00 68 16 04 33 33 34 CC B2 16") { _ in
      .freeze(try #require(FreezePattern(monthlyOn: 1, at: 0, 0)))
    },
    Row(name: "change the rate", function: "change-rate", hex: "68 61 01 00 00 00 00 68 17 01 53 9D 16") { _ in
      .changeRate(.baud9600)
    },
    Row(
      name: "change a password", function: "change-password",
      hex: "68 61 01 00 00 00 00 68 18 0C 38 3F 33 37 35 89 67 45 37 98 76 54 3A 16"
    ) { .changePassword(old: $0.password, new: $0.newPassword) },
    Row(
      name: "clear demand", function: "clear-demand",
      hex: "68 61 01 00 00 00 00 68 19 08 37 89 67 45 AB 89 67 45 9F 16"
    ) { .clearDemand(try #require(Password(level: 4, digits: "123456")), $0.author) },
    Row(
      name: "clear the meter", function: "clear-meter",
      hex: "68 61 01 00 00 00 00 68 1A 08 35 89 67 45 AB 89 67 45 9E 16"
    ) { .clearMeter($0.password, $0.author) },
    Row(
      name: "clear all events", function: "clear-events",
      hex: "68 61 01 00 00 00 00 68 1B 0C 35 89 67 45 AB 89 67 45 32 32 32 32 6B 16"
    ) { .clearEvents(.all, $0.password, $0.author) },
    Row(
      name: "clear one kind of events", function: "clear-events",
      hex: "68 61 01 00 00 00 00 68 1B 0C 35 89 67 45 AB 89 67 45 32 34 63 36 A2 16"
    ) {
      let counter = try #require(DataIdentifier(hex: "03300100"))
      return .clearEvents(try #require(EventSelection(kind: counter)), $0.password, $0.author)
    },
    Row(
      name: "trip", function: "relay",
      hex: "68 61 01 00 00 00 00 68 1C 10 35 89 67 45 AB 89 67 45 4D 33 8C 8C 56 64 45 CC 0B 16"
    ) { .supply(.trip, until: .noLimit, $0.password, $0.author) },
    Row(
      name: "terminal output", function: "terminal-output", hex: "68 61 01 00 00 00 00 68 1D 01 34 84 16"
    ) { _ in .terminalOutput(.demandPeriod) },
    Row(
      name: "clock of one meter", function: "broadcast-time",
      hex: "68 61 01 00 00 00 00 68 08 06 63 78 45 55 44 59 52 16"
    ) { .setClock(try $0.time("2026-11-22T12:45:30")) },
    Row(
      name: "1997: write", function: "write", hex: "68 61 01 00 00 00 00 68 04 08 4A F4 35 89 67 45 33 34 4D 16"
    ) { .write1997(try $0.shortParameter("C117", [0x00, 0x01]), $0.password) },
    Row(
      name: "1997: write the address", function: "write-address",
      hex: "68 61 01 00 00 00 00 68 0A 06 34 33 44 44 56 53 DA 16"
    ) { .writeAddress1997($0.other) },
    Row(name: "1997: change the rate", function: "change-rate", hex: "68 61 01 00 00 00 00 68 0C 01 3B 7A 16") { _ in
      .changeRate1997(.baud2400)
    },
    Row(
      name: "1997: change a password", function: "change-password",
      hex: "68 61 01 00 00 00 00 68 0F 08 35 89 67 45 37 98 76 54 4C 16"
    ) { .changePassword1997(old: $0.password, new: $0.newPassword) },
    Row(
      name: "1997: clear demand", function: "clear-demand", hex: "68 61 01 00 00 00 00 68 10 04 35 89 67 45 B0 16"
    ) { .clearDemand1997($0.password) },
  ]

  @Test(arguments: rows)
  func `a command has its frame, and the frame its command`(_ row: Row) throws {
    let parts = try CommandParts()
    let command = try row.command(parts)
    let bytes = wire(row.hex)
    #expect(hexString(command.frame(to: parts.meter, wakeUps: 0)) == row.hex)
    for wakeUps in 0...4 {
      #expect(
        command.frame(to: parts.meter, wakeUps: wakeUps) == [UInt8](repeating: 0xFE, count: wakeUps) + bytes)
    }
    #expect(command.frame(to: parts.meter, wakeUps: 99).count == bytes.count + 4)
    #expect(command.name == row.function)
    #expect(Function.find(command.function, in: command.edition)?.name == row.function)
    let frame = try Frame.decode(bytes.span)
    #expect(Command(frame, in: bytes.span) == command)
    #expect(Request(frame, in: bytes.span) == nil)
    // All expect an answer but the one that the standard does not have.
    #expect(command.expectsReply == (row.name != "clock of one meter"))
  }

  @Test func `every function that changes a meter has a command`() throws {
    let parts = try CommandParts()
    let commands = try Self.rows.map { try $0.command(parts) }
    let codes = Set(commands.map(\.function))
    #expect(codes == Set((0x14...0x1D).map(UInt8.init)).union([0x08, 0x04, 0x0A, 0x0C, 0x0F, 0x10]))
  }

  @Test func `what goes to all meters is the time and the freeze`() throws {
    let parts = try CommandParts()
    let rows: [(BroadcastCommand, String, String)] = [
      (
        .time(try parts.time("2026-11-22T12:45:30")), "broadcast-time",
        "68 99 99 99 99 99 99 68 08 06 63 78 45 55 44 59 86 16"
      ),
      (.freeze(.atOnce), "freeze", "68 99 99 99 99 99 99 68 16 04 CC CC CC CC B0 16"),
      (.freeze1997, "broadcast-freeze", "68 99 99 99 99 99 99 68 05 00 6B 16"),
    ]
    for (command, name, hex) in rows {
      #expect(hexString(command.frame(wakeUps: 0)) == hex)
      #expect(command.frame() == [0xFE, 0xFE, 0xFE, 0xFE] + wire(hex))
      #expect(command.name == name)
      #expect(BroadcastCommand(try Frame.decode(wire(hex).span), in: wire(hex).span) == command)
    }
    let single = wire("68 61 01 00 00 00 00 68 16 04 CC CC CC CC 7C 16")
    #expect(BroadcastCommand(try Frame.decode(single.span), in: single.span) == nil)
  }

  @Test func `a command goes to one whole address and to nothing else`() throws {
    // The type of the only way to make its bytes.
    let frame: (Command) -> (IndividualAddress, Int) -> [UInt8] = Command.frame(to:wakeUps:)
    let exchange: (Command, IndividualAddress, Int) -> CommandExchange = CommandExchange.init(_:to:wakeUps:)
    let parts = try CommandParts()
    #expect(frame(.freeze(.atOnce))(parts.meter, 0).count == 16)
    #expect(exchange(.freeze(.atOnce), parts.meter, 0).meter == parts.meter)
    for address in ["AAAAAAAAAAAA", "AAAAAAAAAA61", "AAAAAAAA0161", "AA0000000161", "999999999999"] {
      #expect(IndividualAddress(address) == nil, "\(address)")
      if let possible = Address(address) { #expect(IndividualAddress(possible) == nil, "\(address)") }
    }
    for text in ["", "161", "00000000161", "0000000000161", "00000000016A", "00000000016x", "AAAAAAAAAAAAAA"] {
      #expect(IndividualAddress(text) == nil, "\(text)")
    }
    #expect(IndividualAddress(.wildcard) == nil)
    #expect(IndividualAddress(.broadcast) == nil)
    // Every nibble that is no digit, at every place.
    for place in 0..<6 {
      for bad: UInt8 in [0xA0, 0x0A, 0xB0, 0x0F, 0xFF] {
        var bytes = [UInt8](repeating: 0x11, count: 6)
        bytes[place] = bad
        let address = try #require(Address(wire: bytes))
        #expect(IndividualAddress(address) == nil)
      }
    }
    #expect(IndividualAddress("999999999998")?.description == "999999999998")
  }

  @Test func `a password never shows its digits`() throws {
    let parts = try CommandParts()
    let password = parts.password
    let author = try #require(OperatorCode("99"))
    var dumped = ""
    dump(password, to: &dumped)
    var exchange = CommandExchange(.clearMeter(password, author), to: parts.meter)
    _ = exchange.start()
    dump(exchange, to: &dumped)
    dump(Command.changePassword(old: password, new: password), to: &dumped)
    let texts = [
      "\(password)", String(reflecting: password), "\(Command.clearDemand(password, author))",
      String(reflecting: [password]), "\(exchange)", String(reflecting: exchange), dumped,
    ]
    for text in texts {
      // 1193046 is the packed form as a number, 86, 52 and 18 its bytes.
      for secret in ["123456", "563412", "1193046", "86, 52, 18", "0x56"] {
        #expect(!text.contains(secret), "\(text)")
      }
    }
    #expect(password.description == "level 2 ......")
    for (level, digits) in [(-1, "123456"), (10, "123456"), (2, "12345"), (2, "1234567"), (2, "12345A"), (2, "")] {
      #expect(Password(level: level, digits: digits) == nil)
    }
    #expect(Password(wire: [2, 0x56, 0x34, 0x12]) == password)
    for bytes: [UInt8] in [[], [2, 0x56, 0x34], [0x98, 0, 0, 0], [2, 0x5A, 0x34, 0x12], [2, 0, 0, 0, 0]] {
      #expect(Password(wire: bytes) == nil)
    }
  }

  @Test func `what a command is made of is in range`() throws {
    #expect(FreezePattern(hourlyAt: 60) == nil)
    #expect(FreezePattern(dailyAt: 24, 0) == nil)
    #expect(FreezePattern(monthlyOn: 29, at: 0, 0) == nil)
    #expect(FreezePattern(monthlyOn: 0, at: 0, 0) == nil)
    #expect(FreezePattern(wire: [0x99, 0x00, 0x99, 0x99]) == nil)
    #expect(FreezePattern(wire: [0x05, 0x00, 0x1A, 0x99]) == nil)
    #expect(FreezePattern(wire: [0x05, 0x00, 0x01]) == nil)
    #expect(FreezePattern(wire: [0x05, 0x12, 0x31, 0x03])?.description == "on 03-31 at 12:05")
    #expect(RateWord(bitsPerSecond: 300) == nil)
    #expect(RateWord(bitsPerSecond: 19_200) == .baud19200)
    let old = try #require(MeterTime("1999-12-31T23:59:59"))
    #expect(WireTime(old) == nil)
    #expect(WireTime.noLimit.description == "2099-12-31T23:59:59")
    let energy = try #require(DataIdentifier(hex: "00010000"))
    #expect(EventSelection(kind: energy) == nil)
    for level: UInt32 in 1...10 {
      #expect(Parameter(DataIdentifier(rawValue: 0x0400_0C00 + level), [1, 2, 3, 4]) == nil)
    }
    #expect(ShortParameter(ShortIdentifier(rawValue: 0xC212), [1, 2, 3, 4]) == nil)
    #expect(Parameter(energy, []) == nil)
    #expect(Parameter(energy, [UInt8](repeating: 0, count: 51)) == nil)
    #expect(Parameter(energy, [UInt8](repeating: 0, count: 50)) != nil)
    #expect(OperatorCode("") == nil)
    #expect(OperatorCode("123456789") == nil)
    #expect(OperatorCode("7")?.description == "00000007")
  }

  @Test(arguments: [UInt64(14), 0x1C])
  func `random bodies never trap, and what is understood is made again`(_ seed: UInt64) throws {
    print("command bodies seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let parts = try CommandParts()
    let templates = Self.rows.map { wire($0.hex) }
    var understood = 0
    for round in 0..<10_000 {
      var data = random.bytes(Int.random(in: 0...20, using: &random))
      var function = UInt8.random(in: 0...0x1F, using: &random)
      if round % 2 == 0, let template = templates.randomElement(using: &random) {
        data = template[10...].dropLast(2).map { $0 &- 0x33 }
        function = template[8]
        if !data.isEmpty {
          data[Int.random(in: 0..<data.count, using: &random)] = UInt8.random(in: 0...0x99, using: &random)
        }
      }
      var bytes = wire("68 61 01 00 00 00 00 68") + [function, UInt8(data.count)]
      bytes += data.map { $0 &+ 0x33 }
      bytes.append(bytes.reduce(0, &+))
      bytes.append(0x16)
      guard let command = Command(try Frame.decode(bytes.span), in: bytes.span) else { continue }
      understood += 1
      let again = command.frame(to: parts.meter, wakeUps: 0)
      let same = try Frame.decode(again.span)
      #expect(Command(same, in: again.span) == command)
    }
    #expect(understood > 1000)
  }
}
