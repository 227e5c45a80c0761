internal import Line
internal import Metering
internal import Modbus

extension Survey {
  /// So many units in a row must be the same before a server is suspected.
  private static let enough = 8

  /// Whether the server on this port answers for every unit number, as one that is the meter itself may do: the first
  /// eight units in a row, and 255 or 0 besides, tell the same of themselves and hold the same values.
  ///
  /// Ends at the first unit that is silent or another. Source: "MODBUS Messaging on TCP/IP Implementation Guide" V1.0b,
  /// section 4.4.2: a server that is no gateway need not look at the unit.
  func isEveryUnitTheSame(_ units: [UInt8], _ settings: SerialSettings) throws(LineError) -> Bool {
    let first = units.prefix(Self.enough)
    guard line.address.isModbusTCP, units.count > Self.enough, let one = first.first,
      let looks = try looks(of: one, settings)
    else { return false }
    for unit in first.dropFirst() where try !isSame(unit, as: one, looks, settings) { return false }
    for unit: UInt8 in [255, 0] where !first.contains(unit) {
      if try isSame(unit, as: one, looks, settings) { return true }
    }
    return false
  }

  /// What a unit tells of itself and what it holds; `nil` where it is silent.
  private struct Looks: Equatable {
    let identity: [IdentificationObject]?
    let serverID: InquiryOutcome
    var values: [InquiryOutcome]
  }

  private func looks(of unit: UInt8, _ settings: SerialSettings) throws(LineError) -> Looks? {
    guard let values = try values(of: unit, settings) else { return nil }
    let timeout = plan.modbusTimeout
    let identity = try line.identification(of: unit, settings: settings, replyTimeout: timeout)
    let server = try line.ask(.serverID(unit: unit), settings: settings, replyTimeout: timeout)
    return Looks(identity: identity, serverID: server, values: values)
  }

  /// The first registers of both kinds; a refusal is a value too.
  private func values(of unit: UInt8, _ settings: SerialSettings) throws(LineError) -> [InquiryOutcome]? {
    var all: [InquiryOutcome] = []
    for function in [ReadFunction.holdingRegisters, .inputRegisters] {
      guard let read = ReadRequest(unit: unit, function: function, register: 0, count: 2) else { return nil }
      let outcome = try line.ask(.registers(read), settings: settings, replyTimeout: plan.modbusTimeout)
      guard case .told = outcome else { return nil }
      all.append(outcome)
    }
    return all
  }

  private func isSame(
    _ unit: UInt8, as one: UInt8, _ looks: Looks, _ settings: SerialSettings
  ) throws(LineError) -> Bool {
    guard !isStopped(), var other = try self.looks(of: unit, settings) else { return false }
    var own = looks
    // Values move on; both are read again, one right after the other, before they count as different.
    for _ in 0..<3 where own != other {
      guard own.identity == other.identity, own.serverID == other.serverID,
        let first = try values(of: one, settings), let second = try values(of: unit, settings)
      else { return false }
      own.values = first
      other.values = second
    }
    return own == other
  }
}
