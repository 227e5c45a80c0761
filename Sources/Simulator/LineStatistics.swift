public import Metering

/// What happened on a line since it was opened.
public struct LineStatistics: Hashable, Sendable {
  /// Whole requests of either language.
  public var requests = 0
  public var modbusRequests = 0
  /// Requests that no meter on the line took for its own.
  public var unanswered = 0
  /// Answers that went out, damaged or not.
  public var replies = 0
  /// Times the master and a meter spoke at once.
  public var collisions = 0
  /// Times two meters spoke at once.
  public var meterCollisions = 0
  /// Modbus requests that began before the line had been quiet for t3.5.
  public var brokenSilence = 0
  public var masterBytes = 0
  /// When the first of them came since the line was last told to listen anew.
  public var firstHeard: BootInstant?
  public var meterBytes = 0
  /// Bytes that nobody took from the port.
  public var lostBytes = 0
  /// Time of all bytes on the wire.
  public var busy = BootInstant.Span.zero
  /// Time that meters waited before they answered.
  public var turnaround = BootInstant.Span.zero
  /// Faults that were done, by the line and its meters together.
  public var faults = FaultCounts()

  public init() {}

  /// The least time in which all this can pass over the line: bytes, meters' delays, and t3.5 for every Modbus request.
  public func physicalLimit(silence: BootInstant.Span) -> BootInstant.Span {
    busy + turnaround + silence * Int64(modbusRequests)
  }
}
