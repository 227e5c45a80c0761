import Acquisition
import Devices
import Documents
import Metering
import Simulator
import TOML

/// The meters of the scenarios, by profiles of their own.
enum DayMeters {
  private static let head = """
    title = "Scenario"
    manufacturer = "Nobody"
    source = "made for a scenario"
    certainty = "unverified"
    phases = 1
    nominal-voltage = "220"
    reply-timeout-ms = 700
    inter-byte-ms = 300

    """

  /// Keeps 62 daily freezes, twelve settlements, a load profile and records of power failures.
  static let freezing =
    head + """
      name = "freezing"
      protocol = "dlt645-2007"
      rates = 4
      settlements = 12
      daily-freezes = 62
      energy-digits = 6
      [[group]]
      [[group.item]]
      identifier = "00010000"
      [[group.item]]
      identifier = "04000101"
      [[group.item]]
      identifier = "04000102"
      [[group.item]]
      identifier = "04000501"
      [[group.item]]
      identifier = "04000B01"
      [[group]]
      kind = "settlement"
      [[group.item]]
      identifier = "00010001"
      [[group]]
      kind = "daily-freeze"
      [[group.item]]
      identifier = "05060101"
      [[group]]
      kind = "event"
      [[group.item]]
      identifier = "03110001"
      """

  static let modbus =
    head + """
      name = "registers"
      protocol = "modbus"
      function = "input"
      [[group]]
      type = "u32"
      scale = "0.01"
      [[group.register]]
      quantity = "energy.import.active.total"
      address = 100
      """

  static let old =
    head + """
      name = "old"
      protocol = "dlt645-1997"
      rates = 4
      settlements = 2
      energy-digits = 6
      [[group]]
      [[group.item]]
      identifier = "9010"
      """

  static func meter(
    _ number: Int, _ profile: DeviceProfile, on settings: SerialSettings, seed: UInt64, faults: LineFaults = .none,
    clockOffset: Int64 = 0, start: MeterTime? = nil
  ) throws -> DayLine.Meter {
    guard let id = MeterID("M-\(number)") else { throw DayError("no name") }
    let address = profile.speaksModbus ? "\(number)" : "\(202_300_000_000 + number)"
    guard let known = MeterAddress(address, for: profile) else { throw DayError("no address \(address)") }
    var random = SplitMix64(seed: seed)
    // Between 20 and 120 ms, as meters of many makes are.
    let delay = BootInstant.Span.milliseconds(20 + Int64(random.next(below: 101)))
    let description = try MeterDescription(
      id: id, profile: profile, address: address, seed: seed, start: start ?? MeterDescription.firstDay, delay: delay,
      faults: faults, clockOffset: clockOffset)
    return DayLine.Meter(
      description: description, known: LineMeter(id: id, address: known, profile: profile, settings: settings))
  }

  static func profile(_ text: String) throws -> DeviceProfile {
    try DeviceProfile(Document(toml: text, file: "scenario.toml"))
  }

  /// The round of 00:05, with its back-fill.
  static func freezeTask(backfillDays: Int = 7) throws -> AcquisitionTask {
    guard let at = TimeOfDay("00:05") else { throw DayError("no time") }
    return AcquisitionTask(
      name: "freeze", schedule: .daily(at), targets: [.dailyFreeze], priority: 2, backfillDays: backfillDays)
  }
}

extension DayMeters {
  /// What is usual beside the freezes: energies every 15 minutes, the settlement of each month, clocks once a day and
  /// events every four hours.
  static func usualTasks() throws -> [AcquisitionTask] {
    guard let noon = TimeOfDay("12:00"), let night = TimeOfDay("00:30") else { throw DayError("no time") }
    return [
      AcquisitionTask(name: "energy", schedule: .every(seconds: 900), targets: [.energies], priority: 3),
      AcquisitionTask(
        name: "settlement", schedule: .monthly(days: [1], night), targets: [.settlements(depth: 1, of: nil)],
        priority: 2),
      AcquisitionTask(name: "clock", schedule: .daily(noon), targets: [.clock], priority: 4),
      AcquisitionTask(name: "events", schedule: .every(seconds: 14_400), targets: [.events], priority: 3),
    ]
  }

  /// The load profile of total energies, an hour apart.
  static let curve = AcquisitionTask(
    name: "curve", schedule: .every(seconds: 3600), targets: [.loadProfile(recordClass: 4, minutes: 60)], priority: 4,
    backfillDays: 7)
}

extension DeviceProfile {
  var speaksModbus: Bool { if case .modbus = language { true } else { false } }
}

extension LineMeter {
  var isOfModbus: Bool { profile.speaksModbus }
}
