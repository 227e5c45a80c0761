public import DLT645
internal import Devices
public import Metering

extension LineMeter {
  /// The questions that tell what the meter's clock shows, in the order in which they must be put; none for a meter
  /// without one.
  public var clockQueries: [Query] { queries(for: [.clock]) }

  /// What is asked for a second look, after the question that told the first: where that tells the time of day alone,
  /// the date goes before it.
  func secondLook(after query: Query) -> [Query] {
    switch query {
    case .identifier(let identifier) where identifier.rawValue == 0x0400_0102:
      [.identifier(DataIdentifier(rawValue: 0x0400_0101)), query]
    case .shortIdentifier(.clockTime): [.shortIdentifier(.clockDate), query]
    case .identifier, .shortIdentifier, .frozen, .profile, .registers: [query]
    }
  }

  /// The command that sets the clock at the meter's own address; `nil` for one that cannot be set so.
  ///
  /// No setting crosses an hour, so the date stays as it is; it is written too where one item holds both.
  func command(setting time: MeterTime, by order: ClockOrder.Way) -> Command? {
    guard let wire = WireTime(time), case .dlt645(let edition, _) = profile.language else { return nil }
    switch (order, edition) {
    case (.broadcast, _): return nil
    case (.address, _): return .setClock(wire)
    case (.write(let password, let author), .of2007):
      let together = DataIdentifier(rawValue: 0x0400_010C)
      let hasBoth = clockQueries.contains(.identifier(together))
      let identifier = hasBoth ? together : DataIdentifier(rawValue: 0x0400_0102)
      let value: Value = hasBoth ? .instant(time) : .timeOfDay(time.time)
      guard let quantity = identifier.items(rates: profile.rates).first?.quantity,
        let payload = try? identifier.payload([Observation(quantity: quantity, value: value)]),
        let parameter = Parameter(identifier, payload)
      else { return nil }
      return .write(parameter, password, author)
    case (.write(let password, _), .of1997):
      guard let quantity = ShortIdentifier.clockTime.items(rates: profile.rates).first?.quantity,
        let payload = try? ShortIdentifier.clockTime.payload([
          Observation(quantity: quantity, value: .timeOfDay(time.time))
        ]), let parameter = ShortParameter(.clockTime, payload)
      else { return nil }
      return .write1997(parameter, password)
    }
  }
}

/// Which clocks of a line are to be set to the host's time, and how.
public struct ClockOrder: Sendable {
  public enum Way: Sendable {
    /// 08H to all; those that are named have the settings at which it is sent.
    case broadcast
    /// 08H to each one's own address.
    case address
    /// 14H, of the 1997 edition 04H.
    case write(Password, OperatorCode)
  }

  public let meters: [MeterID]
  public let way: Way

  public init(_ meters: [MeterID], by way: Way) {
    self.meters = meters
    self.way = way
  }
}

/// What came of an order to set clocks.
public struct ClockOutcome: Sendable {
  /// Something went out.
  public var isSent = false
  /// Why it did not, or what the meter said to it; empty where nothing speaks against it. Never a password.
  public var trouble = ""
  /// When the last byte was through, in milliseconds since 1970, and who may have heard it, also of those that were not
  /// named.
  public var sentAt: Int64?
  public var heard: [MeterID] = []
  /// Looks at the clocks some seconds after it, of all meters of the line for a broadcast. A meter that did not answer has
  /// none.
  public var looks: [MeterID: ClockLook] = [:]

  /// Nothing sent, for a reason.
  public init(trouble: String = "") { self.trouble = trouble }
}
