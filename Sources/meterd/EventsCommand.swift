import ArgumentParser
import Concentrator
import Metering
import Store

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Lists what meters noted of themselves, and what was found about readings.",
    discussion: """
      Oldest first, by the time at which it was heard. Events of meters (tasks with read = ["events"]) have a kind, such as \
      power-fail, cover-open, event-clear or status.relay-open, and a state: new since the meter was last read, history that \
      was there at the first read, or held, because the record cannot be taken at its word. Their begin and end are by the \
      meter's clock. Findings have a code: what validation said of stored readings that it did not simply accept, values that \
      came again with another content (DIFF), what happened to the meters' clocks (CLK, DRIFT, CSET, CFLT), events of which \
      there is no record (ELOST), counts that went down (ECLR). A reading that is held or rejected is in no bill. That a \
      meter fell silent or a port was lost is in the daemon's log and, as it is now, in meterd status; what is missing for it \
      in meterd missing.

      A line of --json has "code" for a finding, and for an event: time (heard), meter, kind, title, title_zh, begin, end, \
      state, doubt, ordinal (by the meter's count), set (of a status bit), verified (false where no public source bears out \
      the layout), identifier, fields (name, title, title_zh, value, unit), data (bytes as read), event (number), frame.

      EXAMPLES
        meterd events --config /etc/meterd/meterd.toml --since 2026-11-01
        meterd events --store meterd.db --meter M-0001 --code BACK --json
        meterd events --store meterd.db --kind power-fail
        meterd events --store meterd.db --kind status --json
      """)

  @OptionGroup var place: StoreOption

  @Option(help: "Only of this meter.")
  var meter: String?

  @Option(help: "Only of the meters of this line.")
  var line: String?

  @Option(help: "Found at this instant or later.")
  var since: String?

  @Option(help: "Found before this instant.")
  var until: String?

  @Option(help: "Only findings of this code, such as BACK, FLY, SUM or DIFF.")
  var code: String?

  @Option(
    help: "Only events of meters of this kind, such as power-fail; of all kinds that begin so: voltage-loss, status.")
  var kind: String?

  @Option(help: "table, csv or ndjson.")
  var format = "table"

  @Flag(help: "Same as --format ndjson.")
  var json = false

  private struct Event {
    let at: Int64
    let meter: MeterID
    /// What tells it apart from others of the same instant.
    let order: Int64
    /// Columns 3 to 6.
    let columns: [String]
    let json: JSON
  }

  func run() throws {
    let form = try ListForm(format, json: json)
    var wanted: FindingCode?
    if let code {
      guard let known = FindingCode(rawValue: code.uppercased()) else {
        let codes = FindingCode.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint(.usage, "\"\(code)\" is no code of a finding", "There are: \(codes).")
      }
      wanted = known
    }
    guard code == nil || kind == nil else {
      throw Complaint(
        .usage, "--code is of findings and --kind of events, and nothing is both", "Leave one of them out.")
    }
    try checkInstants(since, until)
    let meters = try meterSet(meter: meter, line: line, place)
    let zone = try place.zone()
    let (first, end) = (
      try since.map { try instant($0, local: zone) }, try until.map { try instant($0, local: zone) }
    )
    let reader = try place.reader()
    try place.check(meter, in: reader)
    var events: [Event] = []
    func isAsked(_ at: Int64, _ meter: MeterID) -> Bool {
      meters.map { $0.contains(meter) } ?? true && first.map { at >= $0 } ?? true && end.map { at < $0 } ?? true
    }
    func add(
      _ at: Int64, _ meter: MeterID, _ code: FindingCode, _ detail: String, verdict: String? = nil, reading: Int64?
    ) {
      guard isAsked(at, meter), [nil, code].contains(wanted) else { return }
      events.append(
        Event(
          at: at, meter: meter, order: reading ?? 0,
          columns: [code.rawValue, verdict ?? "", reading.map(String.init) ?? "", detail],
          json: .object([
            "time": .string(zone.rfc3339(unixMilliseconds: at)), "meter": .string(meter.text),
            "code": .string(code.rawValue), "verdict": .optional(verdict),
            "seq": reading.map(JSON.integer) ?? .null, "detail": .string(detail),
          ])))
    }
    try withStore { () throws(StoreError) in
      if kind == nil {
        try reader.judgedReadings { stored throws(StoreError) in
          for finding in stored.verdict.findings {
            add(
              stored.reading.hostTime.unixMilliseconds, stored.reading.key.meter, finding.code,
              "\(stored.reading.key.quantity) \(stored.reading.key.kind.rawValue): \(finding.detail)",
              verdict: stored.verdict.status.rawValue, reading: stored.sequence)
          }
        }
        for finding in try reader.findings() {
          add(finding.at, finding.meter, finding.code, finding.detail, reading: finding.reading)
        }
      }
      guard wanted == nil else { return }
      try reader.events { event throws(StoreError) in
        guard isAsked(event.heard, event.meter), isWanted(event.kind) else { return }
        events.append(
          Event(
            at: event.heard, meter: event.meter, order: event.sequence,
            columns: [event.kind, event.state.rawValue, "", event.line], json: event.json(zone)))
      }
    }
    form.header(["time", "meter", "code", "verdict", "seq", "detail"])
    for event in events.sorted(by: { ($0.at, $0.order) < ($1.at, $1.order) }) {
      form.print([zone.rfc3339(unixMilliseconds: event.at), event.meter.text] + event.columns, event.json)
    }
  }

  /// The kind itself, or all that begin with it: `voltage-loss` for its phases, `status` for all bits.
  private func isWanted(_ found: String) -> Bool {
    guard let kind else { return true }
    return found == kind || found.hasPrefix(kind + "-") || found.hasPrefix(kind + ".")
  }
}
