import ArgumentParser
import Concentrator
import Metering
import Store

struct ReadingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "readings",
    abstract: "Shows stored readings with their verdicts.",
    discussion: """
      Instants are RFC 3339 or a date; they compare with the instant of the reading. NDJSON gives the frames too.

      EXAMPLES
        meterd readings --store meterd.db --meter M-0001 --kind settlement
        meterd readings --config meterd.toml --quantity energy.import.active.total --format csv
        meterd readings --config meterd.toml --after 120000 --format ndjson
      """)

  @OptionGroup var place: StoreOption

  @Option(help: "Only of this meter.")
  var meter: String?

  @Option(help: "Only of this quantity, such as energy.import.active.total.")
  var quantity: String?

  @Option(help: "instantaneous, daily-freeze, settlement, profile, event or estimate.")
  var kind: String?

  @Option(help: "From this instant on.")
  var since: String?

  @Option(help: "Before this instant.")
  var until: String?

  @Option(help: "Only rows of the journal after this number.")
  var after: Int64?

  @Option(help: "At most so many.")
  var limit: Int?

  @Option(help: "table, csv or ndjson.")
  var format = "table"

  @Flag(help: "Same as --format ndjson.")
  var json = false

  func run() throws {
    let form = try ListForm(format, json: json)
    try checkInstants(since, until)
    let zone = try place.zone()
    let filter = try filter(zone)
    let reader = try place.reader()
    try place.check(meter, in: reader)
    switch form {
    case .table: print(ReadingRow.header)
    case .csv: print(ReadingRow.csvHeader)
    case .ndjson: break
    }
    try withStore { () throws(StoreError) in
      try reader.readings(filter) { stored throws(StoreError) in
        let row = ReadingRow(stored, zone)
        switch form {
        case .csv: print(row.csv)
        case .ndjson:
          print(row.json(try stored.evidence.flatMap { id throws(StoreError) in try reader.evidence(id) }).text)
        case .table: print(row.table)
        }
      }
    }
  }

  private func filter(_ zone: ZoneOffset) throws -> ReadingFilter {
    var filter = ReadingFilter()
    if let meter {
      guard let id = MeterID(meter) else { throw Complaint(.usage, "\"\(meter)\" is no meter's name") }
      filter.meter = id
    }
    if let quantity {
      guard let known = Quantity(name: quantity) else {
        throw Complaint(
          .usage, "\"\(quantity)\" is no quantity", "Write a name such as energy.import.active.total or voltage.l1.")
      }
      filter.quantity = known
    }
    if let kind {
      guard let known = ReadingKind(rawValue: kind) else {
        let kinds = ReadingKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint(.usage, "\"\(kind)\" is no kind of reading", "Write one of \(kinds).")
      }
      filter.kind = known
    }
    filter.since = try since.map { try instant($0, local: zone) }
    filter.until = try until.map { try instant($0, local: zone) }
    filter.after = after
    filter.limit = limit
    return filter
  }
}

/// One stored reading, as it is printed.
struct ReadingRow {
  let stored: StoredReading
  let zone: ZoneOffset

  init(_ stored: StoredReading, _ zone: ZoneOffset) {
    self.stored = stored
    self.zone = zone
  }

  private var reading: Reading { stored.reading }
  private var unit: String { reading.key.quantity.unit?.rawValue ?? "" }
  private var instant: String { zone.rfc3339(unixMilliseconds: reading.key.instant) }
  private var verdicts: [String] { stored.verdict.findings.map(\.code.rawValue) }

  static let header = "seq\tmeter\tinstant\tkind\tquantity\tvalue\tunit\tverdict\tfindings"
  static let csvHeader = "seq,meter,quantity,obis,kind,instant,value,unit,meter_time,host_time,quality,verdict,findings"

  /// How long after its instant a register was read that stands for a freeze, in seconds with milliseconds; `nil` for
  /// all that the meter itself kept.
  private var distance: String? {
    guard reading.quality == .synthetic else { return nil }
    return decimalString((reading.hostTime.unixMilliseconds - reading.key.instant) * 1000, decimals: 3)
  }

  var table: String {
    "\(stored.sequence)\t\(reading.key.meter)\t\(instant)\t\(reading.key.kind.rawValue)\t\(reading.key.quantity)\t\(reading.value)\t\(unit)\t\(stored.verdict.status.rawValue)\t\(verdicts.joined(separator: " "))"
      + (distance.map { "\tsynthetic, read \($0) s after" } ?? "")
  }

  var csv: String {
    [
      "\(stored.sequence)", "\(reading.key.meter)", "\(reading.key.quantity)", reading.key.quantity.obis ?? "",
      reading.key.kind.rawValue, instant, "\(reading.value)", unit, reading.meterTime?.description ?? "",
      reading.hostTime.rfc3339(zone), reading.quality.rawValue, stored.verdict.status.rawValue,
      verdicts.joined(separator: " "),
    ].map(quotedField).joined(separator: ",")
  }

  func json(_ evidence: Evidence?) -> JSON {
    .object([
      "seq": .integer(stored.sequence), "meter": .string(reading.key.meter.text),
      "quantity": .string(reading.key.quantity.name), "obis": .optional(reading.key.quantity.obis),
      "kind": .string(reading.key.kind.rawValue), "instant": .string(instant),
      "value": .string("\(reading.value)"), "unit": .optional(reading.key.quantity.unit?.rawValue),
      "occurred": .optional(reading.occurred?.description), "meter_time": .optional(reading.meterTime?.description),
      "host_time": .string(reading.hostTime.rfc3339(zone)), "clock": .string("\(reading.hostTime.clock)"),
      "quality": .string(reading.quality.rawValue), "distance": .optional(distance),
      "verdict": .string(stored.verdict.status.rawValue),
      "verdicts": .array(
        stored.verdict.findings.map { .object(["code": .string($0.code.rawValue), "detail": .string($0.detail)]) }),
      "rule_version": .integer(Int64(stored.verdict.ruleVersion)),
      "frame": .optional(evidence.map { hexString($0.replies.joined()) }),
      "frames": .array((evidence?.replies ?? []).map { .string(hexString($0)) }),
    ])
  }
}
