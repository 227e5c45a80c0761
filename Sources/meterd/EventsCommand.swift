import ArgumentParser
import Concentrator
import Metering
import Store

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Lists what was found about readings: values that go backward, run away, contradict each other.",
    discussion: """
      Oldest first: what validation said of stored readings that it did not simply accept, values that came again \
      with another content (DIFF), and what happened to the meters' clocks (CLK, DRIFT, CSET, CFLT). A reading that is held or rejected is in no bill. That a meter fell silent or a \
      port was lost is in the daemon's log and, as it is now, in meterd status; what is missing for it in meterd missing.

      EXAMPLES
        meterd events --config /etc/meterd/meterd.toml --since 2026-11-01
        meterd events --store meterd.db --meter M-0001 --code BACK --json
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

  @Option(help: "table, csv or ndjson.")
  var format = "table"

  @Flag(help: "Same as --format ndjson.")
  var json = false

  private struct Event {
    let at: Int64
    let meter: MeterID
    let code: FindingCode
    let detail: String
    let verdict: String?
    let reading: Int64?
  }

  func run() throws {
    let form = try ListForm(format, json: json)
    let meters = try meterSet(meter: meter, line: line, place)
    let (first, end) = (try since.map(instant), try until.map(instant))
    var wanted: FindingCode?
    if let code {
      guard let known = FindingCode(rawValue: code.uppercased()) else {
        let codes = FindingCode.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint(.usage, "\"\(code)\" is no code of a finding", "There are: \(codes).")
      }
      wanted = known
    }
    let reader = try place.reader()
    var events: [Event] = []
    func add(_ event: Event) {
      guard meters.map({ $0.contains(event.meter) }) ?? true, [nil, event.code].contains(wanted),
        first.map({ event.at >= $0 }) ?? true, end.map({ event.at < $0 }) ?? true
      else { return }
      events.append(event)
    }
    try withStore { () throws(StoreError) in
      try reader.judgedReadings { stored throws(StoreError) in
        for finding in stored.verdict.findings {
          add(
            Event(
              at: stored.reading.hostTime.unixMilliseconds, meter: stored.reading.key.meter, code: finding.code,
              detail: "\(stored.reading.key.quantity) \(stored.reading.key.kind.rawValue): \(finding.detail)",
              verdict: stored.verdict.status.rawValue, reading: stored.sequence))
        }
      }
      for finding in try reader.findings() {
        add(
          Event(
            at: finding.at, meter: finding.meter, code: finding.code, detail: finding.detail, verdict: nil,
            reading: finding.reading))
      }
    }
    form.header(["time", "meter", "code", "verdict", "seq", "detail"])
    for event in events.sorted(by: { ($0.at, $0.reading ?? 0) < ($1.at, $1.reading ?? 0) }) {
      let time = ZoneOffset.china.rfc3339(unixMilliseconds: event.at)
      form.print(
        [
          time, event.meter.text, event.code.rawValue, event.verdict ?? "", event.reading.map(String.init) ?? "",
          event.detail,
        ],
        .object([
          "time": .string(time), "meter": .string(event.meter.text), "code": .string(event.code.rawValue),
          "verdict": .optional(event.verdict), "seq": event.reading.map(JSON.integer) ?? .null,
          "detail": .string(event.detail),
        ]))
    }
  }
}
