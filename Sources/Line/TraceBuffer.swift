internal import Metering
internal import Synchronization

/// Runs of bytes on their way to a trace, between the thread that owns the line and the one that writes.
///
/// To put a run in costs the line next to nothing, and it never waits: what finds no room is counted and let go.
public final class TraceBuffer: Sendable {
  /// Bytes that may wait for the disk: minutes of a line at 9600 baud.
  static let capacity = 256 << 10

  struct Content {
    var runs: [Traffic] = []
    var bytes = 0
    var dropped = 0
  }

  private let content = Mutex(Content())

  public init() {}

  /// Takes a run. Pieces of one answer, as the port brings them, are put together.
  public func note(_ run: Traffic) {
    content.withLock { content in
      guard content.bytes + run.bytes.count <= Self.capacity else {
        content.dropped += 1
        return
      }
      content.bytes += run.bytes.count
      if let last = content.runs.last, last.sent == run.sent, run.at - last.at < .milliseconds(100),
        last.bytes.count < 512, !run.sent
      {
        content.runs[content.runs.count - 1] = Traffic(at: last.at, sent: last.sent, bytes: last.bytes + run.bytes)
      } else {
        content.runs.append(run)
      }
    }
  }

  /// Everything that waits.
  func take() -> Content {
    content.withLock { content in
      defer { content = Content() }
      return content
    }
  }
}
