public import Acquisition
public import Billing
internal import DLT645
public import Devices
internal import Documents
internal import Host
internal import Line
internal import Metering
public import Rating
internal import Validation

/// A configuration with everything it names, checked whole before anything is started.
public struct Station: Sendable {
  public let configuration: Configuration
  public let profiles: [String: DeviceProfile]
  public let plans: [String: Plan]
  /// By line, in the order of the configuration.
  public let meters: [[LineMeter]]
  public let accounts: [Account]

  /// Loads profiles and tariffs and checks every meter and account against them.
  public init(_ configuration: Configuration) throws(Complaint) {
    let folders = try DataFolders(devices: configuration.devicesFolder, tariffs: configuration.tariffsFolder)
    var profiles: [String: DeviceProfile] = [:]
    var meters: [[LineMeter]] = []
    for line in configuration.lines {
      var found: [LineMeter] = []
      for entry in line.meters {
        let profile: DeviceProfile
        if let known = profiles[entry.profile] {
          profile = known
        } else {
          do throws(Complaint) {
            profile = try folders.profile(entry.profile)
          } catch {
            throw error.located(configuration, entry.fileLine, "profile")
          }
          profiles[entry.profile] = profile
        }
        guard let address = MeterAddress(entry.address, for: profile) else {
          let rule = profile.isModbus ? "a Modbus unit is \"1\" to \"247\"" : "a DL/T 645 address has 12 digits"
          throw Complaint(
            .configuration,
            "\(configuration.file):\(entry.fileLine): address: \"\(entry.address)\" is no address for \(entry.profile)",
            "In quotes, \(rule), as printed on the meter.")
        }
        found.append(
          LineMeter(id: entry.id, address: address, profile: profile, settings: entry.settings ?? line.settings))
      }
      meters.append(found)
    }
    var plans: [String: Plan] = [:]
    for account in configuration.accounts where plans[account.tariff] == nil {
      do throws(Complaint) {
        plans[account.tariff] = try folders.plan(account.tariff)
      } catch {
        throw error.located(configuration, account.fileLine, "tariff")
      }
    }
    self.configuration = configuration
    self.profiles = profiles
    self.plans = plans
    self.meters = meters
    accounts = configuration.accounts.map { account in
      Account(entry: account, plan: plans[account.tariff]?.name ?? account.tariff, configuration, meters)
    }
  }

  /// The tariff plans by the name that accounts know them by.
  var plansByName: [String: Plan] {
    Dictionary(plans.values.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// What rounds and readings are labelled with.
  var clock: WallClock { WallClock(isTrusted: configuration.hostClockIsTrusted) }

  /// What validation knows of each meter.
  var files: [MeterID: MeterFile] {
    Dictionary(
      meters.joined().map { ($0.id, $0.profile.meterFile(zone: configuration.zone)) },
      uniquingKeysWith: { first, _ in first })
  }

  /// What is asked on a line, and when.
  ///
  /// `line` is its place in the configuration; `health` is what was learned of meters before, and `done` tells the
  /// last round from which a register of a meter is stored.
  func plan(
    line: Int, health: [MeterID: MeterHealth], done: (MeterID, Quantity) -> Int64?, at now: BootInstant,
    wall: HostInstant
  ) -> LinePlan {
    let tasks = configuration.tasks.map(\.task)
    let planned = meters[line].map { meter in
      let programme = configuration.tasks.map { entry in
        entry.meters.map { $0.contains(meter.id) } ?? true ? meter.queries(for: entry.task.targets) : []
      }
      var known: [Query: Int64] = [:]
      for query in Set(programme.joined()) {
        // Kept memories tell no register as it stands: they may be read again, the same value changes nothing.
        known[query] = meter.quantities(toldBy: query).compactMap { done(meter.id, $0) }.max()
      }
      return LinePlan.Meter(
        id: meter.id, programme: programme, probes: meter.probes, replyLimit: meter.replyLimit, done: known)
    }
    return LinePlan(
      tasks: tasks, meters: planned, health: meters[line].map { health[$0.id] ?? MeterHealth() },
      zone: configuration.zone, at: now, wall: wall)
  }
}

extension Complaint {
  /// The same complaint, led by the place in the configuration that caused it.
  func located(_ configuration: Configuration, _ line: Int, _ key: String) -> Complaint {
    guard !headline.hasPrefix(configuration.file) else { return self }
    return Complaint(status, "\(configuration.file):\(line): \(key): \(headline)", advice: advice)
  }
}

extension Account {
  init(entry: Configuration.AccountEntry, plan: String, _ configuration: Configuration, _ meters: [[LineMeter]]) {
    var assignments: [MeterAssignment] = []
    for (line, found) in zip(configuration.lines, meters) {
      for (meter, known) in zip(line.meters, found) where meter.account == entry.id {
        guard let register = known.profile.counterRange else { continue }
        assignments.append(MeterAssignment(meter: meter.id, multiplier: meter.multiplier, register: register))
      }
    }
    self.init(id: entry.id, meters: assignments, plan: plan, settlement: entry.settlement, zone: configuration.zone)
  }
}
