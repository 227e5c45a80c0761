internal import DLT645
public import Devices
internal import Modbus

/// What a frame can do to a meter besides reading it; each is allowed by its name, meter by meter.
public enum ControlFunction: String, Hashable, Sendable, CaseIterable {
  // DL/T 645, control codes of 2007 and then of 1997.
  /// 14H, 04H
  case write
  /// 15H, 0AH
  case writeAddress = "write-address"
  /// 08H
  case setTime = "set-time"
  /// 16H
  case freeze
  /// 17H, 0CH
  case changeRate = "change-rate"
  /// 18H, 0FH
  case changePassword = "change-password"
  /// 19H, 10H
  case clearDemand = "clear-demand"
  /// 1AH
  case clearMeter = "clear-meter"
  /// 1BH
  case clearEvents = "clear-events"
  /// 1CH: trip, close, alarm, keep supply
  case relay
  /// 1DH
  case terminalOutput = "terminal-output"
  /// 03H of 2007
  case authenticate

  // Modbus, functions 5, 6, 15, 16.
  case writeCoil = "write-coil"
  case writeRegister = "write-register"
  case writeCoils = "write-coils"
  case writeRegisters = "write-registers"

  /// True for what may be sent to every meter of a line at once: it has no wildcard victim and is repeated every day.
  public var canBeBroadcast: Bool { self == .setTime || self == .freeze }

  /// Whether a meter of this profile can be asked for it at all.
  public func exists(for profile: DeviceProfile) -> Bool {
    let isModbusFunction =
      switch self {
      case .writeCoil, .writeRegister, .writeCoils, .writeRegisters: true
      default: false
      }
    switch profile.language {
    case .modbus: return isModbusFunction
    case .dlt645(.of2007, _): return !isModbusFunction
    case .dlt645(.of1997, _):
      return [.write, .writeAddress, .setTime, .changeRate, .changePassword, .clearDemand].contains(self)
    }
  }

  /// By the function of a DL/T 645 request; `nil` for codes that no edition has.
  init?(dlt645 code: UInt8) {
    switch code {
    case 0x14, 0x04: self = .write
    case 0x15, 0x0A: self = .writeAddress
    case 0x08: self = .setTime
    // 05H: freeze by broadcast of one 1997 vendor.
    case 0x16, 0x05: self = .freeze
    case 0x17, 0x0C: self = .changeRate
    case 0x18, 0x0F: self = .changePassword
    case 0x19, 0x10: self = .clearDemand
    case 0x1A: self = .clearMeter
    case 0x1B: self = .clearEvents
    case 0x1C: self = .relay
    case 0x1D: self = .terminalOutput
    case 0x03: self = .authenticate
    default: return nil
    }
  }

  /// By the function code of a Modbus request; `nil` for functions that meterd has no use for.
  init?(modbus code: UInt8) {
    switch code {
    case 5: self = .writeCoil
    case 6: self = .writeRegister
    case 15: self = .writeCoils
    case 16: self = .writeRegisters
    default: return nil
    }
  }
}
