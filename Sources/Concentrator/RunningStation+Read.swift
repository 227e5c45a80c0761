public import Acquisition
internal import Devices
internal import Host
public import Metering
internal import Store

/// What a meter told when somebody asked for it.
public struct DemandReport: Sendable {
  let zone: ZoneOffset
  let meter: MeterID
  let line: String
  /// What it told, with what became of each reading.
  let told: [Told]
  /// What it did not tell, and why.
  let missing: [(query: String, status: ExitStatus, reason: String)]

  struct Told: Sendable {
    let observation: Observation
    let at: HostInstant
    /// `nil` for what is no reading, such as a clock, and for one that is not stored yet.
    var stored: (sequence: Int64, verdict: Verdict)?
  }

  public var json: JSON {
    .object([
      "meter": .string(meter.text), "line": .string(line),
      "values": .array(
        told.map { told in
          guard case .object(let members) = told.observation.json else { return .null }
          return .object(
            members + [
              .init("host_time", .string(told.at.rfc3339(zone))),
              .init("seq", told.stored.map { .integer($0.sequence) } ?? .null),
              .init("verdict", .optional(told.stored?.verdict.status.rawValue)),
              .init("findings", .array((told.stored?.verdict.findings ?? []).map { .string($0.code.rawValue) })),
            ])
        }),
      "missing": .array(
        missing.map { .object(["item": .string($0.query), "reason": .string($0.reason)]) }),
    ])
  }
}

extension RunningStation {
  /// Reads on demand that may wait for lines at once.
  private static let mostDemands = 8
  /// So long a reply waits for the disk.
  private static let storePatience = Duration.seconds(3)

  /// Asks a meter now, between two exchanges. What it tells is judged and stored like all else, as of now.
  ///
  /// - Parameters:
  ///   - meter: its id in the configuration.
  ///   - targets: what is asked for.
  ///   - anyway: asks a meter that is set aside as well.
  /// - Returns: what was told and what was not.
  /// - Throws: at once where the line is lost or the meter is set aside; when nothing at all was told.
  public func read(
    _ meter: MeterID, _ targets: [AcquisitionTask.Target], anyway: Bool = false
  ) async throws(Complaint) -> DemandReport {
    guard let line = station.meters.firstIndex(where: { $0.contains { $0.id == meter } }),
      let known = station.meters[line].first(where: { $0.id == meter })
    else {
      throw Complaint(
        .usage, "there is no meter \"\(meter)\"",
        "Write its id as in the configuration; meterd status --meters lists them.")
    }
    let name = station.configuration.lines[line].name
    let queries = known.queries(for: targets)
    guard !queries.isEmpty else {
      throw Complaint(
        .usage, "meter \(meter) has nothing of that", "Its profile \(known.profile.name) does not offer it.")
    }
    guard demands < Self.mostDemands else {
      throw Complaint(
        .tryLater, "\(demands) reads wait already, so meter \(meter) was not asked", "Try again in a moment.")
    }
    demands += 1
    defer { demands -= 1 }
    guard let worker = generation?.workers.first(where: { $0.name == name }) else {
      throw Complaint(
        .tryLater, "line \(name) is being set up, so meter \(meter) was not asked", "Try again in a moment.")
    }
    try checkReachable(meter, name, anyway: anyway)
    let watch = board.watch()
    defer { board.endWatch(watch.number) }
    let outcomes = await worker.read(queries, of: meter)
    var report = try report(of: outcomes, meter, name)
    await Self.awaitStorage(&report.told, meter, watch.events) { [board] in board.endWatch(watch.number) }
    return DemandReport(
      zone: station.configuration.zone, meter: meter, line: name, told: report.told, missing: report.missing)
  }

  /// Says at once what is known where nobody would answer.
  private func checkReachable(_ meter: MeterID, _ line: String, anyway: Bool) throws(Complaint) {
    let known = board.now
    let about = known.meters[meter] ?? StationBoard.Meter()
    let last = about.lastAnswer.map { "The meter last answered at \(time($0))." } ?? "The meter has not answered yet."
    if let port = known.ports[line], !port.isOpen {
      throw Complaint(
        .noAnswer,
        "line \(line) is lost since \(time(port.since)), so meter \(meter) was not asked: \(port.reason ?? "the port is closed")",
        "It is opened again by itself as soon as its port is there.", last)
    }
    guard !anyway, let since = about.silentSince else { return }
    throw Complaint(
      .noAnswer, "meter \(meter) on \(line) is silent since \(time(since)), and was not asked", last,
      "It is tried again by itself, every 50 s at least. To ask it now all the same: meterd read \(meter) --anyway")
  }

  private func time(_ unixMilliseconds: Int64) -> String {
    station.configuration.zone.rfc3339(unixMilliseconds: unixMilliseconds)
  }

  private typealias Sorted = (told: [DemandReport.Told], missing: [(query: String, status: ExitStatus, reason: String)])

  /// What outcomes tell; throws where all of them tell nothing.
  private func report(of outcomes: [DemandOutcome], _ meter: MeterID, _ line: String) throws(Complaint) -> Sorted {
    var sorted: Sorted = ([], [])
    for outcome in outcomes {
      switch outcome.result {
      case .answered(let answer):
        sorted.told += answer.observations.map { DemandReport.Told(observation: $0, at: answer.hostTime) }
      case .refused(let reason):
        sorted.missing.append(("\(outcome.query)", .badData, "the meter refuses: \(reason)"))
      case .damaged(let reason): sorted.missing.append(("\(outcome.query)", .badData, reason))
      case .silent: sorted.missing.append(("\(outcome.query)", .noAnswer, "no answer"))
      case .portLost: sorted.missing.append(("\(outcome.query)", .noAnswer, "the port was lost"))
      }
    }
    guard sorted.told.isEmpty else { return sorted }
    guard let first = sorted.missing.first else {
      throw Complaint(
        .tryLater, "line \(line) is being set up, so meter \(meter) was not asked", "Try again in a moment.")
    }
    throw Complaint(
      first.status, "meter \(meter) on \(line): \(first.reason)",
      "What is said on the line: meterd trace \(line). Whether others answer: meterd status --line \(line) --meters.")
  }

  /// Notes what became of the readings as it is told, for a while.
  private static func awaitStorage(
    _ told: inout [DemandReport.Told], _ meter: MeterID, _ events: AsyncStream<StationEvent>,
    giveUp: @escaping @Sendable () -> Void
  ) async {
    func isReading(_ told: DemandReport.Told) -> Bool {
      guard case .current = told.observation.memory, case .number = told.observation.value else { return false }
      return true
    }
    var open = told.count(where: isReading)
    guard open > 0 else { return }
    let end = Task {
      try? await Task.sleep(for: storePatience)
      giveUp()
    }
    defer { end.cancel() }
    for await event in events {
      guard case .stored(_, let reading, let verdict, let outcome) = event, reading.key.meter == meter else { continue }
      for index in told.indices where told[index].stored == nil && isReading(told[index]) {
        guard told[index].observation.quantity == reading.key.quantity, told[index].at == reading.hostTime else {
          continue
        }
        switch outcome {
        case .new(let sequence), .duplicate(let sequence), .conflict(let sequence):
          told[index].stored = (sequence, verdict)
        }
        open -= 1
      }
      if open == 0 { return }
    }
  }
}
