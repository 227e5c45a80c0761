public import Metering

/// The version of the rules in this room; stored with each verdict and raised with each change of a rule.
public let ruleVersion = 3

/// Judges the readings of one answer of one meter.
///
/// A pure function: the same readings, neighbours, file and clock give the same verdicts, whatever the order of
/// the readings, so a later run explains an earlier one.
/// - Parameters:
///   - answer: readings that the meter gave together, so that totals and rates can be compared.
///   - neighbours: usable readings of the same meter; of each series the nearest before and after are compared.
///     The last usable one is enough for readings that come in order.
///   - file: what is known of the meter.
///   - now: the host's clock.
/// - Returns: one verdict a reading, in the order of `answer`.
public func judge(
  _ answer: [Reading], neighbours: [Series: [Neighbour]], file: MeterFile, now: HostInstant
) -> [Verdict] {
  let sums = rateSums(answer, file: file)
  let twice = contradictions(answer)
  return answer.map { reading in
    let known = neighbours[Series(reading.key)] ?? []
    var judgement = Judgement()
    judgement.note(time(reading, file: file, now: now))
    judgement.note(hostClock(reading, file: file))
    judgement.note(meterClock(reading, file: file))
    judgement.note(course(reading, known, file: file))
    judgement.note(range(reading, file: file))
    judgement.note(sums[Group(reading)])
    judgement.note(twice[reading.key])
    return judgement.verdict
  }
}

/// What one rule says: a finding, and the least that follows from it.
struct Remark: Hashable {
  let status: Verdict.Status
  let finding: Finding

  init(_ status: Verdict.Status, _ code: FindingCode, _ detail: String) {
    self.status = status
    finding = Finding(code, detail)
  }
}

/// The remarks on one reading; the gravest decides.
private struct Judgement {
  private var status = Verdict.Status.accepted
  private var findings: [Finding] = []

  mutating func note(_ remark: Remark?) {
    guard let remark else { return }
    if remark.status.gravity > status.gravity { status = remark.status }
    findings.append(remark.finding)
  }

  mutating func note(_ remarks: [Remark]) { for remark in remarks { note(remark) } }

  var verdict: Verdict { Verdict(status: status, findings: findings, ruleVersion: ruleVersion) }
}

extension Verdict.Status {
  fileprivate var gravity: Int {
    switch self {
    case .accepted: 0
    case .flagged: 1
    case .held: 2
    case .rejected: 3
    }
  }
}

/// Two values for one key in one answer: neither can be believed. The order of the answer must not choose.
private func contradictions(_ answer: [Reading]) -> [ReadingKey: Remark] {
  Dictionary(grouping: answer, by: \.key).compactMapValues { readings in
    let values = Set(readings.map(\.value.millionths)).sorted()
    guard values.count > 1 else { return nil }
    return Remark(.held, .conflict, "one answer says \(values.map { decimalString($0) }.joined(separator: " and "))")
  }
}
