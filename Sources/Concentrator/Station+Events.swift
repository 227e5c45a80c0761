internal import Acquisition
internal import Devices
internal import Metering
internal import Store

extension Station {
  /// The events that tasks read on a line, with what the store holds of them; `nil` where none are read.
  func events(line: Int, known: [MeterID: [String: EventCount]]) -> EventWatch? {
    guard tasks.contains(where: { $0.task.targets.contains(.events) }) else { return nil }
    return EventWatch(
      meters[line],
      known: known.mapValues { counts in
        counts.mapValues {
          KnownEvents(count: $0.count, isOpen: $0.isOpen, isDoubted: $0.isDoubted, history: $0.history)
        }
      })
  }

  /// What the gaps of events are called.
  var eventSubjects: Set<String> {
    guard tasks.contains(where: { $0.task.targets.contains(.events) }) else { return [] }
    var seen: Set<String> = []
    var subjects: Set<String> = []
    for meter in meters.joined() where seen.insert(meter.profile.name).inserted {
      subjects.formUnion(meter.queries(for: [.events]).filter(\.isEventData).map(\.subject))
    }
    return subjects
  }
}

extension RunningStation {
  /// Tells a line that the store did not keep what a meter told of its events.
  func takeBack(_ report: EventReport) async {
    await generation?.workers.first { $0.name == report.line }?.notKept(report)
  }
}
