internal import DLT645

/// The passwords of a meter and its patience with wrong ones.
///
/// That levels 0 to 2 write everything and 3 and 4 parameters and demand, and that three wrong passwords lock a meter
/// for a day, is unverified.
struct MeterAccess: Sendable {
  var passwords: [Int: Password]
  /// Wrong passwords in a row.
  private(set) var wrongTries = 0
  private(set) var lockedUntil: SimulatedInstant?

  static let highLevel = 2
  static let ordinaryLevel = 4

  init(_ passwords: [Password]) {
    self.passwords = Dictionary(passwords.map { ($0.level, $0) }, uniquingKeysWith: { _, last in last })
  }

  /// Whether a password opens what needs `level` or a higher one, which has a lower number.
  mutating func admits(
    _ password: Password, level: Int, at now: SimulatedInstant, habits: SimulatedDLT645Meter.Habits
  ) -> Bool {
    if let lockedUntil {
      guard now >= lockedUntil else { return false }
      self.lockedUntil = nil
      wrongTries = 0
    }
    guard passwords[password.level] == password else {
      wrongTries += 1
      if wrongTries >= habits.passwordTries { lockedUntil = now.advanced(bySeconds: habits.lockSeconds) }
      return false
    }
    wrongTries = 0
    return password.level <= level
  }
}

/// The state of the customer's supply, as status word 3 shows it.
struct SupplyState: Hashable, Sendable {
  var isOpen = false
  /// The last command was to trip.
  var isTripped = false
  var alarms = false
  var isKept = false

  /// Bits 4, 6 and 7. Source: status words of DL/T 645-2007 as published; bit 7 is unverified.
  var bits: UInt32 { (isOpen ? 0x10 : 0) | (isTripped ? 0x40 : 0) | (alarms ? 0x80 : 0) }

  /// `false` where the meter may not do it now.
  mutating func obey(_ action: SupplyAction) -> Bool {
    switch action {
    case .trip:
      guard !isKept else { return false }
      isOpen = true
      isTripped = true
    // The customer still has to press the button.
    case .allowClose: isTripped = false
    case .close:
      isOpen = false
      isTripped = false
    case .alarm: alarms = true
    case .endAlarm: alarms = false
    case .keepSupply:
      isKept = true
      isOpen = false
      isTripped = false
    case .endKeepSupply: isKept = false
    }
    return true
  }
}
