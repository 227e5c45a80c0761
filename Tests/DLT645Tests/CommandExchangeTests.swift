import DLT645
import Metering
import Testing

@Suite struct CommandExchangeTests {
  let parts: CommandParts

  init() throws { parts = try CommandParts() }

  private func feed(_ exchange: inout CommandExchange, _ bytes: [UInt8]) -> CommandExchange.Action {
    bytes.reduce(.listen) { _, byte in exchange.receive(byte) }
  }

  private func reply(_ reply: Reply, from address: Address? = nil) throws -> [UInt8] {
    try #require(reply.frame(from: address ?? parts.meter.address, wakeUps: 0))
  }

  private func started(_ command: Command) -> CommandExchange {
    var exchange = CommandExchange(command, to: parts.meter)
    #expect(exchange.start() == .send(command.frame(to: parts.meter)))
    return exchange
  }

  @Test(arguments: CommandTests.rows)
  func `a confirmed command is done, once`(_ row: CommandTests.Row) throws {
    let command = try row.command(parts)
    var exchange = started(command)
    let body = command.frame(to: parts.meter, wakeUps: 0)[10...].dropLast(2).map { $0 &- 0x33 }
    let told: [UInt8]
    switch command {
    case .changeRate, .changeRate1997, .terminalOutput: told = body
    case .changePassword, .changePassword1997: told = Array(body.suffix(4))
    default: told = []
    }
    let isSecret = row.function == "change-password"
    let bytes = try reply(.done(function: command.function, told))
    let outcome = CommandExchange.Outcome.done(data: isSecret ? [] : told, frame: isSecret ? [] : bytes)
    #expect(exchange.start() == .listen)
    for byte in [0xFE, 0xFE] + bytes.dropLast() { #expect(exchange.receive(byte) == .listen) }
    #expect(exchange.receive(0x16) == .finish(outcome))
    #expect(exchange.start() == .finish(outcome))
    #expect(exchange.timedOut() == .finish(outcome))
    #expect(feed(&exchange, bytes + [0xFF]) == .finish(outcome))
    #expect(exchange.ignored.map(\.reason) == [.repeated])
  }

  @Test(arguments: CommandTests.rows)
  func `every bit of a refusal is told, and nothing is sent again`(_ row: CommandTests.Row) throws {
    let command = try row.command(parts)
    for bit in 0..<8 {
      let word = ErrorWord(rawValue: 1 << UInt8(bit))
      var exchange = started(command)
      let bytes = try reply(.refusal(function: command.function, word))
      let outcome = CommandExchange.Outcome.refused(word, raw: [word.rawValue], frame: bytes)
      #expect(feed(&exchange, bytes) == .finish(outcome))
      #expect(exchange.timedOut() == .finish(outcome))
      #expect(exchange.start() == .finish(outcome))
      #expect(word.names(in: command.edition).count == 1)
    }
    var exchange = started(command)
    let captured = try reply(.refusal(function: command.function, ErrorWord(rawValue: 0xFE)))
    guard case .finish(.refused(let word, raw: [0xFE], frame: captured)) = feed(&exchange, captured) else {
      Issue.record("a word with seven bits is no refusal")
      return
    }
    #expect(word.names(in: .dlt645v2007).count == 7)
    #expect(word.contains(.reserved))
  }

  @Test func `a second byte behind the error word is kept`() throws {
    var exchange = started(.clearMeter(parts.password, parts.author))
    let bytes = wire("68 61 01 00 00 00 00 68 DA 02 37 53 98 16")
    #expect(feed(&exchange, bytes) == .finish(.refused(.notAuthorised, raw: [0x04, 0x20], frame: bytes)))
  }

  @Test func `echoes and foreign frames change nothing, and their bytes keep no password`() throws {
    let command = Command.clearDemand(parts.password, parts.author)
    var exchange = started(command)
    let done = try reply(.done(function: 0x19, []))
    let strangers: [(bytes: [UInt8], reason: IgnoredFrame.Reason, isTold: Bool)] = [
      (command.frame(to: parts.meter), .echo, false),
      (Command.clearMeter(parts.password, parts.author).frame(to: parts.meter), .otherRequest, false),
      (
        try reply(.done(function: 0x19, []), from: parts.other.address), .foreignAddress(parts.other.address), true
      ),
      (try reply(.done(function: 0x19, []), from: .wildcard), .foreignAddress(.wildcard), true),
      (try reply(.done(function: 0x1A, [])), .otherFunction(ControlCode(rawValue: 0x9A)), true),
      (try reply(.refusal(function: 0x11, .noData)), .otherFunction(ControlCode(rawValue: 0xD1)), true),
      (try reply(.refusal(function: 0x1F, .other)), .unsolicited, true),
      (wire("68 61 01 00 00 00 00 68 D9 00 0B 16"), .malformed, true),
      (
        wire("68 61 01 00 00 00 00 68 99 00 CC 16"), .damaged(.checksum(computed: 0xCB, received: 0xCC)), false
      ),
    ]
    for stranger in strangers { #expect(feed(&exchange, stranger.bytes) == .listen, "\(stranger.reason)") }
    for stranger in strangers {
      let found = exchange.ignored.first { $0.reason == stranger.reason }
      #expect(found?.bytes.isEmpty == !stranger.isTold, "\(stranger.reason)")
    }
    #expect(feed(&exchange, done) == .finish(.done(data: [], frame: done)))
  }

  @Test func `an owner that sleeps is told how much must come, and a lost character ends a frame`() throws {
    var exchange = started(.changeRate(.baud9600))
    #expect(exchange.expectedReplyBytes == 4 + 12 + 2)
    #expect(exchange.missingBytes == 12)
    let bytes = try reply(.done(function: 0x17, [0x20]))
    #expect(feed(&exchange, Array(bytes.prefix(10))) == .listen)
    #expect(exchange.missingBytes == 3)
    exchange.interrupted()
    #expect(feed(&exchange, Array(bytes.dropFirst(10))) == .listen)
    #expect(exchange.receivedBytes == bytes.count)
    #expect(feed(&exchange, bytes) == .finish(.done(data: [0x20], frame: bytes)))
    let password = Command.changePassword(old: parts.password, new: parts.newPassword)
    #expect(CommandExchange(password, to: parts.meter).expectedReplyBytes == 4 + 12 + 4)
  }

  @Test func `silence leaves it open whether the meter obeyed`() throws {
    var exchange = started(.supply(.trip, until: .noLimit, parts.password, parts.author))
    #expect(exchange.timedOut() == .finish(.silent))
    #expect(feed(&exchange, try reply(.done(function: 0x1C, []))) == .finish(.silent))
    #expect(exchange.ignored.map(\.reason) == [.late])
  }

  @Test func `a new address may answer in place of the old one`() throws {
    for command in [
      Command.writeAddress(parts.other), .writeAddress1997(parts.other),
      .write(
        try parts.parameter("04000401", [0x01, 0x00, 0x11, 0x11, 0x23, 0x20]), parts.password, parts.author),
    ] {
      for address in [parts.meter.address, parts.other.address] {
        var exchange = started(command)
        let bytes = try reply(.done(function: command.function, []), from: address)
        #expect(feed(&exchange, bytes) == .finish(.done(data: [], frame: bytes)))
      }
      var exchange = started(command)
      #expect(feed(&exchange, try reply(.done(function: command.function, []), from: Address("163"))) == .listen)
    }
  }

  @Test func `another confirmation than the command's is a failure`() throws {
    let rows: [(Command, [UInt8])] = [
      (.changeRate(.baud9600), [0x08]), (.terminalOutput(.secondPulse), [0x01]),
      (.changePassword(old: parts.password, new: parts.password), [2, 0, 0, 0]),
    ]
    for (command, told) in rows {
      var exchange = started(command)
      #expect(
        feed(&exchange, try reply(.done(function: command.function, told))) == .finish(.failed(.confirmedOther)))
    }
  }

  @Test func `two answers that differ contradict each other`() throws {
    var exchange = started(.clearDemand(parts.password, parts.author))
    _ = feed(&exchange, try reply(.done(function: 0x19, [])))
    #expect(
      feed(&exchange, try reply(.refusal(function: 0x19, .notAuthorised))) == .finish(.failed(.contradicted)))
  }

  @Test func `no bytes make it trap or end it falsely`() throws {
    var random = SeededGenerator(seed: 1918)
    print("command exchange seed 1918")
    let pieces: [[UInt8]] = [
      Command.clearMeter(parts.password, parts.author).frame(to: parts.meter), [0x68], [0x16], [0xFE],
      try reply(.done(function: 0x1A, []), from: parts.other.address), try reply(.done(function: 0x19, [])),
      wire("68 61 01 00 00 00 00 68 DA"),
    ]
    for _ in 0..<2000 {
      var exchange = started(.clearMeter(parts.password, parts.author))
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let piece = pieces.randomElement(using: &random) ?? []
        let noise = random.bytes(Int.random(in: 0...3, using: &random))
        #expect(feed(&exchange, piece + noise) == .listen)
      }
      #expect(exchange.timedOut() == .finish(.silent))
    }
  }
}
