internal import Acquisition
internal import Devices
internal import Host
internal import Metering
internal import Store

/// Modbus registers are joined into the reads that cost the least for the delay of each meter, as it was measured.
extension RunningStation {
  /// So long, in milliseconds, the questions to a meter stay as they are.
  private static let restOfDelays: Int64 = 3_600_000

  /// Looks whether other reads have become cheaper for meters of the lines; they are asked for from the next rounds on.
  func followDelays() async {
    let wall = station.clock.now
    guard wall.clock != .unsynchronised, let workers = generation?.workers else { return }
    // Another configuration may take its place meanwhile; its workers are others.
    let (station, delays) = (self.station, self.delays)
    var programmes = Programmes()
    for worker in workers {
      guard let index = station.configuration.lines.firstIndex(where: { $0.name == worker.name }) else { continue }
      let health = await worker.health()
      let found = station.cheaper(
        line: index, health, delays, programmes: &programmes, from: wall.unixMilliseconds,
        unchangedSince: wall.unixMilliseconds - Self.restOfDelays)
      guard !found.isEmpty else { continue }
      do throws(StoreError) {
        // Noted first: who is killed now asks the open rounds to their end as they were begun.
        try await store.note(
          Dictionary(
            found.map { ($0.meter.text, station.note(of: $0.delay, $0.meter)) }, uniquingKeysWith: { first, _ in first }
          ),
          named: Self.delayFact)
      } catch {
        report(.storeFailed(reason: Complaint(error).headline, readings: 0))
        continue
      }
      for each in found { self.delays[each.meter] = each.delay }
      await worker.adopt(
        Dictionary(found.map { ($0.meter, $0.coming) }, uniquingKeysWith: { first, _ in first }))
    }
  }

  /// What was noted of the delays of meters that are asked as they were then.
  func notedDelays() async throws(StoreError) -> [MeterID: AssumedDelay] {
    let noted = try await store.facts(named: Self.delayFact)
    var found: [MeterID: AssumedDelay] = [:]
    guard !noted.isEmpty else { return found }
    for place in station.places {
      guard let text = noted[place.meter.id.text] else { continue }
      let parts = text.split(separator: " ", maxSplits: 3)
      guard parts.count == 4, parts[3] == station.words(of: place.meter),
        let delay = AssumedDelay(text: parts[..<3].joined(separator: " "))
      else { continue }
      found[place.meter.id] = delay
    }
    return found
  }

  private static let delayFact = "delay:"
}

extension Station {
  /// A delay that other reads are cheaper for, and those.
  struct Cheaper {
    let meter: MeterID
    let delay: AssumedDelay
    let coming: LinePlan.Meter.Coming
  }

  /// Meters of a line for whose delay, as `health` has it, other reads take less time, with these.
  func cheaper(
    line: Int, _ health: [MeterID: MeterHealth], _ delays: [MeterID: AssumedDelay], programmes: inout Programmes,
    from wall: Int64, unchangedSince: Int64
  ) -> [Cheaper] {
    var found: [Cheaper] = []
    for (meter, entry) in zip(meters[line], configuration.lines[line].meters) where meter.profile.isModbus {
      let assumed = delays[meter.id] ?? .usual
      guard assumed.since <= unchangedSince, let measured = health[meter.id]?.usualDelay,
        let next = assumed.following(measured, since: wall + AssumedDelay.lead)
      else { continue }
      func programme(_ delay: BootInstant.Span) -> [[Query]] {
        let all = programmes.programme(of: meter, profile: entry.profile, tasks: tasks.map(\.task), replyDelay: delay)
        return zip(tasks, all.queries).map { task, queries in task.includes(meter.id) ? queries : [] }
      }
      func cost(_ programme: [[Query]]) -> BootInstant.Span {
        programme.joined().reduce(.zero) { $0 + meter.wireTime(of: $1, replyDelay: measured) }
      }
      let (old, new) = (programme(assumed.now), programme(next.now))
      guard old != new, cost(new) < cost(old) else { continue }
      found.append(Cheaper(meter: meter.id, delay: next, coming: .init(since: next.since, programme: new)))
    }
    return found
  }

  /// What tells a meter from another one of its name: how it is asked.
  func words(of meter: LineMeter) -> String { "\(meter.address), \(meter.settings), \(meter.profile.name)" }

  /// A delay as the store keeps it: with the way in which the meter is asked.
  func note(of delay: AssumedDelay, _ meter: MeterID) -> String {
    let place = places.first { $0.meter.id == meter }
    return "\(delay.text) \(place.map { words(of: $0.meter) } ?? "")"
  }
}
