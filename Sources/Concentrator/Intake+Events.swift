internal import Acquisition
internal import Metering
internal import Store

/// Keeps what meters have noted of themselves, and tells what of it is news.
extension Intake {
  /// Stores a report as one fact. A full or lost disk holds it back until there is room again.
  func keep(_ report: EventReport) async {
    var pause: Int64 = 1
    repeat {
      do throws(StoreError) {
        let outcomes = try await store.append(Store.EventSubmission(report))
        for (event, outcome) in zip(report.events, outcomes) {
          self.report(.event(line: report.line, meter: report.meter, event, EventKept(outcome)))
        }
        for notice in report.notices { self.report(.eventNotice(meter: report.meter, notice)) }
        return
      } catch {
        self.report(.storeFailed(reason: Complaint(error).headline, readings: 0))
        guard error.mayPass else { return await house.eventsNotKept(report) }
        try? await Task.sleep(for: .seconds(pause))
        pause = min(60, pause * 2)
      }
    } while !Task.isCancelled
    await house.eventsNotKept(report)
  }

  /// A count that was missed has come: nothing of its kind is missing any more, for the records catch up with it.
  func fillEvents(_ answer: Answer) async {
    guard answer.query.isEventData, answer.slot != nil,
      missedEvents[answer.meter]?.contains(answer.query.subject) == true
    else { return }
    do throws(StoreError) {
      try await store.fillGaps(
        meter: answer.meter, subject: answer.query.subject, at: answer.hostTime.unixMilliseconds)
      missedEvents[answer.meter]?.remove(answer.query.subject)
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// Remembers which counts were missed.
  func noteMissedEvents(_ event: LineEvent) {
    guard case .missed(_, let meter, let queries, _, _) = event else { return }
    for query in queries where query.isEventData { missedEvents[meter, default: []].insert(query.subject) }
  }
}

/// What became of an event in the store.
public enum EventKept: Hashable, Sendable {
  case new
  /// It was known, and has ended.
  case ended
  /// It was held, and was found possible when it was read again.
  case released
  /// It was known.
  case known

  init(_ outcome: EventOutcome) {
    switch outcome {
    case .stored: self = .new
    case .ended: self = .ended
    case .released: self = .released
    case .duplicate: self = .known
    }
  }
}

extension Store.EventSubmission {
  init(_ report: EventReport) {
    func evidence(_ proof: EventProof) -> Evidence {
      Evidence(
        line: report.line, meter: report.meter, requests: proof.requests, replies: proof.replies, at: proof.at)
    }
    self.init(
      meter: report.meter,
      counts: Dictionary(
        report.counts.map { count in
          let now = count.now
          return (
            count.name,
            EventCount(count: now.count, isOpen: now.isOpen, isDoubted: now.isDoubted, history: now.history)
          )
        }, uniquingKeysWith: { _, last in last }),
      events: report.events.map { event in
        EventEntry(
          kind: event.kind, begin: event.begin, end: event.end, ordinal: event.ordinal, identifier: event.identifier,
          data: event.data, state: EventEntry.State(event.state), doubt: event.doubt,
          evidence: evidence(event.proof))
      }, findings: report.notices.map { Finding($0.code, "\($0)") }, clearsOthers: report.clearsOthers,
      evidence: evidence(report.proof))
  }
}

extension EventEntry.State {
  fileprivate init(_ state: MeterEvent.State) {
    switch state {
    case .new: self = .new
    case .history: self = .history
    case .held: self = .held
    }
  }
}

extension EventNotice {
  /// Under which code the store lists it.
  var code: FindingCode {
    switch self {
    case .lost, .unread: .eventsLost
    case .cleared: .eventsCleared
    }
  }
}
