internal import Host
internal import Metering
internal import Synchronization

/// Runs of bytes on their way to a trace, between the thread that owns the line and the one that writes.
///
/// To put a run in costs the line next to nothing, and it never waits: what finds no room is counted and let go.
public final class TraceBuffer: Sendable {
  /// Bytes that may wait for the disk: minutes of a line at 9600 baud.
  static let capacity = 256 << 10

  /// What waits.
  public struct Content: Sendable {
    public internal(set) var runs: [Traffic] = []
    /// When the last piece of the last run came.
    var lastPiece = BootInstant(nanoseconds: 0)
    var bytes = 0
    /// Runs that found no room after these.
    public internal(set) var dropped = 0
  }

  private let content = Guarded(Content())

  public init() {}

  /// Pieces of an answer come no further apart, also on a busy host.
  private static let pause = BootInstant.Span.milliseconds(400)

  /// Takes a run. Pieces of one answer, as the port brings them, are put together.
  public func note(_ run: Traffic) {
    content.withLock { content in
      guard content.bytes + run.bytes.count <= Self.capacity else {
        content.dropped += 1
        return
      }
      content.bytes += run.bytes.count
      if let last = content.runs.last, last.sent == run.sent, run.at - content.lastPiece < Self.pause,
        last.bytes.count < 512, !run.sent
      {
        content.runs[content.runs.count - 1] = Traffic(at: last.at, sent: last.sent, bytes: last.bytes + run.bytes)
      } else {
        content.runs.append(run)
      }
      content.lastPiece = run.at
    }
  }

  /// Everything that waits.
  public func take() -> Content {
    content.withLock { content in
      defer { content = Content() }
      return content
    }
  }
}

/// Where a line puts what is said on it, and whoever wants to hear it listens: a trace file, people who look on.
///
/// Nobody holds the line up. Without a listener a run costs it one look.
public final class TrafficTap: Sendable {
  private struct Listeners {
    var buffers: [Int: TraceBuffer] = [:]
    var last = 0
  }

  private let count = Atomic(0)
  private let listeners = Guarded(Listeners())

  public init() {}

  public func note(_ run: Traffic) {
    guard count.load(ordering: .acquiring) > 0 else { return }
    for buffer in listeners.withLock({ Array($0.buffers.values) }) { buffer.note(run) }
  }

  /// How many listen.
  public var listening: Int { count.load(ordering: .acquiring) }

  /// From now on runs are put into `buffer` as well; the number by which that ends.
  public func attach(_ buffer: TraceBuffer) -> Int {
    listeners.withLock { listeners in
      listeners.last += 1
      listeners.buffers[listeners.last] = buffer
      count.store(listeners.buffers.count, ordering: .releasing)
      return listeners.last
    }
  }

  public func detach(_ number: Int) {
    listeners.withLock { listeners in
      listeners.buffers[number] = nil
      count.store(listeners.buffers.count, ordering: .releasing)
    }
  }
}
