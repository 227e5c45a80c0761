public import Billing
internal import Metering
internal import Rating
public import Store

/// What the store knows of an account's bills, and the readings that they are made of.
struct BillBook {
  let reader: StoreReader

  /// Every document of an account, in the order of issue.
  func documents(of account: String) throws(StoreError) -> [IssuedBill] {
    var bills: [IssuedBill] = []
    try reader.bills(account: account) { stored throws(StoreError) in bills.append(try IssuedBill(stored, reader.path))
    }
    return bills
  }

  /// What stands for each cycle, in the order of the cycles; without those that were cancelled.
  static func standing(_ documents: [IssuedBill]) -> [IssuedBill] {
    var last: [YearMonth: IssuedBill] = [:]
    for bill in documents where last[bill.cycle].map({ $0.version < bill.version }) ?? true { last[bill.cycle] = bill }
    return last.values.filter { !$0.parts.isEmpty }.sorted { $0.cycle < $1.cycle }
  }

  /// What stands for other accounts of the meters and times of a bill.
  func others(than bill: ClosedBill) throws(StoreError) -> [IssuedBill] {
    var documents: [String: [IssuedBill]] = [:]
    for segment in bill.bills.flatMap(\.usage.segments) {
      let found = try reader.bills(
        ofMeter: segment.meter, from: "\(segment.from)", to: "\(segment.to)", notOf: bill.key.account)
      for stored in found where documents[stored.bill.account]?.contains(where: { $0.id == stored.id }) != true {
        documents[stored.bill.account, default: []].append(try IssuedBill(stored, reader.path))
      }
    }
    return documents.sorted { $0.key < $1.key }.flatMap { Self.standing($0.value) }
  }

  /// The cycles of an account to close at `now`, in milliseconds since 1970, with `readings` at hand.
  ///
  /// Meters are asked for their settlements once a day, so what is a day old should be there.
  static func due(
    of account: Account, billed: some Sequence<YearMonth>, readings: [JournalReading], at now: Int64
  ) -> DueCycles {
    dueCycles(
      of: account, billed: billed, instants: readings.map(\.reading.key.instant), now: now,
      overdueAt: now - 86_400_000)
  }

  /// Settlements and estimates, and whatever there is of the instants at which the account's meters or rules were
  /// changed; of the registers that bills can be made of.
  ///
  /// Each question names meter, quantity and kind, which the journal's index has in this order: years of load between
  /// them cost nothing.
  ///
  /// Of meters that close no month by themselves, the daily freezes at the boundaries of cycles up to `end`, in
  /// milliseconds since 1970.
  func readings(
    of account: Account, plans: PlanCatalogue, until end: Int64
  ) throws(StoreError) -> [JournalReading] {
    var readings: [JournalReading] = []
    func add(
      _ meter: MeterID, _ quantity: Quantity, _ kind: ReadingKind, at instant: Int64? = nil
    ) throws(StoreError) {
      var filter = ReadingFilter()
      (filter.meter, filter.quantity, filter.kind) = (meter, quantity, kind)
      (filter.since, filter.until) = (instant, instant.map { $0 + 1 })
      try reader.readings(filter) { stored throws(StoreError) in
        readings.append(
          JournalReading(sequence: stored.sequence, reading: stored.reading, verdict: stored.verdict))
      }
    }
    let rates = Set(plans.plans.flatMap(\.periods).flatMap(\.rates)).sorted()
    let changes = account.changes(under: plans)
    let boundaries = account.boundaries(until: end)
    for meter in Set(account.meters.map(\.meter)).sorted() {
      let assignments = account.meters.filter { $0.meter == meter }
      let instants = Set(assignments.flatMap { [$0.from, $0.to].compactMap(\.self) } + changes)
        .map { account.zone.unixMilliseconds(of: $0) }.sorted()
      let frozen = assignments.allSatisfy(\.keepsSettlements) ? [] : boundaries.filter { !instants.contains($0) }
      for quantity in Self.registers(of: assignments, rates) {
        for kind in [ReadingKind.settlement, .estimate] { try add(meter, quantity, kind) }
        for kind in [ReadingKind.dailyFreeze, .event, .instantaneous] {
          for instant in instants { try add(meter, quantity, kind, at: instant) }
        }
        for instant in frozen { try add(meter, quantity, .dailyFreeze, at: instant) }
      }
    }
    return readings
  }

  /// The readings of a register at an instant that bills may rest on instead of one of them, in every version.
  ///
  /// Beside a settlement and an estimate those are settlements and estimates: of boundaries that a meter closes by itself
  /// billing reads nothing else, whatever was frozen then. Beside any other kind it is all kinds.
  func readings(beside key: ReadingKey) throws(StoreError) -> [JournalReading] {
    var found: [JournalReading] = []
    let closing = [ReadingKind.settlement, .estimate]
    for kind in closing.contains(key.kind) ? closing : ReadingKind.allCases {
      var filter = ReadingFilter()
      (filter.meter, filter.quantity, filter.kind) = (key.meter, key.quantity, kind)
      (filter.since, filter.until) = (key.instant, key.instant + 1)
      try reader.readings(filter) { stored throws(StoreError) in
        found.append(JournalReading(sequence: stored.sequence, reading: stored.reading, verdict: stored.verdict))
      }
    }
    return found
  }

  /// The load profiles of an account that is settled by intervals, of all cycles that were over at `end`, in milliseconds
  /// since 1970, or of those from `start` on; empty for others.
  ///
  /// A year of quarters is 35,000 records, so whoever needs no old ones leaves them in the store.
  func profile(
    of account: Account, from start: MeterTime? = nil, until end: Int64
  ) throws(StoreError) -> ProfileReadings {
    guard let first = account.firstByIntervals else { return ProfileReadings() }
    return try profile(
      of: Set(account.meters.map(\.meter)), since: account.zone.unixMilliseconds(of: max(start ?? first, first)),
      through: account.closed(at: end))
  }

  /// The load profiles that bills of an account rest on.
  func profile(under bills: [IssuedBill], of account: Account) throws(StoreError) -> ProfileReadings {
    let segments = bills.flatMap(\.parts).flatMap(\.segments).filter { $0.profile != nil }
    guard let from = segments.compactMap({ MeterTime($0.from) }).min(),
      let to = segments.compactMap({ MeterTime($0.to) }).max()
    else { return ProfileReadings() }
    return try profile(
      of: Set(segments.compactMap { MeterID($0.meter) }), since: account.zone.unixMilliseconds(of: from),
      through: account.zone.unixMilliseconds(of: to))
  }

  /// By the key of the table: what is before and after costs nothing.
  private func profile(
    of meters: Set<MeterID>, since: Int64, through: Int64
  ) throws(StoreError) -> ProfileReadings {
    var readings = ProfileReadings()
    for meter in meters.sorted() {
      for kind in [ReadingKind.profile, .estimate] {
        var filter = ReadingFilter()
        (filter.meter, filter.quantity, filter.kind) = (meter, .energyTotal(.importActive), kind)
        (filter.since, filter.until) = (since, through + 1)
        try reader.readings(filter) { stored throws(StoreError) in
          readings.insert(JournalReading(sequence: stored.sequence, reading: stored.reading, verdict: stored.verdict))
        }
      }
    }
    return readings
  }

  /// Import energy with its rates, reverse and reactive energy, and the highest demand.
  private static func registers(of meters: [MeterAssignment], _ rates: [UInt8]) -> [Quantity] {
    var found = [Quantity.energyTotal(.importActive), .energyTotal(.exportActive)]
    found += rates.compactMap { Quantity.energy(.importActive, rate: $0) }
    if let demand = Quantity(.maximumDemand(.importActive), .total) { found.append(demand) }
    for flow in meters.flatMap({ [$0.reactive.forward, $0.reactive.reverse].compactMap(\.self) })
    where !found.contains(.energyTotal(flow)) {
      found.append(.energyTotal(flow))
    }
    return found
  }
}

extension Account {
  /// Midnight of the first day that intervals settle; `nil` where rate registers settle all.
  fileprivate var firstByIntervals: MeterTime? {
    guard let terms = terms.first(where: { $0.intervals != nil }) else { return nil }
    let begin = begins ?? MeterTime(localSeconds: 0)
    return max(terms.from.map { MeterTime(localSeconds: $0.daysSince1970 * 86_400) } ?? begin, begin)
  }

  /// True where a record of a load profile at an instant can be part of a cycle that was over at `now`, both in milliseconds
  /// since 1970: what is recorded in the month that runs changes no bill yet.
  func awaits(recordAt instant: Int64, now: Int64) -> Bool { firstByIntervals != nil && instant <= closed(at: now) }

  /// When the last cycle that was over at `now` ended, in milliseconds since 1970.
  fileprivate func closed(at now: Int64) -> Int64 {
    let month = YearMonth(of: zone.local(unixMilliseconds: now).date)
    let last = [month, month + -1].compactMap { settlement.instant(in: $0) }.map { zone.unixMilliseconds(of: $0) }
    let end = ends.map { zone.unixMilliseconds(of: $0) }.flatMap { $0 <= now ? $0 : nil }
    return ([end].compactMap(\.self) + last.filter { $0 <= now }).max() ?? now
  }

  /// The settlements from the account's first day on until `end`; the last ten years of them where it has none.
  fileprivate func boundaries(until end: Int64) -> [Int64] {
    let last = YearMonth(of: zone.local(unixMilliseconds: end).date)
    let first = max(from.map { YearMonth(of: $0) } ?? last + -120, last + -120)
    guard first <= last else { return [] }
    return (first.index...last.index).compactMap { index in
      settlement.instant(in: YearMonth(index: index)).map { zone.unixMilliseconds(of: $0) }
    }
  }

  /// Midnights at which rules may change in the middle of a cycle, and when the account begins and ends.
  fileprivate func changes(under plans: PlanCatalogue) -> [MeterTime] {
    var days = Set(terms.compactMap(\.from))
    for plan in plans.plans {
      days.insert(plan.validFrom)
      if let last = plan.validTo { days.insert(CivilDate(daysSince1970: last.daysSince1970 + 1)) }
    }
    return days.sorted().map { MeterTime(localSeconds: $0.daysSince1970 * 86_400) } + [begins, ends].compactMap(\.self)
  }
}

extension IssuedBill {
  /// A bill of the store; damage of a document is damage of the store.
  init(_ stored: StoredBill, _ path: String) throws(StoreError) {
    let bill = stored.bill
    do throws(BillDocumentError) {
      try self.init(
        id: stored.id, account: bill.account, cycle: bill.cycle, version: bill.version, kind: bill.kind,
        digest: bill.digest, totalFen: bill.totalFen, issuedAt: bill.issuedAt, document: bill.document,
        readings: bill.readings, pricing: bill.pricing)
    } catch {
      throw .corrupt(path: path, detail: "\(error)")
    }
  }

  /// A bill that is about to be issued, as the next one sees it.
  init?(_ closed: ClosedBill, at: Int64) {
    guard
      let bill = try? IssuedBill(
        id: 0, account: closed.key.account, cycle: closed.key.cycle, version: Int64(closed.key.version),
        kind: IssuedKind.original.rawValue, digest: closed.digest, totalFen: closed.total.fen, issuedAt: at,
        document: Array(closed.document.utf8), readings: closed.readings, pricing: closed.pricing)
    else { return nil }
    self = bill
  }
}

extension BillRecord {
  /// A bill as the store keeps it, issued at an instant in milliseconds since 1970 UTC.
  public init(_ closed: ClosedBill, at: Int64, correction: Correction? = nil) {
    let lines = closed.bills.flatMap { bill in
      bill.lines.map { line in
        Line(
          text: "\(bill.name(of: line)) \(bill.chineseName(of: line)): \(bill.formula(of: line))",
          rule: line.rule.rawValue, amountFen: line.amount.fen)
      }
    }
    self.init(
      account: closed.key.account, cycle: closed.key.cycle, version: Int64(closed.key.version),
      kind: IssuedKind.original.rawValue, digest: closed.digest, totalFen: closed.total.fen, issuedAt: at,
      document: Array(closed.document.utf8), lines: lines, readings: closed.readings, correction: correction,
      pricing: closed.pricing, segments: Self.segments(of: closed))
  }

  private static func segments(of bill: ClosedBill) -> Set<Segment> {
    Set(
      bill.bills.flatMap(\.usage.segments).map {
        Segment(meter: $0.meter, starts: "\($0.from)", ends: "\($0.to)")
      })
  }

  /// What a correction is issued as: a reversal and a new bill, or a difference bill; a reversal alone where nothing is
  /// billed instead. All of them add up to the new bill with what was issued before.
  static func records(
    of correction: CycleCorrection, form: CorrectionForm, actor: String, reason: String, at: Int64
  ) throws(StoreError) -> [BillRecord] {
    let old = correction.original
    let mark = Correction(version: Int64(old.version), actor: actor, reason: reason)
    let reversal = BillRecord(
      account: old.account, cycle: "\(old.cycle)", version: Int64(old.version + 1),
      kind: IssuedKind.reversal.rawValue, digest: old.digest, totalFen: -old.total.fen, issuedAt: at,
      document: Array(old.reversalDocument.utf8),
      lines: old.parts.flatMap(\.lines).map {
        Line(text: "\($0.name) \($0.chineseName): reversed 红冲", rule: $0.rule, amountFen: -$0.amount.fen)
      },
      readings: old.readings, correction: mark)
    guard let new = correction.replacement else { return [reversal] }
    switch form {
    case .reversal:
      return [reversal, BillRecord(new, at: at, correction: mark)]
    case .difference:
      guard let issued = IssuedBill(new, at: at) else {
        throw .corrupt(path: "", detail: "the new bill of \(old.account) for \(old.cycle) cannot be read back")
      }
      let document: String
      do throws(BillDocumentError) {
        document = try old.differenceDocument(to: new, reason: reason)
      } catch {
        throw .corrupt(path: "", detail: "\(error)")
      }
      let lines = old.differences(to: issued.parts).map {
        Line(text: "\($0.name): difference 差额", rule: $0.rule, amountFen: $0.amount.fen)
      }
      return [
        BillRecord(
          account: old.account, cycle: "\(old.cycle)", version: Int64(old.version + 1),
          kind: IssuedKind.difference.rawValue, digest: new.digest, totalFen: correction.amount.fen, issuedAt: at,
          document: Array(document.utf8), lines: lines, readings: new.readings, correction: mark,
          pricing: new.pricing, segments: segments(of: new))
      ]
    }
  }
}

extension Replay {
  /// What would stand once all corrections were issued at an instant, in milliseconds since 1970.
  func standing(after standing: [IssuedBill], at now: Int64) -> [IssuedBill] {
    let replaced = Dictionary(corrections.map { ($0.original.cycle, $0) }, uniquingKeysWith: { _, last in last })
    return standing.compactMap { bill in
      guard let correction = replaced[bill.cycle] else { return bill }
      return correction.replacement.flatMap { IssuedBill($0, at: now) }
    }
  }
}
