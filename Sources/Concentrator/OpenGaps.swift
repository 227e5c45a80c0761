internal import Acquisition
internal import Host
internal import Metering
internal import Store

/// Gaps of rounds that are still open: what they lack may come until the next round of their task is due.
///
/// The store has them, so that they are told after a crash too; this says which answers close one, without a look at the
/// disk for each answer.
struct OpenGaps {
  private struct Key: Hashable {
    let meter: MeterID
    let subject: String
    /// When the round was due, in milliseconds since 1970; of a freeze when its day began.
    let instant: Int64
  }

  private var reasons: [Key: String] = [:]

  init(_ gaps: [Gap] = []) { note(gaps) }

  /// The gaps in the store of the rounds of `tasks` that are open at `now`.
  init(of store: Store, _ tasks: [AcquisitionTask], zone: ZoneOffset, at now: Int64) async throws(StoreError) {
    let slots = Set(tasks.map { $0.schedule.slot(at: now, zone: zone) })
    self.init(slots.isEmpty ? [] : try await store.gaps(at: slots))
  }

  private static func key(_ gap: Gap) -> Key { Key(meter: gap.meter, subject: gap.subject, instant: gap.instant) }

  mutating func note(_ gaps: [Gap]) {
    for gap in gaps { reasons[Self.key(gap)] = gap.reason }
  }

  /// Forgets gaps whose round has told them for good; gives those whose reason is another one now.
  ///
  /// A round that was overtaken by the next one knows no better reason than the one that was told before.
  mutating func end(_ gaps: [Gap]) -> [Gap] {
    guard !reasons.isEmpty else { return [] }
    return gaps.filter { gap in
      guard let told = reasons.removeValue(forKey: Self.key(gap)) else { return false }
      return told != gap.reason && gap.reason != LinePlan.Missed.Reason.late.rawValue
    }
  }

  /// The instant of the gap that an answer closes; `nil` where it closes none.
  func instant(closedBy answer: Answer, zone: ZoneOffset) -> Int64? {
    guard !reasons.isEmpty, let slot = answer.slot else { return nil }
    let instant = answer.query.freezeInstant(zone: zone) ?? slot
    let key = Key(meter: answer.meter, subject: answer.query.subject, instant: instant)
    return reasons[key] == nil ? nil : instant
  }

  /// The gap that an answer closes is closed in the store as well.
  mutating func forget(_ answer: Answer, zone: ZoneOffset) {
    guard let instant = instant(closedBy: answer, zone: zone) else { return }
    reasons[Key(meter: answer.meter, subject: answer.query.subject, instant: instant)] = nil
  }
}

extension Intake {
  /// Takes over which gaps of open rounds the store has.
  func lookForOpenGaps() async {
    do throws(StoreError) {
      open = try await OpenGaps(of: store, tasks, zone: zone, at: clock.now.unixMilliseconds)
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// True where an answer brings what an open round lacked, as it was told or is still to be noted.
  func isLacking(_ answer: Answer) -> Bool {
    open.instant(closedBy: answer, zone: zone) != nil || backlog.holds(answer)
  }

  /// What an open round lacked has come, and is no reading.
  func fillOpen(_ answer: Answer) async {
    guard let slot = answer.slot, isLacking(answer) else { return }
    let fill = Store.Fill(
      .one(answer.query.freezeInstant(zone: zone) ?? slot), of: answer.query.subject, meter: answer.meter,
      at: answer.hostTime.unixMilliseconds)
    do throws(StoreError) {
      try await store.fill([fill])
      open.forget(answer, zone: zone)
      backlog.forget(fill)
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// A round has ended without what it lacked, or the meter has said more of it.
  func endOpen(_ event: LineEvent) async {
    for gap in open.end(event.gaps(zone: zone)) {
      do throws(StoreError) {
        try await store.rename(gap)
      } catch {
        report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      }
    }
  }
}
