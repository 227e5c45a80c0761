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

  /// Keeps 62 daily freezes.
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
      [[group]]
      kind = "daily-freeze"
      [[group.item]]
      identifier = "05060101"
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

extension DeviceProfile {
  var speaksModbus: Bool { if case .modbus = language { true } else { false } }
}

extension LineMeter {
  var isOfModbus: Bool { profile.speaksModbus }
}
