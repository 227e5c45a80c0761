internal import Billing
public import Metering
internal import Rating
public import Store

/// A stored bill walked back to the bytes that meters sent.
public struct BillExplanation: Sendable {
  /// Lines of text for people: bill line, rule, segment, readings, frames.
  public let text: [String]
  /// True when the bill, rated again from its readings now, comes out byte for byte the same; also for a reversal, which
  /// mirrors one that was issued.
  public let isReproduced: Bool
  /// The same for programs.
  public let json: JSON
  /// A page for the customer, in both languages.
  public let page: [String]

  /// Rates a stored bill again from its readings and explains each line.
  ///
  /// Where it comes out otherwise, or cannot be rated any more, it is explained from its document: what was issued stands.
  /// - Parameters:
  ///   - stored: the bill.
  ///   - station: accounts and tariffs.
  ///   - reader: of the store that holds it.
  ///   - interval: a time in an interval of the bill whose readings and frames are wanted; `nil` for none.
  /// - Throws: `Complaint` where the account is not there any more or the store is damaged.
  public init(_ stored: StoredBill, station: Station, reader: StoreReader, interval: MeterTime? = nil) throws(Complaint)
  {
    guard let account = station.accounts.first(where: { $0.id == stored.bill.account }),
      let plans = station.plansByAccount[account.id]
    else {
      throw Complaint(
        .configuration, "\(station.configuration.file) has no account \"\(stored.bill.account)\" any more",
        "Explain the bill with the configuration it was made under: --config FILE")
    }
    let zone = station.configuration.zone
    var isOutside = false
    let entry = station.configuration.accounts.first { $0.id == account.id }
    do throws(StoreError) {
      let bill = try IssuedBill(stored, reader.path)
      let book = BillBook(reader: reader)
      let earlier = try book.documents(of: account.id).filter { $0.id < stored.id && $0.cycle < bill.cycle }
      let history = BillBook.standing(earlier)
      var readings: [JournalReading] = []
      var proofs: [Int64: Proof] = [:]
      var decisions: [Int64: ReadingDecision]?
      var isLogDamaged = false
      func decision(on sequence: Int64) throws(StoreError) -> ReadingDecision? {
        // The log is as long as the station is old: it is read for bills that rest on what a person said.
        if decisions == nil {
          var found: [Int64: ReadingDecision] = [:]
          do throws(StoreError) {
            try reader.audit { stored in
              if let decision = stored.record.readingDecision { found[decision.reading] = decision }
            }
          } catch {
            // The bill is whole without it.
            guard case .corrupt = error else { throw error }
            isLogDamaged = true
          }
          decisions = found
        }
        return decisions?[sequence]
      }
      func prove(_ sequence: Int64) throws(StoreError) -> JournalReading? {
        guard let found = try reader.reading(sequence) else { return nil }
        proofs[sequence] = Proof(
          found, try found.evidence.flatMap { id throws(StoreError) in try reader.evidence(id) },
          found.reading.quality == .substituted ? try decision(on: sequence) : nil, zone)
        return JournalReading(sequence: sequence, reading: found.reading, verdict: found.verdict)
      }
      for sequence in bill.readings {
        if let found = try prove(sequence) { readings.append(found) }
      }
      let profile = try book.profile(under: [bill], of: account)
      var again: ClosedBill?
      var note = "It mirrors the bill that it cancels, number by number."
      var same = true
      if !bill.parts.isEmpty {
        switch rateAgain(
          bill, after: history.last, account: account, readings: readings, profile: profile, plans: plans)
        {
        case .bill(let closed):
          same = closed.document == bill.standing
          again = same ? closed : nil
          note =
            same
            ? "Rated again now from these readings: the same, byte for byte."
            : Charges(closed) == Charges(bill.parts)
              ? "Rated again now from these readings: the same charges. Only words of the tariff, or the program, have changed since."
              : "Rated again now it comes out different: the tariff or the configuration has changed since. The stored bill stands."
        case .hold(let reasons):
          same = false
          note =
            "It cannot be rated again now: \(reasons.map(\.description).joined(separator: "; ")). The stored bill stands."
        }
      }
      isReproduced = same
      let findings =
        again.map { Billing.review($0, after: history, limits: station.configuration.review.limits).findings } ?? []
      let head = Self.head(of: stored, bill)
      let body = again.map { explain($0) { proofs[$0]?.text ?? [] } } ?? Self.told(bill, proofs)
      let ends = interval.map { bill.ends(ofIntervalAt: $0, in: profile, of: account) } ?? []
      isOutside = interval != nil && ends.isEmpty
      for sequence in Set(ends.flatMap { [$0.start, $0.stop] }).sorted() where proofs[sequence] == nil {
        _ = try prove(sequence)
      }
      let looked = findings.map { "Review 核算: \($0)" }
      text =
        head + body + looked + ends.flatMap { $0.text(proofs) } + [note]
        + (isLogDamaged
          ? ["The audit log is damaged, so it may not say who entered a value; meterd audit tells where."] : [])
      let sentences = again.map { closed in
        closed.bills.map { bill in bill.lines.map { bill.explanation(of: $0) } }
      }
      json = .object([
        "bill": .integer(stored.id), "account": .string(bill.account), "cycle": .string("\(bill.cycle)"),
        "kind": .string(bill.kind.rawValue), "version": .integer(Int64(bill.version)),
        "corrects_version": stored.bill.correction.map { .integer($0.version) } ?? .null,
        "reason": .optional(stored.bill.correction?.reason), "amount": .string("\(bill.amount)"),
        "total": .string("\(bill.total)"), "currency": "CNY",
        "issued": .string(zone.rfc3339(unixMilliseconds: bill.issuedAt)), "digest": .string(bill.digest),
        "reproduced": .boolean(same),
        "review": .array(
          findings.map { finding in
            .object([
              "rule": .string(finding.rule.rawValue), "weight": .string(finding.weight.rawValue),
              "detail": .string(finding.detail),
            ])
          }),
        "parts": .array(
          bill.parts.enumerated().map { index, part in
            part.json(sentences.map { $0.indices.contains(index) ? $0[index] : [] } ?? [], proofs)
          }),
        "intervals": .array(again.map(Self.intervals) ?? []),
        "meter_errors": .array(
          (again?.mended ?? []).map { stretch in
            .object([
              "meter": .string(stretch.meter), "from": .string("\(stretch.from)"), "to": .string("\(stretch.to)"),
              "percent": .string(stretch.error.percent), "multiplier": .string("\(stretch.error.multiplier)"),
            ])
          }),
        "interval": interval == nil ? .null : .array(ends.map { $0.json(proofs) }),
        "explanation": .array(text.map(JSON.string)),
      ])
      page =
        CustomerPage(bill, stored: stored, name: entry?.name ?? "", zone: zone, errors: MeterErrors(of: account))
        .lines
    } catch {
      throw Complaint(error)
    }
    guard isOutside else { return }
    throw Complaint(
      .usage, "bill \(stored.id) has no interval at \(interval.map { "\($0)" } ?? "")",
      "Intervals are on bills that are settled by them, between the bill's first and last day; write 2026-10-05T08:15.")
  }

  /// The intervals of each bill, by day and slot and one by one.
  private static func intervals(_ closed: ClosedBill) -> [JSON] {
    zip(closed.bills, closed.intervals).map { bill, intervals in
      guard let intervals, let record = bill.usage.supply?.intervals else { return .null }
      let days: [JSON] = intervals.days(under: bill.plan).map { day in
        .object([
          "date": .string("\(day.date)"), "type": .optional(day.type?.rawValue),
          "slots": .array(
            day.slots.map {
              .object([
                "hours": .string($0.hours), "period": .string($0.period), "energy": .string("\($0.energy)"),
              ])
            }),
        ])
      }
      return .object([
        "minutes": .integer(Int64(record.minutes)), "count": .integer(Int64(record.count)),
        "start": .string("\(intervals.series.start)"), "sum": .string("\(record.sum)"),
        "register": .string("\(intervals.register)"), "bound": .string("\(intervals.bound)"),
        "reconciliation": .string(record.reconciliation.rawValue), "series_digest": .string(record.seriesDigest),
        "calendar": .optional(intervals.calendar?.name), "calendar_digest": .optional(record.calendarDigest),
        "days": .array(days),
        "energies": .array(intervals.series.energies.map { .optional($0.map { "\($0)" }) }),
      ])
    }
  }

  private static func head(of stored: StoredBill, _ bill: IssuedBill) -> [String] {
    guard let correction = stored.bill.correction else { return [] }
    let what = bill.kind == .reversal ? "cancels 红冲" : "corrects 更正"
    return [
      "Document 单据 \(stored.id), \(bill.kind.rawValue), \(what) version \(correction.version) of \(bill.account) for"
        + " \(bill.cycle): \(correction.reason) (\(correction.actor))",
      "It adds 应补(退) \(bill.amount) yuan 元 to the account",
    ] + stored.bill.lines.map { "  \(Money(fen: $0.amountFen))  \($0.text)" }
  }

  /// A bill in words from its document alone.
  private static func told(_ bill: IssuedBill, _ proofs: [Int64: Proof]) -> [String] {
    var text: [String] = []
    for part in bill.parts {
      text.append("Bill 账单 \(part.id), \(part.days), plan 电价 \(part.plan.name) (valid from \(part.plan.validFrom))")
      for line in part.lines { text += ["\(line.name) \(line.chineseName)", "   \(line.formula)"] }
      text.append("Total 合计 \(part.total) yuan 元")
      for segment in part.segments {
        text.append(
          "Segment 区段: meter 电能表 \(segment.meter), multiplier 倍率 \(segment.multiplier), \(segment.from) to \(segment.to)"
        )
        for (quantity, at, mark) in segment.marks {
          text.append("   \(quantity) at \(at): reading \(mark.reading), \(mark.value) (\(mark.quality))")
          text += (proofs[mark.reading]?.text ?? []).map { "         \($0)" }
        }
        if let profile = segment.profile {
          text.append(
            "   load profile 负荷曲线: \(profile.records) records, \(profile.minutes) minutes apart, intervals of"
              + " \(profile.energy) kWh, newest reading \(profile.newest), digest \(profile.digest.prefix(12))")
        }
      }
    }
    return text
  }
}

/// When and how a reading was taken, and the frames that carried it; who entered it where no meter told it.
private struct Proof {
  let value: String
  let text: [String]
  let json: JSON

  init(_ stored: StoredReading, _ evidence: Evidence?, _ decision: ReadingDecision?, _ zone: ZoneOffset) {
    let reading = stored.reading
    value = "\(reading.value)"
    let of = zone.rfc3339(unixMilliseconds: reading.key.instant)
    // A new version bears the time of the reading that it took the place of; nobody read it then.
    let read = reading.quality == .substituted ? nil : reading.hostTime.rfc3339(zone)
    let how = read.map { "read \($0)" } ?? Self.words(decision, zone)
    let sent = (evidence?.requests ?? []).map { hexString($0) }
    let received = (evidence?.replies ?? []).map { hexString($0) }
    text =
      ["of \(zone.local(unixMilliseconds: reading.key.instant)), \(how), \(stored.verdict.status.rawValue)"]
      + sent.map { "sent     \($0)" } + received.map { "received \($0)" }
    json = .object([
      "reading": .integer(stored.sequence), "version": .integer(stored.version),
      "value": .string("\(reading.value)"), "instant": .string(of), "host_time": .optional(read),
      "quality": .string(reading.quality.rawValue), "verdict": .string(stored.verdict.status.rawValue),
      "line": .optional(evidence?.line), "sent": .array(sent.map(JSON.string)),
      "received": .array(received.map(JSON.string)),
      "entered": read != nil
        ? .null
        : .object([
          "at": .optional(decision.map { zone.rfc3339(unixMilliseconds: $0.at) }), "by": .optional(decision?.actor),
          "reason": .optional(decision?.reason),
          "instead_of": decision?.instead.map {
            .object(["reading": .integer($0.reading), "value": .string($0.value)])
          } ?? .null,
        ]),
    ])
  }

  /// `entered by a person 人工录入 (li (uid 0), at 2026-11-23T20:10:00+08:00: "read on site") instead of reading 4, 12.34`
  private static func words(_ decision: ReadingDecision?, _ zone: ZoneOffset) -> String {
    guard let decision else { return "entered by a person 人工录入, of whom the audit log says nothing" }
    let at = zone.rfc3339(unixMilliseconds: decision.at)
    return "entered by a person 人工录入 (\(decision.actor), at \(at): \"\(decision.reason)\")"
      + (decision.instead.map { " instead of reading \($0.reading), \($0.value)" } ?? "")
  }
}

extension IntervalEnds {
  fileprivate func text(_ proofs: [Int64: Proof]) -> [String] {
    var text = ["Interval 时段 \(from) to \(to), meter 电能表 \(meter), multiplier 倍率 \(multiplier)"]
    for (word, sequence) in [("start 起", start), ("stop 止", stop)] {
      text.append("   \(word): reading \(sequence)\(proofs[sequence].map { ", \($0.value)" } ?? "")")
      text += (proofs[sequence]?.text ?? []).map { "         \($0)" }
    }
    return text
  }

  fileprivate func json(_ proofs: [Int64: Proof]) -> JSON {
    .object([
      "meter": .string(meter), "multiplier": .string(multiplier), "from": .string("\(from)"), "to": .string("\(to)"),
      "start": proofs[start]?.json ?? .integer(start), "stop": proofs[stop]?.json ?? .integer(stop),
    ])
  }
}

extension IssuedPart {
  fileprivate func json(_ sentences: [String], _ proofs: [Int64: Proof]) -> JSON {
    func mark(_ mark: IssuedSegment.Mark) -> JSON {
      proofs[mark.reading]?.json
        ?? .object(["reading": .integer(mark.reading), "value": .string(mark.value), "quality": .string(mark.quality)])
    }
    return .object([
      "bill": .string(id), "from": .string("\(days.from)"), "to": .string("\(days.to)"), "plan": .string(plan.name),
      "plan_valid_from": .string(plan.validFrom), "plan_digest": .string(plan.digest),
      "energy": .string("\(energy)"), "total": .string("\(total)"),
      "lines": .array(
        lines.enumerated().map { index, line in
          .object([
            "name": .string(line.name), "name_zh": .string(line.chineseName), "rule": .string(line.rule),
            "quantity": .string(decimalString(line.quantity, decimals: 6)), "unit": .string(line.unit),
            "price": .string(line.price), "amount": .string("\(line.amount)"), "formula": .string(line.formula),
            "segments": .array(line.segments.map { .integer(Int64($0)) }),
            "because": .optional(sentences.indices.contains(index) ? sentences[index] : nil),
          ])
        }),
      "segments": .array(
        segments.map { segment in
          .object([
            "meter": .string(segment.meter), "multiplier": .string(segment.multiplier), "from": .string(segment.from),
            "to": .string(segment.to),
            "registers": .array(
              segment.registers.map { register in
                .object([
                  "quantity": .string(register.quantity), "energy": .string("\(register.energy)"),
                  "rolled_over": .boolean(register.rolledOver), "start": mark(register.start),
                  "stop": mark(register.stop),
                ])
              }), "demand": segment.demand.map(mark) ?? .null,
            "profile": segment.profile.map { profile in
              .object([
                "minutes": .integer(Int64(profile.minutes)), "records": .integer(Int64(profile.records)),
                "newest": .integer(profile.newest), "digest": .string(profile.digest),
                "energy": .string("\(profile.energy)"),
              ])
            } ?? .null,
          ])
        }),
    ])
  }
}
