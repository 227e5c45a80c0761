public import DLT645
public import Documents
public import Metering

/// What one model of meter offers, how it is asked, and what its answers mean.
public struct DeviceProfile: Hashable, Sendable {
  /// Lower-case letters, digits and hyphens; the name of its file.
  public let name: String
  public let title: String
  public let chineseTitle: String?
  public let manufacturer: String
  public let evidence: Evidence
  /// As the meter leaves its factory; `nil` where that is not known or there is no serial line.
  public let serial: SerialSettings?
  public let timing: Timing
  /// 1 or 3.
  public let phases: Int
  /// Between a phase and neutral, in volts.
  public let nominalVoltage: RegisterValue?
  /// The most that one phase carries, in amperes.
  public let maximumCurrent: RegisterValue?
  /// Rates (费率) that the meter counts besides the total; 0 for none.
  public let rates: Int
  /// Closed months that the meter keeps.
  public let settlements: Int
  /// Days that the meter keeps.
  public let dailyFreezes: Int
  /// Digits before the point of energy registers that say nothing else.
  public let energyDigits: Int?
  /// What the meter's numbers say about transformers before it; `nil` where the profile is silent.
  public let transformerRatios: TransformerRatios?
  public let language: Language

  /// How the meter speaks, with what it can be asked for.
  public enum Language: Hashable, Sendable {
    case modbus(ModbusMap)
    case dlt645(edition: DLT645Edition, items: [DLT645Item])
  }

  /// Whether a meter behind current and voltage transformers has put their ratios into its numbers.
  ///
  /// Taking one for the other is wrong by the whole ratio, so no default is assumed.
  public enum TransformerRatios: String, Hashable, Sendable, CaseIterable {
    /// The meter carries the load itself: there are no transformers.
    case direct
    /// The numbers are those of the primary side.
    case included
    /// Energy, power, voltage and current are those of the meter's own terminals: multiply.
    case notIncluded = "not-included"
    /// No source says: bill nothing by such a meter before it was compared with its display.
    case unknown
  }

  /// How long to wait for the meter.
  public struct Timing: Hashable, Sendable {
    /// From the last byte of a request to the first of the reply.
    public let replyTimeout: BootInstant.Span
    /// The longest pause within a frame.
    public let interByteTimeout: BootInstant.Span
    /// Silence that the meter wants after its reply before anyone speaks again.
    public let quietAfter: BootInstant.Span
    /// FEH bytes before a DL/T 645 request; 0 for Modbus.
    public let wakeUps: Int
  }

  /// Reads a profile.
  ///
  /// - Throws: `DocumentError` for unknown keys, numbers out of range, registers of no quantity and the like, each
  ///   with its line.
  public init(_ document: Document) throws(DocumentError) {
    var reader = document.reader()
    name = try reader.profileName()
    title = try reader.string("title")
    chineseTitle = try reader.optionalString("title-zh")
    manufacturer = try reader.string("manufacturer")
    evidence = try reader.evidence()
    serial = try reader.serialSettings()
    phases = try reader.integer("phases", in: 1...3)
    guard phases != 2 else { throw reader.error("phases", "a meter has 1 or 3 phases") }
    nominalVoltage = try reader.amount("nominal-voltage")
    maximumCurrent = try reader.amount("max-current")
    rates = try reader.optionalInteger("rates", in: 0...63) ?? 0
    settlements = try reader.optionalInteger("settlements", in: 0...12) ?? 0
    dailyFreezes = try reader.optionalInteger("daily-freezes", in: 0...254) ?? 0
    energyDigits = try reader.optionalInteger("energy-digits", in: 3...9)
    transformerRatios = try reader.transformerRatios()
    switch try reader.string("protocol") {
    case "modbus":
      timing = try reader.timing(.modbus)
      language = .modbus(try reader.modbusMap(within: evidence))
    case "dlt645-2007":
      timing = try reader.timing(.dlt645)
      language = .dlt645(edition: .of2007, items: try reader.dlt645Items(.of2007, within: evidence))
    case "dlt645-1997":
      timing = try reader.timing(.dlt645)
      guard settlements <= DLT645Edition.of1997.deepestRecord else {
        throw reader.error("settlements", "DL/T 645-1997 keeps two months")
      }
      language = .dlt645(edition: .of1997, items: try reader.dlt645Items(.of1997, within: evidence))
    case let other:
      throw reader.error("protocol", "\"\(other)\" is none of modbus, dlt645-2007, dlt645-1997")
    }
    try reader.finish()
  }
}

extension DeviceProfile {
  /// The quantities of the profile's own registers, in the order of the file.
  ///
  /// Empty for DL/T 645: there the identifiers say what they give.
  public var quantities: [Quantity] {
    guard case .modbus(let map) = language else { return [] }
    return map.registers.map(\.quantity)
  }

  /// The registers that give `quantities`, in the order asked; those that the meter has not are left out.
  public func modbusRegisters(for quantities: [Quantity]) -> [ModbusRegister] {
    guard case .modbus(let map) = language else { return [] }
    return quantities.compactMap { quantity in map.registers.first { $0.quantity == quantity } }
  }

  /// What a DL/T 645 meter can be asked for; empty for others.
  public var dlt645Items: [DLT645Item] {
    guard case .dlt645(_, let items) = language else { return [] }
    return items
  }

  /// The kinds of events that a DL/T 645-2007 meter keeps records of, in the order of the file.
  public var eventKinds: [EventKind] {
    dlt645Items.filter { $0.kind == .event }.compactMap {
      EventKind(lastRecord: DataIdentifier(rawValue: $0.identifier))
    }
  }

  /// Where the register of `quantity` starts again from 0, in whole units.
  ///
  /// `nil` for what is not counted or where the profile does not say.
  public func capacity(of quantity: Quantity) -> Int64? {
    guard quantity.isCumulative else { return nil }
    let own = modbusRegisters(for: [quantity]).first?.digits
    return (own ?? energyDigits).map { digits in (0..<digits).reduce(Int64(1)) { power, _ in power * 10 } }
  }
}
