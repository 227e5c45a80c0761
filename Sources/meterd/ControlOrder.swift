import Acquisition
import Concentrator
import DLT645
import Devices
import Glibc
import Host
import Line
import Metering
import Modbus

/// Whom a command is for, as the configuration knows it.
struct ControlTarget {
  let line: Int
  let entry: Configuration.LineEntry
  /// `nil` for all meters of the line.
  let meter: LineMeter?

  init(meter name: String, line lineName: String?, of station: Station) throws {
    let lines = station.configuration.lines
    if name == "all" {
      guard let lineName, let index = lines.firstIndex(where: { $0.name == lineName }) else {
        throw Complaint(
          .usage, "a command to all meters needs --line",
          "There are: \(lines.map(\.name).joined(separator: ", ")).")
      }
      line = index
      meter = nil
    } else {
      let found = station.meters.enumerated().lazy.compactMap { index, meters in
        meters.first { $0.id.text == name }.map { (index, $0) }
      }.first
      guard let found, lineName == nil || lines[found.0].name == lineName else {
        throw Complaint(
          .usage, "there is no meter \"\(name)\"\(lineName.map { " on line \($0)" } ?? "")",
          "Write its id as in the configuration, not its address.")
      }
      (line, meter) = found
    }
    entry = lines[line]
  }

  var settings: SerialSettings { meter?.settings ?? entry.settings }
  var isModbus: Bool { if case .modbus = meter?.address { true } else { false } }
  var wakeUps: Int { meter?.profile.timing.wakeUps ?? 4 }
  /// Commands take longer than reads: memories are written.
  var timeout: BootInstant.Span { max(meter?.replyLimit ?? .zero, .milliseconds(2000)) }
}

/// One command, ready to be sent.
struct ControlOrder {
  enum Form {
    case command(Command, IndividualAddress, Edition)
    case broadcast(BroadcastCommand)
    case write(WriteRequest)
  }

  struct Options {
    let zone: ZoneOffset
    var operatorCode: OperatorCode?
    var password: Password?
    var newPassword: Password?
    var validUntil: String?
    var isClockKnown = false
  }

  let form: Form
  /// What is done, for the audit log; without any password.
  let summary: String
  /// Until when a command holds is counted by the meter's own clock, which may be far from the host's.
  let takesMeterTime: Bool

  /// Ten minutes.
  private static let validSeconds: Int64 = 600

  /// The frame itself, for the guard; without wake-up bytes.
  func bytes(to port: PortAddress) -> [UInt8] {
    switch form {
    case .command(let command, let meter, _): command.frame(to: meter, wakeUps: 0)
    case .broadcast(let command): command.frame(wakeUps: 0)
    case .write(let request): port.isModbusTCP ? request.tcp(transaction: 0) : request.rtu
    }
  }

  func send(
    by commander: Commander, wakeUps: Int, timeout: BootInstant.Span
  ) throws(LineError) -> Commander.Outcome {
    switch form {
    case .command(let command, let meter, let edition):
      var command = command
      if takesMeterTime, case .supply(let action, _, let password, let author) = command,
        let clock = try commander.clock(of: meter, wakeUps: wakeUps, timeout: timeout),
        let until = WireTime(MeterTime(localSeconds: clock.localSeconds + Self.validSeconds))
      {
        command = .supply(action, until: until, password, author)
      }
      return try commander.carry(command, to: meter, of: edition, wakeUps: wakeUps, timeout: timeout)
    case .broadcast(let command):
      try commander.announce(command, wakeUps: wakeUps)
      return .silent
    case .write(let request): return try commander.write(request, timeout: timeout)
    }
  }

  init(
    _ function: ControlFunction, _ values: [String], _ options: Options, for target: ControlTarget
  ) throws {
    summary = ([function.rawValue] + values).joined(separator: " ")
    takesMeterTime = options.validUntil == nil
    guard let meter = target.meter else {
      form = .broadcast(try Self.broadcast(function, values, options))
      return
    }
    switch meter.address {
    case .modbus(let unit): form = .write(try Self.write(function, values, unit: unit))
    case .dlt645(let address):
      guard let individual = IndividualAddress(address) else {
        throw Complaint(.usage, "\(address) is not the address of one meter", "Give all twelve digits of one meter.")
      }
      let isOld = if case .dlt645(.of1997, _) = meter.profile.language { true } else { false }
      let command =
        isOld
        ? try Self.command1997(function, values, options) : try Self.command(function, values, options)
      form = .command(command, individual, isOld ? .dlt645v1997 : .dlt645v2007)
    }
  }

  private static func broadcast(
    _ function: ControlFunction, _ values: [String], _ options: Options
  ) throws -> BroadcastCommand {
    switch function {
    case .setTime: return .time(try time(values, options))
    case .freeze: return .freeze(try freeze(values))
    default:
      throw Complaint(
        .notPermitted, "\(function.rawValue) can never go to all meters of a line", "Name one meter.")
    }
  }

  private static func command(
    _ function: ControlFunction, _ values: [String], _ options: Options
  ) throws -> Command {
    let author = options.operatorCode ?? OperatorCode("0")
    func signed() throws -> (Password, OperatorCode) {
      guard let password = options.password, let author else { throw missingPassword(function) }
      return (password, author)
    }
    switch function {
    case .write:
      let (password, author) = try signed()
      return .write(try parameter(values), password, author)
    case .writeAddress: return .writeAddress(try address(values))
    case .setTime: return .setClock(try time(values, options))
    case .freeze: return .freeze(try freeze(values))
    case .changeRate: return .changeRate(try rate(values))
    case .changePassword:
      guard let old = options.password, let new = options.newPassword else { throw missingPassword(function) }
      return .changePassword(old: old, new: new)
    case .clearDemand:
      let (password, author) = try signed()
      return .clearDemand(password, author)
    case .clearMeter:
      let (password, author) = try signed()
      return .clearMeter(password, author)
    case .clearEvents:
      let (password, author) = try signed()
      return .clearEvents(try events(values), password, author)
    case .relay:
      let (password, author) = try signed()
      guard values.count == 1, let action = SupplyAction.allCases.first(where: { $0.name == values[0] }) else {
        throw wrong("relay", SupplyAction.allCases.map(\.name).joined(separator: ", "))
      }
      return .supply(action, until: try until(options), password, author)
    case .terminalOutput:
      guard values.count == 1, let output = TerminalOutput.allCases.first(where: { $0.name == values[0] }) else {
        throw wrong("terminal-output", TerminalOutput.allCases.map(\.name).joined(separator: ", "))
      }
      return .terminalOutput(output)
    case .authenticate:
      throw Complaint(
        .usage, "meterd does not authenticate itself to meters", "It has no security module; it decodes such frames.")
    case .writeCoil, .writeRegister, .writeCoils, .writeRegisters: throw foreign(function, "a DL/T 645")
    }
  }

  private static func command1997(
    _ function: ControlFunction, _ values: [String], _ options: Options
  ) throws -> Command {
    switch function {
    case .write:
      guard let password = options.password else { throw missingPassword(function) }
      return .write1997(try shortParameter(values), password)
    case .writeAddress: return .writeAddress1997(try address(values))
    case .setTime: return .setClock(try time(values, options))
    case .changeRate: return .changeRate1997(try rate(values))
    case .changePassword:
      guard let old = options.password, let new = options.newPassword else { throw missingPassword(function) }
      return .changePassword1997(old: old, new: new)
    case .clearDemand:
      guard let password = options.password else { throw missingPassword(function) }
      return .clearDemand1997(password)
    default: throw foreign(function, "a DL/T 645-1997")
    }
  }

  private static func write(_ function: ControlFunction, _ values: [String], unit: UInt8) throws -> WriteRequest {
    let usage = "Write a number 0 to 65535, as 70 or 0x0046, and then what shall stand there."
    guard let first = values.first.flatMap(word), values.count >= 2 else {
      if [.writeCoil, .writeRegister, .writeCoils, .writeRegisters].contains(function) {
        throw Complaint(.usage, "\(function.rawValue) needs a place and a value", usage)
      }
      throw foreign(function, "a Modbus")
    }
    let change: Change
    switch function {
    case .writeRegister, .writeRegisters:
      let words = values.dropFirst().compactMap(word)
      guard words.count == values.count - 1 else { throw Complaint(.usage, "a value is no register's", usage) }
      guard function == .writeRegisters || words.count == 1 else {
        throw Complaint(.usage, "write-register takes one value", "For several there is write-registers.")
      }
      change = function == .writeRegister ? .register(first, words[0]) : .registers(first: first, words)
    case .writeCoil, .writeCoils:
      let bits = values.dropFirst().compactMap { ["on": true, "off": false][$0] }
      guard bits.count == values.count - 1, function == .writeCoils || bits.count == 1 else {
        throw Complaint(.usage, "a coil is on or off", "Write: write-coil 3 on, or write-coils 3 on off on.")
      }
      change = function == .writeCoil ? .coil(first, bits[0]) : .coils(first: first, bits)
    default: throw foreign(function, "a Modbus")
    }
    guard let request = WriteRequest(unit: unit, change) else {
      throw Complaint(
        .usage, "so many do not fit into one write from \(first)", "A write takes 123 registers or 1968 coils.")
    }
    return request
  }
}

/// What the words of a command mean.
extension ControlOrder {
  private static func wrong(_ function: String, _ known: String) -> Complaint {
    Complaint(.usage, "\(function) takes one of \(known)", "For examples: meterd help command.")
  }

  private static func foreign(_ function: ControlFunction, _ kind: String) -> Complaint {
    Complaint(.usage, "\(kind) meter has no function \(function.rawValue)", "For the functions: meterd help command.")
  }

  private static func missingPassword(_ function: ControlFunction) -> Complaint {
    Complaint(
      .usage,
      "\(function.rawValue) needs \(function == .changePassword ? "--password-file and --new-password-file" : "--password-file")",
      "The file holds one line: the level 0 to 9 and six digits, such as 2 123456. A password never stands on a command line, where every user of this machine could read it."
    )
  }

  private static func word(_ text: String) -> UInt16? {
    text.hasPrefix("0x") ? UInt16(text.dropFirst(2), radix: 16) : UInt16(text)
  }

  private static func time(_ values: [String], _ options: Options) throws -> WireTime {
    if let text = values.first {
      guard values.count == 1, let time = MeterTime(text).flatMap(WireTime.init) else {
        throw Complaint(.usage, "\"\(text)\" is no time", "Write 2026-11-22T12:00:00, or leave it out for the host's.")
      }
      return time
    }
    guard options.isClockKnown else {
      throw Complaint(
        .tryLater, "the host's clock is not known to be set, and a meter must not be given its time",
        "Wait for time synchronisation, say trust-host-clock = true in the configuration, or write the time.")
    }
    guard let now = WireTime(options.zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds)) else {
      throw Complaint(.software, "the host's clock is outside 2000 to 2099")
    }
    return now
  }

  private static func until(_ options: Options) throws -> WireTime {
    if let text = options.validUntil {
      guard let time = MeterTime(text).flatMap(WireTime.init) else {
        throw Complaint(.usage, "\"\(text)\" is no time", "Write 2026-11-22T12:00:00.")
      }
      return time
    }
    let later = options.zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds + validSeconds * 1000)
    guard let time = WireTime(later) else { throw Complaint(.software, "the host's clock is outside 2000 to 2099") }
    return time
  }

  private static func freeze(_ values: [String]) throws -> FreezePattern {
    let usage = Complaint(.usage, "freeze takes now, MM, HH:MM or DD-HH:MM", "Such as 00:00 for each midnight.")
    guard values.count == 1 else { throw usage }
    if values[0] == "now" { return .atOnce }
    let parts = values[0].split(whereSeparator: { ":-".contains($0) }).map { Int($0) }
    let numbers = parts.compactMap(\.self)
    guard numbers.count == parts.count else { throw usage }
    let pattern: FreezePattern? =
      switch numbers.count {
      case 1: FreezePattern(hourlyAt: numbers[0])
      case 2: FreezePattern(dailyAt: numbers[0], numbers[1])
      case 3: FreezePattern(monthlyOn: numbers[0], at: numbers[1], numbers[2])
      default: nil
      }
    guard let pattern else { throw usage }
    return pattern
  }

  private static func rate(_ values: [String]) throws -> RateWord {
    guard values.count == 1, let rate = Int(values[0]).flatMap(RateWord.init(bitsPerSecond:)) else {
      throw wrong("change-rate", RateWord.allCases.map { "\($0.bitsPerSecond)" }.joined(separator: ", "))
    }
    return rate
  }

  private static func address(_ values: [String]) throws -> IndividualAddress {
    guard values.count == 1, let address = IndividualAddress(values[0]) else {
      throw Complaint(.usage, "write-address takes the 12 digits of the new address", "Neither A nor twelve nines.")
    }
    return address
  }

  private static func events(_ values: [String]) throws -> EventSelection {
    guard let text = values.first else { return .all }
    guard values.count == 1, let identifier = DataIdentifier(hex: text), let kind = EventSelection(kind: identifier)
    else {
      throw Complaint(
        .usage, "\"\(text)\" is no kind of event", "Write the identifier of its counter, such as 03300100.")
    }
    return kind
  }

  private static func parameter(_ values: [String]) throws -> Parameter {
    guard let text = values.first, let identifier = DataIdentifier(hex: text) else {
      throw Complaint(.usage, "write takes an identifier of 8 hex digits and a value", "Such as: write 04000B01 0100.")
    }
    let data = try data(values.dropFirst(), "\(identifier)") { try? identifier.payload(texts: $0) }
    guard let parameter = Parameter(identifier, data) else {
      throw Complaint(
        .usage, "\(identifier) cannot be written so", "1 to 50 bytes go at once; passwords have change-password.")
    }
    return parameter
  }

  private static func shortParameter(_ values: [String]) throws -> ShortParameter {
    guard let text = values.first, let identifier = ShortIdentifier(hex: text) else {
      throw Complaint(.usage, "write takes an identifier of 4 hex digits and a value", "Such as: write C117 0100.")
    }
    let data = try data(values.dropFirst(), "\(identifier)") { try? identifier.payload(texts: $0) }
    guard let parameter = ShortParameter(identifier, data) else {
      throw Complaint(
        .usage, "\(identifier) cannot be written so", "1 to 50 bytes go at once; passwords have change-password.")
    }
    return parameter
  }

  /// Bytes as written behind `hex:`, or of the values in the order in which the identifier has them.
  private static func data(
    _ words: ArraySlice<String>, _ identifier: String, _ encode: ([String]) -> [UInt8]?
  ) throws -> [UInt8] {
    let text = words.joined(separator: " ")
    if text.hasPrefix("hex:") {
      guard let bytes = try? hexBytes(String(text.dropFirst(4))), !bytes.isEmpty else {
        throw Complaint(.usage, "\"\(text)\" are no bytes", "Write pairs of hex digits behind hex:, lowest byte first.")
      }
      return bytes
    }
    guard let bytes = encode(Array(words)) ?? encode([text]) else {
      throw Complaint(
        .usage, "\"\(text)\" is no value of \(identifier)",
        "Write it as meterd decode prints it, or its bytes as hex:BYTES in wire order without the 33H.",
        "Its format: meterd identifiers \(identifier)")
    }
    return bytes
  }
}

/// A password out of a file that nobody else reads.
enum PasswordFile {
  static func read(_ path: String) throws -> Password {
    var status = stat()
    if unsafe stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
      throw Complaint(
        .notPermitted, "others can read the password file \(path)", "Keep it to yourself: chmod 600 \(path)")
    }
    let text = try TextFile.read(path, limit: 256, what: "password file")
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let level = Int(words[0]), let password = Password(level: level, digits: words[1]) else {
      throw Complaint(
        .configuration, "\(path) holds no password", "Write one line: the level 0 to 9 and six digits, 2 123456.")
    }
    return password
  }
}

/// The number of the user who runs this.
var userID: UInt32 { getuid() }
