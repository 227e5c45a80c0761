internal import Acquisition
internal import Line
internal import Metering

/// What the lines of a station will have to do: the time of each round, the load, and what cannot be kept.
public struct Forecast: Sendable {
  /// A change that would let a task be kept, with nothing else getting worse.
  struct Remedy: Hashable, Sendable {
    /// A stable word: `interval`, `priority`, `windows`, `baud`, `move`, `less`.
    let change: String
    /// Seconds, a priority, windows, a speed, a number of meters, or what is left out.
    let value: String
    /// For people, in the words of the configuration.
    let text: String
  }

  struct Round: Sendable {
    let task: String
    let schedule: Schedule
    /// Takes the place of the task's freezes, for meters that keep none.
    let isSynthetic: Bool
    let meters: Int
    let questions: Int
    /// The wire time of one round, in microseconds.
    let time: Int64
    /// Seconds between two rounds; of a month the shortest.
    let interval: Int64
    let priority: Int
    /// Beside all other tasks, with the line to itself, and beside all others with one meter in ten dead.
    let fate: LineDay.Fate
    let alone: LineDay.Fate
    let withDead: LineDay.Fate
    let remedies: [Remedy]
    /// What one event more costs at the most, in microseconds of wire time; `nil` for tasks that read none.
    let eventTime: Int64?
  }

  /// How long a meter is taken to need before it answers; a running daemon measures each.
  static let replyDelay = AssumedDelay.usual.now

  struct LineForecast: Sendable {
    let name: String
    let port: String
    let settings: String
    let meters: Int
    /// Share of the line's time, in millionths.
    let load: Int64
    let rounds: [Round]
    /// What a task names and a meter does not keep by its profile.
    let lacking: [(meter: MeterID, item: String)]
  }

  let file: String
  let accounts: Int
  let tariffs: Int
  /// Accounts that are settled together, with how many they are.
  let sections: [(section: Configuration.SectionEntry, accounts: Int)]
  /// First bills wait for a person.
  let looksAtFirstBills: Bool
  let lines: [LineForecast]
  /// Tasks that read nothing of any meter.
  let idleTasks: [String]
  let remarks: [String]

  /// False where some task could not be kept if it had its line to itself, or reads nothing: no daemon can carry that out.
  public var isPossible: Bool { impossible == nil && idleTasks.isEmpty }

  /// The first such task, in the words of the table, and its line.
  public var impossible: (line: String, task: String)? {
    for line in lines {
      if let round = line.rounds.first(where: { !$0.alone.isKept }) { return (line.name, round.title) }
    }
    return nil
  }
}

extension Station {
  /// What the lines will have to do, by their settings and the usual delay of meters.
  public func forecast() -> Forecast {
    let lacking = lacking
    let lines = configuration.lines.indices.map { forecast(ofLine: $0, lacking: lacking[$0]) }
    return Forecast(
      file: configuration.file, accounts: configuration.accounts.count, tariffs: plans.count,
      sections: configuration.countedSections, looksAtFirstBills: configuration.review.firstBills, lines: lines,
      idleTasks: idleTasks.map(\.task.name), remarks: remarks)
  }

  private func forecast(ofLine index: Int, lacking: [(meter: MeterID, item: String)]) -> Forecast.LineForecast {
    let line = configuration.lines[index]
    var outlook = LineOutlook(
      meters: meters[index], wishes: tasks.map { LineOutlook.Wish(task: $0.task, meters: $0.meters) })
    var wishes: [LineOutlook.Wish] = []
    for wish in outlook.wishes where outlook.round(of: wish).meters > 0 { wishes.append(wish) }
    outlook.wishes = wishes
    let works = outlook.works()
    let fates = LineDay.fates(of: works)
    let withDead = LineDay.fates(of: outlook.works(dead: true))
    var rounds: [Forecast.Round] = []
    for (place, wish) in outlook.wishes.enumerated() {
      let round = outlook.round(of: wish)
      let alone = LineDay.fates(of: [works[place]])
      var remedies: [Forecast.Remedy] = []
      if !fates[place].isKept {
        var tried = Remedies(outlook, for: place, fates)
        remedies = tried.all()
      }
      rounds.append(
        Forecast.Round(
          task: wish.task.name, schedule: wish.task.schedule,
          isSynthetic: wish.task.targets.contains(.syntheticFreeze), meters: round.meters,
          questions: round.cost.questions, time: round.cost.time,
          interval: wish.task.schedule.shortestInterval, priority: wish.task.priority, fate: fates[place],
          alone: alone.first ?? LineDay.Fate(), withDead: withDead[place],
          remedies: remedies, eventTime: outlook.eventTime(of: wish)))
    }
    return Forecast.LineForecast(
      name: line.name, port: "\(line.port)", settings: "\(line.settings)", meters: line.meters.count,
      load: works.reduce(0) { $0 + $1.share }, rounds: rounds, lacking: lacking)
  }
}

extension Schedule {
  /// Seconds between two rounds at the least.
  fileprivate var shortestInterval: Int64 {
    switch self {
    case .every(let seconds): seconds
    case .daily: 86_400
    // Four weeks are the shortest month.
    case .monthly(let days, _): 86_400 * 28 / Int64(max(1, days.count))
    }
  }
}

extension Forecast {
  public var json: JSON {
    .object([
      "configuration": .string(file), "accounts": .integer(Int64(accounts)), "tariffs": .integer(Int64(tariffs)),
      "first_bills_wait": .boolean(looksAtFirstBills), "possible": .boolean(isPossible),
      "reply_delay_seconds": .string(decimalString(Self.replyDelay.nanoseconds / 1000, decimals: 2)),
      "sections": .array(
        sections.map { section, accounts in
          .object([
            "section": .string(section.name), "title": .string(section.title), "accounts": .integer(Int64(accounts)),
            "settlement_day": .integer(Int64(section.settlement.day)),
            "settlement_hour": .integer(Int64(section.settlement.hour)),
          ])
        }),
      "lines": .array(
        lines.map { line in
          .object([
            "line": .string(line.name), "port": .string(line.port), "serial": .string(line.settings),
            "meters": .integer(Int64(line.meters)), "load": .string(decimalString(line.load, decimals: 3)),
            "rounds": .array(line.rounds.map(\.json)),
            "not_kept": .array(
              line.lacking.map { .object(["meter": .string($0.meter.text), "item": .string($0.item)]) }),
          ])
        }),
      "idle_tasks": .array(idleTasks.map(JSON.string)), "remarks": .array(remarks.map(JSON.string)),
    ])
  }
}

extension Forecast.Round {
  fileprivate var json: JSON {
    .object([
      "task": .string(task), "meters": .integer(Int64(meters)), "exchanges": .integer(Int64(questions)),
      "seconds": .string(decimalString(time, decimals: 2)), "interval": .integer(interval),
      "priority": .integer(Int64(priority)), "feasible": .boolean(fate.isKept),
      "feasible_alone": .boolean(alone.isKept), "feasible_with_dead": .boolean(withDead.isKept),
      "event_seconds": .optional(eventTime.map { decimalString($0, decimals: 2) }), "beside_others": json(fate),
      "with_dead": json(withDead),
      "remedies": .array(
        remedies.map {
          .object(["change": .string($0.change), "value": .string($0.value), "text": .string($0.text)])
        }),
    ])
  }

  private func json(_ fate: LineDay.Fate) -> JSON {
    .object([
      "rounds": .integer(Int64(fate.due)), "late": .integer(Int64(fate.late)),
      "left_out": .integer(Int64(fate.leftOut)),
      "longest_seconds": .optional(fate.longest.map { decimalString($0 &* 1000, decimals: 2) }),
    ])
  }
}

extension Forecast {
  /// A table for people, with a remark for every round that cannot be kept and what would help.
  public var text: [String] {
    var out = [
      "\(file): \(isPossible ? "good" : "well written, but not to be carried out"). \(counted(lines.count, "line")), \(counted(accounts, "account")), \(counted(tariffs, "tariff"))."
    ]
    if accounts > 0, !looksAtFirstBills {
      out.append("first bills are issued without a look, as [review] first-bills = false says")
    }
    for (section, accounts) in sections {
      let title = section.title.isEmpty ? "" : "  \(section.title)"
      let hour = section.settlement.hour == 0 ? "" : " at \(section.settlement.hour) o'clock"
      out.append(
        "section \(section.name)\(title)  \(counted(accounts, "account")), settled on day \(section.settlement.day)\(hour)"
      )
    }
    out += remarks
    for task in idleTasks { out.append("task \(task) reads nothing: none of its meters offers what it names") }
    for line in lines {
      out.append(
        "\(line.name)  \(line.port)  \(line.settings)  \(counted(line.meters, "meter"))  load \(line.load / 10_000) %")
      for round in line.rounds { out += round.text }
      for missing in line.lacking {
        out.append("  \(missing.meter) keeps no \(missing.item): by its profile there is none to read")
      }
      if !line.rounds.isEmpty {
        out.append(
          "  times are for meters that answer after \(Self.replyDelay.milliseconds) ms; the daemon measures each and joins its registers by that"
        )
      }
      if line.load > 900_000 { out.append("  the tasks together leave no room for retries: spread them") }
    }
    return out
  }
}

extension Forecast.Round {
  /// The task as the configuration has it; one that takes the place of freezes stands in no file.
  fileprivate var title: String {
    guard isSynthetic, let comma = task.lastIndex(of: ",") else { return task }
    return "\(task[..<comma]) (registers in the place of freezes, as the day begins)"
  }

  /// `every 900 s`, `once a day`, `once a month`.
  private var often: String {
    switch schedule {
    case .every: "every \(interval) s"
    case .daily: "once a day"
    case .monthly(let days, _): days.count == 1 ? "once a month" : "on \(days.count) days of each month"
    }
  }

  fileprivate var text: [String] {
    let done =
      fate.longest.map { "done after \(decimalString($0 &* 1000, decimals: 2)) s at the latest" } ?? "never done"
    var out = [
      "  \(title): \(counted(meters, "meter")), \(counted(questions, "exchange")), \(decimalString(time, decimals: 2)) s \(often), \(done)"
    ]
    if let eventTime {
      out.append(
        "    counts in each round; records only where they grew: up to \(decimalString(eventTime, decimals: 2)) s for one event more"
      )
    }
    if !fate.isKept {
      let how = alone.isKept ? "beside the others" : "even with the line to itself"
      out.append("    cannot be kept \(how): \(told(fate))")
      out.append(
        remedies.isEmpty
          ? "    no single change lets it be kept: split the line and read less"
          : "    would do, each by itself: \(remedies.map(\.text).joined(separator: "; or "))")
    } else if !withDead.isKept {
      out.append("    with one meter in ten dead it is not kept: \(told(withDead))")
    }
    return out
  }

  private func told(_ fate: LineDay.Fate) -> String {
    let parts = [(fate.leftOut, "left out"), (fate.late, "late")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return "of \(counted(fate.due, "round")) in two days \(parts.joined(separator: " and "))"
  }
}

/// `1 line`, `3 lines`.
public func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
