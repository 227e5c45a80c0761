import Concentrator
import Glibc
import Host
import Metering
import Synchronization
import UnixSignals

/// What a running daemon says on a line.
extension TraceCommand {
  func follow(_ line: String, _ protocols: Set<FrameReport.Wire>) async throws {
    let client = try daemon.client()
    try client.put("trace", [.init("line", .string(line))])
    var desk = TraceDesk(protocols, json: json, raw: raw, most: frames, pcap: try pcap.map { try Pcap(path: $0) })
    defer { desk.finish() }
    let end = TraceEnd()
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
    let interrupted = Task {
      for await _ in signals {
        end.come()
        return
      }
    }
    defer { interrupted.cancel() }
    let until = seconds.map { HostClock.boot + .seconds(Int64($0)) }
    var clock = LogClock()
    while !desk.isFull, !end.hasCome {
      let now = HostClock.boot
      if let until, now >= until { break }
      let wake = now + .milliseconds(500)
      switch try client.next(until: until.map { min($0, wake) } ?? wake, bell: end.bell) {
      case .nothing:
        // What waits for more of its frame has waited long enough.
        try desk.flush()
      case .result: break
      case .item(let item, let dropped):
        if dropped > 0 {
          try desk.flush()
          writeError("\(counted(Int(clamping: dropped), "run")) left out: they came faster than they were read\n")
        }
        if let name = item["listening"]?.word {
          writeError("line \(name) of the daemon at \(client.path); Ctrl-C ends\n")
        } else if let run = Capture.Run(item) {
          try desk.take(
            run, at: clock.microseconds(run.time), direction: run.isSent.map { $0 ? "request" : "reply" })
        }
      }
      fflush(nil)
    }
    try desk.flush()
    guard desk.count > 0 || end.hasCome else {
      throw Complaint(
        desk.bytes > 0 ? .badData : .noAnswer,
        desk.bytes > 0 ? "no frame in \(desk.bytes) bytes of line \(line)" : "nothing was said on line \(line)",
        "Whether its port is open and when its next round is: meterd status --line \(line)")
    }
  }
}

/// Says once that it is over, to a thread that waits.
private final class TraceEnd: Sendable {
  let bell = Doorbell()
  private let flag = Atomic(false)

  var hasCome: Bool { flag.load(ordering: .acquiring) }

  func come() {
    flag.store(true, ordering: .releasing)
    bell.ring()
  }
}

extension Capture.Run {
  /// As the daemon tells it: pairs of digits, `**` for what must not be seen.
  fileprivate init?(_ item: JSON) {
    guard let time = item["time"]?.word, let direction = item["direction"]?.word, let text = item["bytes"]?.word else {
      return nil
    }
    var bytes: [UInt8] = []
    var hidden: Set<Int> = []
    for pair in text.split(separator: " ") {
      if pair == "**" { hidden.insert(bytes.count) }
      guard let byte = pair == "**" ? 0 : UInt8(pair, radix: 16) else { return nil }
      bytes.append(byte)
    }
    self.init(bytes: bytes, hidden: hidden, time: time, isSent: direction == "sent")
  }
}
