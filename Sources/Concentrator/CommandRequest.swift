public import Acquisition
internal import DLT645
internal import Metering

/// What a person wants changed, as typed; the configuration says whether it may be.
public struct CommandRequest: Hashable, Sendable {
  /// The meter's id in the configuration, or `all`.
  public let meter: String
  /// Its line, where all meters of one are meant.
  public let line: String?
  public let function: ControlFunction
  /// What it is done with.
  public let values: [String]
  /// Until when the meter may obey, by its own clock.
  public let validUntil: String?
  /// Level and digits, as in a password file. Shown nowhere.
  let password: CommandSecret?
  let newPassword: CommandSecret?
  /// Who the caller says it is: behind sudo the kernel knows only root.
  let name: String?

  public init(
    meter: String, line: String?, function: ControlFunction, values: [String], validUntil: String?,
    password: CommandSecret?, newPassword: CommandSecret?, name: String?
  ) {
    self.meter = meter
    self.line = line
    self.function = function
    self.values = values
    self.validUntil = validUntil
    self.password = password
    self.newPassword = newPassword
    self.name = name
  }

  /// As the control socket takes it, besides `id` and `do`.
  public var members: [JSON.Member] {
    var members: [JSON.Member] = [
      .init("meter", .string(meter)), .init("function", .string(function.rawValue)),
      .init("values", .array(values.map(JSON.string))),
    ]
    let words: [(String, String?)] = [
      ("line", line), ("valid_until", validUntil), ("by", name), ("password", password?.text),
      ("new_password", newPassword?.text),
    ]
    for (key, word) in words { if let word { members.append(.init(key, .string(word))) } }
    return members
  }
}

/// A password as a file of one holds it: the level 0 to 9 and six digits, `2 123456`. Neither its description nor its
/// reflection shows it.
public struct CommandSecret: Hashable, Sendable {
  fileprivate let text: String
  let password: Password

  /// `nil` where the text is none.
  public init?(_ text: String) {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let level = Int(words[0]), let password = Password(level: level, digits: words[1]) else {
      return nil
    }
    self.text = "\(level) \(words[1])"
    self.password = password
  }
}

extension CommandSecret: CustomStringConvertible, CustomReflectable {
  public var description: String { Password.mask }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension CommandRequest: CustomStringConvertible, CustomReflectable {
  /// Without values, of which one could be a password that was typed by mistake.
  public var description: String { "\(function.rawValue) to \(meter)" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// How a command ended.
public struct CommandReport: Hashable, Sendable {
  public let line: String
  public let function: String
  public let target: String
  public let outcome: Outcome
  /// What the meter said, or why it is not known.
  public let detail: String
  public let isBroadcast: Bool
  public let isModbus: Bool

  public enum Outcome: String, Hashable, Sendable {
    case done, rejected, silent, failed
  }

  init(_ outcome: Commander.Outcome, line: String, act: String, target: String, isBroadcast: Bool, isModbus: Bool) {
    self.line = line
    function = act
    self.target = target
    self.outcome = outcome.told
    detail = outcome.detail
    self.isBroadcast = isBroadcast
    self.isModbus = isModbus
  }

  public var json: JSON {
    .object([
      "line": .string(line), "function": .string(function), "target": .string(target),
      "outcome": .string(outcome.rawValue), "detail": .string(detail), "broadcast": .boolean(isBroadcast),
      "modbus": .boolean(isModbus),
    ])
  }

  /// As it came over the control socket.
  public init?(_ json: JSON) {
    guard let line = json["line"]?.word, let function = json["function"]?.word, let target = json["target"]?.word,
      let outcome = json["outcome"]?.word.flatMap(Outcome.init), let detail = json["detail"]?.word,
      let isBroadcast = json["broadcast"]?.flag, let isModbus = json["modbus"]?.flag
    else { return nil }
    self.line = line
    self.function = function
    self.target = target
    self.outcome = outcome
    self.detail = detail
    self.isBroadcast = isBroadcast
    self.isModbus = isModbus
  }
}

extension Commander.Outcome {
  fileprivate var told: CommandReport.Outcome {
    switch self {
    case .done, .unseen: .done
    case .refused: .rejected
    case .silent: .silent
    case .failed: .failed
    }
  }

  /// As in the audit log.
  var word: String { told.rawValue }

  var detail: String {
    switch self {
    case .done, .silent: ""
    case .unseen(let reason), .refused(let reason), .failed(let reason): reason
    }
  }
}
