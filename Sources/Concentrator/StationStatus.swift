internal import Acquisition
internal import Glibc
internal import Host
internal import Line
public import Metering
public import Store

/// A station as it stands: lines, rounds, meters, what waits, the clock.
public struct StationStatus: Sendable {
  let zone: ZoneOffset
  let station: String
  let file: String
  let startedWall: Int64
  let uptime: BootInstant.Span
  let clock: HostInstant
  let clockIsTrusted: Bool
  let lines: [LineStatus]
  let counts: StationCounts
  let storePath: String
  /// `nil` where the store does not answer.
  let standing: StoreStanding?
  let failure: StationBoard.Failure?
  let isWaitingForClock: Bool
  let trialDifferences: Int?

  struct NextRound: Sendable {
    let task: String
    /// The label of its readings, and when it is begun: later where it must wait for a window. Milliseconds since 1970.
    let due: Int64
    let begins: Int64
  }

  struct LineStatus: Sendable {
    let name: String
    let port: String
    let settings: String
    let place: StationBoard.Port?
    /// `nil` where the line is being set up, or in an exchange that takes long.
    let snapshot: LineSnapshot?
    let meters: [(id: MeterID, word: MeterWord, known: StationBoard.Meter, probeAt: Int64?)]
    let clocks: [MeterID: ClockHistory]
    let next: NextRound?
    let last: StationBoard.Slot?
    let counters: LineCounters
  }

  /// How a meter is, in a word.
  enum MeterWord: String, Sendable, CaseIterable {
    case ok
    /// Bytes of it came after their time again and again lately.
    case late
    /// Left at a silence, and asked again within seconds.
    case silent
    /// Silent again and again, asked ever more rarely, once in 50 s at least.
    case setAside = "set-aside"
    /// Not asked yet.
    case unknown
    /// The port of its line is lost.
    case unreachable

    init(_ state: MeterHealth.State, isLate: Bool, isReached: Bool) {
      switch state {
      case _ where !isReached: self = .unreachable
      case .answering where isLate: self = .late
      case .unknown: self = .unknown
      case .answering: self = .ok
      case .setAside(let silences, _): self = silences < 4 ? .silent : .setAside
      }
    }
  }
}

extension StationStatus {
  /// One object; `meters` lists each meter as well.
  public func json(meters: Bool) -> JSON {
    .object([
      "version": .string(meterdVersion), "station": .string(station), "configuration": .string(file),
      "process": .integer(Int64(processID)), "started": .string(time(startedWall)),
      "uptime_seconds": .integer(uptime.nanoseconds / 1_000_000_000),
      "clock": .object([
        "now": .string(time(clock.unixMilliseconds)), "state": .string("\(clock.clock)"),
        "trusted": .boolean(clockIsTrusted),
      ]),
      "lines": .array(lines.map { json($0, meters: meters) }),
      "readings": .object([
        "answers": .integer(Int64(counts.answers)), "stored": .integer(Int64(counts.stored)),
        "duplicates": .integer(Int64(counts.duplicates)), "conflicts": .integer(Int64(counts.conflicts)),
        "flagged": .integer(Int64(counts.flagged)), "held": .integer(Int64(counts.held)),
        "rejected": .integer(Int64(counts.rejected)), "damaged": .integer(Int64(counts.damaged)),
        "refused": .integer(Int64(counts.refused)), "missed": .integer(Int64(counts.missed)),
        "filled": .integer(Int64(counts.filled)), "backfill_failed": .integer(Int64(counts.backfillFailures)),
        "stale_freezes": .integer(Int64(counts.staleFreezes)),
        "late_bytes": .integer(Int64(counts.lateBytes)),
      ]),
      "events": .object([
        "new": .integer(Int64(counts.events)), "history": .integer(Int64(counts.pastEvents)),
        "held": .integer(Int64(counts.heldEvents)), "lost": .integer(Int64(counts.lostEvents)),
      ]),
      "store": .object([
        "path": .string(storePath), "waiting": number(standing.map { Int64($0.waiting) }),
        "last": number(standing?.lastSequence), "last_commit": optionalTime(standing?.lastCommit),
        "failing": failure.map { .object(["reason": .string($0.reason), "since": .string(time($0.since))]) } ?? .null,
      ]),
      "billing": .object([
        "waits_for_clock": .boolean(isWaitingForClock),
        "trial_differences": number(trialDifferences.map(Int64.init)), "issued": .integer(Int64(counts.billed)),
        "holds": .array((standing?.holds ?? []).map { $0.json(zone) }),
      ]),
    ])
  }

  private func json(_ line: LineStatus, meters: Bool) -> JSON {
    let isOpen = line.snapshot?.isOpen ?? false
    var members: [JSON.Member] = [
      .init("line", .string(line.name)), .init("port", .string(line.port)), .init("serial", .string(line.settings)),
      .init("state", .string(line.snapshot == nil ? "busy" : isOpen ? "open" : "lost")),
      .init("since", optionalTime(line.place.flatMap { $0.isOpen == isOpen ? $0.since : nil })),
      .init("reason", isOpen ? .null : .optional(line.place?.reason)),
      .init("load", .optional(line.snapshot.map { decimalString(Int64($0.load) * 1000, decimals: 3) })),
    ]
    var counts = [JSON.Member("total", .integer(Int64(line.meters.count)))]
    for word in MeterWord.allCases {
      let name = word == .setAside ? "set_aside" : word.rawValue
      counts.append(.init(name, .integer(Int64(line.meters.count { $0.word == word }))))
    }
    members.append(.init("meters", .object(counts)))
    members.append(
      .init(
        "rounds",
        .array(
          (line.snapshot?.rounds ?? []).map { round in
            .object([
              "task": .string(round.task), "due": .string(time(round.slot)), "backfill": .boolean(round.isBackfill),
              "lateness": .optional(round.lateness.map(seconds)), "waits_until": optionalTime(round.waitsUntil),
              "meters": .integer(Int64(round.meters)), "meters_left": .integer(Int64(round.metersLeft)),
              "meters_set_aside": .integer(Int64(round.metersSetAside)),
              "questions_left": .integer(Int64(round.questionsLeft)),
            ])
          })))
    members.append(
      .init(
        "next",
        line.next.map {
          .object(["task": .string($0.task), "due": .string(time($0.due)), "begins": .string(time($0.begins))])
        } ?? .null))
    members.append(
      .init(
        "last",
        line.last.map { .object(["due": .string(time($0.slot)), "lateness": .string(seconds($0.lateness))]) } ?? .null))
    if let snapshot = line.snapshot {
      members.append(
        .init(
          "overruns",
          .object(snapshot.overruns.sorted { $0.key < $1.key }.map { .init($0.key, .integer(Int64($0.value))) })))
      members.append(.init("held_answers", .integer(Int64(snapshot.held))))
      members.append(.init("demands", .integer(Int64(snapshot.demands))))
      members.append(.init("profile_records_left", .integer(Int64(snapshot.recordsLeft))))
    }
    members.append(.init("counters", line.counters.json))
    if meters { members.append(.init("list", .array(line.meters.map { json($0, line.clocks[$0.id]) }))) }
    return .object(members)
  }

  private func json(
    _ meter: (id: MeterID, word: MeterWord, known: StationBoard.Meter, probeAt: Int64?), _ clock: ClockHistory?
  ) -> JSON {
    .object([
      "meter": .string(meter.id.text), "state": .string(meter.word.rawValue),
      "last_answer": optionalTime(meter.known.lastAnswer), "silent_since": optionalTime(meter.known.silentSince),
      "next_try": optionalTime(meter.probeAt), "clock": clock?.json(zone) ?? .null,
    ])
  }

  private func time(_ unixMilliseconds: Int64) -> String { zone.rfc3339(unixMilliseconds: unixMilliseconds) }
  private func optionalTime(_ unixMilliseconds: Int64?) -> JSON { .optional(unixMilliseconds.map(time)) }
  private func number(_ number: Int64?) -> JSON { number.map(JSON.integer) ?? .null }
  /// Seconds with a tenth.
  private func seconds(_ milliseconds: Int64) -> String { decimalString(milliseconds &* 1000, decimals: 1) }
}

extension Hold {
  public func json(_ zone: ZoneOffset) -> JSON {
    .object([
      "account": .string(account), "cycle": .string(cycle), "reason": .string(reason),
      "since": .string(zone.rfc3339(unixMilliseconds: since)),
    ])
  }
}

extension LineCounters {
  var json: JSON {
    .object([
      "opens": .integer(Int64(opens)), "exchanges": .integer(Int64(exchanges)), "requests": .integer(Int64(requests)),
      "bytes_sent": .integer(Int64(bytesSent)), "bytes_received": .integer(Int64(bytesReceived)),
      "bytes_discarded": .integer(Int64(bytesDiscarded)), "bytes_trailing": .integer(Int64(bytesTrailing)),
      "bytes_late": .integer(Int64(bytesLate)), "echoes": .integer(Int64(echoes)),
      "characters_broken": .integer(Int64(charactersBroken)),
    ])
  }
}

private var processID: Int32 { getpid() }
