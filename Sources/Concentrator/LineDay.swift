internal import Acquisition
internal import Metering

/// Two days of one line, as its plan would carry them out: rounds with their priorities, deadlines and windows, each as
/// the wire time that it takes. At midnight all tasks of intervals are due at once, and here those of the month as well.
struct LineDay {
  /// A task on this line.
  struct Work: Sendable {
    let schedule: Schedule
    let priority: Int
    let windows: [TimeWindow]
    /// What is read later than so long after its due time is of no use; in milliseconds.
    let grace: Int64?
    /// The wire time of a round, in milliseconds.
    let cost: Int64
  }

  /// What becomes of the rounds of one task.
  struct Fate: Hashable, Sendable {
    var due = 0
    /// Ended when the next one was due already, or after the last use of their values.
    var late = 0
    /// Not begun at all, since the one before was still under way, or not ended.
    var leftOut = 0
    /// When the last of one was read after it was due, at the worst, of those that were read to their end; in milliseconds.
    /// `nil` where none was.
    var longest: Int64?

    var isKept: Bool { late == 0 && leftOut == 0 }

    fileprivate mutating func noteEnd(after time: Int64) { longest = max(longest ?? 0, time) }
  }

  private struct Round {
    let due: Int64
    let deadline: Int64
    var left: Int64
  }

  private static let day: Int64 = 86_400_000
  private static let days: Int64 = 2
  /// Rounds of seconds are followed for some hours only.
  private static let mostEvents = 8000

  private let works: [Work]
  private var now: Int64 = 0
  private var open: [Round?]
  private var next: [Int64]
  private var fates: [Fate]

  /// The fates of `works`, in their order.
  static func fates(of works: [Work]) -> [Fate] {
    var day = LineDay(works)
    day.pass { _ in true }
    return day.fates
  }

  /// True where `needed` of the works, by their places, are all kept.
  static func keeps(_ needed: [Int], of works: [Work]) -> Bool {
    // More than there is time for never fits; the days tell the rest.
    guard needed.reduce(Int64(0), { $0 + works[$1].share }) < 1_000_000 else { return false }
    var day = LineDay(works)
    func areKept(_ fates: [Fate]) -> Bool { needed.allSatisfy { fates[$0].isKept } }
    day.pass(while: areKept)
    return areKept(day.fates)
  }

  private init(_ works: [Work]) {
    self.works = works
    open = works.map { _ in nil }
    fates = works.map { _ in Fate() }
    next = works.map { Self.firstDue($0, from: 0) }
  }

  private mutating func pass(while goesOn: ([Fate]) -> Bool) {
    var events = 0
    while now < Self.days * Self.day, events < Self.mostEvents, goesOn(fates) {
      events += 1
      begin()
      let running = chosen()
      var until = works.indices.reduce(Self.days * Self.day) { until, index in
        min(until, next[index] > now ? next[index] : until, boundary(of: index), expiry(of: index) ?? until)
      }
      if let running, let left = open[running]?.left { until = min(until, now + max(1, left)) }
      if let running { open[running]?.left -= until - now }
      now = until
      if let running { end(running) }
      for index in works.indices where expiry(of: index).map({ $0 <= now }) ?? false { giveUp(index) }
    }
    for index in works.indices { close(index) }
  }

  /// What is not over by then will be in time as fast as it went, or never; slots that it held up are left out.
  private mutating func close(_ index: Int) {
    guard let round = open[index] else { return }
    let done = works[index].cost - round.left
    let needed = done > 0 ? Double(now - round.due) * Double(works[index].cost) / Double(done) : .infinity
    guard Double(round.deadline - round.due) < needed else {
      fates[index].noteEnd(after: Int64(needed))
      return
    }
    giveUp(index)
    while next[index] <= now {
      fates[index].due += 1
      fates[index].leftOut += 1
      next[index] = Self.firstDue(works[index], from: next[index] + 1)
    }
  }

  /// Opens rounds that are due, as the plan does: one that is under way goes on, and the next is that of its time.
  private mutating func begin() {
    for index in works.indices where next[index] <= now {
      guard open[index] == nil || !Self.mayWork(works[index], at: now) else { continue }
      if open[index] != nil { giveUp(index) }
      var slot = next[index]
      var following = Self.firstDue(works[index], from: slot + 1)
      while following <= now {
        fates[index].due += 1
        fates[index].leftOut += 1
        slot = following
        following = Self.firstDue(works[index], from: slot + 1)
      }
      fates[index].due += 1
      next[index] = following
      guard works[index].cost > 0 else { continue }
      open[index] = Round(due: slot, deadline: following, left: works[index].cost)
    }
  }

  /// Whose round has the line now.
  private func chosen() -> Int? {
    works.indices.filter { open[$0] != nil && Self.mayWork(works[$0], at: now) }.min {
      (works[$0].priority, open[$0]?.deadline ?? 0, $0) < (works[$1].priority, open[$1]?.deadline ?? 0, $1)
    }
  }

  private mutating func end(_ index: Int) {
    guard let round = open[index], round.left <= 0 else { return }
    fates[index].noteEnd(after: now - round.due)
    if now > round.deadline { fates[index].late += 1 }
    open[index] = nil
  }

  private mutating func giveUp(_ index: Int) {
    guard open[index] != nil else { return }
    fates[index].leftOut += 1
    open[index] = nil
  }

  private func expiry(of index: Int) -> Int64? {
    guard let grace = works[index].grace, let round = open[index] else { return nil }
    return round.due + grace
  }

  /// When a window of a task next begins or ends.
  private func boundary(of index: Int) -> Int64 {
    let midnight = now - now % Self.day
    var first = Int64.max
    for window in works[index].windows {
      for edge in [window.from, window.to] {
        let at = midnight + Int64(edge.secondsOfDay) * 1000
        first = min(first, at > now ? at : at + Self.day)
      }
    }
    return first
  }

  private static func mayWork(_ work: Work, at time: Int64) -> Bool {
    guard !work.windows.isEmpty else { return true }
    let second = time % day / 1000
    return work.windows.contains { window in
      let (from, to) = (Int64(window.from.secondsOfDay), Int64(window.to.secondsOfDay))
      return from < to ? (from..<to).contains(second) : second >= from || second < to
    }
  }

  /// The first due time from `time` on; of an interval one within the windows. Beyond all days where there is none.
  private static func firstDue(_ work: Work, from time: Int64) -> Int64 {
    let midnight = time - time % day
    switch work.schedule {
    case .daily(let at):
      let due = midnight + Int64(at.secondsOfDay) * 1000
      return due >= time ? due : due + day
    case .monthly(_, let at):
      let due = Int64(at.secondsOfDay) * 1000
      return due >= time ? due : 28 * day
    case .every(let seconds):
      let step = max(1, seconds) * 1000
      var slot = midnight + (time % day + step - 1) / step * step
      if slot >= midnight + day { slot = midnight + day }
      var steps = 0
      while !mayWork(work, at: slot) {
        steps += 1
        guard steps < 90_000 else { return 28 * day }
        let within = slot % day
        slot = within + step >= day ? slot - within + day : slot + step
      }
      return slot
    }
  }
}

extension LineDay.Work {
  /// Rounds of a day, in thousandths, on the average of a month.
  var roundsADay: Int64 {
    switch schedule {
    case .daily: return 1000
    case .monthly(let days, _): return Int64(days.count) * 1000 / 30
    case .every(let seconds):
      let step = max(1, seconds)
      guard !windows.isEmpty else { return (86_400 + step - 1) / step * 1000 }
      let open = stride(from: Int64(0), to: 86_400, by: Int(step)).count { second in
        windows.contains { window in
          let (from, to) = (Int64(window.from.secondsOfDay), Int64(window.to.secondsOfDay))
          return from < to ? (from..<to).contains(second) : second >= from || second < to
        }
      }
      return Int64(open) * 1000
    }
  }

  /// Share of the line's time that it takes, in millionths.
  var share: Int64 { cost * roundsADay / 86_400 }
}
