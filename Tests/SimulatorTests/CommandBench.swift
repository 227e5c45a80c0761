import DLT645
import Metering
import Simulator
import Testing

/// A master and a simulated meter without a wire between them.
final class CommandBench {
  var meter: SimulatedDLT645Meter
  var now = SimulatedInstant(noon2026)
  let password: Password
  let author: OperatorCode

  init(_ edition: Edition = .dlt645v2007, _ habits: SimulatedDLT645Meter.Habits = .init()) throws {
    meter = SimulatedDLT645Meter(
      id: try #require(MeterID("C")), address: try #require(Address("202311110001")), edition: edition,
      registers: try someRegisters(), habits: habits)
    password = try #require(Password(level: 2, digits: "123456"))
    author = try #require(OperatorCode("87654321"))
  }

  /// Sends a command to the meter's address of the moment and gives how it ended.
  func order(_ command: Command) throws -> CommandExchange.Outcome {
    let address = try #require(IndividualAddress(meter.address))
    var exchange = CommandExchange(command, to: address)
    guard case .send(let frame) = exchange.start() else { return .silent }
    for byte in meter.answer(frame, at: now)?.bytes ?? [] {
      if case .finish(let outcome) = exchange.receive(byte) { return outcome }
    }
    guard case .finish(let outcome) = exchange.timedOut() else { return .silent }
    return outcome
  }

  /// Reads from the meter, follow-up frames too.
  func read(_ request: ReadExchange.Request, at address: Address? = nil) -> ReadExchange.Outcome {
    var exchange = ReadExchange(request, to: address ?? meter.address)
    var action = exchange.start()
    while case .send(let frame) = action {
      action = .listen
      for byte in meter.answer(frame, at: now)?.bytes ?? [] where action == .listen { action = exchange.receive(byte) }
      if action == .listen { action = exchange.timedOut() }
    }
    guard case .finish(let outcome) = action else { return .silent }
    return outcome
  }

  /// The data behind an identifier; `nil` where the meter does not give any.
  func data(_ hex: String) -> [UInt8]? {
    let request = DataIdentifier(hex: hex).map { ReadExchange.Request.data($0) }
    guard let request = request ?? ShortIdentifier(hex: hex).map({ .data1997($0) }),
      case .data(let data, _, _) = read(request)
    else { return nil }
    return data
  }

  func parameter(_ hex: String, _ data: [UInt8]) throws -> Command {
    if let identifier = DataIdentifier(hex: hex) {
      let parameter = try #require(Parameter(identifier, data))
      return .write(parameter, password, author)
    }
    let identifier = try #require(ShortIdentifier(hex: hex))
    let parameter = try #require(ShortParameter(identifier, data))
    return .write1997(parameter, password)
  }

  func time(_ text: String) throws -> WireTime {
    let time = try #require(MeterTime(text))
    return try #require(WireTime(time))
  }

  /// ss mm hh DD MM YY of the meter's clock.
  var stamp: [UInt8] { WireTime(meter.registers.clock(at: now))?.wireBytes ?? [] }
}

extension CommandExchange.Outcome {
  var isDone: Bool { if case .done = self { true } else { false } }
  var refusal: ErrorWord? { if case .refused(let word, _, _) = self { word } else { nil } }
}
