internal import Acquisition
internal import Host
internal import Metering
internal import Store

/// Gaps that reach into times to come, which a clock that was ahead has noted.
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

  /// By a clock that nobody has set nothing lies ahead, or everything.
  init(of store: Store, at now: HostInstant) async throws(StoreError) {
    guard now.clock != .unsynchronised else {
      self.init()
      return
    }
    self.init(try await store.gaps(ahead: now.unixMilliseconds))
  }

  /// The gaps that an answer closes. Those of records close with the records, whatever noted them.
  func closed(by answer: Answer, zone: ZoneOffset) -> [Gap] {
    guard !gaps.isEmpty, !answer.query.isProfile, let slot = answer.slot else { return [] }
    let closed = gaps(of: answer.query.subject, answer.meter, at: answer.query.freezeInstant(zone: zone) ?? slot)
    guard let task = answer.task else { return closed }
    return closed + gaps(of: "task \(task)", answer.meter, at: slot)
  }

  private func gaps(of subject: String, _ meter: MeterID, at instant: Int64) -> [Gap] {
    (gaps[Item(meter: meter, subject: subject)] ?? []).filter {
      ($0.instant...max($0.instant, $0.until ?? $0.instant)).contains(instant)
    }
  }

  /// Gaps are closed in the store as well.
  mutating func forget(_ closed: [Gap]) {
    for gap in closed { gaps[Item(meter: gap.meter, subject: gap.subject)]?.removeAll { $0 == gap } }
  }
}

extension Intake {
  /// Takes over which gaps lie ahead of the clock as it is now.
  func lookAhead() async {
    do throws(StoreError) {
      ahead = try await GapsAhead(of: store, at: clock.now)
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }
}
