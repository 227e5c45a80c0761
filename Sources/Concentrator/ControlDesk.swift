internal import Acquisition
public import Host
internal import Line
internal import Metering

/// Carries out what clients of the control socket ask of a running station.
public struct ControlDesk: Sendable {
  private let running: RunningStation
  private let reload: @Sendable () async -> Result<Station, Complaint>

  /// `reload` reads the configuration again and takes it over, or says why not; it is called once at a time.
  public init(_ running: RunningStation, reload: @escaping @Sendable () async -> Result<Station, Complaint>) {
    self.running = running
    self.reload = reload
  }

  /// Tells the outcome of a request of `peer` by `reply`.
  public func serve(_ request: ControlRequest, _ peer: LocalPeer, _ reply: ControlReply) async {
    do throws(Complaint) {
      switch request.wish {
      case .status(let line, let meters): reply.succeed(try await running.status(line: line).json(meters: meters))
      case .read(let meter, let targets, let anyway):
        reply.succeed(try await running.read(meter, targets, anyway: anyway).json)
      case .trace(let line): reply.stream(try await running.listen(toLine: line))
      case .command(let command): reply.succeed(try await running.command(command, from: peer).json)
      case .decide(let order): reply.succeed(try await running.decide(order, from: peer))
      case .reload:
        let station = try await reload().get()
        reply.succeed(
          .object([
            "configuration": .string(station.configuration.file),
            "lines": .integer(Int64(station.configuration.lines.count)),
            "meters": .integer(Int64(station.meters.joined().count)),
          ]))
      }
    } catch {
      reply.fail(error)
    }
  }
}

extension RunningStation {
  /// What is said on a line from now on, with passwords masked.
  func listen(toLine name: String) throws(Complaint) -> LiveTrace {
    try checkLine(name)
    return LiveTrace(tap(ofLine: name), ofLine: name, zone: station.configuration.zone)
  }
}

/// What is said on a line, for one who looks on.
///
/// It begins with a request, and goes on with one where runs were lost: a password is known by what is before it.
final class LiveTrace: ControlSource {
  private let tap: TrafficTap
  private let buffer = TraceBuffer()
  private let number: Int
  private let line: String
  private let zone: ZoneOffset
  private struct State {
    /// `nil` until a request was seen.
    var masks: TraceMasks?
    var isToldOf = false
  }
  private let state = Guarded(State())

  init(_ tap: TrafficTap, ofLine line: String, zone: ZoneOffset) {
    self.tap = tap
    self.line = line
    self.zone = zone
    number = tap.attach(buffer)
  }

  func close() { tap.detach(number) }

  func take() -> (items: [JSON], lost: Int) {
    let content = buffer.take()
    let (boot, wall) = (HostClock.boot, HostClock.wall.unixMilliseconds)
    return state.withLock { state in
      var items: [JSON] = []
      // Nothing that is said from now on is missed.
      if !state.isToldOf { items.append(.object(["listening": .string(line)])) }
      state.isToldOf = true
      for run in content.runs where state.masks != nil || run.sent {
        let mask = state.masks ?? TraceMasks()
        state.masks = mask
        let pairs = zip(run.bytes, mask.hidden(run.bytes, isSent: run.sent)).map { $1 ? "**" : hexPair($0) }
        items.append(
          .object([
            "time": .string(zone.rfc3339(unixMilliseconds: wall - (boot - run.at).milliseconds)),
            "direction": .string(run.sent ? "sent" : "received"), "bytes": .string(pairs.joined(separator: " ")),
          ]))
      }
      if content.dropped > 0 { state.masks = nil }
      return (items, content.dropped)
    }
  }
}
