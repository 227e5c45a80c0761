internal import DLT645
internal import Line
internal import Metering
internal import Modbus

extension ControlOrder {
  /// What is done, for the audit log: made of what is sent and never of what was typed, so that no password gets in.
  var summary: String {
    switch form {
    case .command(let command, _): Self.summary(command)
    case .broadcast(.time(let time)): "set-time \(time)"
    case .broadcast(.freeze(let pattern)): "freeze \(pattern)"
    case .broadcast(.freeze1997): "freeze now"
    case .write(let request): Self.summary(request.change)
    case .never(let act, _, _): act.function
    }
  }

  private static func summary(_ command: Command) -> String {
    switch command {
    case .write(let parameter, _, _): "write \(parameter.identifier) hex:\(hexString(parameter.data, separator: ""))"
    case .write1997(let parameter, _): "write \(parameter.identifier) hex:\(hexString(parameter.data, separator: ""))"
    case .writeAddress(let new), .writeAddress1997(let new): "write-address \(new.address)"
    case .freeze(let pattern): "freeze \(pattern)"
    case .changeRate(let rate), .changeRate1997(let rate): "change-rate \(rate.bitsPerSecond)"
    case .changePassword(_, let new), .changePassword1997(_, let new): "change-password of level \(new.level)"
    case .clearDemand, .clearDemand1997: "clear-demand"
    case .clearMeter: "clear-meter"
    case .clearEvents(let selection, _, _): "clear-events \(selection)"
    case .supply(let action, let until, _, _): "relay \(action.name) until \(until)"
    case .terminalOutput(let output): "terminal-output \(output.name)"
    case .setClock(let time): "set-time \(time)"
    }
  }

  private static func summary(_ change: Change) -> String {
    switch change {
    case .coil(let place, let isOn): "write-coil \(place) \(word(isOn))"
    case .coils(let first, let bits): "write-coils \(first) \(bits.map(word).joined(separator: " "))"
    case .register(let place, let value): "write-register \(place) \(value)"
    case .registers(let first, let values):
      "write-registers \(first) \(values.map { "\($0)" }.joined(separator: " "))"
    }
  }

  private static func word(_ isOn: Bool) -> String { isOn ? "on" : "off" }
}
