public import Line
public import Metering

/// What a scan asks, in which order, and how long that takes when nobody is there.
public struct ScanPlan: Hashable, Sendable {
  public enum Language: String, Hashable, Sendable, CaseIterable {
    case dlt645of2007 = "dlt645-2007"
    case dlt645of1997 = "dlt645-1997"
    case modbus
  }

  /// One language at one setting of the port.
  public struct Step: Hashable, Sendable {
    public let language: Language
    public let settings: SerialSettings
  }

  public let steps: [Step]
  public let units: ClosedRange<UInt8>
  /// From the last byte of a question to the first of its answer.
  public let dlt645Timeout: BootInstant.Span
  public let modbusTimeout: BootInstant.Span
  /// Also sweeps DL/T 645 lines that stay silent, and asks Modbus units for input registers too.
  public let isThorough: Bool

  /// A DL/T 645 meter answers within 500 ms (unverified: no text of the standard at hand); a little more is waited.
  public static let usualDLT645Timeout = BootInstant.Span.milliseconds(600)
  /// Most Modbus meters answer within 100 ms; slow ones take up to 600 ms (stephane/libmodbus issue 776).
  public static let usualModbusTimeout = BootInstant.Span.milliseconds(150)
  /// A gateway asks its meters one after another and waits for each.
  public static let usualNetworkTimeout = BootInstant.Span.milliseconds(1000)

  /// The settings that meters leave their factories with, the likely ones first.
  ///
  /// Source: DL/T 645-2007 meters at 2400 8E1 or 9600 8E1, 1997 ones at 1200 8E1; Modbus meters at 9600 8N1 or 8E1
  /// (manuals behind the shipped profiles).
  public static func usualSettings(for language: Language) -> [SerialSettings] {
    let texts =
      switch language {
      case .dlt645of2007: ["2400 8E1", "9600 8E1", "9600 8N1", "1200 8E1", "4800 8E1", "19200 8E1"]
      case .dlt645of1997: ["2400 8E1", "1200 8E1", "9600 8E1", "4800 8E1", "9600 8N1"]
      case .modbus: ["9600 8N1", "9600 8E1", "19200 8N1", "19200 8E1", "4800 8N1", "2400 8N1", "2400 8E1", "1200 8N1"]
      }
    return texts.compactMap { SerialSettings($0) }
  }

  /// The plan for a port. `settings` are the usual ones where left out; a serial server has settings of its own, so
  /// one pass does for it; a Modbus TCP server has none and speaks nothing but Modbus.
  public init(
    _ languages: Set<Language>, on port: PortAddress, settings: [SerialSettings]? = nil,
    units: ClosedRange<UInt8> = 1...247, timeout: BootInstant.Span? = nil, isThorough: Bool = false
  ) {
    let isServer = if case .server = port { true } else { false }
    let languages = port.isModbusTCP ? languages.intersection([.modbus]) : languages
    let settings = port.isModbusTCP ? [.network] : settings
    var steps: [Step] = []
    // Few questions first: the sweep of Modbus units takes the longest.
    for language in Language.allCases where languages.contains(language) {
      let all = settings ?? Self.usualSettings(for: language)
      steps += (isServer && settings == nil ? Array(all.prefix(1)) : all).map { Step(language: language, settings: $0) }
    }
    self.steps = steps
    self.units = units
    self.isThorough = isThorough
    dlt645Timeout = timeout ?? Self.usualDLT645Timeout
    modbusTimeout = timeout ?? (port.isModbusTCP ? Self.usualNetworkTimeout : Self.usualModbusTimeout)
  }

  /// Questions of a step on a line where nobody answers.
  public func questions(of step: Step) -> Int {
    switch step.language {
    case .dlt645of2007: isThorough ? 102 : 2
    case .dlt645of1997: isThorough ? 103 : 3
    case .modbus: addressableUnits.count * (isThorough ? 2 : 1)
    }
  }

  /// The units that a meter can have. Source: "MODBUS Messaging on TCP/IP Implementation Guide" V1.0b, section 4.4.2:
  /// 255 for the server itself, where 0 does too.
  public var addressableUnits: [UInt8] { units.filter { !(248...254).contains($0) } }

  /// The time of one question that nobody answers.
  public func questionTime(of step: Step) -> BootInstant.Span {
    let character = step.settings.characterTime
    switch step.language {
    case .dlt645of2007: return character * 16 + Self.silence + dlt645Timeout
    case .dlt645of1997: return character * 18 + Self.silence + dlt645Timeout
    case .modbus: return character * 8 + step.settings.frameSilence + modbusTimeout
    }
  }

  /// The time of the whole scan where nobody answers; each meter adds a little, each collision a hundred questions.
  public var leastTime: BootInstant.Span {
    steps.reduce(.zero) { $0 + questionTime(of: $1) * Int64(questions(of: $1)) }
  }

  /// Before a DL/T 645 question.
  static let silence = BootInstant.Span.milliseconds(20)
  /// After two meters have spoken at once: noise of a collision lasts.
  static let silenceAfterCollision = BootInstant.Span.milliseconds(500)
}
