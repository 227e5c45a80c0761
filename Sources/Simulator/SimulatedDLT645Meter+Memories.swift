internal import DLT645
internal import Metering

/// Freezes and the load profile: what the meter held at instants that have passed.
extension SimulatedDLT645Meter {
  /// Freezes of DI2, most of them unverified: how many a meter keeps.
  private static let timedKept = 12
  static let instantKept = 3
  private static let hourlyKept = 254

  /// The bytes of a freeze that the catalogue's way does not tell; `nil` for other identifiers and for more of them
  /// than the meter keeps. One that was never taken is FFH.
  func freezePayload(of identifier: DataIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    guard identifier.di3 == 0x05, identifier.di0 > 0 else { return nil }
    let back = Int(identifier.di0)
    let taken: SimulatedInstant?
    switch identifier.di2 {
    case 0x00 where back <= Self.timedKept: taken = timedFreeze(back, at: now)
    case 0x01 where back <= Self.instantKept:
      taken = back <= state.freezes.count ? state.freezes[back - 1] : nil
    case 0x04 where back <= Self.hourlyKept:
      let seconds = registers.clock(at: now).localSeconds
      taken = kept(seconds - (seconds % 3600 + 3600) % 3600 - Int64(back - 1) * 3600)
    case 0x06 where identifier.di1 >= 0x10 && back <= registers.freezesKept:
      taken = registers.boundary(of: .dailyFreeze(back), at: lagged(now)).flatMap(kept)
    default: return nil
    }
    guard let bytes = frozen(identifier.di1, at: taken ?? now) else { return nil }
    return taken == nil ? [UInt8](repeating: 0xFF, count: bytes.count) : bytes
  }

  /// The instant of a second of the meter's clock, if its memory goes back so far.
  private func kept(_ seconds: Int64) -> SimulatedInstant? {
    seconds - registers.clockOffset >= registers.firstSecond ? registers.instant(ofClock: seconds) : nil
  }

  /// The freeze so many back among those that the pattern has called for.
  private func timedFreeze(_ back: Int, at now: SimulatedInstant) -> SimulatedInstant? {
    guard let (pattern, since) = state.timedFreeze else { return nil }
    let seconds = registers.clock(at: now).localSeconds
    let minute = seconds - (seconds % 60 + 60) % 60
    let step: Int64 = pattern.hour == nil ? 3600 : 86_400
    func isDue(_ seconds: Int64) -> Bool {
      let time = MeterTime(localSeconds: seconds).time
      return pattern.minute == time.minute && (pattern.hour ?? time.hour) == time.hour
    }
    var candidate = minute
    while !isDue(candidate) {
      candidate -= 60
      guard candidate >= since else { return nil }
    }
    var found = 0
    while candidate >= since {
      if pattern.matches(MeterTime(localSeconds: candidate)) {
        found += 1
        if found == back { return kept(candidate) }
      }
      candidate -= step
    }
    return nil
  }

  /// DI1 of a freeze: what the current registers told at an instant.
  private func frozen(_ part: UInt8, at instant: SimulatedInstant) -> [UInt8]? {
    switch part {
    case 0x00: return WireTime(registers.clock(at: instant))?.minuteBytes
    case 0x01...0x08: return current(0x0000_FF00 | UInt32(part) << 16, at: instant)
    case 0x09, 0x0A: return current(0x0100_FF00 | UInt32(part - 8) << 16, at: instant)
    case 0x10: return joined([0x0203_FF00, 0x0204_FF00], at: instant)
    case 0xFF:
      return [UInt8](0...0x0A).reduce([]) { $0 + (frozen($1, at: instant) ?? []) + [0xAA] }
        + (frozen(0x10, at: instant) ?? []) + [0xAA]
    default: return nil
    }
  }

  private func current(_ identifier: UInt32, at instant: SimulatedInstant) -> [UInt8]? {
    cataloguePayload(of: DataIdentifier(rawValue: identifier), at: instant)
  }

  private func joined(_ identifiers: [UInt32], at instant: SimulatedInstant) -> [UInt8] {
    identifiers.reduce([]) { $0 + (current($1, at: instant) ?? []) }
  }
}

extension SimulatedDLT645Meter {
  /// Minutes between two records, from the parameter 04000A02.
  private var profileInterval: Int64 {
    let identifier = DataIdentifier(rawValue: 0x0400_0A02)
    let bytes = state.parameters[identifier] ?? MeterParameters.factory(identifier) ?? []
    return Int64(min(max(decimalNumber(bytes) ?? 15, 1), 9999))
  }

  /// The records that a read of the load profile asks for, one after the other; empty where there are none.
  func profilePayload(_ read: LoadProfileRead, at now: SimulatedInstant) -> [UInt8] {
    let step = profileInterval * 60
    let seconds = registers.clock(at: now).localSeconds
    let oldest = max(
      registers.firstSecond + registers.clockOffset, seconds - Int64(max(1, habits.profileDays)) * 86_400)
    let first = Self.up(oldest, to: step)
    let last = Self.up(seconds + 1, to: step) - step
    let start: Int64
    switch read.start {
    case .earliest: start = first
    case .from(let time): start = max(first, Self.up(time.time.localSeconds, to: step))
    case .latest: start = max(first, last - Int64(read.blocks - 1) * step)
    }
    return stride(from: start, through: last, by: Int64.Stride(step)).prefix(read.blocks)
      .reduce([]) { $0 + record(of: read.recordClass, at: $1) }
  }

  private static func up(_ seconds: Int64, to step: Int64) -> Int64 {
    seconds + (step - (seconds % step + step) % step) % step
  }

  /// A0 A0, length, time, six classes each closed by AAH, sum, E5. A class that is not asked for leaves its AAH.
  ///
  /// Source: DL/T 645-2007, load profile, as taken apart by wuhuangrui/C82_DL689; the sizes of the classes are unverified.
  private func record(of recordClass: Int, at clock: Int64) -> [UInt8] {
    let instant = registers.instant(ofClock: clock)
    var body = WireTime(MeterTime(localSeconds: clock))?.minuteBytes ?? []
    for (index, identifiers) in Self.profileClasses.enumerated() {
      if recordClass == 0 || recordClass == index + 1 { body += joined(identifiers, at: instant) }
      body.append(0xAA)
    }
    let record: [UInt8] = [0xA0, 0xA0, UInt8(truncatingIfNeeded: body.count)] + body
    return record + [record.reduce(0, &+), 0xE5]
  }

  private static let profileClasses: [[UInt32]] = [
    [0x0201_FF00, 0x0202_FF00, 0x0280_0002], [0x0203_FF00, 0x0204_FF00], [0x0206_FF00],
    [0x0001_0000, 0x0002_0000, 0x0003_0000, 0x0004_0000],
    [0x0005_0000, 0x0006_0000, 0x0007_0000, 0x0008_0000], [0x0280_0004, 0x0280_0005],
  ]
}
