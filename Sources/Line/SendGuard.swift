/// Says what may be sent on a line. It is asked about the very bytes, before any of them leaves.
///
/// Meters obey whoever speaks: DL/T 645 sends its passwords in clear and Modbus has none. So the last word is at the
/// descriptor, whatever the code above meant to send.
public protocol SendGuard: Sendable {
  /// What these bytes do, as one run on the wire of `port`.
  func judge(_ bytes: [UInt8], to port: PortAddress) -> SendJudgement
}

/// What a guard says of bytes that are about to be sent.
public enum SendJudgement: Hashable, Sendable {
  /// They ask and change nothing.
  case reads
  /// They change something and are allowed to.
  case allowed(ControlAct)
  /// They stay here.
  case refused(ControlAct, reason: Reason)

  public enum Reason: String, Hashable, Sendable {
    /// The configuration does not allow this function for this meter.
    case notAllowed = "not-allowed"
    /// It would reach more meters than the one it is meant for, and no configuration can allow that.
    case severalMeters = "several-meters"
    /// It is no request of a protocol that the guard knows.
    case unintelligible = "unintelligible"
  }
}

/// Something that changes a meter, or is not known to leave it as it is.
public struct ControlAct: Hashable, Sendable {
  /// Stable name of the function, such as `write` or `relay`; `unknown` for bytes that are no request.
  public let function: String
  /// The address as printed, `unit 1`, or `all meters`.
  public let target: String

  /// The target of what goes to all meters of a line.
  public static let everyone = "all meters"

  public init(function: String, target: String) {
    self.function = function
    self.target = target
  }
}

/// What became of something that was to change a meter.
public struct ControlRecord: Hashable, Sendable {
  public let act: ControlAct
  /// Why it was not sent; `nil` where it was.
  public let refusal: SendJudgement.Reason?

  public init(act: ControlAct, refusal: SendJudgement.Reason?) {
    self.act = act
    self.refusal = refusal
  }
}

/// Bytes that a guard has let pass; the only ones that a wire is given, and nobody but a line makes them.
public struct ClearedBytes {
  public let bytes: [UInt8]
  /// What they change; `nil` for questions.
  let act: ControlAct?

  init(_ bytes: [UInt8], by sendGuard: any SendGuard, to port: PortAddress) throws(LineError) {
    switch sendGuard.judge(bytes, to: port) {
    case .reads: act = nil
    case .allowed(let allowed): act = allowed
    case .refused(let act, let reason): throw .forbidden(port, act, reason)
    }
    self.bytes = bytes
  }
}
