internal import Acquisition
internal import Host
internal import Line
public import Logging
public import Metering

/// Writes what happens in a station to a log: transitions, not states, and never what repeats.
public struct StationLog: Sendable {
  private final class Zone: Sendable {
    let value: Guarded<ZoneOffset>
    init(_ zone: ZoneOffset) { value = Guarded(zone) }
  }

  private let logger: Logger
  private let zone: Zone

  /// Instants of records are told by the clock of `zone`.
  public init(_ logger: Logger, zone: ZoneOffset) {
    self.logger = logger
    self.zone = Zone(zone)
  }

  /// Tells instants by another zone from now on, after a reload.
  public func go(on zone: ZoneOffset) { self.zone.value.withLock { $0 = zone } }

  private func time(_ unixMilliseconds: Int64) -> String {
    zone.value.withLock { $0 }.rfc3339(unixMilliseconds: unixMilliseconds)
  }

  /// What `meterd check` says of a configuration that is carried out all the same.
  public func note(remarksOf station: Station) {
    for remark in station.remarks { logger.warning("configuration", metadata: ["remark": "\(remark)"]) }
    for complaint in station.unbillable {
      logger.warning(
        "an account can never be billed by its terms",
        metadata: ["what": "\(complaint.headline)", "next": "\(complaint.advice.joined(separator: " "))"])
    }
    for entry in station.idleTasks {
      logger.warning(
        "task reads nothing: none of its meters offers what it names",
        metadata: ["task": "\(entry.task.name)", "file": "\(station.configuration.file):\(entry.fileLine)"])
    }
  }

  public func note(_ event: StationEvent) {
    switch event {
    case .line(let event): note(event)
    case .stored(let line, let reading, let verdict, _):
      for finding in verdict.findings where verdict.status != .accepted {
        logger.debug(
          "finding",
          metadata: [
            "line": "\(line)", "meter": "\(reading.key.meter)", "quantity": "\(reading.key.quantity)",
            "code": "\(finding.code.rawValue)", "detail": "\(finding.detail)", "verdict": "\(verdict.status.rawValue)",
          ])
      }
    case .unlabelled(let meter, let quantity, let reason):
      logger.warning(
        "reading without an instant", metadata: ["meter": "\(meter)", "quantity": "\(quantity)", "reason": "\(reason)"])
    case .notKept(let meter, let item):
      logger.notice("meter does not keep this", metadata: ["meter": "\(meter)", "item": "\(item)"])
    case .event(let line, let meter, let event, let kept): note(event, kept, meter, line)
    case .eventNotice(let meter, let notice):
      logger.warning("meter's events", metadata: ["meter": "\(meter)", "what": "\(notice)"])
    case .clock(let meter, let notice):
      logger.log(
        level: notice.isTrouble ? .warning : .notice, "meter's clock",
        metadata: ["meter": "\(meter)", "what": "\(notice)"])
    case .storeFailed(let reason, let readings):
      logger.error("store failed", metadata: ["reason": "\(reason)", "readings": "\(readings)"])
    case .billed(let account, let cycle, let kind, let fen, let isNew):
      guard isNew else { return }
      logger.info(
        "bill issued",
        metadata: ["account": "\(account)", "cycle": "\(cycle)", "kind": "\(kind)", "fen": "\(fen)"])
    case .storeDamaged(let complaint):
      logger.error(
        "the store is damaged",
        metadata: ["what": "\(complaint.headline)", "next": "\(complaint.advice.joined(separator: " "))"])
    case .traceFailed(let line, let reason):
      logger.error(
        "trace stopped",
        metadata: [
          "line": "\(line)", "reason": "\(reason)",
          "next": "the daemon's user must be able to write there; after meterd reload the trace is begun anew",
        ])
    case .commanded(let line, let request, let actor, let outcome):
      logger.notice(
        "command", metadata: ["line": "\(line)", "request": "\(request)", "by": "\(actor)", "outcome": "\(outcome)"])
    case .billingWaitsForTrial(let differences):
      guard differences > 0 else { return }
      logger.warning(
        "billing waits: bills come out otherwise than they were issued", metadata: ["differences": "\(differences)"])
    case .billingWaitsForClock: logger.warning("billing waits for the host's clock to be set")
    case .held(let account, let cycle, let reason):
      logger.warning("bill waits", metadata: ["account": "\(account)", "cycle": "\(cycle)", "reason": "\(reason)"])
    }
  }

  /// A client of the control socket that did not go by itself.
  public func note(_ parting: ControlServer.Parting) {
    logger.notice(
      "control client sent away",
      metadata: [
        "reason": "\(parting.reason.rawValue)", "user": "\(parting.peer.user)", "process": "\(parting.peer.process)",
      ])
  }

  private func note(_ event: MeterEvent, _ kept: EventKept, _ meter: MeterID, _ line: String) {
    guard kept != .known else { return }
    var metadata: Logger.Metadata = ["line": "\(line)", "meter": "\(meter)", "kind": "\(event.kind)"]
    if let begin = event.begin { metadata["begin"] = "\(begin)" }
    if let end = event.end { metadata["end"] = "\(end)" }
    if let doubt = event.doubt { metadata["doubt"] = "\(doubt)" }
    switch event.state {
    case .new where kept == .released: logger.notice("event of a meter is held no more", metadata: metadata)
    case .new: logger.notice(kept == .ended ? "event of a meter has ended" : "event of a meter", metadata: metadata)
    // What was there before the meter was known alarms nobody.
    case .history: logger.debug("earlier event of a meter", metadata: metadata)
    case .held: logger.warning("event of a meter cannot be taken at its word", metadata: metadata)
    }
  }

  private func note(_ event: LineEvent) {
    switch event {
    case .answered, .events, .clock: break
    case .staleFreeze(let line, let meter, let query, let told):
      logger.notice(
        "stale freeze",
        metadata: [
          "line": "\(line)", "meter": "\(meter)", "query": "\(query)", "told": "\(told.map { "\($0)" } ?? "none")",
        ])
    case .backfillFailed(let line, let meter, let query, let reason, let isFinal):
      logger.warning(
        "back-fill failed",
        metadata: [
          "line": "\(line)", "meter": "\(meter)", "query": "\(query)", "reason": "\(reason.rawValue)",
          "final": "\(isFinal ? "yes" : "no")",
        ])
    case .missed(let line, let meter, let queries, let reason, _):
      logger.debug(
        "reading failed",
        metadata: ["line": "\(line)", "meter": "\(meter)", "items": "\(queries.count)", "reason": "\(reason.rawValue)"])
    case .lacking(let line, let meter, let queries, let reason, _):
      logger.debug(
        "reading not there yet",
        metadata: ["line": "\(line)", "meter": "\(meter)", "items": "\(queries.count)", "reason": "\(reason.rawValue)"])
    case .leftOut(let line, let task, let meters, let from, let through, let rounds, let reason):
      logger.warning(
        "rounds left out",
        metadata: [
          "line": "\(line)", "task": "\(task)", "meters": "\(meters.count)", "rounds": "\(rounds)",
          "from": "\(time(from))",
          "through": "\(time(through))", "reason": "\(reason.rawValue)",
        ])
    case .recordsLapsed(let line, let meter, let subject, let from, let through, let records, let reason):
      logger.warning(
        "records given up",
        metadata: [
          "line": "\(line)", "meter": "\(meter)", "item": "\(subject)", "records": "\(records)",
          "from": "\(time(from))",
          "through": "\(time(through))", "reason": "\(reason.rawValue)",
        ])
    case .recordsRefused(let line, let meter, let records, let word):
      logger.warning(
        "records refused",
        metadata: [
          "line": "\(line)", "meter": "\(meter)", "items": "\(records.count)",
          "first": "\(records.first.map { "\($0)" } ?? "")",
          "word": "\(word)",
        ])
    case .journalWanted: break
    case .health(let line, let meter, let isAnswering):
      logger.notice(isAnswering ? "meter answers" : "meter silent", metadata: ["line": "\(line)", "meter": "\(meter)"])
    case .rejected(let line, let meter, let query, let reason):
      logger.debug(
        "answer not believed",
        metadata: ["line": "\(line)", "meter": "\(meter)", "query": "\(query)", "reason": "\(reason)"])
    case .answeredTwice(let line, let meter, let query, let disagree, let isNews):
      logger.log(
        level: isNews ? .warning : .debug, "two answers to one question: two meters may have this address",
        metadata: [
          "line": "\(line)", "meter": "\(meter)", "query": "\(query)", "disagree": "\(disagree ? "yes" : "no")",
        ])
    case .late(let line, let meter, let bytes):
      logger.debug("late bytes dropped", metadata: ["line": "\(line)", "meter": "\(meter)", "bytes": "\(bytes)"])
    case .control(let line, let record):
      let metadata: Logger.Metadata = [
        "line": "\(line)", "function": "\(record.act.function)", "target": "\(record.act.target)",
      ]
      if let refusal = record.refusal {
        logger.error("refused to send", metadata: metadata.merging(["reason": "\(refusal.rawValue)"]) { $1 })
      } else {
        logger.notice("sent to change a meter", metadata: metadata)
      }
    case .portLost(let line, let reason):
      logger.error("port lost", metadata: ["line": "\(line)", "reason": "\(reason)"])
    case .portOpened(let line): logger.notice("port open", metadata: ["line": "\(line)"])
    }
  }
}

/// Log lines on standard error: `<level>` for the journal, then the message and its metadata as key=value.
///
/// Whoever does not read them holds up nothing: what finds no room is dropped and counted.
public struct LineLogHandler: LogHandler {
  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  private let label: String
  private let isJournal: Bool
  private let outlet: LogOutlet

  public init(label: String, level: Logger.Level, isJournal: Bool, outlet: LogOutlet = .standardError) {
    self.label = label
    self.outlet = outlet
    self.isJournal = isJournal
    logLevel = level
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var text = "\(lead(event.level))\(event.message)"
    for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }
    ) {
      text += " \(key)=\(quoted("\(value)"))"
    }
    outlet.write(text + "\n") { "\(lead(.warning))log lines dropped lines=\($0)\n" }
  }

  private func lead(_ level: Logger.Level) -> String { isJournal ? "<\(priority(level))>" : "\(level) " }

  /// Control bytes cannot forge a second line.
  private func quoted(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      if scalar.value < 0x20 || scalar.value == 0x7F {
        out += "\\x\(hexPair(UInt8(scalar.value)))"
      } else if scalar == "\"" {
        out += "\\\""
      } else {
        out.unicodeScalars.append(scalar)
      }
    }
    return out.contains(" ") || out.isEmpty ? "\"\(out)\"" : out
  }

  /// syslog(3) priorities.
  private func priority(_ level: Logger.Level) -> Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
