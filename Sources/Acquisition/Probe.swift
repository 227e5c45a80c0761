public import DLT645
public import Line
public import Metering
internal import Host

/// One meter asked directly, without a plan: what a technician does on a ladder.
///
/// The same conversations as in the daemon, on a line of its own. Blocks its thread.
public final class Probe {
  private let line: Line
  private let speaker: MeterSpeaker
  private var heard: [Traffic] = []

  /// What one question gave.
  public struct Result: Sendable {
    public enum Outcome: Sendable {
      case told([Observation])
      case refused(String)
      case damaged(String)
      case silent
    }
    public let query: Query
    public let outcome: Outcome
    public let tries: Int
    /// From the first byte sent to the last received, of the last try.
    public let roundTrip: BootInstant.Span
    /// Every run of bytes on the wire.
    public let traffic: [Traffic]
  }

  /// Opens the port.
  public init(_ port: PortAddress, settings: SerialSettings) throws(LineError) {
    line = Line(port, settings: settings, guardedBy: WireGuard())
    do throws(SpeakerError) {
      speaker = try MeterSpeaker(on: port)
    } catch {
      throw .inputOutput(port, operation: "libmodbus", errno: 0)
    }
    try line.open()
    line.onTraffic = { [weak self] in self?.heard.append($0) }
  }

  /// Asks up to `tries` times; a refusal is an answer.
  public func ask(_ query: Query, of meter: LineMeter, tries: Int) throws(LineError) -> Result {
    heard = []
    var count = 0
    while true {
      count += 1
      let said = try speaker.ask(
        query, of: meter, on: line, replyTimeout: meter.replyLimit, listening: MeterSpeaker.patience)
      let outcome: Result.Outcome
      switch said.result {
      case .told(let told): outcome = .told(told.observations)
      case .refused(let reason): outcome = .refused(reason)
      case .damaged(let reason): outcome = .damaged(reason)
      case .silent: outcome = .silent
      }
      let isFinal =
        switch outcome {
        case .told, .refused: true
        case .damaged, .silent: count >= tries
        }
      if isFinal {
        return Result(
          query: query, outcome: outcome, tries: count, roundTrip: said.record.endedAt - said.record.startedAt,
          traffic: heard)
      }
      _ = try line.quarantine(silence: .milliseconds(100))
    }
  }

  /// The address of the one meter on the line, by reading it with the wildcard; `nil` when none answers soundly.
  public func findAddress(
    settings: SerialSettings, timeout: BootInstant.Span, tries: Int
  ) throws(LineError) -> Address? {
    let timing = ExchangeTiming(silence: .milliseconds(20), reply: timeout, gap: .milliseconds(500))
    for _ in 0..<tries {
      var conversation = DLT645Conversation(.address, to: .wildcard, wakeUps: 4, rates: 0)
      _ = try line.run(&conversation, settings: settings, timing: timing)
      if case .address(let address, _) = conversation.outcome { return address }
      _ = try line.quarantine(silence: .milliseconds(100))
    }
    return nil
  }
}
