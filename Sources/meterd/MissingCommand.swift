import Acquisition
import ArgumentParser
import Concentrator
import Host
import Metering
import Store

struct MissingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "missing",
    abstract: "Lists the values that should be in the store and are not, each with its reason.",
    discussion: """
      The reasons: silent, nobody answered; damaged, answers came that could not be believed; refused, the meter has no \
      such thing, of records with what it said; late, the next round was due first; stale, the last freeze is of another day; gone, the meter's memory \
      does not go back so far; outage, nobody asked in time: the daemon was off, its port lost or its host suspended; \
      unlabelled, nobody can tell of which instant the value is; not stored, the disk did not take it; not kept by this \
      meter, by its profile. Rounds of a task that nobody began are one entry, up to the last of them, with their number. \
      What came after all is listed with --all. Works beside a running daemon and without one. --line needs the configuration, which says \
      whose meters those are.

      EXAMPLES
        meterd missing --config /etc/meterd/meterd.toml --since 2026-11-01
        meterd missing --store meterd.db --meter M-0001 --reason silent --format csv
        meterd missing --config meterd.toml --line bus1 --all --json
      """)

  @OptionGroup var place: StoreOption

  @Option(help: "Only of this meter.")
  var meter: String?

  @Option(help: "Only of the meters of this line.")
  var line: String?

  @Option(help: "From this instant on.")
  var since: String?

  @Option(help: "Before this instant.")
  var until: String?

  @Option(help: "Only those missing for this reason, without what stands behind a colon.")
  var reason: String?

  @Flag(help: "Also those whose value came after all.")
  var all = false

  @Option(help: "table, csv or ndjson.")
  var format = "table"

  @Flag(help: "Same as --format ndjson.")
  var json = false

  func run() throws {
    let form = try ListForm(format, json: json)
    try checkInstants(since, until)
    if let reason, !Self.reasons.contains(reason) {
      throw Complaint(
        .usage, "\"\(reason)\" is no reason for which a value is missing",
        "There are: \(Self.reasons.joined(separator: ", ")).")
    }
    let zone = try place.zone()
    var filter = try filter(zone)
    let now = HostClock.wall.unixMilliseconds
    filter.now = now
    let reader = try place.reader()
    try place.check(meter, in: reader)
    form.header(["instant", "meter", "item", "reason", "filled", "until", "rounds"])
    try withStore { () throws(StoreError) in
      try reader.gaps(filter) { stored throws(StoreError) in
        let gap = stored.gap
        let instant = zone.rfc3339(unixMilliseconds: gap.instant)
        let until = gap.until.map { zone.rfc3339(unixMilliseconds: $0) }
        let filled = stored.filled.map { zone.rfc3339(unixMilliseconds: $0) }
        form.print(
          [instant, gap.meter.text, gap.subject, gap.reason, filled ?? "", until ?? "", "\(gap.rounds)"],
          .object([
            "instant": .string(instant), "meter": .string(gap.meter.text), "item": .string(gap.subject),
            "reason": .string(gap.reason), "filled": .optional(filled), "until": .optional(until),
            "rounds": .integer(Int64(gap.rounds)),
          ]))
      }
    }
    let ahead = try withStore { () throws(StoreError) in try reader.countOfGaps(ahead: now) }
    guard ahead > 0 else { return }
    writeError(
      """
      meterd: \(counted(Int(clamping: ahead), "gap")) \(ahead == 1 ? "lies" : "lie") ahead of this host's clock, not shown
        Either a clock that was ahead has noted them, or this one is behind: compare it with date -u on another host.

      """)
  }

  /// Every reason that a gap can have.
  private static let reasons =
    LinePlan.Missed.Reason.allCases.filter { $0 != .waiting }.map(\.rawValue) + [
      "unlabelled", "not kept by this meter",
    ]

  private func filter(_ zone: ZoneOffset) throws -> GapFilter {
    var filter = GapFilter()
    filter.meters = try meterSet(meter: meter, line: line, place)
    filter.since = try since.map { try instant($0, local: zone) }
    filter.until = try until.map { try instant($0, local: zone) }
    filter.reason = reason
    filter.withFilled = all
    return filter
  }
}

/// The meters that a list is limited to; `nil` for all of them.
func meterSet(meter: String?, line: String?, _ place: StoreOption) throws -> Set<MeterID>? {
  var chosen: Set<MeterID>?
  if let meter {
    guard let id = MeterID(meter) else { throw Complaint(.usage, "\"\(meter)\" is no meter's name") }
    chosen = [id]
  }
  guard let line else { return chosen }
  let lines = try Configuration.load(place.config ?? DaemonOption.installed).lines
  guard let entry = lines.first(where: { $0.name == line }) else {
    throw Complaint(
      .usage, "there is no line \"\(line)\"", "There are: \(lines.map(\.name).joined(separator: ", ")).")
  }
  let here = Set(entry.meters.map(\.id))
  return chosen.map { $0.intersection(here) } ?? here
}
