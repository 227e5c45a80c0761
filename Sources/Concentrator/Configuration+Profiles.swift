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
    var held: [RecordRuns] = []
    var noted: [ProfilePlan.Noted] = []
    for (index, meter) in meters[line].enumerated() {
      for (task, recordClass, minutes) in profiles(of: meter) {
        let key = StoredProfiles.Key(meter: meter.id, recordClass: recordClass, minutes: minutes)
        parts.append(
          ProfilePlan.Part(
            meter: index, task: task, recordClass: recordClass, minutes: minutes,
            since: stored.since(task, of: meter.id)))
        held.append(stored.records[key] ?? RecordRuns(step: Int64(minutes) * 60))
        noted.append(stored.noted[key] ?? ProfilePlan.Noted(step: Int64(minutes) * 60))
      }
    }
    return parts.isEmpty ? nil : ProfilePlan(parts, stored: held, noted: noted, zone: configuration.zone)
  }

  /// What tasks read of a meter's load profile. The 1997 edition keeps none, and Modbus meters none that is read here.
  fileprivate func profiles(of meter: LineMeter) -> [(task: AcquisitionTask, recordClass: Int, minutes: Int)] {
    guard case .dlt645(.of2007, _) = meter.profile.language else { return [] }
    return tasks.filter { $0.includes(meter.id) }.flatMap { entry in
      entry.task.targets.compactMap { target in
        guard case .loadProfile(let recordClass, let minutes) = target else { return nil }
        return (entry.task, recordClass, minutes)
      }
    }
  }
}

/// The records of load profiles that the journal holds when lines begin, and those that are listed as missing, as runs,
/// and since when somebody wanted them.
struct StoredProfiles {
  struct Key: Hashable {
    let meter: MeterID
    let recordClass: Int
    let minutes: Int
  }

  fileprivate private(set) var records: [Key: RecordRuns] = [:]
  fileprivate private(set) var noted: [Key: ProfilePlan.Noted] = [:]
  /// When somebody last saw to the rounds of each task, by its name, and since when each meter is known; in milliseconds
  /// since 1970.
  private var atWork: [String: Int64] = [:]
  private var knownSince: [MeterID: Int64] = [:]
  private var zone = ZoneOffset.china

  /// Nothing is known of any.
  init() {}

  /// Looks as far back from `wall` on, in milliseconds since 1970, as the tasks of `station` wanted records when somebody
  /// was last at work.
  init(of station: Station, in store: Store, _ stored: StoredBefore, at wall: Int64) async throws(StoreError) {
    zone = station.configuration.zone
    knownSince = stored.knownSince
    atWork = Dictionary(
      zip(station.tasks.map(\.task.name), stored.lastAtWork), uniquingKeysWith: { first, _ in first })
    // Where two tasks read one profile, what the one that looks back further asks for serves both.
    var asked: [Key: Int64] = [:]
    for meter in station.meters.joined() {
      for (task, recordClass, minutes) in station.profiles(of: meter) {
        let since = min(atWork[task.name] ?? wall, wall) - Int64(task.backfillDays + 2) * 86_400_000
        let key = Key(meter: meter.id, recordClass: recordClass, minutes: minutes)
        asked[key] = min(asked[key] ?? since, since)
      }
    }
    for (key, since) in asked {
      let runs = try await store.runs(
        .profile, of: ProfileSpan.quantities(ofClass: key.recordClass), meter: key.meter,
        every: Int64(key.minutes) * 60_000, from: zone.unixMilliseconds(of: MeterTime(localSeconds: 0)), since: since)
      var records = RecordRuns(step: Int64(key.minutes) * 60)
      for run in runs { records.insert(localSeconds(run.lowerBound)...localSeconds(run.upperBound)) }
      self.records[key] = records
      let gaps = try await store.gaps(of: ProfileSpan.subject(ofClass: key.recordClass), meter: key.meter, since: since)
      if !gaps.isEmpty { noted[key] = named(in: gaps, step: Int64(key.minutes) * 60) }
    }
  }

  /// Gaps as the runs of records that they name.
  private func named(in gaps: [Gap], step: Int64) -> ProfilePlan.Noted {
    var noted = ProfilePlan.Noted(step: step)
    for gap in gaps {
      let run = localSeconds(gap.instant)...localSeconds(max(gap.instant, gap.until ?? gap.instant))
      // Another task may read the same records further apart.
      let own = gap.step.map { $0 / 1000 } ?? step
      let parts =
        own == step
        ? [run] : stride(from: run.lowerBound, through: run.upperBound, by: Int(clamping: max(1, own))).map { $0...$0 }
      for part in parts {
        noted.all.insert(part)
        if gap.isRefused { noted.refused.insert(part) } else if gap.isOfMeter { noted.gone.insert(part) }
      }
    }
    return noted
  }

  private func localSeconds(_ instant: Int64) -> Int64 { zone.local(unixMilliseconds: instant).localSeconds }

  /// From when on records of a meter were wanted, in seconds since 1970 by its clock: as far back as the task looked when
  /// somebody was last at work. `nil` where nobody was.
  fileprivate func since(_ task: AcquisitionTask, of meter: MeterID) -> Int64? {
    guard let last = atWork[task.name] else { return nil }
    let day = zone.local(unixMilliseconds: last).date.daysSince1970 - Int64(task.backfillDays)
    return max(day * 86_400, knownSince[meter].map(localSeconds) ?? .min)
  }
}
