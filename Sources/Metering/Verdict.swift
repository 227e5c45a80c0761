/// What validation says of a reading. The verdict is stored with it; the reading itself never changes.
public struct Verdict: Hashable, Sendable {
  /// What may be done with a reading.
  public enum Status: String, Hashable, Sendable, CaseIterable {
    /// Usable for billing.
    case accepted
    /// Usable, and listed for a look.
    case flagged
    /// Not usable until a person decides; what depends on it waits. 待审
    case held
    /// Not usable. Kept as what the meter said.
    case rejected
  }

  /// What may be done with it.
  public let status: Status
  /// What was found, in the order of the rules; empty when nothing was.
  public let findings: [Finding]
  /// Version of the rules that judged, so that a later look can tell.
  public let ruleVersion: Int

  /// A verdict as the rules of some version gave it.
  public init(status: Status, findings: [Finding], ruleVersion: Int) {
    self.status = status
    self.findings = findings
    self.ruleVersion = ruleVersion
  }

  /// True where billing may use the reading.
  public var isUsable: Bool {
    switch status {
    case .accepted, .flagged: true
    case .held, .rejected: false
    }
  }
}

/// One finding: which rule, and the numbers it saw.
public struct Finding: Hashable, Sendable {
  /// Which of the known findings it is.
  public let code: FindingCode
  /// For people: what was compared with what, with units.
  public let detail: String

  /// A finding with its numbers, for people.
  public init(_ code: FindingCode, _ detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// The findings that rules can make; the codes are stored and never change their meaning.
public enum FindingCode: String, Hashable, Sendable, CaseIterable {
  /// The register went backward and it is no rollover. 示数倒走
  case backward = "BACK"
  /// The register passed its capacity. 翻转
  case rollover = "ROLL"
  /// More than the service can physically draw. 飞走
  case runaway = "FLY"
  /// The total differs from the sum of its rates by more than the registers' own steps. 示值不平
  case rateSum = "SUM"
  /// An instant before installation or in the future. 时间异常
  case impossibleTime = "TIME"
  /// The meter's clock is off. 时钟偏差
  case clockDeviation = "CLK"
  /// The same key was read before with another value.
  case conflict = "DIFF"
  /// Another meter answered than the file says. 换表
  case meterChanged = "SWAP"
  /// The host's clock was not disciplined when the reading was labelled.
  case clockUnsynchronised = "HOST"
  /// The meter's last daily freeze was of another day than the one that it was asked for. 冻结时标不符
  case staleFreeze = "STALE"
  /// The meter's clock gains or loses more a day than it may. 时钟走时超差
  case clockDrift = "DRIFT"
  /// The meter's clock was set, or was to be set. 校时
  case clockSet = "CSET"
  /// The meter's clock is off after it was set as often as it may be. 时钟故障
  case clockFault = "CFLT"
  /// More events happened than the meter keeps records of, or records of them could not be had. 事件记录丢失
  case eventsLost = "ELOST"
  /// A count of events went down: the events or the meter were cleared. 事件清零
  case eventsCleared = "ECLR"
}
