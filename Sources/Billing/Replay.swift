public import Metering
public import Rating

/// Why a cycle would be billed otherwise now than it was.
public enum CorrectionCause: Hashable, Sendable {
  /// Another reading counts at a boundary: a late actual, or a new version.
  case reading(meter: String, quantity: String, at: String, old: IssuedSegment.Mark?, new: IssuedSegment.Mark?)
  /// Other records of a load profile count: missing ones came, or one was corrected.
  case profile(meter: String, from: String, to: String)
  /// Another version of the plan applies, or it says something else.
  case plan(old: String, new: String)
  /// The meter counts with another multiplier.
  case multiplier(meter: String, old: String, new: String)
  /// A meter was found to be in error, and what it counted is mended.
  case meterError(MendedStretch)
  /// Something else that is agreed for the account is different.
  case terms
  /// Another version of the program rates the same otherwise.
  case engine
  /// An earlier cycle of the tier window is different.
  case window
  /// By its first and last day the account has no day in the month any more.
  case outside(account: String, month: YearMonth)
}

extension CorrectionCause: CustomStringConvertible {
  public var description: String {
    switch self {
    case .reading(let meter, let quantity, let time, let old?, let new?):
      "reading \(old.reading) has a newer one, \(new.reading): meter \(meter), \(quantity) at \(time), \(old.value) is"
        + " now \(new.value)"
    case .reading(let meter, let quantity, let time, nil, let new?):
      "reading \(new.reading) is new: meter \(meter), \(quantity) at \(time), \(new.value)"
    case .reading(let meter, let quantity, let time, let old, nil):
      "reading \(old?.reading ?? 0) does not count any more: meter \(meter), \(quantity) at \(time)"
    case .profile(let meter, let from, let to):
      "other records of the load profile of meter \(meter) from \(from) to \(to) count now"
    case .plan(let old, let new): "plan \(old) is now \(new)"
    case .multiplier(let meter, let old, let new): "meter \(meter) has multiplier \(new) instead of \(old)"
    case .meterError(let stretch): "\(stretch)"
    case .terms: "what is agreed for the account, or its meters' times, has changed"
    case .engine: "the program rates the same readings, tariffs and terms otherwise now"
    case .window: "an earlier cycle of the tier window has changed"
    case .outside(let account, let month): "by its from and to account \(account) has no day in \(month)"
    }
  }
}

/// A cycle that comes out otherwise.
public struct CycleCorrection: Hashable, Sendable {
  public let original: IssuedBill
  /// As it would be billed now, under the version number that it gets; `nil` where the bill is only cancelled.
  public let replacement: ClosedBill?
  public let causes: [CorrectionCause]
  /// New less old.
  public var amount: Money { (replacement?.total ?? .zero) - original.total }
}

/// What comes of billing issued cycles again.
public struct Replay: Hashable, Sendable {
  /// In the order of the cycles.
  public internal(set) var corrections: [CycleCorrection] = []
  /// Cycles that cannot be billed now, and why. What was issued stands.
  public internal(set) var stuck: [YearMonth: [HoldReason]] = [:]
}

extension Replay {
  /// A correction that cannot be issued, and the cycle that it waits for.
  public struct Waiting: Hashable, Sendable {
    public let cycle: YearMonth
    public let stuck: YearMonth
    public let reasons: [HoldReason]
  }

  /// The corrections that do not hang together with a cycle that cannot be billed now.
  ///
  /// What stands for such a cycle stays. So the correction of the one before it must hand over what it did before, tiers
  /// and registers, and that of the one after it must start from what it did; or energy would be billed twice, or
  /// never. Where a cycle between comes out the same, what stands fits as well as it did.
  ///
  /// - Parameter standing: what was replayed.
  /// - Returns: the corrections to issue, together; and the first that waits, with what for.
  public func untilStuck(_ standing: [IssuedBill]) -> (replay: Replay, waiting: Waiting?) {
    guard !stuck.isEmpty else { return (self, nil) }
    let corrected = Dictionary(corrections.map { ($0.original.cycle, $0) }, uniquingKeysWith: { first, _ in first })
    var free: [CycleCorrection] = []
    var waiting: Waiting?
    // Corrections of cycles one after the other, and the stuck one before the first of them.
    var run: [CycleCorrection] = []
    var before: YearMonth?
    func end(at after: YearMonth?) {
      var kept = run[...]
      if before != nil { kept = kept.drop { !$0.startsFromTheSame } }
      if after != nil { while let last = kept.last, !last.handsOverTheSame { kept.removeLast() } }
      let left = run.first { one in !kept.contains { $0.original.cycle == one.original.cycle } }
      if waiting == nil, let left,
        let stuck = kept.first.map({ left.original.cycle < $0.original.cycle }) == true
          ? before : after ?? before
      {
        waiting = Waiting(cycle: left.original.cycle, stuck: stuck, reasons: self.stuck[stuck] ?? [])
      }
      free += kept
      run = []
    }
    for bill in standing {
      if let correction = corrected[bill.cycle] {
        run.append(correction)
        continue
      }
      let isStuck = stuck[bill.cycle] != nil
      end(at: isStuck ? bill.cycle : nil)
      before = isStuck ? bill.cycle : nil
    }
    end(at: nil)
    var replay = self
    replay.corrections = free
    return (replay, waiting)
  }
}

extension CycleCorrection {
  /// True where the next cycle finds the tiers and the registers that it found before.
  fileprivate var handsOverTheSame: Bool {
    guard let new = replacement?.parts else { return false }
    let (before, after) = (original.windowAfter, new.last?.window)
    return before?.plan == after?.plan && before?.start == after?.start && before?.after == after?.after
      && original.parts.registers(atEnd: true) == new.registers(atEnd: true)
  }

  /// True where it goes on from the tiers and the registers that it went on from before.
  fileprivate var startsFromTheSame: Bool {
    guard let new = replacement?.parts else { return false }
    return original.parts.tiersAtStart == new.tiersAtStart
      && original.parts.registers(atEnd: false) == new.registers(atEnd: false)
  }
}

extension [IssuedPart] {
  /// What the registers stood at in the end, or as the first days began, by meter, time and quantity.
  fileprivate func registers(atEnd: Bool) -> [[String]: String] {
    let segments = flatMap(\.segments)
    let times = segments.map { wholeTime(atEnd ? $0.to : $0.from) }
    let edge = atEnd ? times.max() : times.min()
    let found = segments.filter { wholeTime(atEnd ? $0.to : $0.from) == edge }.flatMap { segment in
      segment.registers.map { ([segment.meter, edge ?? "", $0.quantity], (atEnd ? $0.stop : $0.start).value) }
    }
    return Dictionary(found, uniquingKeysWith: { _, last in last })
  }

  /// How full each tier was before.
  fileprivate var tiersAtStart: [Energy]? {
    first?.window.map { window in zip(window.after, window.used).map { $0 - $1 } }
  }
}

/// A tier window that cycles of one plan go on with.
public struct OpenWindow: Hashable, Sendable {
  /// Name of the plan; another plan's window starts anew.
  public let plan: String
  public let state: WindowState

  /// Where a bill left it; `nil` without tiers.
  public init?(after bill: IssuedBill) {
    guard let window = bill.windowAfter else { return nil }
    plan = window.plan
    state = WindowState(start: window.start, byTier: window.after)
  }

  /// Where a bill leaves it; `nil` without tiers.
  public init?(after bill: ClosedBill) {
    guard let state = bill.windowAfter, let plan = bill.bills.last?.plan.name else { return nil }
    self.plan = plan
    self.state = state
  }

  /// Where a bill was made from; `nil` without tiers.
  init?(before bill: IssuedBill) {
    guard let window = bill.parts.first?.window, let tiers = bill.parts.tiersAtStart,
      window.after.count == window.used.count
    else { return nil }
    plan = window.plan
    state = WindowState(start: window.start, byTier: tiers)
  }

  /// What a cycle of `account` starts from; `nil` where it is of another plan, of a later window or of other tiers.
  ///
  /// The window is that of the version which holds on the cycle's first day, as it was known on `day`: later versions may
  /// have others.
  public func state(
    for cycle: Cycle, of account: Account, plans: PlanCatalogue, knownOn day: CivilDate
  ) -> WindowState? {
    guard let first = account.versions(in: cycle, plans: plans, knownOn: day).first?.plan, first.name == plan,
      let tiers = first.tiers, tiers.windowStart(of: cycle.tierMonth) == state.start, tiers.count == state.byTier.count
    else { return nil }
    return state
  }
}

extension [IssuedBill] {
  /// What a cycle of `account` starts from, after what stands before it; `nil` as for `OpenWindow.state`.
  ///
  /// What was used in a month that is not the account's any more fills no tier of it.
  public func window(
    before cycle: Cycle, of account: Account, plans: PlanCatalogue, knownOn day: CivilDate
  ) -> WindowState? {
    last { $0.cycle < cycle.month && account.cycle($0.cycle) != nil }.flatMap(OpenWindow.init(after:))?
      .state(for: cycle, of: account, plans: plans, knownOn: day)
  }
}

/// Bills issued cycles again, each starting from the window that the one before leaves, and tells what differs.
///
/// Pure: state of tiers, demand and power factor of all later cycles follow, since each is billed anew from its own
/// readings. With nothing changed nothing comes out.
///
/// - Parameters:
///   - account: as it is known now.
///   - standing: what stands for each cycle, in their order; without those that were cancelled.
///   - readings: all there are for those cycles.
///   - profile: the load profiles of those that are settled by intervals.
///   - plans: every version of the account's plans.
///   - day: versions that became known later are not used.
///   - form: how corrections are to be issued; it decides the version numbers of the new bills.
/// - Returns: cycles that come out otherwise, and those that cannot be billed.
public func replay(
  _ account: Account, standing: [IssuedBill], readings: [JournalReading], profile: ProfileReadings = ProfileReadings(),
  plans: PlanCatalogue, knownOn day: CivilDate, form: CorrectionForm = .reversal
) -> Replay {
  var result = Replay()
  var window: OpenWindow?
  for bill in standing {
    guard let cycle = account.cycle(bill.cycle) else {
      // What was used in it is not this customer's, and fills no tier.
      result.corrections.append(
        CycleCorrection(
          original: bill, replacement: nil, causes: [.outside(account: account.id, month: bill.cycle)]))
      continue
    }
    let state = window?.state(for: cycle, of: account, plans: plans, knownOn: day)
    func close(version: Int) -> Closing {
      closeCycle(
        account: account, cycle: cycle, readings: readings, profile: profile, windowState: state, plans: plans,
        knownOn: day, version: version)
    }
    switch close(version: bill.version) {
    case .hold(let reasons):
      result.stuck[bill.cycle] = reasons
      window = OpenWindow(after: bill)
    case .bill(let again):
      window = OpenWindow(after: again)
      // Other words, or another engine with the same result, are nothing to correct. The digest of the inputs does not
      // tell: an engine that has changed makes another bill of the same.
      guard Charges(again) != Charges(bill.parts) else { continue }
      let next = bill.version + (form == .reversal ? 2 : 1)
      guard case .bill(let replacement) = close(version: next) else { continue }
      result.corrections.append(
        CycleCorrection(
          original: bill, replacement: replacement, causes: causes(of: again, instead: bill)))
    }
  }
  return result
}

/// Bills one issued cycle again from the very readings and the tier window it rests on, as plans were known when it was
/// issued: what then differs comes of another plan file, another engine, or other master data.
///
/// - Parameters:
///   - bill: what stands.
///   - before: what stands for the cycle before it; `nil` without one.
///   - account: as it is known now.
///   - readings: of the journal; those that the bill does not rest on do not count, but where an error that a meter was
///     found to have later begins or ends inside the cycle.
///   - profile: load profiles of the journal; what was stored after the newest record of the bill does not count.
///   - plans: every version of the account's plans.
/// - Returns: the bill as it comes out now, under the same version number, or why there is none.
public func rateAgain(
  _ bill: IssuedBill, after before: IssuedBill?, account: Account, readings: [JournalReading],
  profile: ProfileReadings = ProfileReadings(), plans: PlanCatalogue
) -> Closing {
  guard let cycle = account.cycle(bill.cycle) else {
    return .hold([.outsideAccount(account: account.id, month: bill.cycle)])
  }
  let own = Set(bill.readings)
  let edges = account.errorEdges(in: cycle).map {
    (meter: $0.assignment.meter, instant: account.zone.unixMilliseconds(of: $0.at))
  }
  let named = edges.isEmpty ? [] : Set(readings.filter { own.contains($0.sequence) }.map(BoundaryPlace.init))
  func counts(_ reading: JournalReading) -> Bool {
    let key = reading.reading.key
    return own.contains(reading.sequence)
      || edges.contains { $0.meter == key.meter && $0.instant == key.instant }
        && !named.contains(BoundaryPlace(reading))
  }
  let day = account.zone.local(unixMilliseconds: bill.issuedAt).date
  // From an empty window cycles begin without any.
  let began = OpenWindow(before: bill).flatMap { $0.state.byTier.allSatisfy { $0 == .zero } ? nil : $0 }
  let window = bill.began(after: before) ? before.flatMap(OpenWindow.init(after:)) : began
  return closeCycle(
    account: account, cycle: cycle, readings: readings.filter(counts),
    profile: profile.known(through: bill.newestRecord),
    windowState: window?.state(for: cycle, of: account, plans: plans, knownOn: day), plans: plans, knownOn: day,
    version: bill.version)
}

extension IssuedBill {
  /// False where the bill was made from another point of its tier window than `before`, which stands for the cycle before
  /// it, leaves now: an earlier cycle was billed or corrected after it.
  public func began(after before: IssuedBill?) -> Bool {
    guard let own = OpenWindow(before: self) else { return true }
    let left = before.flatMap(OpenWindow.init(after:))
    guard let left, left.plan == own.plan, left.state.start == own.state.start else {
      return own.state.byTier.allSatisfy { $0 == .zero }
    }
    return left.state.byTier == own.state.byTier
  }
}

/// What makes a bill, rated again under the version number of the one that stands, another than that.
public func causes(of new: ClosedBill, instead old: IssuedBill) -> [CorrectionCause] {
  // From the very same inputs only another program can make another bill.
  guard new.digest != old.digest else { return [.engine] }
  let found = causes(of: new.parts, instead: old.parts)
  let mended = new.mended.filter { stretch in
    !old.parts.flatMap(\.segments).contains {
      $0.meter == stretch.meter && $0.multiplier == "\(stretch.error.multiplier)"
        && MeterTime($0.from) == stretch.from && MeterTime($0.to) == stretch.to
    }
  }
  guard !mended.isEmpty else { return found }
  // Its multiplier has changed for nothing else.
  return mended.map(CorrectionCause.meterError)
    + found.filter { cause in
      switch cause {
      case .multiplier(let meter, _, _): !mended.contains { $0.meter == meter }
      case .terms: false
      default: true
      }
    }
}

private func causes(of new: [IssuedPart], instead old: [IssuedPart]) -> [CorrectionCause] {
  struct Place: Hashable, Comparable {
    let meter: String
    let quantity: String
    let at: String
    static func < (a: Place, b: Place) -> Bool { (a.at, a.meter, a.quantity) < (b.at, b.meter, b.quantity) }
  }
  func marks(_ parts: [IssuedPart]) -> [Place: IssuedSegment.Mark] {
    var found: [Place: IssuedSegment.Mark] = [:]
    for segment in parts.flatMap(\.segments) {
      for (quantity, at, mark) in segment.marks {
        found[Place(meter: segment.meter, quantity: quantity, at: at)] = mark
      }
    }
    return found
  }
  var causes: [CorrectionCause] = []
  let (before, after) = (marks(old), marks(new))
  for place in Set(before.keys).union(after.keys).sorted() where before[place] != after[place] {
    causes.append(
      .reading(
        meter: place.meter, quantity: place.quantity, at: place.at, old: before[place], new: after[place]))
  }
  // A cycle that is cut into more stretches goes on under the same plan.
  func plans(_ parts: [IssuedPart]) -> [IssuedPart.PlanMark] {
    parts.reduce(into: []) { if $0.last != $1.plan { $0.append($1.plan) } }
  }
  func name(_ plans: [IssuedPart.PlanMark]) -> String {
    plans.map { "\($0.name) of \($0.validFrom) (\($0.digest.prefix(8)))" }.joined(separator: ", then ")
  }
  let (oldPlans, newPlans) = (plans(old), plans(new))
  if oldPlans != newPlans { causes.append(.plan(old: name(oldPlans), new: name(newPlans))) }
  for segment in new.flatMap(\.segments) {
    guard let profile = segment.profile,
      let other = old.flatMap(\.segments).first(where: { ($0.meter, $0.from) == (segment.meter, segment.from) })?
        .profile,
      other.digest != profile.digest
    else { continue }
    causes.append(.profile(meter: segment.meter, from: segment.from, to: segment.to))
  }
  for segment in new.flatMap(\.segments) {
    guard let other = old.flatMap(\.segments).first(where: { ($0.meter, $0.from) == (segment.meter, segment.from) }),
      other.multiplier != segment.multiplier
    else { continue }
    causes.append(.multiplier(meter: segment.meter, old: other.multiplier, new: segment.multiplier))
  }
  if old.tiersAtStart != new.tiersAtStart { causes.append(.window) }
  if !causes.contains(.window), Set(old.map(\.engine)) != Set(new.map(\.engine)) { causes.append(.engine) }
  return causes.isEmpty ? [.terms] : causes
}
