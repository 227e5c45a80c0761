/// What changes one meter, and can be sent to one meter only.
///
/// There is no way to send it to a wildcard, a shortened address or all meters of a line: `frame` takes an
/// `IndividualAddress`. Passwords show in no description.
///
/// Source: DL/T 645-2007, application layer; 1997 as in gams/python-dlt645, the bodies of 04H as in KTS-Intek/DLT645.
public enum Command: Hashable, Sendable {
  /// 14H.
  case write(Parameter, Password, OperatorCode)
  /// 15H: the meter gets another address. That it answers from the new one is unverified; both count.
  case writeAddress(IndividualAddress)
  /// 16H.
  case freeze(FreezePattern)
  /// 17H: holds from the frame after the reply.
  case changeRate(RateWord)
  /// 18H: `new` names the level that changes. The layout is unverified.
  case changePassword(old: Password, new: Password)
  /// 19H: erases maximum demand, also what was not settled yet.
  case clearDemand(Password, OperatorCode)
  /// 1AH: erases all energies and memories.
  case clearMeter(Password, OperatorCode)
  /// 1BH: erases events, which are evidence.
  case clearEvents(EventSelection, Password, OperatorCode)
  /// 1CH: cuts or gives back a customer's supply. The meter does not obey after `until`.
  case supply(SupplyAction, until: WireTime, Password, OperatorCode)
  /// 1DH.
  case terminalOutput(TerminalOutput)
  /// 08H to one meter, which the standard does not have and some vendors do; some answer it and some do not.
  case setClock(WireTime)
  /// 04H of the 1997 edition.
  case write1997(ShortParameter, Password)
  /// 0AH of the 1997 edition; its body is unverified.
  case writeAddress1997(IndividualAddress)
  /// 0CH of the 1997 edition.
  case changeRate1997(RateWord)
  /// 0FH of the 1997 edition. Source: manual of a single-phase meter.
  case changePassword1997(old: Password, new: Password)
  /// 10H of the 1997 edition; its body is unverified.
  case clearDemand1997(Password)
}

extension Command {
  /// Lower five bits of the control code.
  public var function: UInt8 {
    switch self {
    case .write: 0x14
    case .writeAddress: 0x15
    case .freeze: 0x16
    case .changeRate: 0x17
    case .changePassword: 0x18
    case .clearDemand: 0x19
    case .clearMeter: 0x1A
    case .clearEvents: 0x1B
    case .supply: 0x1C
    case .terminalOutput: 0x1D
    case .setClock: 0x08
    case .write1997: 0x04
    case .writeAddress1997: 0x0A
    case .changeRate1997: 0x0C
    case .changePassword1997: 0x0F
    case .clearDemand1997: 0x10
    }
  }

  /// `setClock` is the same in both editions and counts as 2007.
  public var edition: Edition {
    switch self {
    case .write, .writeAddress, .freeze, .changeRate, .changePassword, .clearDemand, .clearMeter, .clearEvents,
      .supply, .terminalOutput, .setClock:
      .dlt645v2007
    case .write1997, .writeAddress1997, .changeRate1997, .changePassword1997, .clearDemand1997: .dlt645v1997
    }
  }

  /// Stable name of its function, as in `Function.name`.
  public var name: String { Function.find(function, in: edition)?.name ?? "" }

  /// Whether a meter that obeys says so. After `setClock` some do.
  public var expectsReply: Bool { if case .setClock = self { false } else { true } }

  /// Whether the answer may come from another address than the one that was written to, and from which.
  var newAddress: Address? {
    switch self {
    case .writeAddress(let new), .writeAddress1997(let new): new.address
    case .write(let parameter, _, _):
      parameter.identifier.rawValue == 0x0400_0401 ? Address(wire: parameter.data) : nil
    default: nil
    }
  }

  /// What the data of the reply must be; `nil` where it does not matter.
  var confirmation: [UInt8]? {
    switch self {
    case .changeRate, .changeRate1997, .terminalOutput: body
    case .changePassword(_, let new), .changePassword1997(_, let new): new.wireBytes
    default: nil
    }
  }

  /// Whether the reply tells a password, so that it must not be kept.
  var hasSecretReply: Bool {
    switch self {
    case .changePassword, .changePassword1997: true
    default: false
    }
  }

  /// The data field, without the 33H.
  var body: [UInt8] {
    switch self {
    case .write(let parameter, let password, let author):
      parameter.identifier.wireBytes + password.wireBytes + author.wireBytes + parameter.data
    case .writeAddress(let new), .writeAddress1997(let new): new.address.wireBytes
    case .freeze(let pattern): pattern.wireBytes
    case .changeRate(let word), .changeRate1997(let word): [word.rawValue]
    case .changePassword(let old, let new): new.identifier.wireBytes + old.wireBytes + new.wireBytes
    case .clearDemand(let password, let author), .clearMeter(let password, let author):
      password.wireBytes + author.wireBytes
    case .clearEvents(let selection, let password, let author):
      password.wireBytes + author.wireBytes + selection.wireBytes
    case .supply(let action, let until, let password, let author):
      password.wireBytes + author.wireBytes + [action.rawValue, 0x00] + until.wireBytes
    case .terminalOutput(let output): [output.rawValue]
    case .setClock(let time): time.wireBytes
    case .write1997(let parameter, let password):
      parameter.identifier.wireBytes + password.wireBytes + parameter.data
    case .changePassword1997(let old, let new): old.wireBytes + new.wireBytes
    case .clearDemand1997(let password): password.wireBytes
    }
  }

  /// The bytes to send, after `wakeUps` (held to 0...4) bytes FEH. They show passwords: keep them out of logs.
  public func frame(to meter: IndividualAddress, wakeUps: Int = 4) -> [UInt8] {
    // A body is 62 bytes at most, so it always fits.
    encodeFrame(meter.address, ControlCode(rawValue: function), body, wakeUps: min(max(wakeUps, 0), 4)) ?? []
  }
}

/// What every meter of a line obeys and none answers; it is sent to 999999999999 and nowhere else.
public enum BroadcastCommand: Hashable, Sendable {
  /// 08H of both editions: meters whose clock is not far off take the time.
  case time(WireTime)
  /// 16H.
  case freeze(FreezePattern)
  /// 05H of the 1997 edition, without data. Source: one vendor's manual, unverified.
  case freeze1997

  /// Lower five bits of the control code.
  public var function: UInt8 {
    switch self {
    case .time: 0x08
    case .freeze: 0x16
    case .freeze1997: 0x05
    }
  }

  public var edition: Edition { self == .freeze1997 ? .dlt645v1997 : .dlt645v2007 }

  /// Stable name of its function, as in `Function.name`.
  public var name: String { Function.find(function, in: edition)?.name ?? "" }

  /// The data field, without the 33H.
  var body: [UInt8] {
    switch self {
    case .time(let time): time.wireBytes
    case .freeze(let pattern): pattern.wireBytes
    case .freeze1997: []
    }
  }

  /// The bytes to send, after `wakeUps` (held to 0...4) bytes FEH.
  public func frame(wakeUps: Int = 4) -> [UInt8] {
    encodeFrame(.broadcast, ControlCode(rawValue: function), body, wakeUps: min(max(wakeUps, 0), 4)) ?? []
  }
}
