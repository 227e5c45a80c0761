internal import Metering

/// One row of table `reading`, with the words its numbers stand for: what the checksum covers.
struct ReadingRow {
  var sequence: Int64
  var version: Int64
  let meter: String
  let quantity: String
  let kind: String
  let instant: Int64
  let value: Int64
  let resolution: Int64
  let quality: String
  let occurred: Int64?
  let meterTime: Int64?
  let hostTime: Int64
  let clock: Int64
  let bootTime: Int64
  let boot: String
  let status: String
  let findings: String?
  let details: String?
  let ruleVersion: Int64
  let evidence: Int64?

  private static let columns = """
    seq, version, meter, quantity, kind, instant, value, resolution, quality, occurred, meter_time, host_ms, clock, \
    boot_ns, boot, status, findings, details, rule_version, evidence, crc
    """
  static let selection = "SELECT \(columns) FROM reading"
  static let insertion = """
    INSERT INTO reading(\(columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
    ?17, ?18, ?19, ?20, ?21) ON CONFLICT(meter, quantity, kind, instant, version) DO NOTHING
    """
  /// The latest version of a key.
  static let selectionByKey =
    selection + " WHERE meter = ?1 AND quantity = ?2 AND kind = ?3 AND instant = ?4 ORDER BY version DESC LIMIT 1"

  var checksum: Int64 {
    var sum = Checksum()
    sum.add(sequence)
    sum.add(version)
    sum.add(meter)
    sum.add(quantity)
    sum.add(kind)
    sum.add(instant)
    sum.add(value)
    sum.add(resolution)
    sum.add(quality)
    sum.add(occurred)
    sum.add(meterTime)
    sum.add(hostTime)
    sum.add(clock)
    sum.add(bootTime)
    sum.add(boot)
    sum.add(status)
    sum.add(findings)
    sum.add(details)
    sum.add(ruleVersion)
    sum.add(evidence)
    return sum.value
  }

  /// The key's columns, as `selectionByKey` asks for them.
  func key(on connection: Connection) throws(StoreError) -> [SQLValue] {
    [
      .integer(try connection.number(for: meter)), .integer(try connection.number(for: quantity)),
      .integer(try connection.number(for: kind)), .integer(instant),
    ]
  }

  /// Carries out the `insertion`; false when a row with this key is there already.
  func insert(by statement: Statement, on connection: Connection) throws(StoreError) -> Bool {
    try statement.run([
      .integer(sequence), .integer(version), .integer(try connection.number(for: meter)),
      .integer(try connection.number(for: quantity)), .integer(try connection.number(for: kind)), .integer(instant),
      .integer(value), .integer(resolution), .integer(try connection.number(for: quality)), SQLValue(occurred),
      SQLValue(meterTime), .integer(hostTime), .integer(clock), .integer(bootTime),
      .integer(try connection.number(for: boot)), .integer(try connection.number(for: status)), SQLValue(findings),
      SQLValue(details), .integer(ruleVersion), SQLValue(evidence), .integer(checksum),
    ])
    return connection.changes == 1
  }
}

extension ReadingRow {
  init(_ judged: JudgedReading, sequence: Int64, boot: String, evidence: Int64?, on connection: Connection) {
    let (reading, verdict) = (judged.reading, judged.verdict)
    self.sequence = sequence
    version = 0
    meter = reading.key.meter.text
    quantity = connection.name(of: reading.key.quantity)
    kind = reading.key.kind.rawValue
    instant = reading.key.instant
    value = reading.value.millionths
    resolution = reading.value.resolution
    quality = reading.quality.rawValue
    occurred = reading.occurred.map(packed)
    meterTime = reading.meterTime.map(packed)
    hostTime = reading.hostTime.unixMilliseconds
    clock = packed(reading.hostTime.clock)
    bootTime = reading.bootTime.nanoseconds
    self.boot = boot
    status = verdict.status.rawValue
    findings = verdict.findings.isEmpty ? nil : verdict.findings.map(\.code.rawValue).joined(separator: ",")
    // One line a finding.
    details =
      verdict.findings.isEmpty
      ? nil : verdict.findings.map { String($0.detail.map { $0.isNewline ? " " : $0 }) }.joined(separator: "\n")
    ruleVersion = Int64(verdict.ruleVersion)
    self.evidence = evidence
  }
}

extension StoredReading {
  /// The row at hand of a `ReadingRow.selection`, after its checksum was found right.
  init(_ statement: Statement, of connection: Connection) throws(StoreError) {
    let sequence = try statement.integer(0)
    func damaged(_ what: String) -> StoreError {
      .corrupt(path: connection.path, detail: "reading \(sequence) \(what)")
    }
    let row: ReadingRow
    do throws(StoreError) {
      row = try ReadingRow(statement, of: connection)
    } catch {
      guard case .corrupt(_, let detail) = error else { throw error }
      throw damaged("cannot be read: \(detail)")
    }
    var name: String { "\(row.meter), \(row.kind) of \(row.quantity)" }
    guard row.checksum == (try? statement.integer(20)) else { throw damaged("does not match its checksum: \(name)") }
    guard let reading = row.reading(connection.quantity(named: row.quantity)), let verdict = row.verdict else {
      throw damaged("holds what no meterd writes: \(name)")
    }
    self.init(
      sequence: row.sequence, version: row.version, reading: reading, verdict: verdict, bootID: row.boot,
      evidence: row.evidence)
  }
}

extension ReadingRow {
  fileprivate init(_ statement: Statement, of connection: Connection) throws(StoreError) {
    self.init(
      sequence: try statement.integer(0), version: try statement.integer(1),
      meter: try connection.text(ofTerm: statement.integer(2)),
      quantity: try connection.text(ofTerm: statement.integer(3)),
      kind: try connection.text(ofTerm: statement.integer(4)), instant: try statement.integer(5),
      value: try statement.integer(6), resolution: try statement.integer(7),
      quality: try connection.text(ofTerm: statement.integer(8)), occurred: try statement.optionalInteger(9),
      meterTime: try statement.optionalInteger(10), hostTime: try statement.integer(11),
      clock: try statement.integer(12), bootTime: try statement.integer(13),
      boot: try connection.text(ofTerm: statement.integer(14)),
      status: try connection.text(ofTerm: statement.integer(15)),
      findings: try statement.optionalText(16), details: try statement.optionalText(17),
      ruleVersion: try statement.integer(18), evidence: try statement.optionalInteger(19))
  }

  fileprivate func reading(_ quantity: Quantity?) -> Reading? {
    guard let quantity, let meter = MeterID(meter), let kind = ReadingKind(rawValue: kind),
      let quality = Quality(rawValue: quality), let clock = clockState(packed: clock), resolution >= 1
    else { return nil }
    let occurred = occurred.map(meterTime(packed:)), meterTime = meterTime.map(meterTime(packed:))
    // A time that is there and says nothing is damage; one that is not there is none.
    if case .some(.none) = occurred { return nil }
    if case .some(.none) = meterTime { return nil }
    return Reading(
      key: ReadingKey(meter: meter, quantity: quantity, kind: kind, instant: instant),
      value: RegisterValue(millionths: value, resolution: resolution), quality: quality, occurred: occurred ?? nil,
      meterTime: meterTime ?? nil, hostTime: HostInstant(unixMilliseconds: hostTime, clock: clock),
      bootTime: BootInstant(nanoseconds: bootTime))
  }

  fileprivate var verdict: Verdict? {
    guard let status = Verdict.Status(rawValue: status), let rules = Int(exactly: ruleVersion) else { return nil }
    let codes = findings.map { $0.split(separator: ",") } ?? []
    let lines = details.map { $0.split(separator: "\n", omittingEmptySubsequences: false) } ?? []
    let findings = zip(codes, lines).compactMap { code, line in
      FindingCode(rawValue: String(code)).map { Finding($0, String(line)) }
    }
    guard findings.count == codes.count, codes.count == lines.count else { return nil }
    return Verdict(status: status, findings: findings, ruleVersion: rules)
  }
}

/// A time by a meter's clock as digits, `20151009235900`; 99 where no seconds were told.
func packed(_ time: MeterTime) -> Int64 {
  let (date, clock) = (time.date, time.time)
  let day = Int64(date.year) * 10_000 + Int64(date.month) * 100 + Int64(date.day)
  return day * 1_000_000 + Int64(clock.hour) * 10_000 + Int64(clock.minute) * 100 + Int64(clock.second ?? 99)
}

func meterTime(packed digits: Int64) -> MeterTime? {
  guard digits >= 0 else { return nil }
  let pair = { (place: Int64) in Int(digits / place % 100) }
  return MeterTime(
    year: Int(digits / 10_000_000_000), month: pair(100_000_000), day: pair(1_000_000), hour: pair(10_000),
    minute: pair(100), second: pair(1) == 99 ? nil : pair(1))
}

private func packed(_ clock: ClockState) -> Int64 {
  switch clock {
  case .holdover(let seconds): max(seconds, 0)
  case .synchronised: -1
  case .unsynchronised: -2
  }
}

private func clockState(packed number: Int64) -> ClockState? {
  switch number {
  case 0...: .holdover(seconds: number)
  case -1: .synchronised
  case -2: .unsynchronised
  default: nil
  }
}
