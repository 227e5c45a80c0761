internal import Acquisition
internal import Devices
internal import Line
internal import Metering

/// What the tasks of one line cost, and what they would cost otherwise. Questions are worked out once a model.
struct LineOutlook {
  /// One task as it is, or as it would be.
  struct Wish {
    var task: AcquisitionTask
    let meters: Set<MeterID>?
  }

  private struct Model: Hashable {
    let profile: String
    let settings: SerialSettings
    let targets: [AcquisitionTask.Target]
    /// Where that says how much there is to be read.
    let schedule: Schedule?
  }

  struct Cost: Hashable {
    /// In microseconds of wire time.
    var time: Int64 = 0
    var questions = 0
  }

  var meters: [LineMeter]
  var wishes: [Wish]
  private var known: [Model: Cost] = [:]

  init(meters: [LineMeter], wishes: [Wish]) {
    self.meters = meters
    self.wishes = wishes
  }

  /// What a task asks of one meter; nothing where it has no part in it.
  mutating func cost(of wish: Wish, _ meter: LineMeter) -> Cost {
    guard wish.meters?.contains(meter.id) ?? true else { return Cost() }
    let model = Model(
      profile: meter.profile.name, settings: meter.settings, targets: wish.task.targets,
      schedule: wish.task.readsLoadProfile ? wish.task.schedule : nil)
    if let cost = known[model] { return cost }
    let queries = meter.queries(for: wish.task.targets) + meter.profileQueries(of: wish.task)
    let time = queries.reduce(BootInstant.Span.zero) { $0 + meter.wireTime(of: $1) }
    let cost = Cost(time: time.nanoseconds / 1000, questions: queries.count)
    known[model] = cost
    return cost
  }

  /// The cost of a round: meters with a part in it, questions, wire time.
  mutating func round(of wish: Wish) -> (meters: Int, cost: Cost) {
    var sum = Cost()
    var asked = 0
    for meter in meters {
      let cost = cost(of: wish, meter)
      if cost.questions > 0 { asked += 1 }
      sum.time += cost.time
      sum.questions += cost.questions
    }
    return (asked, sum)
  }

  /// What one event more costs at the most, in microseconds; `nil` where the task reads none.
  func eventTime(of wish: Wish) -> Int64? {
    guard wish.task.targets.contains(.events) else { return nil }
    var seen: Set<Model> = []
    return meters.filter { meter in
      let model = Model(profile: meter.profile.name, settings: meter.settings, targets: [.events], schedule: nil)
      return wish.meters.map { $0.contains(meter.id) } ?? true && seen.insert(model).inserted
    }.compactMap(\.timeOfOneEvent).max().map { $0.nanoseconds / 1000 }
  }

  /// The work of each task. With `dead` one meter in ten does not answer: it costs no part of a round, but a time-out
  /// each time it is looked for, and those are the meters whose part is the least.
  mutating func works(dead: Bool = false) -> [LineDay.Work] {
    var gone: Set<Int> = []
    var lost: Int64 = 0
    if dead {
      var parts: [(index: Int, time: Int64)] = []
      for index in meters.indices {
        var time: Int64 = 0
        for wish in wishes { time += cost(of: wish, meters[index]).time }
        parts.append((index, time))
      }
      parts.sort { ($0.time, $0.index) < ($1.time, $1.index) }
      gone = Set(parts.prefix((meters.count + 9) / 10).map(\.index))
      for index in gone { lost += meters[index].probeShare }
    }
    return wishes.map { wish in
      var time: Int64 = 0
      for index in meters.indices where !gone.contains(index) { time += cost(of: wish, meters[index]).time }
      // Looking for the dead slows all else down.
      let slowed = time * 1_000_000 / max(100_000, 1_000_000 - lost)
      return LineDay.Work(
        schedule: wish.task.schedule, priority: wish.task.priority, windows: wish.task.windows,
        grace: wish.task.grace, cost: (slowed + 999) / 1000)
    }
  }
}

extension LineMeter {
  /// The share of a line's time that is lost in looking for this meter while it is dead, in millionths: a question,
  /// its whole time-out and the silence after it, once in 45 s.
  fileprivate var probeShare: Int64 {
    let question = probes.first.map { wireTime(of: $0) } ?? .zero
    return (question + replyLimit).nanoseconds / 1000 * 1_000_000 / 45_000_000
  }
}

extension AcquisitionTask {
  /// Registers as they stand take the place of a freeze only so long after its day began, in milliseconds.
  fileprivate var grace: Int64? { targets.contains(.syntheticFreeze) ? schedule.grace : nil }
}
