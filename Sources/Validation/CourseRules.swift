internal import Metering

/// BACK, ROLL and FLY: the course of a register from its neighbour before, and to the one after.
///
/// The later neighbour is there when a reading comes late; the same step is judged, from the other end.
func course(_ reading: Reading, _ known: [Neighbour], file: MeterFile) -> [Remark] {
  guard let register = Register(reading.key.quantity, file: file) else { return [] }
  let value = reading.value.millionths
  if register.onlyGrows, value < 0 {
    return [Remark(.held, .backward, "\(reading.value) is below zero")]
  }
  if let modulus = file.modulus, value >= modulus {
    return [Remark(.held, .runaway, "\(reading.value) is more than the register's digits can show")]
  }
  let itself = Neighbour(reading)
  var remarks: [Remark] = []
  if let earlier = known.last(before: itself.instant) {
    remarks += register.stepAsRead(earlier, itself, kind: reading.key.kind)
  }
  if let later = known.first(after: itself.instant) {
    remarks += register.stepAsRead(itself, later, kind: reading.key.kind)
  }
  return remarks
}

/// What is known of one energy register.
private struct Register {
  let unit: String
  let onlyGrows: Bool
  let modulus: Int64?
  let maximumPower: Int64?
  let limits: Limits

  /// `nil` for what is not an energy register.
  init?(_ quantity: Quantity, file: MeterFile) {
    guard case .energy = quantity.measurand else { return nil }
    unit = quantity.unit?.rawValue ?? ""
    onlyGrows = quantity.isCumulative
    modulus = file.modulus
    maximumPower = file.maximumPower(phases: quantity.loadedPhases(of: file))
    limits = file.limits
  }

  /// The step between two neighbours by their labels, in the order in which they were read where that is another one.
  ///
  /// A register that is read late for its round bears the time of the read, and the next round's label may lie just
  /// before that: what is read for it comes later all the same. Which one came first the boot clock says: the wall clock
  /// may have been set between them.
  func stepAsRead(_ first: Neighbour, _ second: Neighbour, kind: ReadingKind) -> [Remark] {
    var isOtherWay = false
    if kind == .instantaneous, first.isReadAtItsTime, second.isReadAtItsTime, let one = first.bootTime,
      let other = second.bootTime
    {
      isOtherWay = one > other
    }
    return isOtherWay ? step(from: second, to: first, kind: kind) : step(from: first, to: second, kind: kind)
  }

  private func step(from: Neighbour, to: Neighbour, kind: ReadingKind) -> [Remark] {
    let change = Int128(to.value.millionths) - Int128(from.value.millionths)
    let words = "from \(from.value) to \(to.value) \(unit)"
    // Two truncated numbers hide up to one step of the register between them.
    let step = Int128(max(from.value.resolution, to.value.resolution))
    let elapsed = elapsed(from: from, to: to, kind: kind)
    guard onlyGrows else { return flying(bothWays(change), step, elapsed, words).map { [$0] } ?? [] }
    guard change < 0 else { return flying(change, step, elapsed, words).map { [$0] } ?? [] }
    guard let modulus, Int128(from.value.millionths) * 10 > Int128(modulus) * 9 else {
      return [Remark(.held, .backward, words)]
    }
    guard let maximumPower else {
      return [Remark(.held, .backward, "\(words): a rollover cannot be told without the meter's rating")]
    }
    let use = change + Int128(modulus)
    guard !exceeds(use - step, percent: 100, of: maximumPower, over: elapsed) else {
      return [Remark(.held, .backward, "\(words): too much for a rollover")]
    }
    return [Remark(.accepted, .rollover, words)]
  }

  private func flying(_ use: Int128, _ step: Int128, _ elapsed: Int128, _ words: String) -> Remark? {
    guard let maximumPower else { return nil }
    let certain = use - step
    guard exceeds(certain, percent: limits.runawayFlagPercent, of: maximumPower, over: elapsed) else { return nil }
    let rejected = exceeds(certain, percent: limits.runawayRejectPercent, of: maximumPower, over: elapsed)
    let bound = "at most \(decimalString(maximumPower, decimals: 3)) kW for \(elapsed) ms"
    return Remark(rejected ? .rejected : .flagged, .runaway, "\(words): \(bound)")
  }

  /// The distance a register went that may also fall: the shorter way round.
  private func bothWays(_ change: Int128) -> Int128 {
    let distance = change < 0 ? -change : change
    guard let modulus, distance <= Int128(modulus) else { return distance }
    return min(distance, Int128(modulus) - distance)
  }

  /// The time that the use may have taken, in milliseconds.
  ///
  /// A register read as it stood is labelled with the round's due time but read some time after, so the longer of
  /// both intervals bounds it; where the clock was set between them, the time that has passed since.
  private func elapsed(from: Neighbour, to: Neighbour, kind: ReadingKind) -> Int128 {
    let labelled = Int128(to.instant) - Int128(from.instant)
    guard kind == .instantaneous else { return labelled }
    let read = max(labelled, Int128(to.readAt) - Int128(from.readAt))
    guard let one = from.bootTime, let other = to.bootTime else { return read }
    return max(read, Int128((other - one).milliseconds))
  }
}

/// Whether `use` (millionths of a kWh) is above `percent` of what `power` (milliwatts) gives in `elapsed` ms.
///
/// One millionth of a kWh is 3.6 J, and a milliwatt for a millisecond is a microjoule. The elapsed time of two
/// 64-bit instants has 65 bits, a power 52 and a percentage is held to 10: 127 bits are enough.
private func exceeds(_ use: Int128, percent: Int64, of power: Int64, over elapsed: Int128) -> Bool {
  let percent = Int128(min(max(percent, 0), 1000))
  return use * 3_600_000 * 100 > percent * Int128(power) * elapsed
}

extension Quantity {
  /// How many phases' load the quantity sees.
  func loadedPhases(of file: MeterFile) -> Int {
    switch part {
    case .phase, .neutral: 1
    case .total, .rate, .line, .single: file.phases
    }
  }
}
