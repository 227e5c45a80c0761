extension Command {
  /// What a frame commands, as a simulated meter sees it; `nil` for replies, reads and bodies that do not fit.
  ///
  /// The address is not looked at.
  public init?(_ frame: Frame, in bytes: Span<UInt8>) {
    guard frame.control.rawValue == frame.control.function else { return nil }
    let data = frame.data(in: bytes)
    let found: Command?
    switch frame.control.function {
    case 0x14: found = Self.write(data, frame.identifier(in: bytes))
    case 0x15: found = individual(data).map(Command.writeAddress)
    case 0x16: found = FreezePattern(wire: data).map(Command.freeze)
    case 0x17: found = rateWord(data).map(Command.changeRate)
    case 0x18: found = Self.password(data)
    case 0x19 where data.count == 8: found = Self.authorised(data) { .clearDemand($0, $1) }
    case 0x1A where data.count == 8: found = Self.authorised(data) { .clearMeter($0, $1) }
    case 0x1B:
      guard let selection = EventSelection(wire: data.dropFirst(8)) else { return nil }
      found = Self.authorised(data) { .clearEvents(selection, $0, $1) }
    case 0x1C:
      guard data.count == 16, let action = SupplyAction(rawValue: data[8]), let until = WireTime(wire: data[10...])
      else { return nil }
      found = Self.authorised(data) { .supply(action, until: until, $0, $1) }
    case 0x1D:
      found = data.count == 1 ? TerminalOutput(rawValue: data[0]).map(Command.terminalOutput) : nil
    case 0x08: found = WireTime(wire: data).map(Command.setClock)
    case 0x04:
      guard data.count > 6, let identifier = frame.shortIdentifier(in: bytes),
        let password = Password(wire: data[2..<6]),
        let parameter = ShortParameter(identifier, Array(data[6...]))
      else { return nil }
      found = .write1997(parameter, password)
    case 0x0A: found = individual(data).map(Command.writeAddress1997)
    case 0x0C: found = rateWord(data).map(Command.changeRate1997)
    case 0x0F:
      guard data.count == 8, let old = Password(wire: data[..<4]), let new = Password(wire: data[4...]) else {
        return nil
      }
      found = .changePassword1997(old: old, new: new)
    case 0x10: found = Password(wire: data).map(Command.clearDemand1997)
    default: found = nil
    }
    guard let found else { return nil }
    self = found
  }

  private static func write(_ data: [UInt8], _ identifier: DataIdentifier?) -> Command? {
    guard data.count > 12, let identifier, let parameter = Parameter(identifier, Array(data[12...])) else { return nil }
    return authorised(Array(data[4..<12])) { .write(parameter, $0, $1) }
  }

  private static func password(_ data: [UInt8]) -> Command? {
    guard data.count == 12, let old = Password(wire: data[4..<8]), let new = Password(wire: data[8...]),
      Array(data[..<4]) == new.identifier.wireBytes
    else { return nil }
    return .changePassword(old: old, new: new)
  }

  /// Password and operator code stand first.
  private static func authorised(_ data: [UInt8], _ make: (Password, OperatorCode) -> Command) -> Command? {
    guard data.count >= 8, let password = Password(wire: data[..<4]), let author = OperatorCode(wire: data[4..<8])
    else { return nil }
    return make(password, author)
  }
}

private func individual(_ data: [UInt8]) -> IndividualAddress? { Address(wire: data).flatMap { IndividualAddress($0) } }

private func rateWord(_ data: [UInt8]) -> RateWord? { data.count == 1 ? RateWord(rawValue: data[0]) : nil }

extension BroadcastCommand {
  /// What a frame to all meters commands; `nil` for other addresses and functions, and for bodies that do not fit.
  public init?(_ frame: Frame, in bytes: Span<UInt8>) {
    guard frame.control.rawValue == frame.control.function, frame.address == .broadcast else { return nil }
    let data = frame.data(in: bytes)
    switch frame.control.function {
    case 0x08:
      guard let time = WireTime(wire: data) else { return nil }
      self = .time(time)
    case 0x16:
      guard let pattern = FreezePattern(wire: data) else { return nil }
      self = .freeze(pattern)
    case 0x05 where data.isEmpty: self = .freeze1997
    default: return nil
    }
  }
}
