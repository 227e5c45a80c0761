public import Acquisition
public import Billing
internal import DLT645
public import Devices
internal import Documents
internal import Host
internal import Line
internal import Metering
internal import Store
public import Rating
internal import Validation

/// The questions to meters, worked out once a model: that costs more than all else of a start.
struct Programmes {
  private struct Model: Hashable {
    let profile: String
    let settings: SerialSettings
    let delay: BootInstant.Span
  }

  /// For each task, and to find out whether the meter is there.
  typealias Programme = (queries: [[Query]], probes: [Query])

  private var known: [Model: Programme] = [:]

  /// What is asked of the first meter of a model; nothing for the others, who are asked the same.
  mutating func firstOfModel(
    _ meter: LineMeter, profile: String, tasks: [AcquisitionTask], replyDelay: BootInstant.Span
  ) -> [Query] {
    guard known[Model(profile: profile, settings: meter.settings, delay: replyDelay)] == nil else { return [] }
    return programme(of: meter, profile: profile, tasks: tasks, replyDelay: replyDelay).queries.flatMap(\.self)
  }

  /// What is asked of a meter that takes so long to answer: Modbus registers are joined by that.
  mutating func programme(
    of meter: LineMeter, profile: String, tasks: [AcquisitionTask],
    replyDelay: BootInstant.Span = AssumedDelay.usual.now
  ) -> Programme {
    let model = Model(profile: profile, settings: meter.settings, delay: replyDelay)
    let programme =
      known[model] ?? (tasks.map { meter.queries(for: $0.targets, replyDelay: replyDelay) }, meter.probes)
    known[model] = programme
    // What was worked out for one meter of the model may need another read at another address. Where it does not, the
    // meters of the model share one list.
    func fitted(_ queries: [Query]) -> [Query] {
      let fit = queries.map(meter.fitted)
      return fit == queries ? queries : fit
    }
    return (programme.queries.map(fitted), fitted(programme.probes))
  }
}

/// A configuration with everything it names, checked whole before anything is started.
public struct Station: Sendable {
  public let configuration: Configuration
  public let profiles: [String: DeviceProfile]
  /// By the names of their files.
  public let plans: [String: Plan]
  /// Lists of special days, in the order of the configuration.
  public let calendars: [DayCalendar]
  /// By line, in the order of the configuration.
  public let meters: [[LineMeter]]
  public let accounts: [Account]
  /// Of each account that no bill could ever be made of by what is agreed for it, what to mend: it keeps nobody else waiting.
  public let unbillable: [Complaint]
  /// The plans of each account, out of the files that its entry names: versions of one plan share their name.
  let plansByAccount: [String: PlanCatalogue]
  /// Which meters have a clock, and how it may be set.
  let clocks: StationClocks
  /// Those of the configuration, and for meters without freezes what takes their place.
  let tasks: [Configuration.TaskEntry]

  /// Loads profiles and tariffs and checks every meter and account against them.
  public init(_ configuration: Configuration) throws(Complaint) {
    let folders = try DataFolders(devices: configuration.devicesFolder, tariffs: configuration.tariffsFolder)
    var profiles: [String: DeviceProfile] = [:]
    var meters: [[LineMeter]] = []
    for line in configuration.lines {
      var found: [LineMeter] = []
      found.reserveCapacity(line.meters.count)
      for entry in line.meters {
        let profile: DeviceProfile
        if let known = profiles[entry.profile] {
          profile = known
        } else {
          do throws(Complaint) {
            profile = try folders.profile(entry.profile)
          } catch {
            throw error.located(configuration, entry.keyLines["profile"], "profile")
          }
          profiles[entry.profile] = profile
        }
        guard profile.isModbus || !line.port.isModbusTCP else {
          throw Complaint(
            .configuration,
            "\(configuration.file):\(entry.keyLines["profile"]): profile: \(entry.profile) speaks DL/T 645, and \(line.port) is Modbus TCP",
            "A server that passes serial bytes through is port = \"tcp://HOST:PORT\"; DL/T 645 meters go there.")
        }
        guard let address = MeterAddress(entry.address, for: profile, overTCP: line.port.isModbusTCP) else {
          let units = line.port.isModbusTCP ? "\"0\" to \"247\", or \"255\"" : "\"1\" to \"247\""
          let rule = profile.isModbus ? "a Modbus unit is \(units)" : "a DL/T 645 address has 12 digits"
          throw Complaint(
            .configuration,
            "\(configuration.file):\(entry.keyLines["address"]): address: \"\(entry.address)\" is no address for \(entry.profile)",
            "In quotes, \(rule), as printed on the meter.")
        }
        guard entry.allowed.isEmpty || address != .modbus(unit: 0) else {
          throw Complaint(
            .configuration,
            "\(configuration.file):\(entry.keyLines["allow"]): allow: unit 0 on \(line.port) cannot be changed",
            "To unit 0 a server may pass a change on to every meter behind it, and none of them confirms it. Leave allow out, or give the meter's own unit; a server that is the meter itself often answers as 255."
          )
        }
        for function in ControlFunction.allCases where entry.allowed.contains(function) {
          guard !function.exists(for: profile) else { continue }
          let known = ControlFunction.allCases.filter { $0.exists(for: profile) }.map(\.rawValue)
          throw Complaint(
            .configuration,
            "\(configuration.file):\(entry.keyLines["allow"]): allow: \(entry.profile) has no function \(function.rawValue)",
            "There are: \(known.joined(separator: ", ")).")
        }
        found.append(
          LineMeter(id: entry.id, address: address, profile: profile, settings: entry.settings ?? line.settings))
      }
      meters.append(found)
    }
    for account in configuration.accounts { try configuration.checkMeters(of: account) }
    let calendars = try configuration.calendars(in: folders)
    var plans: [String: Plan] = [:]
    var catalogues: [String: PlanCatalogue] = [:]
    var unbillable: [Complaint] = []
    for account in configuration.accounts {
      var own: [String: Plan] = [:]
      for terms in account.terms {
        for file in terms.files {
          let key = file == terms.tariff ? "tariff" : "versions"
          do throws(Complaint) {
            if plans[file] == nil { plans[file] = try folders.plan(file) }
            own[file] = plans[file]
          } catch {
            throw error.located(configuration, terms.keyLines[key], key)
          }
        }
        if let first = plans[terms.tariff], let other = terms.versions.first(where: { plans[$0]?.name != first.name }) {
          throw Complaint(
            .configuration,
            "\(configuration.file):\(terms.keyLines["versions"]): versions: \(other) is plan \(plans[other]?.name ?? ""), not \(first.name)",
            "Versions of a plan share its name. Another plan from some day on stands under [[account.change]].")
        }
      }
      do throws(PlanCatalogueError) {
        catalogues[account.id] = try PlanCatalogue(own.values, calendars: calendars)
      } catch {
        throw Complaint(
          .configuration, "\(configuration.file):\(account.keyLines["tariff"]): tariff: \(error)",
          "Each file that the account names must be another version.")
      }
      do throws(Complaint) {
        try configuration.checkAgreed(of: account, plans, catalogues[account.id])
      } catch {
        unbillable.append(error)
      }
      try configuration.checkIntervals(of: account, plans, calendars, profiles)
    }
    self.calendars = calendars
    self.unbillable = unbillable
    plansByAccount = catalogues
    self.configuration = configuration
    self.profiles = profiles
    self.plans = plans
    self.meters = meters
    clocks = try StationClocks(configuration, meters)
    let synthetic = configuration.tasks.compactMap { entry in
      entry.task.synthetic.map { Configuration.TaskEntry(task: $0, meters: entry.meters, fileLine: entry.fileLine) }
    }
    // What a meter offers is its profile's: one of each is enough to look at.
    var seen: Set<String> = []
    let isNeeded = meters.joined().contains {
      seen.insert($0.profile.name).inserted && !$0.queries(for: [.syntheticFreeze]).isEmpty
    }
    tasks = configuration.tasks + (isNeeded ? synthetic : [])
    accounts = configuration.accounts.map { account in
      Account(entry: account, plans: plans, configuration, meters)
    }
  }

  /// Whether the host's clock is disciplined, as far as can be told.
  public var hostClockIsKnown: Bool { clock.now.clock != .unsynchronised }

  /// What rounds and readings are labelled with.
  var clock: WallClock { WallClock(isTrusted: configuration.hostClockIsTrusted) }

  /// What validation knows of each meter.
  var files: [MeterID: MeterFile] {
    // Meters of one profile share what it says.
    let files = profiles.mapValues { $0.meterFile(zone: configuration.zone) }
    var found: [MeterID: MeterFile] = [:]
    for (line, meters) in zip(configuration.lines, meters) {
      for (entry, meter) in zip(line.meters, meters) { found[meter.id] = files[entry.profile] }
    }
    return found
  }

  /// What tasks read of daily freezes, and of registers in their place, by meter.
  var frozenQuantities: [MeterID: Set<Quantity>] {
    var all: [MeterID: Set<Quantity>] = [:]
    var known: [String: Set<Quantity>] = [:]
    for meter in meters.joined() {
      let quantities =
        known[meter.profile.name]
        ?? Set(
          meter.queries(for: [.dailyFreeze]).flatMap(meter.frozenQuantities)
            + meter.queries(for: [.syntheticFreeze]).flatMap(meter.quantities))
      known[meter.profile.name] = quantities
      all[meter.id] = quantities
    }
    return all
  }

  /// What answers of rounds tell of registers as they stand, of any meter; `programmes` are still empty.
  func registerQuantities(_ programmes: inout Programmes, _ delays: [MeterID: AssumedDelay]) -> Set<Quantity> {
    let tasks = self.tasks.map(\.task)
    var all: Set<Quantity> = []
    for (line, found) in zip(configuration.lines, meters) {
      for (entry, meter) in zip(line.meters, found) {
        let delay = delays[meter.id] ?? .usual
        for replyDelay in [delay.before, delay.now] {
          for query in programmes.firstOfModel(meter, profile: entry.profile, tasks: tasks, replyDelay: replyDelay) {
            all.formUnion(meter.quantities(of: query))
          }
        }
      }
    }
    return all
  }

  /// By what rounds of registers on a line are known, by the task's place; those of tasks that leave no trace are not in
  /// it.
  func traces(line: Int, _ programmes: inout Programmes, _ delays: [MeterID: AssumedDelay]) -> [Int: RoundTrace] {
    var traces: [Int: RoundTrace] = [:]
    for (index, entry) in tasks.enumerated() where entry.task.readsRegisters {
      traces[index] = RoundTrace(entry.task.name, of: meters[line].map(\.id).filter(entry.includes))
    }
    var tellers: [Quantity: Set<Int>] = [:]
    // What is asked is the model's: one meter of each is enough to look at.
    struct Model: Hashable { let profile: String, settings: SerialSettings, delay: BootInstant.Span }
    var known: Set<Model> = []
    for (meter, entry) in zip(meters[line], configuration.lines[line].meters) {
      let delay = delays[meter.id] ?? .usual
      for replyDelay in [delay.before, delay.now] {
        let model = Model(profile: entry.profile, settings: meter.settings, delay: replyDelay)
        guard known.insert(model).inserted else { continue }
        let programme = programmes.programme(
          of: meter, profile: entry.profile, tasks: tasks.map(\.task), replyDelay: replyDelay)
        for (index, queries) in programme.queries.enumerated() where traces[index] != nil {
          for query in queries where query.isOfTheMoment {
            let told = meter.quantities(of: query).filter { $0.unit != nil }
            for quantity in told { tellers[quantity, default: []].insert(index) }
            traces[index]?.subjects.insert(query.subject)
            traces[index]?.quantities.formUnion(told)
          }
        }
      }
    }
    for (index, trace) in traces {
      // What another task reads too says nothing of this one.
      let own = trace.quantities.filter { tellers[$0]?.count == 1 }
      if !own.isEmpty { traces[index]?.quantities = own }
    }
    return traces.filter { !$0.value.quantities.isEmpty && !$0.value.meters.isEmpty }
  }

  /// What tasks name and meters of theirs do not keep by their profiles: by line, without repetition.
  var lacking: [[(meter: MeterID, item: String)]] {
    // Meters of one profile lack the same.
    var known: [String: [[String]]] = [:]
    return meters.map { found in
      found.flatMap { meter in
        let lacked = known[meter.profile.name] ?? configuration.tasks.map { meter.lacking($0.task.targets) }
        known[meter.profile.name] = lacked
        var items: [String] = []
        for (task, lacked) in zip(configuration.tasks, lacked) where task.includes(meter.id) {
          for item in lacked where !items.contains(item) { items.append(item) }
        }
        return items.map { (meter.id, $0) }
      }
    }
  }

  /// Tasks that never read anything, since none of their meters offers by its profile what they name.
  public var idleTasks: [Configuration.TaskEntry] {
    configuration.tasks.filter { entry in
      var seen: Set<String> = []
      let targets = entry.task.targets + (entry.task.synthetic?.targets ?? [])
      return !meters.joined().contains { meter in
        entry.includes(meter.id) && seen.insert(meter.profile.name).inserted
          && !(meter.queries(for: targets).isEmpty && meter.profileQueries(of: entry.task).isEmpty)
      }
    }
  }

  /// What is worth a word and keeps nothing from going on, each with what to do.
  public var remarks: [String] {
    var out: [String] = []
    if configuration.tasks.isEmpty {
      out.append("there is no [[task]]: nothing is read but what somebody asks for with meterd read")
    }
    for line in configuration.lines {
      guard let path = line.trace?.path, let slash = path.lastIndex(of: "/") else { continue }
      let folder = slash == path.startIndex ? "/" : String(path[..<slash])
      guard !TextFile.isFolder(folder) else { continue }
      out.append(
        "line \(line.name) gets no trace: there is no folder \(folder); make it, writable for the daemon's user")
    }
    return out
  }

  /// Meters that may still answer a question that was put before this daemon was started.
  ///
  /// A DL/T 645 meter says what it answers; a Modbus meter does not, so its answer could be taken for another
  /// register of the same length.
  func owing(
    _ programmes: inout Programmes, _ delays: [MeterID: AssumedDelay] = [:], at now: BootInstant
  ) -> [MeterID: MeterHealth] {
    var health: [MeterID: MeterHealth] = [:]
    for (line, found) in zip(configuration.lines, meters) {
      for (entry, meter) in zip(line.meters, found) where meter.profile.isModbus {
        let delay = delays[meter.id] ?? .usual
        let owed = Set([delay.before, delay.now]).flatMap {
          programmes.programme(of: meter, profile: entry.profile, tasks: tasks.map(\.task), replyDelay: $0)
            .queries.joined()
        }
        let isDirect = if case .device = line.port { true } else { false }
        health[meter.id] = MeterHealth(
          owing: owed, at: now,
          lateness: isDirect ? MeterHealth.usualLateness : MeterHealth.longestLateness)
      }
    }
    return health
  }

  /// What is asked on a line, and when.
  ///
  /// `line` is its place in the configuration; `health` is what was learned of meters before, and `stored` is what the
  /// journal holds already of the rounds that are open at `wall` and of the days before.
  func plan(
    line: Int, programmes: inout Programmes, health: [MeterID: MeterHealth],
    stored: StoredBefore, at now: BootInstant, wall: HostInstant
  ) -> LinePlan {
    LinePlan(
      tasks: tasks.map(\.task),
      meters: plannedMeters(line: line, programmes: &programmes, stored: stored, wall: wall),
      health: meters[line].map { health[$0.id] ?? MeterHealth() }, zone: configuration.zone, at: now, wall: wall,
      lastAtWork: stored.lastAccounted(line: line))
  }

  /// The meters of a line with their parts in the tasks, and what the journal holds of them at `wall`.
  func plannedMeters(
    line: Int, programmes: inout Programmes, stored: StoredBefore, wall: HostInstant
  ) -> [LinePlan.Meter] {
    let entries = self.tasks
    let tasks = entries.map(\.task)
    return zip(meters[line], configuration.lines[line].meters).map { meter, entry in
      let delay = stored.delays[meter.id] ?? .usual
      let programme = programmes.programme(of: meter, profile: entry.profile, tasks: tasks, replyDelay: delay.before)
      func own(_ queries: [[Query]]) -> [[Query]] {
        zip(entries, queries).map { task, queries in task.includes(meter.id) ? queries : [] }
      }
      var asked = own(programme.queries)
      var coming: LinePlan.Meter.Coming?
      if delay.before != delay.now {
        let next = own(
          programmes.programme(of: meter, profile: entry.profile, tasks: tasks, replyDelay: delay.now).queries)
        coming = LinePlan.Meter.Coming(since: delay.since, programme: next)
        // A round that is open is asked to its end as it was begun.
        for (index, task) in tasks.enumerated()
        where task.schedule.slot(at: wall.unixMilliseconds, zone: configuration.zone) >= delay.since {
          asked[index] = next[index]
        }
      }
      return LinePlan.Meter(
        meter, programme: asked, probes: programme.probes, tasks: tasks, isKey: entry.isKey, at: wall.unixMilliseconds,
        zone: configuration.zone, knownSince: stored.knownSince[meter.id], tasksKnownSince: stored.tasksKnownSince,
        lastAtWork: stored.lastBegun(line: line),
        coming: coming, late: { stored.late[meter.id]?[StoredBefore.Round(task: $0, slot: $1)] ?? [] }
      ) { stored.quantities(of: meter.id, $0, at: $1) }
    }
  }
}

/// What the journal holds already when lines begin: of rounds that are open, and of freezes for as many days as tasks
/// look back.
struct StoredBefore {
  var rounds: [Int64: [MeterID: Set<Quantity>]] = [:]
  var freezes: [MeterID: [Int64: Set<Quantity>]] = [:]
  /// What was asked for a round later than its label allows.
  var late: [MeterID: [Round: Set<String>]] = [:]
  /// When each meter was first configured, in milliseconds since 1970.
  var knownSince: [MeterID: Int64] = [:]
  /// When each task was, in milliseconds since 1970; empty where nobody knows.
  var tasksKnownSince: [Int64] = []

  /// For which delays the registers of meters are joined; those that nobody has measured are not in it.
  var delays: [MeterID: AssumedDelay] = [:]

  /// When somebody last saw to the rounds of each task, in milliseconds since 1970; empty where nobody knows.
  var lastAtWork: [Int64] = []
  /// Where that was before the rounds that were due then: of a line that could not keep up, or was lost.
  var lastRounds: [Spot: LastRounds] = [:]

  struct Spot: Hashable {
    let line: Int
    let task: Int
  }

  /// In milliseconds since 1970.
  struct LastRounds {
    /// The last round of which something is known.
    let begun: Int64
    /// The last one that was begun or listed as left out.
    let accounted: Int64
  }

  /// When somebody last saw to a round of each task on a line, and when one was last begun or accounted for.
  func lastBegun(line: Int) -> [Int64] { last(line, \.begun) }
  func lastAccounted(line: Int) -> [Int64] { last(line, \.accounted) }

  private func last(_ line: Int, _ what: KeyPath<LastRounds, Int64>) -> [Int64] {
    lastAtWork.enumerated().map { lastRounds[Spot(line: line, task: $0)]?[keyPath: what] ?? $1 }
  }

  struct Round: Hashable {
    let task: String
    let slot: Int64
  }

  func quantities(of meter: MeterID, _ kind: ReadingKind, at instant: Int64) -> Set<Quantity> {
    (kind == .dailyFreeze ? freezes[meter]?[instant] : rounds[instant]?[meter]) ?? []
  }
}

extension Complaint {
  /// The same complaint, led by the place in the configuration that caused it.
  func located(_ configuration: Configuration, _ line: Int, _ key: String) -> Complaint {
    guard !headline.hasPrefix(configuration.file) else { return self }
    return Complaint(status, "\(configuration.file):\(line): \(key): \(headline)", advice: advice)
  }
}

extension Configuration {
  /// Refuses an account that no meter counts for, and two that count for it at once: no bill would ever come of them.
  fileprivate func checkMeters(of account: AccountEntry) throws(Complaint) {
    let found = lines.flatMap { line in line.meters.filter { $0.account == account.id }.map { (line.name, $0) } }
    guard !found.isEmpty else {
      throw Complaint(
        .configuration, "\(file):\(account.keyLines["id"]): id: account \"\(account.id)\" has no meter",
        "Write account = \"\(account.id)\" under its [[line.meter]], or take this [[account]] away.")
    }
    for (index, (line, meter)) in found.enumerated() {
      for (other, earlier) in found[..<index] {
        let isApart =
          (meter.to.map { to in earlier.from.map { to <= $0 } ?? false } ?? false)
          || (earlier.to.map { to in meter.from.map { to <= $0 } ?? false } ?? false)
        guard !isApart else { continue }
        throw Complaint(
          .configuration,
          "\(file):\(meter.keyLines["account"]): account: \"\(account.id)\" has meter \"\(meter.id)\" of line \"\(line)\" at the same time as meter \"\(earlier.id)\" of line \"\(other)\" (\(file):\(earlier.keyLines["account"]))",
          "One meter counts at a time. Where one took the other's place, write to = \"2026-10-15T09:30\" under the old one and the same time as from under the new one; else give one of them another [[account]]."
        )
      }
    }
  }
}

extension Account {
  init(
    entry: Configuration.AccountEntry, plans: [String: Plan], _ configuration: Configuration, _ meters: [[LineMeter]]
  ) {
    var assignments: [MeterAssignment] = []
    for (line, found) in zip(configuration.lines, meters) {
      for (meter, known) in zip(line.meters, found) where meter.account == entry.id {
        guard let register = known.profile.counterRange else { continue }
        assignments += MeterAssignment(
          meter: meter.id, multiplier: meter.multiplier, from: meter.from, to: meter.to, register: register,
          reactive: known.profile.reactiveRegisters, keepsSettlements: known.profile.settlements > 0
        ).divided(by: meter.errors)
      }
    }
    let terms = entry.terms.map { terms in
      var agreed = terms.agreed
      agreed.plan = plans[terms.tariff]?.name ?? terms.tariff
      agreed.intervals = terms.byIntervals.flatMap { reconciliation in
        configuration.profileMinutes(of: entry)?.minutes.map {
          IntervalTerms(minutes: $0, reconciliation: reconciliation)
        }
      }
      return agreed
    }
    self.init(
      id: entry.id, meters: assignments, terms: terms, settlement: entry.settlement, zone: configuration.zone,
      from: entry.from, to: entry.to, grantFrom: entry.largeHouseholdFrom, movedIn: entry.movedIn,
      proration: entry.proration)
  }
}
