internal import Acquisition
internal import Devices
internal import Documents
internal import Metering
internal import Store

extension Configuration {
  /// `load-profile-minutes`: how far the records of a load profile are apart.
  static func profileMinutes(_ table: inout TableReader) throws(DocumentError) -> Int? {
    guard let minutes = try table.optionalInteger("load-profile-minutes", in: 1...60) else { return nil }
    guard ProfileSpan.intervals.contains(minutes) else {
      let known = ProfileSpan.intervals.sorted().map(String.init).joined(separator: ", ")
      throw table.error("load-profile-minutes", "\(minutes) is none of \(known), as the meters record")
    }
    return minutes
  }
}

extension Station {
  /// The load profiles that tasks read on a line, less what the journal holds; `nil` where there are none.
  func profiles(line: Int, stored: StoredProfiles) -> ProfilePlan? {
    var parts: [ProfilePlan.Part] = []
    for (index, meter) in meters[line].enumerated() {
      // The 1997 edition keeps none, and Modbus meters none that is read here.
      guard case .dlt645(.of2007, _) = meter.profile.language else { continue }
      for entry in tasks where entry.includes(meter.id) {
        for case .loadProfile(let recordClass, let minutes) in entry.task.targets {
          parts.append(
            ProfilePlan.Part(
              meter: index, task: entry.task, recordClass: recordClass, minutes: minutes,
              stored: stored.times(of: meter.id, recordClass, zone: configuration.zone)))
        }
      }
    }
    return parts.isEmpty ? nil : ProfilePlan(parts, zone: configuration.zone)
  }

  /// What tasks read of load profiles, by meter.
  var profiledQuantities: [MeterID: Set<Quantity>] {
    var all: [MeterID: Set<Quantity>] = [:]
    for meter in meters.joined() {
      for entry in tasks where entry.includes(meter.id) {
        for case .loadProfile(let recordClass, _) in entry.task.targets {
          all[meter.id, default: []].formUnion(ProfileSpan.quantities(ofClass: recordClass))
        }
      }
    }
    return all
  }
}

/// The records of load profiles that the journal holds when lines begin.
struct StoredProfiles {
  private var instants: [MeterID: [Int64: Set<Quantity>]] = [:]

  /// Nothing is known of any.
  init() {}

  /// Looks as far back as the tasks of `station` do from `wall` on, in milliseconds since 1970.
  init(of station: Station, in store: Store, at wall: Int64) async throws(StoreError) {
    let quantities = station.profiledQuantities
    guard !quantities.isEmpty else { return }
    let days =
      station.tasks.map(\.task).filter(\.readsLoadProfile).map(\.backfillDays).max() ?? 0
    instants = try await store.instants(.profile, of: quantities, since: wall - Int64(days + 2) * 86_400_000)
  }

  /// The times of the records of a class, in seconds since 1970 by the meters' clocks.
  func times(of meter: MeterID, _ recordClass: Int, zone: ZoneOffset) -> Set<Int64> {
    let quantities = Set(ProfileSpan.quantities(ofClass: recordClass))
    let held = (instants[meter] ?? [:]).filter { !$0.value.isDisjoint(with: quantities) }
    return Set(held.keys.map { zone.local(unixMilliseconds: $0).localSeconds })
  }
}

extension Intake {
  /// Records of a load profile that were missing have come after all.
  func fillRecords(_ answer: Answer) async {
    guard case .profile(let span) = answer.query, answer.fillsGap else { return }
    let times = Set(answer.observations.compactMap { $0.occurred }).sorted()
    for time in times {
      do throws(StoreError) {
        try await store.fillGap(
          meter: answer.meter, subject: span.subject, instant: zone.unixMilliseconds(of: time),
          at: answer.hostTime.unixMilliseconds)
      } catch {
        report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      }
    }
  }
}
