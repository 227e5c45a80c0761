internal import Acquisition
internal import DLT645
internal import Devices
internal import Host
internal import Line
internal import Metering
internal import Modbus

/// Whom a command is for, as the configuration knows it.
struct ControlTarget: Sendable {
  let line: Int
  let entry: Configuration.LineEntry
  /// `nil` for all meters of the line.
  let meter: LineMeter?

  init(_ request: CommandRequest, of station: Station) throws(Complaint) {
    let (name, lineName) = (request.meter, request.line)
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
          .usage, "there is no meter \"\(ControlRequest.plain(name))\"\(lineName.map { " on line \($0)" } ?? "")",
          "Write its id as in the configuration, not its address.")
      }
      (line, meter) = found
    }
    entry = lines[line]
  }

  var settings: SerialSettings { meter?.settings ?? entry.settings }
  var isModbus: Bool { if case .modbus = meter?.address { true } else { false } }
  var edition: Edition {
    if case .dlt645(.of1997, _) = meter?.profile.language { .dlt645v1997 } else { .dlt645v2007 }
  }
  var wakeUps: Int { meter?.profile.timing.wakeUps ?? 4 }
  /// Commands take longer than reads: memories are written.
  var timeout: BootInstant.Span { max(meter?.replyLimit ?? .zero, .milliseconds(2000)) }
}

/// One command, ready to be sent.
struct ControlOrder: Sendable {
  enum Form: Sendable {
    case command(Command, IndividualAddress)
    case broadcast(BroadcastCommand)
    case write(WriteRequest)
    /// What no configuration can allow; it is recorded as refused.
    case never(ControlAct, SendJudgement.Reason, Complaint)
  }

  struct Options {
    let zone: ZoneOffset
    var operatorCode: OperatorCode?
    var password: Password?
    var newPassword: Password?
    var validUntil: String?
    var isClockKnown = false
  }

  private(set) var form: Form
  /// Where the host's own time is sent; it is taken once more at the last moment.
  private let hostZone: ZoneOffset?

  /// Until when a command holds is counted by the meter's own clock, which may be far from the host's.
  private let countsByMeter: Bool

  /// The meter's clock is read before it is sent.
  var takesMeterTime: Bool {
    guard countsByMeter, case .command(.supply, _) = form else { return false }
    return true
  }

  /// Ten minutes.
  static let validSeconds: Int64 = 600

  /// The same order with the end of its validity counted by the meter's clock, which is read, where none was given.
  func counted(by commander: Commander, for target: ControlTarget) throws(LineError) -> ControlOrder {
    guard countsByMeter, case .command(.supply(let action, _, let password, let author), let meter) = form,
      let clock = try commander.clock(
        of: meter, edition: target.edition, wakeUps: target.wakeUps, timeout: target.timeout),
      let until = WireTime(MeterTime(localSeconds: clock.localSeconds + Self.validSeconds))
    else { return self }
    var order = self
    order.form = .command(.supply(action, until: until, password, author), meter)
    return order
  }

  /// Sets clocks.
  var setsClock: Bool { time != nil }

  /// The time that clocks are set to; `nil` for all that sets none.
  var time: WireTime? {
    switch form {
    case .command(.setClock(let time), _), .broadcast(.time(let time)): time
    case .command, .broadcast, .write, .never: nil
    }
  }

  /// The host's time as it will be when the last byte of a frame is through, to the nearest second, where that is sent: the
  /// audit log and the line may have taken seconds. It makes none close to a whole hour.
  var hostTime: ((BootInstant) -> WireTime?)? {
    guard let hostZone else { return nil }
    return { end in
      let ahead = (end - HostClock.boot).milliseconds + 500
      let time = hostZone.local(unixMilliseconds: HostClock.wall.unixMilliseconds + ahead)
      return ClockRules.nextAllowed(after: time) == nil ? WireTime(time) : nil
    }
  }

  /// The same order with the time that was sent.
  func sending(_ time: WireTime?) -> ControlOrder {
    guard let time else { return self }
    var order = self
    switch form {
    case .command(.setClock, let meter): order.form = .command(.setClock(time), meter)
    case .broadcast(.time): order.form = .broadcast(.time(time))
    case .command, .broadcast, .write, .never: break
    }
    return order
  }

  /// What must be allowed besides the function itself: a meter can be given another address by a plain write as well.
  var alsoNeeds: ControlFunction? {
    guard case .command(.write(let parameter, _, _), _) = form else { return nil }
    return [0x0400_0401, 0x0400_0402].contains(parameter.identifier.rawValue) ? .writeAddress : nil
  }

  /// The frame itself, for the guard; without wake-up bytes.
  func bytes(to port: PortAddress) -> [UInt8] {
    switch form {
    case .command(let command, let meter): command.frame(to: meter, wakeUps: 0)
    case .broadcast(let command): command.frame(wakeUps: 0)
    case .write(let request): port.isModbusTCP ? request.tcp(transaction: 0) : request.rtu
    case .never: []
    }
  }

  init(
    _ function: ControlFunction, _ values: [String], _ options: Options, for target: ControlTarget
  ) throws(Complaint) {
    hostZone = function == .setTime && values.isEmpty ? options.zone : nil
    countsByMeter = options.validUntil == nil
    guard let meter = target.meter else {
      form = try Self.broadcast(function, values, options)
      return
    }
    switch meter.address {
    case .modbus(unit: 0):
      form = .never(
        ControlAct(function: function.rawValue, target: "all meters"), .severalMeters,
        Complaint(
          .notPermitted, "\(function.rawValue) can never go to unit 0",
          "Some gateways are unit 0 themselves, others pass it on to every meter behind them. Give the meter its own unit number."
        ))
    case .modbus(let unit): form = .write(try Self.write(function, values, unit: unit))
    case .dlt645(let address):
      guard let individual = IndividualAddress(address) else {
        throw Complaint(.usage, "\(address) is not the address of one meter", "Give all twelve digits of one meter.")
      }
      let command =
        target.edition == .dlt645v1997
        ? try Self.command1997(function, values, options) : try Self.command(function, values, options)
      form = .command(command, individual)
    }
  }

  private static func broadcast(
    _ function: ControlFunction, _ values: [String], _ options: Options
  ) throws(Complaint) -> Form {
    switch function {
    case .setTime: return .broadcast(.time(try time(values, options)))
    case .freeze: return .broadcast(.freeze(try freeze(values)))
    default:
      return .never(
        ControlAct(function: function.rawValue, target: "all meters"), .severalMeters,
        Complaint(.notPermitted, "\(function.rawValue) can never go to all meters of a line", "Name one meter."))
    }
  }

  private static func command(
    _ function: ControlFunction, _ values: [String], _ options: Options
  ) throws(Complaint) -> Command {
    let author = options.operatorCode ?? OperatorCode("0")
    if [.changePassword, .clearDemand, .clearMeter].contains(function) { try nothing(values, function) }
    func signed() throws(Complaint) -> (Password, OperatorCode) {
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
  ) throws(Complaint) -> Command {
    if [.changePassword, .clearDemand].contains(function) { try nothing(values, function) }
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

  private static func write(_ function: ControlFunction, _ values: [String], unit: UInt8) throws(Complaint)
    -> WriteRequest
  {
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
