internal import Acquisition
internal import Host
internal import Metering
internal import Store

/// Gaps for which there was no room, in the queue or on the disk: they are noted as soon as there is.
///
/// Rounds of registers that follow each other are one run, so this stays small however long the disk is full.
final class GapBacklog: Sendable {
  private struct Key: Hashable {
    let meter: MeterID
    let subject: String
    /// `nil` for what makes runs.
    let instant: Int64?
    /// Of a run.
    var reason = ""
  }

  private let zone: ZoneOffset
  private let gaps = Guarded<[Key: Gap]>([:])

  init(zone: ZoneOffset) { self.zone = zone }

  var isEmpty: Bool { gaps.withLock { $0.isEmpty } }

  /// Keeps what an event tells to be missing; of an answer, what it would have told.
  func add(_ event: LineEvent) {
    let isOfDays =
      switch event {
      case .answered(let answer): answer.query.freezeDay != nil || answer.isSynthetic
      case .missed(_, _, let queries, _, _): queries.contains { $0.freezeDay != nil || $0.isProfile }
      case .recordsRefused: true
      default: true
      }
    for gap in event.gaps(zone: zone) { add(gap, isRun: !isOfDays) }
  }

  func add(_ gap: Gap, isRun: Bool = false) {
    gaps.withLock { gaps in
      let key = Key(
        meter: gap.meter, subject: gap.subject, instant: isRun ? nil : gap.instant, reason: isRun ? gap.reason : "")
      guard let known = gaps[key] else {
        gaps[key] = gap
        return
      }
      guard isRun else { return }
      gaps[key] = Gap(
        meter: gap.meter, subject: gap.subject, instant: min(known.instant, gap.instant), reason: known.reason,
        until: max(known.until ?? known.instant, gap.until ?? gap.instant), rounds: known.rounds + gap.rounds)
    }
  }

  /// True where it has the gap that an answer closes.
  func holds(_ answer: Answer) -> Bool {
    gaps.withLock { gaps in
      guard !gaps.isEmpty, let slot = answer.slot else { return false }
      let instant = answer.query.freezeInstant(zone: zone) ?? slot
      return gaps[Key(meter: answer.meter, subject: answer.query.subject, instant: instant)] != nil
    }
  }

  /// What came after all is no gap.
  func forget(_ fill: Store.Fill) {
    gaps.withLock { gaps in
      switch fill.values {
      case .one(let instant): gaps[Key(meter: fill.meter, subject: fill.subject, instant: instant)] = nil
      case .records(let instants, let step):
        for (key, gap) in gaps where gap.meter == fill.meter && gap.subject == fill.subject {
          let left = gap.without(instants, every: gap.every ?? step)
          guard left != [gap] else { continue }
          gaps[key] = nil
          for each in left { gaps[Key(meter: each.meter, subject: each.subject, instant: each.instant)] = each }
        }
      case .run, .all: break
      }
    }
  }

  /// All of them, by meter; they are gone from here. A run grows on where it is put back by `add`.
  func take() -> [(gap: Gap, isRun: Bool)] {
    let taken = gaps.withLock { gaps in
      defer { gaps = [:] }
      return gaps
    }
    return taken.map { ($1, $0.instant == nil) }.sorted {
      ($0.gap.meter, $0.gap.subject, $0.gap.instant) < ($1.gap.meter, $1.gap.subject, $1.gap.instant)
    }
  }
}

extension LineEvent {
  /// What it tells to be missing; of an answer, what is missing where it cannot be kept.
  func gaps(zone: ZoneOffset) -> [Gap] {
    switch self {
    case .answered(let answer):
      guard let instant = answer.query.freezeInstant(zone: zone) ?? answer.slot else { return [] }
      return [
        Gap(
          meter: answer.meter, subject: answer.query.subject, instant: instant,
          reason: LinePlan.Missed.Reason.unstored.rawValue)
      ]
    case .missed(_, let meter, let queries, let reason, let slot),
      .lacking(_, let meter, let queries, let reason, let slot):
      return queries.map {
        Gap(
          meter: meter, subject: $0.subject,
          instant: $0.freezeInstant(zone: zone) ?? $0.recordInstant(zone: zone) ?? slot, reason: reason.rawValue,
          every: $0.recordInterval)
      }
    case .recordsRefused(_, let meter, let records, let word):
      return records.compactMap { query in
        query.recordInstant(zone: zone).map {
          Gap(
            meter: meter, subject: query.subject, instant: $0,
            reason: "\(LinePlan.Missed.Reason.refused.rawValue): \(word)", every: query.recordInterval)
        }
      }
    case .leftOut(_, let task, let meters, let from, let through, let rounds, let reason):
      return meters.map {
        Gap(
          meter: $0, subject: "task \(task)", instant: from, reason: reason.rawValue, until: through, rounds: rounds)
      }
    case .recordsLapsed(_, let meter, let subject, let from, let through, let records, let reason):
      return [
        Gap(
          meter: meter, subject: subject, instant: from, reason: reason.rawValue, until: from < through ? through : nil,
          rounds: records, every: from < through && records > 1 ? (through - from) / Int64(records - 1) : 60_000)
      ]
    case .backfillFailed(_, let meter, let query, let reason, _):
      // Most are known from the round that missed them.
      return query.freezeInstant(zone: zone).map {
        [Gap(meter: meter, subject: query.subject, instant: $0, reason: reason.rawValue)]
      } ?? []
    default: return []
    }
  }
}

extension Query {
  /// The instant of the first record of a load profile, in milliseconds since 1970; `nil` for all else.
  fileprivate func recordInstant(zone: ZoneOffset) -> Int64? {
    guard case .profile(let span) = self else { return nil }
    return zone.unixMilliseconds(of: span.first)
  }

  /// Milliseconds from one record to the next; `nil` for all that is none.
  fileprivate var recordInterval: Int64? {
    guard case .profile(let span) = self else { return nil }
    return Int64(span.minutes) * 60_000
  }

  /// The instant that a freeze would have, in milliseconds since 1970; `nil` for all that is none.
  func freezeInstant(zone: ZoneOffset) -> Int64? {
    freezeDay.map { zone.unixMilliseconds(of: MeterTime(localSeconds: $0.daysSince1970 * 86_400)) }
  }
}
