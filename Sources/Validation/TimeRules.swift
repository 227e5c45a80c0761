internal import Metering

/// TIME: an instant in the future, or before the meter was there.
func time(_ reading: Reading, file: MeterFile, now: HostInstant) -> Remark? {
  let instant = Int128(reading.key.instant)
  // Against a clock that nobody set, "in the future" says nothing of the reading: it waits, and is not thrown away.
  let trusted = now.clock != .unsynchronised && reading.hostTime.clock != .unsynchronised
  let status: Verdict.Status = trusted ? .rejected : .held
  let ahead = instant - Int128(now.unixMilliseconds)
  if ahead > Int128(max(file.limits.future, 0)) {
    return Remark(status, .impossibleTime, "\(seconds(ahead)) s in the future")
  }
  if let installed = file.installedAt, instant < Int128(installed) {
    return Remark(status, .impossibleTime, "\(seconds(Int128(installed) - instant)) s before the meter was installed")
  }
  return nil
}

/// HOST: the label was made by a clock that nobody set.
///
/// A counted register with a wrong label would stand in the way of all that come after it, so it waits, and so
/// does what is billed. Other values are listed.
func hostClock(_ reading: Reading, file: MeterFile) -> Remark? {
  switch reading.hostTime.clock {
  case .synchronised: return nil
  case .holdover(let age):
    guard age > file.limits.holdover else { return nil }
    return Remark(.flagged, .clockUnsynchronised, "the host's clock has run alone for \(age) s")
  case .unsynchronised:
    let waits = reading.key.quantity.isCumulative || reading.key.kind.isBilled
    return Remark(waits ? .held : .flagged, .clockUnsynchronised, "the host's clock was not set")
  }
}

/// CLK: how far the meter's clock is from the host's.
///
/// A value read as it stood is labelled by the host and only listed. A kept memory is labelled by the meter's clock,
/// and one that is off by more than the limit may have named another day or month: it waits.
func meterClock(_ reading: Reading, file: MeterFile) -> Remark? {
  guard reading.key.kind == .instantaneous || reading.key.kind.isBilled, let meterTime = reading.meterTime,
    reading.hostTime.clock != .unsynchronised
  else { return nil }
  // A clock told to the minute stands somewhere within it, one told to the second within that.
  let earliest = Int128(file.zone.unixMilliseconds(of: meterTime)) - Int128(reading.hostTime.unixMilliseconds)
  let latest = earliest + (meterTime.time.second == nil ? 59_999 : 999)
  let deviation = earliest > 0 ? earliest : min(latest, 0)
  let distance = deviation < 0 ? -deviation : deviation
  guard distance > Int128(file.limits.clockMark) else { return nil }
  let isUncertain = distance > Int128(file.limits.clockLimit)
  let isKept = reading.key.kind.isBilled
  let uncertain = isUncertain ? "; its \(isKept ? "dates" : "intervals") are uncertain" : ""
  return Remark(
    isKept && isUncertain ? .held : .flagged, .clockDeviation,
    "the meter's clock is \(seconds(distance)) s \(deviation > 0 ? "fast" : "slow")\(uncertain)")
}

extension ReadingKind {
  /// Kept by the meter for a bill.
  var isBilled: Bool {
    switch self {
    case .dailyFreeze, .settlement: true
    case .instantaneous, .profile, .event, .estimate: false
    }
  }
}

/// Milliseconds as seconds, for people.
private func seconds(_ milliseconds: Int128) -> String {
  let (whole, rest) = (milliseconds / 1000, milliseconds % 1000)
  return rest == 0 ? "\(whole)" : "\(whole).\(String(repeating: "0", count: 3 - "\(rest)".count))\(rest)"
}
