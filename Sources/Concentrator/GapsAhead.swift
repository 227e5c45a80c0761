internal import Acquisition
internal import Host
internal import Metering
internal import Store

/// Gaps of times to come, which a clock that was ahead has noted.
///
/// They stay in the store, for nobody can tell which clock was right: where the one of now is behind, they are gaps again
/// as soon as it is set. What is read at their time after all was not missing, and a run of rounds of which one is begun
/// was left out by a wrong clock alone.
struct GapsAhead {
  private struct Item: Hashable {
    let meter: MeterID
    let subject: String
  }

  private var gaps: [Item: [Gap]] = [:]

  init(_ all: [Gap] = []) {
    for gap in all { gaps[Item(meter: gap.meter, subject: gap.subject), default: []].append(gap) }
  }

  /// The gaps that an answer closes; they are gone from here.
  mutating func take(_ answer: Answer, zone: ZoneOffset) -> [Gap] {
    guard !gaps.isEmpty else { return [] }
    var closed: [Gap] = []
    if case .profile(let span) = answer.query {
      let times = Set(answer.observations.compactMap { $0.occurred })
      for time in times { closed += take(span.subject, of: answer.meter, at: zone.unixMilliseconds(of: time)) }
    } else if let slot = answer.slot {
      closed = take(answer.query.subject, of: answer.meter, at: answer.query.freezeInstant(zone: zone) ?? slot)
      if let task = answer.task { closed += take("task \(task)", of: answer.meter, at: slot) }
    }
    return closed
  }

  private mutating func take(_ subject: String, of meter: MeterID, at instant: Int64) -> [Gap] {
    let item = Item(meter: meter, subject: subject)
    guard let known = gaps[item] else { return [] }
    func covers(_ gap: Gap) -> Bool { (gap.instant...max(gap.instant, gap.until ?? gap.instant)).contains(instant) }
    gaps[item] = known.filter { !covers($0) }
    return known.filter(covers)
  }
}

extension Intake {
  /// Takes over which gaps lie ahead of the clock as it is now.
  func lookAhead() async {
    do throws(StoreError) {
      ahead = GapsAhead(try await store.gaps(ahead: clock.now.unixMilliseconds))
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// What an answer brought was noted as missing by a clock that was ahead.
  func fillAhead(_ answer: Answer) async {
    for gap in ahead.take(answer, zone: zone) {
      do throws(StoreError) {
        try await store.fillGap(
          meter: gap.meter, subject: gap.subject, instant: gap.instant, isRun: gap.until != nil,
          at: answer.hostTime.unixMilliseconds)
      } catch {
        report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      }
    }
  }
}
