internal import Acquisition
internal import Documents
internal import Metering

/// `[[task]]`: what is read, when, and of which meters.
extension Configuration {
  static func task(_ table: inout TableReader, known: some Collection<MeterID>, key: Set<MeterID>) throws(DocumentError)
    -> TaskEntry
  {
    let name = try table.string("name")
    let schedule = try schedule(&table)
    let depth = try table.optionalInteger("settlements", in: 1...12) ?? 2
    guard let words = try table.optionalStrings("read"), !words.isEmpty else {
      throw table.error("read", "say what to read, such as [\"energy\", \"instantaneous\"]")
    }
    var targets: [AcquisitionTask.Target] = []
    let minutes = try profileMinutes(&table)
    for word in words {
      switch word {
      case "load-profile": targets.append(.loadProfile(recordClass: 4, minutes: minutes ?? 15))
      case "load-profile:1", "load-profile:2", "load-profile:3", "load-profile:4", "load-profile:5", "load-profile:6":
        let recordClass = word.last?.wholeNumberValue ?? 4
        targets.append(.loadProfile(recordClass: recordClass, minutes: minutes ?? 15))
      case "energy": targets.append(.energies)
      case "instantaneous": targets.append(.instantaneous)
      case "settlement": targets.append(.settlements(depth: depth, of: nil))
      case "freeze.daily": targets.append(.dailyFreeze)
      case "clock": targets.append(.clock)
      case "events": targets.append(.events)
      default:
        let isKept = word.hasPrefix("settlement:")
        guard let quantity = Quantity(name: isKept ? String(word.dropFirst("settlement:".count)) : word) else {
          throw table.error(
            "read",
            "\"\(word)\" is no quantity; write energy, instantaneous, settlement, settlement:NAME, freeze.daily, clock, events, load-profile, load-profile:1 to :6 or a name such as energy.import.active.total"
          )
        }
        targets.append(isKept ? .settlements(depth: depth, of: quantity) : .quantity(quantity))
      }
    }
    let meters = try meters(&table, known: known, key: key)
    let priority = try table.optionalInteger("priority", in: 1...4) ?? 2
    let windows = try windows(&table)
    let isFrozen = targets.contains(.dailyFreeze)
    let isProfile = targets.contains(where: \.isLoadProfile)
    guard !isProfile || targets.allSatisfy(\.isLoadProfile) else {
      throw table.error(
        "read", "a load profile is read where the line has nothing else to do; give it a [[task]] of its own")
    }
    guard isProfile || minutes == nil else {
      throw table.error("load-profile-minutes", "this task reads no load profile")
    }
    if table.has("backfill-days"), !isFrozen, !isProfile {
      throw table.error(
        "backfill-days",
        "only freeze.daily and load-profile are kept by meters day by day, and this task does not read them")
    }
    let backfillDays = try table.optionalInteger("backfill-days", in: 1...62) ?? 7
    try table.finish()
    let task = AcquisitionTask(
      name: name, schedule: schedule, targets: targets, priority: priority, windows: windows,
      backfillDays: backfillDays)
    guard task.hasSlots else {
      throw table.error(
        "windows", "none of them has a time in it at which the task is due; widen one, or let \"every\" be shorter")
    }
    return TaskEntry(task: task, meters: meters, fileLine: table.table.line)
  }

  /// A list of names, or "key" for the key meters; `nil` for every meter.
  private static func meters(
    _ table: inout TableReader, known: some Collection<MeterID>, key: Set<MeterID>
  ) throws(DocumentError) -> Set<MeterID>? {
    if table.isString("meters"), let word = try table.optionalString("meters") {
      guard word == "key" else {
        throw table.error("meters", "\"\(word)\" is no list; write [\"M-0001\"], or \"key\" for the key meters")
      }
      guard !key.isEmpty else {
        throw table.error("meters", "there is no key meter; write key = true under one [[line.meter]] at least")
      }
      return key
    }
    guard let texts = try table.optionalStrings("meters") else { return nil }
    guard !texts.isEmpty else { throw table.error("meters", "the list is empty; leave it out for every meter") }
    var chosen: Set<MeterID> = []
    for text in texts {
      guard let id = MeterID(text), known.contains(id) else {
        throw table.error("meters", "there is no meter \"\(text)\"")
      }
      chosen.insert(id)
    }
    return chosen
  }

  private static func windows(_ table: inout TableReader) throws(DocumentError) -> [TimeWindow] {
    guard let texts = try table.optionalStrings("windows") else { return [] }
    guard (1...24).contains(texts.count) else {
      throw table.error(
        "windows", "\(texts.count) windows; a task has 1 to 24, or none of this key to be at work always")
    }
    var windows: [TimeWindow] = []
    for text in texts {
      guard let window = TimeWindow(text) else {
        throw table.error("windows", "\"\(text)\" is no part of a day; write \"00:30-05:00\" or \"22:00-06:00\"")
      }
      windows.append(window)
    }
    return windows
  }

  private static func schedule(_ table: inout TableReader) throws(DocumentError) -> Schedule {
    let every = try table.optionalString("every")
    let at = try table.optionalString("at")
    let days = try table.optionalIntegers("days", in: 1...31)
    switch (every, at) {
    case (.some(let text), .none):
      guard days == nil else { throw table.error("days", "days of the month go with \"at\", not with \"every\"") }
      let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600]
      guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()), count > 0,
        count <= 86_400 / unit
      else { throw table.error("every", "\"\(text)\" is no interval up to a day; write \"30s\", \"15m\" or \"1h\"") }
      return .every(seconds: count * unit)
    case (.none, .some(let text)):
      guard let time = TimeOfDay(text) else {
        throw table.error("at", "\"\(text)\" is no time of day; write \"00:05\"")
      }
      guard let days else { return .daily(time) }
      guard !days.isEmpty else { throw table.error("days", "the list is empty; leave it out for every day") }
      return .monthly(days: Set(days), time)
    case (.some, .some): throw table.error("at", "a task has either \"every\" or \"at\", not both")
    case (.none, .none): throw table.error("every", "say when: every = \"15m\" or at = \"00:05\"")
    }
  }
}
