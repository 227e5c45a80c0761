public import Line
public import Metering

/// A line as it stands: what is open, who answers, how much of its time it is in use.
public struct LineSnapshot: Sendable {
  public struct Round: Hashable, Sendable {
    public let task: String
    /// When it was due, in milliseconds since 1970.
    public let slot: Int64
    /// A pass over what earlier rounds have missed; it goes on until the next pass.
    public let isBackfill: Bool
    /// Milliseconds since it was due; `nil` where no meter that answers has questions left, while it waits for a window,
    /// and for a pass.
    public let lateness: Int64?
    /// When it may go on, in milliseconds since 1970, where now is outside of its task's windows; `nil` where it may now.
    public let waitsUntil: Int64?
    /// Meters that have a part in the task, those of them that have questions left, and those of these that are set aside.
    public let meters: Int
    public let metersLeft: Int
    public let metersSetAside: Int
    public let questionsLeft: Int
  }

  public struct Meter: Hashable, Sendable {
    public let id: MeterID
    public let state: MeterHealth.State
  }

  /// Something that should be there and is not.
  public struct Lack: Hashable, Sendable {
    public let task: String
    public let meter: MeterID
    public let query: Query
    public let reason: LinePlan.Missed.Reason
    /// When its round was due, in milliseconds since 1970; of a freeze the day is in `query`.
    public let slot: Int64
  }

  public let name: String
  public let isOpen: Bool
  public let rounds: [Round]
  public let meters: [Meter]
  /// Share of the last quarter of an hour, or of the time since the start, in which the line was in use; thousandths.
  public let load: Int
  /// Answers that are believed and held back until no second one is to be expected.
  public let held: Int
  /// Questions that somebody waits for.
  public let demands: Int
  /// How often a round of a task was not finished when the next was due, by task.
  public let overruns: [String: Int]
  public let counters: LineCounters
  /// What open rounds have left and what back-fill still looks for.
  public let missing: [Lack]
  /// Records of load profiles that are still to be read.
  public let recordsLeft: Int

  public var answering: Int { meters.count { $0.state == .answering } }
  public var setAside: Int { meters.count { if case .setAside = $0.state { true } else { false } } }
}

extension LineEngine {
  /// The line as it stands now.
  public var snapshot: LineSnapshot {
    let wall = wall().unixMilliseconds
    let rounds = plan.rounds.map { open in
      let waiting = open.left.indices.filter { !open.left[$0].isEmpty }
      let setAside = waiting.count { plan.health[$0].isSetAside }
      let task = plan.tasks[open.round.task]
      let goesOn = task.mayWork(after: wall, zone: plan.zone)
      return LineSnapshot.Round(
        task: task.name, slot: open.round.slot, isBackfill: open.round.isBackfill,
        lateness: open.round.isBackfill || setAside == waiting.count || goesOn > wall ? nil : wall - open.round.slot,
        waitsUntil: goesOn > wall ? goesOn : nil,
        meters: plan.meters.count {
          $0.programme.indices.contains(open.round.task) && !$0.programme[open.round.task].isEmpty
        },
        metersLeft: waiting.count, metersSetAside: setAside, questionsLeft: open.left.reduce(0) { $0 + $1.count })
    }
    return LineSnapshot(
      name: name, isOpen: line.isOpen, rounds: rounds,
      meters: zip(meters, plan.health).map { LineSnapshot.Meter(id: $0.id, state: $1.state) },
      load: load.share(at: boot), held: held.count, demands: plan.demands.reduce(0) { $0 + $1.left.count },
      overruns: Dictionary(zip(plan.tasks.map(\.name), plan.overruns), uniquingKeysWith: +), counters: line.counters,
      missing: plan.missing.flatMap { missed in
        missed.queries.map {
          LineSnapshot.Lack(
            task: plan.tasks[missed.round.task].name, meter: meters[missed.meter].id, query: $0, reason: missed.reason,
            slot: missed.round.slot)
        }
      }, recordsLeft: profiles?.wanted ?? 0)
  }
}

/// How much of its time a line was in use, minute by minute for a quarter of an hour.
struct LineLoad: Hashable, Sendable {
  /// Nothing can have been noted before.
  let start: BootInstant
  private static let minutes = 15
  private var busy = [Int64](repeating: 0, count: minutes)
  /// The minute of the boot clock that was written last.
  private var last: Int64?

  private static let minute: Int64 = 60_000_000_000

  init(from start: BootInstant) { self.start = start }

  mutating func note(from start: BootInstant, to end: BootInstant) {
    var at = start.nanoseconds
    while at < end.nanoseconds {
      let minute = at / Self.minute
      turn(to: minute)
      let until = min(end.nanoseconds, (minute + 1) * Self.minute)
      busy[Int(minute % Int64(Self.minutes))] += until - at
      at = until
    }
  }

  private mutating func turn(to minute: Int64) {
    guard let before = last, before < minute else {
      last = last ?? minute
      return
    }
    // Minutes in which nothing was noted were idle.
    for passed in max(before + 1, minute - Int64(Self.minutes) + 1)...minute {
      busy[Int(passed % Int64(Self.minutes))] = 0
    }
    last = minute
  }

  /// Thousandths of the time since the start, or since the fourteenth full minute before this one began; 0...1000.
  func share(at now: BootInstant) -> Int {
    var current = self
    current.turn(to: now.nanoseconds / Self.minute)
    let since = max(start.nanoseconds, (now.nanoseconds / Self.minute - Int64(Self.minutes) + 1) * Self.minute)
    let passed = max(1, now.nanoseconds - since)
    return Int(min(1000, current.busy.reduce(0, +) * 1000 / passed))
  }
}
