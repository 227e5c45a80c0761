internal import Acquisition
internal import Metering

/// What would let a task be kept that is not: each change is tried on the plan, and counts where the task is kept and no
/// other one is given up for it.
struct Remedies {
  private var outlook: LineOutlook
  private let place: Int
  /// Tasks that are kept as it is.
  private let kept: [Int]

  init(_ outlook: LineOutlook, for place: Int, _ fates: [LineDay.Fate]) {
    self.outlook = outlook
    self.place = place
    kept = fates.indices.filter { fates[$0].isKept }
  }

  private var task: AcquisitionTask { outlook.wishes[place].task }

  mutating func all() -> [Forecast.Remedy] {
    [interval(), priority(), windows(), baud(), move(), less()].compactMap(\.self)
  }

  /// True where the task is kept after a change, and all that were kept before still are.
  private func helps(_ change: (inout LineOutlook) -> Void) -> Bool {
    var changed = outlook
    change(&changed)
    return LineDay.keeps(kept + [place], of: changed.works())
  }

  private func helps(with task: AcquisitionTask) -> Bool {
    helps { $0.wishes[place].task = task }
  }

  /// Whole parts of an hour or a day, as people write them.
  private static let intervals: [Int64] = [
    2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800, 3600, 7200, 10_800,
    14_400,
    21_600, 28_800, 43_200, 86_400,
  ]

  private func interval() -> Forecast.Remedy? {
    guard case .every(let now) = task.schedule else { return nil }
    let found = Self.intervals.first { seconds in
      let longer = task.with(schedule: .every(seconds: seconds))
      return seconds > now && longer.hasSlots && helps(with: longer)
    }
    guard let found else { return nil }
    let text =
      found % 3600 == 0 ? "\(found / 3600)h" : found % 60 == 0 ? "\(found / 60)m" : "\(found)s"
    return Forecast.Remedy(change: "interval", value: "\(found)", text: "every = \"\(text)\"")
  }

  private func priority() -> Forecast.Remedy? {
    guard task.priority > 1,
      let found = (1..<task.priority).reversed().first(where: { helps(with: task.with(priority: $0)) })
    else { return nil }
    return Forecast.Remedy(change: "priority", value: "\(found)", text: "priority = \(found)")
  }

  /// The last window made longer by quarters of an hour, or one more that begins when the task is due: what adds least.
  private func windows() -> Forecast.Remedy? {
    guard let last = task.windows.last else { return nil }
    for quarters in 1..<96 {
      var wider: [[TimeWindow]] = []
      if last.seconds + quarters * 900 < 86_400, let to = Self.time(last.to.secondsOfDay + quarters * 900) {
        wider.append(task.windows.dropLast() + [TimeWindow(from: last.from, to: to)])
      }
      if let due = dueTime, !task.windows.contains(where: { $0.holds(due) }),
        let to = Self.time(due.secondsOfDay + quarters * 900)
      {
        wider.append(task.windows + [TimeWindow(from: due, to: to)])
      }
      guard let found = wider.first(where: { helps(with: task.with(windows: $0)) }) else { continue }
      let words = found.map { "\($0.from.hourAndMinute)-\($0.to.hourAndMinute)" }
      return Forecast.Remedy(
        change: "windows", value: words.joined(separator: " "),
        text: "windows = [\(words.map { "\"\($0)\"" }.joined(separator: ", "))]")
    }
    return nil
  }

  /// When in a day the task is due, to the minute; `nil` where it is due at intervals.
  private var dueTime: TimeOfDay? {
    switch task.schedule {
    case .every: nil
    case .daily(let time), .monthly(_, let time): Self.time(time.secondsOfDay)
    }
  }

  private static func time(_ seconds: Int) -> TimeOfDay? {
    let ofDay = seconds % 86_400
    return TimeOfDay(hour: ofDay / 3600, minute: ofDay / 60 % 60, second: nil)
  }

  /// The least speed that lets it be kept, of all meters that are slower.
  private func baud() -> Forecast.Remedy? {
    let slow = outlook.meters.filter { !$0.isOnNetwork }
    guard let least = slow.map(\.settings.baud).min() else { return nil }
    for baud in SerialSettings.knownBauds.sorted() where baud > least {
      let isEnough = helps { outlook in outlook.meters = outlook.meters.map { $0.faster(baud) } }
      guard isEnough else { continue }
      let count = slow.count { $0.settings.baud < baud }
      return Forecast.Remedy(
        change: "baud", value: "\(baud)", text: "\(baud) baud for \(counted(count, "meter")) that can")
    }
    return nil
  }

  /// The fewest meters that would have to go to another line: those whose part in this task is the largest.
  private mutating func move() -> Forecast.Remedy? {
    let wish = outlook.wishes[place]
    var parts: [(index: Int, time: Int64)] = []
    for (index, meter) in outlook.meters.enumerated() {
      let time = outlook.cost(of: wish, meter).time
      if time > 0 { parts.append((index, time)) }
    }
    parts.sort { ($0.time, $1.index) > ($1.time, $0.index) }
    func isEnough(_ count: Int) -> Bool {
      let gone = Set(parts.prefix(count).map(\.index))
      return helps { outlook in
        outlook.meters = outlook.meters.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
      }
    }
    guard parts.count > 1, isEnough(parts.count - 1) else { return nil }
    var (few, enough) = (0, parts.count - 1)
    while enough - few > 1 {
      let middle = (few + enough) / 2
      if isEnough(middle) { enough = middle } else { few = middle }
    }
    return Forecast.Remedy(
      change: "move", value: "\(enough)",
      text: "\(enough) of its \(counted(parts.count, "meter")) on another line")
  }

  /// The one thing without which it is kept and the most is still read; else what stands for a whole group.
  private mutating func less() -> Forecast.Remedy? {
    var best: (remedy: Forecast.Remedy, time: Int64)?
    for (index, target) in task.targets.enumerated() {
      var targets = task.targets
      let name: String
      if targets.count > 1 {
        targets.remove(at: index)
        name = "without \(target.word)"
      } else if let total = Quantity(name: "energy.import.active.total"), let part = target.part(total) {
        targets = [part]
        name = "\(part.word) instead of \(target.word)"
      } else {
        continue
      }
      let changed = task.with(targets: targets)
      var other = outlook
      other.wishes[place].task = changed
      let time = other.round(of: other.wishes[place]).cost.time
      guard best.map({ $0.time < time }) ?? true, helps(with: changed) else { continue }
      let saved = outlook.round(of: outlook.wishes[place]).cost.time - time
      best = (
        Forecast.Remedy(
          change: "less", value: target.word, text: "\(name): \(decimalString(saved, decimals: 2)) s less a round"),
        time
      )
    }
    return best?.remedy
  }
}

extension AcquisitionTask {
  fileprivate func with(
    schedule: Schedule? = nil, targets: [Target]? = nil, priority: Int? = nil, windows: [TimeWindow]? = nil
  ) -> AcquisitionTask {
    AcquisitionTask(
      name: name, schedule: schedule ?? self.schedule, targets: targets ?? self.targets,
      priority: priority ?? self.priority, windows: windows ?? self.windows, backfillDays: backfillDays)
  }
}

extension AcquisitionTask.Target {
  /// As `read` of the configuration has it.
  fileprivate var word: String {
    if case .quantity(let quantity) = self { return quantity.name }
    if case .settlements(_, let quantity) = self { return quantity.map { "settlement:\($0.name)" } ?? "settlement" }
    let words: [AcquisitionTask.Target: String] = [.energies: "energy", .dailyFreeze: "freeze.daily"]
    return words[self] ?? "\(self)"
  }

  /// What of a group a bill cannot do without; `nil` for what is no group.
  fileprivate func part(_ total: Quantity) -> AcquisitionTask.Target? {
    if case .settlements(let depth, .none) = self { return .settlements(depth: depth, of: total) }
    return self == .energies ? .quantity(total) : nil
  }
}

extension LineMeter {
  /// The same meter at a higher speed.
  fileprivate func faster(_ baud: Int) -> LineMeter {
    guard !isOnNetwork, settings.baud < baud,
      let faster = SerialSettings(
        baud: baud, dataBits: settings.dataBits, parity: settings.parity, stopBits: settings.stopBits)
    else { return self }
    return LineMeter(id: id, address: address, profile: profile, settings: faster)
  }
}

extension TimeWindow {
  fileprivate func holds(_ time: TimeOfDay) -> Bool {
    let (now, first, last) = (time.secondsOfDay, from.secondsOfDay, to.secondsOfDay)
    return first < last ? (first..<last).contains(now) : now >= first || now < last
  }
}

extension TimeOfDay {
  fileprivate var hourAndMinute: String { String("\(self)".prefix(5)) }
}
