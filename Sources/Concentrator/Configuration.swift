public import Acquisition
public import Billing
internal import Documents
public import Line
public import Metering
public import Rating

/// The daemon's configuration, as written in `meterd.toml`.
public struct Configuration: Hashable, Sendable {
  /// Name of the file it was read from, for messages.
  public let file: String
  public let station: String
  /// Path of the store.
  public let store: String
  /// Path of the socket by which people speak to the running daemon: beside the store unless told otherwise.
  public let controlSocket: String
  public let zone: ZoneOffset
  /// The host's clock is disciplined from outside, so that the kernel's own flag says nothing.
  public let hostClockIsTrusted: Bool
  /// Folder of device profiles; `nil` for the one that was installed.
  public let devicesFolder: String?
  /// Folder of tariffs; `nil` for the one that was installed.
  public let tariffsFolder: String?
  /// Lists of special days, by the names of their files in the folder calendars of the tariffs.
  public let calendars: [String]
  /// Line of the file that names them.
  let calendarsLine: Int
  /// Without it nothing is ever changed on any meter, whatever lines and meters allow.
  public let control: ControlEntry?
  /// Which deviations of meters' clocks are told, and which are set.
  public let clock: ClockEntry
  public let lines: [LineEntry]
  public let tasks: [TaskEntry]
  /// In the order of the file, each with an account at least.
  public let sections: [SectionEntry]
  public let accounts: [AccountEntry]
  /// Which bills wait for a person before they are issued.
  public let review: ReviewEntry

  /// `[control]`: the opt-in to functions that change meters.
  public struct ControlEntry: Hashable, Sendable {
    /// Where false, everything that lines and meters allow sleeps.
    public let isEnabled: Bool
    /// Operator code that meters log with a change, 8 digits. 操作者代码
    public let operatorCode: String

    public init(isEnabled: Bool, operatorCode: String) {
      self.isEnabled = isEnabled
      self.operatorCode = operatorCode
    }
  }

  public struct LineEntry: Hashable, Sendable {
    public let name: String
    public let port: PortAddress
    public let settings: SerialSettings
    public let meters: [MeterEntry]
    /// What may be sent to all meters of the line at once.
    public let broadcasts: Set<ControlFunction>
    /// Parts per million of requests that the simulated line echoes.
    public let simulatedEcho: Int
    /// Where everything said on the line is written; `nil` for nowhere.
    public var trace: TraceEntry?
    /// Line of the file, for messages.
    public let fileLine: Int

    /// The same line on another port, as the simulator gives it.
    public func moved(to port: PortAddress) -> LineEntry {
      LineEntry(
        name: name, port: port, settings: settings, meters: meters, broadcasts: broadcasts,
        simulatedEcho: simulatedEcho, trace: trace, fileLine: fileLine)
    }

    init(
      name: String, port: PortAddress, settings: SerialSettings, meters: [MeterEntry],
      broadcasts: Set<ControlFunction>, simulatedEcho: Int, trace: TraceEntry? = nil, fileLine: Int
    ) {
      self.trace = trace
      self.name = name
      self.port = port
      self.settings = settings
      self.meters = meters
      self.broadcasts = broadcasts
      self.simulatedEcho = simulatedEcho
      self.fileLine = fileLine
    }
  }

  /// A file that takes what is said on a line.
  public struct TraceEntry: Hashable, Sendable {
    public let path: String
    /// When it is this large, it becomes the old one and a new one is begun.
    public let megabytes: Int

    public init(path: String, megabytes: Int) {
      self.path = path
      self.megabytes = megabytes
    }
  }

  public struct MeterEntry: Hashable, Sendable {
    public let id: MeterID
    public let profile: String
    /// As written: 12 digits for DL/T 645, 1...247 for Modbus.
    public let address: String
    /// `nil` where the meter uses the line's settings or its profile's.
    public let settings: SerialSettings?
    /// Primary over secondary, of current and voltage transformers together. 倍率
    public let multiplier: Multiplier
    public let account: String?
    /// From when on and until when it counts for the account, by its own clock; `nil` for always.
    public let from: MeterTime?
    public let to: MeterTime?
    /// What inspections have found of it, one after the other.
    public let errors: [MeterError]
    /// What may change this meter, while `[control]` is enabled.
    public let allowed: Set<ControlFunction>
    /// Comes first in each round, and tasks may be for such meters only. 重点用户
    public let isKey: Bool
    public let simulation: Simulation
    public let fileLine: Int
    let keyLines: KeyLines
  }

  /// How `meterd simulate` and `meterd demo` make the meter behave; the daemon does not look at it.
  public struct Simulation: Hashable, Sendable {
    public var replyDelay = 40
    public var silent = false
    /// Answers so many milliseconds after it should.
    public var late = 0
    /// Faults in parts per million of the replies.
    public var flippedBits = 0
    public var noise = 0
    public var truncated = 0
    public var lateSome = 0
    public var silentSome = 0
    /// Which rate counts in each of the 24 hours; `nil` for the usual day.
    public var rateOfHour: [UInt8]?
    /// FE bytes before a reply.
    public var wakeUps = 4

    public init() {}
  }

  public struct TaskEntry: Hashable, Sendable {
    public let task: AcquisitionTask
    /// `nil` for every meter.
    public let meters: Set<MeterID>?
    public let fileLine: Int

    /// Whether `meter` has a part in it.
    public func includes(_ meter: MeterID) -> Bool { meters?.contains(meter) ?? true }
  }

  /// Lines of the keys that other files can find wrong.
  struct KeyLines: Hashable, Sendable {
    /// Shared by all tables of a kind.
    private let keys: [String]
    private let lines: [Int32]

    init(_ table: TableReader, _ keys: [String]) {
      self.keys = keys
      // Of a key that is not there it is the table's, below zero.
      lines = keys.map { Int32(clamping: table.has($0) ? table.line(of: $0) : -table.line(of: $0)) }
    }

    subscript(key: String) -> Int { abs(signed(key)) }

    /// True where the table itself has the key.
    func has(_ key: String) -> Bool { signed(key) > 0 }

    private func signed(_ key: String) -> Int { keys.firstIndex(of: key).map { Int(lines[$0]) } ?? 0 }

    static let ofMeter = ["profile", "address", "account", "allow"]
    static let ofAccount = ["id", "tariff", "settlement-hour", "section", "large-household-from", "moved-in"]
    static let ofTerms = [
      "tariff", "versions", "settled-by", "basic-charge", "running", "contracted", "contract-demand", "power-factor",
      "transformer", "line-loss-percent",
    ]
  }
}
