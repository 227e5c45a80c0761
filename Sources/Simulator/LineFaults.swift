public import Metering

/// A way in which a line or a meter misbehaves.
public enum LineFault: String, Hashable, Sendable, CaseIterable {
  /// No answer.
  case silence
  /// The answer starts later by `LineFaults.lateBy`.
  case late
  /// Random bytes right before the answer, or right after it.
  case noiseBefore, noiseAfter
  /// Single bits of the answer turned over.
  case bitFlip
  /// The answer ends early.
  case truncation
  /// The first byte comes twice, or not at all.
  case doubledFirst, lostFirst
  /// Another meter's address in an otherwise whole answer.
  case wrongAddress
  /// Another item's identifier, or the other read function, in an otherwise whole answer.
  case wrongItem
  /// The master hears its own bytes. Only on a line.
  case echo
  /// A long run of random bytes after the answer.
  case babble
  /// Another transaction number in an otherwise whole answer. Only over Modbus TCP.
  case wrongTransaction
}

/// How often each fault happens, and how bad it is. A meter has its own, and so has its line.
///
/// Each fault draws its own numbers from the seed, one for every answer: to turn one fault on does not move another.
public struct LineFaults: Hashable, Sendable {
  public var seed: UInt64
  /// How much later a late answer starts.
  public var lateBy: BootInstant.Span = .milliseconds(1500)
  /// Random bytes in a burst of noise: 1 up to this.
  public var noiseBytes = 4
  /// Bits turned over in one answer.
  public var flippedBits = 2
  /// Random bytes of one babble.
  public var babbleBytes = 1000
  /// Dead from this instant on, and until that one; both `nil` for a meter that lives.
  public var deadFrom: SimulatedInstant?
  public var deadUntil: SimulatedInstant?
  private var chances: [LineFault: Int] = [:]

  public init(seed: UInt64 = 0) { self.seed = seed }

  /// No faults at all.
  public static let none = LineFaults()

  /// Chance of a fault in parts per million of the answers; 1,000,000 is always.
  public subscript(fault: LineFault) -> Int {
    get { chances[fault] ?? 0 }
    set { chances[fault] = newValue == 0 ? nil : min(max(newValue, 0), 1_000_000) }
  }

  /// Dead for ever.
  public static var dead: LineFaults {
    var faults = LineFaults()
    faults[.silence] = 1_000_000
    return faults
  }

  func isDead(at now: SimulatedInstant) -> Bool {
    guard deadFrom != nil || deadUntil != nil else { return false }
    return deadFrom.map { now >= $0 } ?? true && deadUntil.map { now < $0 } ?? true
  }
}

/// How often each fault was done.
public struct FaultCounts: Hashable, Sendable {
  private var counts: [LineFault: Int] = [:]

  public init() {}

  public subscript(fault: LineFault) -> Int {
    get { counts[fault] ?? 0 }
    set { counts[fault] = newValue }
  }

  public var total: Int { counts.values.reduce(0, +) }

  public static func += (counts: inout Self, more: Self) {
    counts.counts.merge(more.counts) { $0 + $1 }
  }
}
