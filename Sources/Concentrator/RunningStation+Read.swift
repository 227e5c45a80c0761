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
        missing.map {
          .object([
            "item": .string($0.query), "reason": .string($0.reason), "status": .integer(Int64($0.status.rawValue)),
          ])
        }),
    ])
  }
}

extension RunningStation {
  /// Reads on demand that may wait for one line at once; they are served one after the other.
  static let mostDemands = 8
  /// So long a reply waits for the disk.
  private static let storePatience = Duration.seconds(3)

  /// Asks a meter now, between two exchanges. What it tells is judged and stored like all else, as of now.
  ///
  /// A reload does not end it where the meter and its line stay as they are. Where the caller's task is cancelled nothing
  /// more is asked.
  ///
  /// - Parameters:
  ///   - meter: its id in the configuration.
  ///   - targets: what is asked for.
  ///   - anyway: asks a meter that is set aside as well.
  /// - Returns: what was told and what was not.
  /// - Throws: at once where the line is lost, the meter is set aside or too many wait; when nothing at all was told.
  public func read(
    _ meter: MeterID, _ targets: [AcquisitionTask.Target], anyway: Bool = false
  ) async throws(Complaint) -> DemandReport {
    await settled()
    let place = try place(of: meter)
    let name = place.line.name
    let queries = place.meter.queries(for: targets, replyDelay: (delays[meter] ?? .usual).now)
    guard !queries.isEmpty else {
      throw Complaint(
        .usage, "meter \(meter) has nothing of that", "Its profile \(place.meter.profile.name) does not offer it.")
    }
    let before = demands[name, default: 0]
    guard before < Self.mostDemands else {
      throw Complaint(
        .tryLater, "\(before) requests wait for line \(name) already, so meter \(meter) was not asked",
        "Try again in a moment.")
    }
    demands[name] = before + 1
    defer { demands[name, default: 1] -= 1 }
    try checkReachable(meter, name, anyway: anyway)
    let watch = board.watch()
    defer { board.endWatch(watch.number) }
    var sorted = try sort(await outcomes(of: queries, place), meter, name)
    await Self.awaitStorage(&sorted.told, meter, watch.events) { [board] in board.endWatch(watch.number) }
    return DemandReport(
      zone: station.configuration.zone, meter: meter, line: name, told: sorted.told, missing: sorted.missing)
  }

  /// A meter and the line it is on.
  struct Place {
    let line: Configuration.LineEntry
    let meter: LineMeter

    /// True where the meter is asked in another place at the same port with the same words.
    func isSame(as other: Place) -> Bool {
      line.name == other.line.name && line.port == other.line.port && line.settings == other.line.settings
        && meter.address == other.meter.address && meter.settings == other.meter.settings
        && meter.profile == other.meter.profile
    }
  }

  func place(of meter: MeterID) throws(Complaint) -> Place {
    for (line, meters) in zip(station.configuration.lines, station.meters) {
      if let found = meters.first(where: { $0.id == meter }) { return Place(line: line, meter: found) }
    }
    throw Complaint(
      .usage, "there is no meter \"\(meter)\"",
      "Write its id as in the configuration; meterd status --meters lists them.")
  }

  /// The worker of a line; `nil` where none could be made, or the daemon is about to end.
  func worker(ofLine name: String) -> LineWorker? { generation?.workers.first { $0.name == name } }

  /// What becomes of questions, over as many reloads as come in between.
  private func outcomes(of queries: [Query], _ place: Place) async -> [DemandOutcome] {
    var left = queries
    var known: [DemandOutcome] = []
    while let worker = worker(ofLine: place.line.name) {
      let outcomes = await worker.read(left, of: place.meter.id)
      known += outcomes.filter { !$0.isClosed }
      left = outcomes.filter(\.isClosed).map(\.query)
      guard !left.isEmpty else { return known }
      // The line was closed under it: by a reload, which is under way then, or for good.
      await settled()
      guard let now = try? self.place(of: place.meter.id), now.isSame(as: place) else { break }
    }
    return known + left.map { DemandOutcome(query: $0, result: .closed) }
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
  private func sort(_ outcomes: [DemandOutcome], _ meter: MeterID, _ line: String) throws(Complaint) -> Sorted {
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
      case .closed: sorted.missing.append(("\(outcome.query)", .tryLater, closing))
      case .withdrawn: sorted.missing.append(("\(outcome.query)", .tryLater, "nobody waited for it any more"))
      }
    }
    guard sorted.told.isEmpty else { return sorted }
    guard let first = sorted.missing.first else {
      throw Complaint(.software, "line \(line) has no word of meter \(meter)", "Try again in a moment.")
    }
    guard first.status != .tryLater else {
      throw Complaint(.tryLater, "meter \(meter) on \(line) was not read: \(first.reason)", "Try again in a moment.")
    }
    throw Complaint(
      first.status, "meter \(meter) on \(line): \(first.reason)",
      "What is said on the line: meterd trace \(line). Whether others answer: meterd status --line \(line) --meters.")
  }

  /// Why a line was closed before it came to a question.
  private var closing: String {
    isEnding ? "the daemon ends" : "the configuration was read again, and has its meter or its line otherwise"
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

extension DemandOutcome {
  fileprivate var isClosed: Bool { if case .closed = result { true } else { false } }
}
