internal import Metering
public import Rating

/// What became of a cycle that is over.
public enum CycleState: Hashable, Sendable {
  case billed
  /// Waits, with its reason.
  case held
  /// Cancelled, with nothing in its place.
  case cancelled
}

/// A document with what the store holds beside it.
public struct PostedBill: Hashable, Sendable {
  public let bill: IssuedBill
  /// The sum of its stored lines.
  public let linesFen: Int64
  /// What the ledger says of it; `nil` where there is no posting.
  public let postedFen: Int64?

  public init(bill: IssuedBill, linesFen: Int64, postedFen: Int64?) {
    self.bill = bill
    self.linesFen = linesFen
    self.postedFen = postedFen
  }
}

/// Follows counts, kWh and fen of accounts from readings to the ledger, and names what is lost or comes twice.
public struct Reconciliation: Sendable {
  struct Sums {
    var left: Int64 = 0
    var right: Int64 = 0
    var compared = 0
    var differences: [String] = []
    var explained: [String] = []
    var unchecked: [String] = []
  }

  private var sums: [String: Sums] = [:]
  /// Stretches of each meter on bills that stand.
  private var metered: [String: [MeteredStretch]] = [:]

  private struct MeteredStretch {
    let from: String
    let to: String
    let energy: Int64
    let bill: IssuedBill
  }

  public init() {}

  /// In the order of the way from readings to the ledger.
  public var steps: [ReconciliationStep] {
    var sums = sums
    sums["once"] = once
    return ReconciliationStep.order.map { ReconciliationStep($0, sums[$0.name] ?? Sums()) }
  }

  /// The energy of all bills against that of stretches which no bill has had before: no kWh is charged twice, whatever
  /// the accounts are called.
  private var once: Sums {
    var sum = Sums()
    for (meter, stretches) in metered.sorted(by: { $0.key < $1.key }) {
      var last: MeteredStretch?
      for stretch in stretches.sorted(by: { ($0.from, $0.to, $0.bill.id) < ($1.from, $1.to, $1.bill.id) }) {
        sum.left = sum.left &+ stretch.energy
        sum.compared += 1
        if let last, last.bill.id != stretch.bill.id, overlap(last.from, last.to, stretch.from, stretch.to) {
          sum.differences.append(
            "meter \(meter) from \(stretch.from) to \(stretch.to) is on bill \(last.bill.id) of"
              + " \(last.bill.account) for \(last.bill.cycle), and on bill \(stretch.bill.id) of"
              + " \(stretch.bill.account) for \(stretch.bill.cycle)")
        } else {
          sum.right = sum.right &+ stretch.energy
        }
        if last.map({ $0.to < stretch.to }) ?? true { last = stretch }
      }
    }
    return sum
  }

  /// Adds to both sides of a step; what differs is told.
  mutating func compare(_ name: String, _ left: Int64, _ right: Int64, _ detail: @autoclosure () -> String) {
    var sum = sums[name] ?? Sums()
    sum.left = sum.left &+ left
    sum.right = sum.right &+ right
    sum.compared += 1
    if left != right { sum.differences.append(detail()) }
    sums[name] = sum
  }

  /// Adds a difference that no sum shows.
  mutating func find(_ name: String, _ difference: String) {
    sums[name, default: Sums()].differences.append(difference)
  }

  /// Adds something to a step that is accounted for, with its reason.
  public mutating func explain(_ name: String, _ reason: String) {
    sums[name, default: Sums()].explained.append(reason)
  }

  /// Adds something to a step that could not be compared there, with the reason: it is no pass.
  public mutating func leave(_ name: String, _ reason: String) {
    sums[name, default: Sums()].unchecked.append(reason)
  }

  /// Takes one account in.
  ///
  /// - Parameters:
  ///   - account: whose books they are.
  ///   - due: every cycle that is over, with all that became of it; each must have one state.
  ///   - posted: every document of the cycles, in the order of issue.
  ///   - readings: of the journal; those that its bills rest on and the newest of their instants at least.
  ///   - plans: what its bills may have been rated under, as far as that is at hand.
  ///   - profile: the load profiles that its bills rest on.
  public mutating func add(
    _ account: Account, due: [YearMonth: [CycleState]], posted: [PostedBill], readings: [JournalReading],
    plans: [Plan] = [], profile: ProfileReadings = ProfileReadings()
  ) {
    for (month, states) in due.sorted(by: { $0.key < $1.key }) {
      compare(
        "cycles", 1, Int64(states.count),
        "\(account.id) \(month): \(states.isEmpty ? "neither billed nor waiting" : "\(states.count) times in the books")"
      )
    }
    let bySequence = Dictionary(readings.map { ($0.sequence, $0) }, uniquingKeysWith: { first, _ in first })
    let newest = BoundaryReadings(readings)
    var last: [YearMonth: IssuedBill] = [:]
    var postings: [YearMonth: Int64] = [:]
    for each in posted {
      let bill = each.bill
      last[bill.cycle] = bill
      postings[bill.cycle, default: 0] += each.postedFen ?? 0
      check(each)
    }
    for bill in last.values.sorted(by: { $0.cycle < $1.cycle }) {
      compare(
        "corrections", bill.total.fen, postings[bill.cycle] ?? 0,
        "\(account.id) \(bill.cycle): what stands is \(bill.total), the ledger adds up to"
          + " \(Money(fen: postings[bill.cycle] ?? 0))")
    }
    // Of a month that was cancelled nothing stands.
    let standing = last.values.filter { !$0.parts.isEmpty }.sorted { $0.cycle < $1.cycle }
    for bill in standing {
      check(bill, account, bySequence, newest, plans)
      checkProfiles(of: bill, account, bySequence, profile)
      for segment in bill.parts.flatMap(\.segments) where segment.hasImport {
        metered[segment.meter, default: []].append(
          MeteredStretch(from: segment.from, to: segment.to, energy: segment.imported.millionths, bill: bill))
      }
    }
    for (a, b) in zip(standing, standing.dropFirst()) where a.cycle + 1 == b.cycle { chain(a, b) }
  }

  /// A document against its lines and its posting.
  private mutating func check(_ posted: PostedBill) {
    let bill = posted.bill
    let name = "bill \(bill.id) of \(bill.account) for \(bill.cycle)"
    compare(
      "documents", bill.amount.fen, posted.linesFen,
      "\(name): it says \(bill.amount), its lines add up to \(Money(fen: posted.linesFen))")
    compare(
      "ledger", bill.amount.fen, posted.postedFen ?? 0,
      "\(name): it says \(bill.amount), the ledger \(posted.postedFen.map { "\(Money(fen: $0))" } ?? "nothing")")
    if bill.kind == .original, bill.total != bill.amount {
      compare(
        "documents", bill.total.fen, bill.amount.fen,
        "\(name): its document says \(bill.total), the store \(bill.amount)")
    }
  }

  /// What stands against its readings, its segments and its own lines.
  private mutating func check(
    _ bill: IssuedBill, _ account: Account, _ journal: [Int64: JournalReading], _ newest: BoundaryReadings,
    _ plans: [Plan]
  ) {
    let name = "bill \(bill.id) of \(bill.account) for \(bill.cycle)"
    var named: Set<Int64> = []
    for segment in bill.parts.flatMap(\.segments) {
      for (quantity, at, mark) in segment.marks where named.insert(mark.reading).inserted {
        let found = journal[mark.reading]
        let isRight = found.map { $0.verdict.isUsable && "\($0.reading.value)" == mark.value } ?? false
        compare(
          "readings", 1, isRight ? 1 : 0,
          "\(name): reading \(mark.reading) of \(quantity) at \(at) \(found == nil ? "is not in the journal" : "is not usable, or says \(found.map { "\($0.reading.value)" } ?? "") and not \(mark.value)")"
        )
        // Which records of a load profile count is told by their digest.
        guard let found, found.reading.key.kind != .profile else { continue }
        let best = newest.reading(found.reading.key.meter, found.reading.key.quantity, at: found.reading.key.instant)
        compare(
          "newest", 1, best?.sequence == mark.reading ? 1 : 0,
          "\(name): reading \(best?.sequence ?? 0) counts at \(at) now instead of \(mark.reading); see meterd bill list"
        )
      }
      for register in segment.registers { check(register, of: segment, name, account, journal, bill) }
    }
    let listed = Set(bill.readings)
    for reading in listed.symmetricDifference(named).sorted() {
      compare(
        "readings", listed.contains(reading) ? 1 : 0, named.contains(reading) ? 1 : 0,
        "\(name): reading \(reading) is \(listed.contains(reading) ? "listed and in no segment" : "in a segment and not listed")"
      )
    }
    let metered = bill.parts.reduce(Int64(0)) { $0 + $1.metered.millionths }
    let segments = bill.parts.flatMap(\.segments).reduce(Int64(0)) { $0 + $1.imported.millionths }
    compare(
      "usage", segments, metered,
      "\(name): segments have \(Energy(millionths: segments)) kWh, the bill \(Energy(millionths: metered)) kWh")
    for (index, part) in bill.parts.enumerated() {
      // Another text of the same prices will do as well.
      let pricing = bill.pricing.count == bill.parts.count ? bill.pricing[index] : ""
      check(
        part, name, plans.first { $0.digest == part.plan.digest } ?? plans.first { $0.pricingDigest == pricing })
    }
  }

  /// A register's use, worked out again from the journal.
  private mutating func check(
    _ register: IssuedSegment.Register, of segment: IssuedSegment, _ name: String, _ account: Account,
    _ journal: [Int64: JournalReading], _ bill: IssuedBill
  ) {
    guard let start = journal[register.start.reading]?.reading.value,
      let stop = journal[register.stop.reading]?.reading.value,
      let multiplier = Multiplier(segment.multiplier)
    else { return }
    let known = account.meters.first { $0.meter.text == segment.meter }?.register.capacity
    // Of a meter that the books do not name any more only the bill knows how far it counts.
    guard known != nil || !register.rolledOver else {
      leave(
        "registers",
        "\(name): \(register.quantity) of \(segment.meter) passed its capacity, and account \(account.id) names the meter no"
          + " more: nobody says what that is")
      return
    }
    let capacity = known ?? 0
    let counted = stop.millionths - start.millionths + (register.rolledOver ? capacity : 0)
    let decimals = register.energy.millionths % 1_000_000 == 0 && !bill.hasFractions ? 0 : 2
    let energy = multiplier.energy(Energy(millionths: counted), decimals: decimals)?.millionths ?? -1
    compare(
      "registers", energy, register.energy.millionths,
      "\(name): \(register.quantity) of \(segment.meter) from \(start) to \(stop) times \(segment.multiplier) is"
        + " \(Energy(millionths: energy)) kWh, the bill says \(register.energy)")
  }

  private mutating func check(_ part: IssuedPart, _ name: String, _ plan: Plan?) {
    if !part.byPeriod.isEmpty {
      let sum = part.byPeriod.reduce(Int64(0)) { $0 + $1.energy.millionths }
      compare(
        "periods", sum, part.energy.millionths,
        "\(name): its periods add up to \(Energy(millionths: sum)) kWh, it bills \(part.energy)")
    }
    // Components that price every kWh; a line of nothing is not printed.
    let priced = ["energy", "tier-prices", "whole-volume", "monthly-prices", "fund"]
    let lines = part.lines.filter {
      priced.contains($0.component) && $0.unit == LineUnit.kilowattHour.rawValue
    }
    for (component, lines) in Dictionary(grouping: lines, by: { "\($0.component) \($0.title)" })
      .sorted(by: { $0.key < $1.key })
    {
      // Two components of one title price the same kWh at two prices; the same line twice is none of them.
      let places = Dictionary(grouping: lines) { "\($0.tier ?? 0) \($0.period ?? "")" }
      let times = places.values.map { Int64(Set($0.map(\.price)).count) }.max() ?? 1
      let sum = lines.reduce(Int64(0)) { $0 &+ $1.quantity }
      compare(
        "lines-kwh", sum, part.energy.millionths &* times,
        "\(name): the lines of \(component) are for \(Energy(millionths: sum)) kWh, it bills \(part.energy)")
    }
    for problem in LineCheck(part: part, plan: plan).problems { compare("lines-fen", 0, 1, "\(name): \(problem)") }
    let sum = part.lines.reduce(Money.zero) { $0 + $1.amount }
    compare("lines-fen", sum.fen, part.total.fen, "\(name): its lines add up to \(sum), its total is \(part.total)")
  }

  /// Where one cycle ends, the next begins: at the same time, with the same registers and the same tier window.
  private mutating func chain(_ a: IssuedBill, _ b: IssuedBill) {
    for gap in gaps(
      after: a, before: b.parts.flatMap(\.segments).map { ($0.meter, $0.from, $0.to) }, of: "\(b.cycle)")
    { compare("chain", 1, 0, "\(a.account): \(gap)") }
    for start in b.parts.flatMap(\.segments) {
      for end in a.parts.flatMap(\.segments)
      where end.meter == start.meter && wholeTime(end.to) == wholeTime(start.from) {
        for register in start.registers {
          guard let before = end.registers.first(where: { $0.quantity == register.quantity }) else { continue }
          compare(
            "chain", 1, before.stop.value == register.start.value ? 1 : 0,
            "\(a.account): \(register.quantity) of \(start.meter) ends \(a.cycle) at \(before.stop.value) and begins"
              + " \(b.cycle) at \(register.start.value)")
        }
      }
    }
    guard let left = a.windowAfter, let found = b.parts.first?.window, left.plan == found.plan,
      left.start == found.start
    else { return }
    let before = zip(found.after, found.used).map { $0 - $1 }
    compare(
      "chain", 1, left.after == before ? 1 : 0,
      "\(a.account): tiers of \(left.plan) stand at \(Self.words(left.after)) kWh after \(a.cycle), and \(b.cycle) begins at"
        + " \(Self.words(before))")
  }

  private static func words(_ tiers: [Energy]) -> String { tiers.map { "\($0)" }.joined(separator: " + ") }
}

/// Meters that are on a bill and in the segments of the next one, and whose time between them is on neither; in words.
func gaps(
  after bill: IssuedBill, before next: [(meter: String, from: String, to: String)], of cycle: String
) -> [String] {
  let ends = Dictionary(
    bill.parts.flatMap(\.segments).map { ($0.meter, wholeTime($0.to)) }, uniquingKeysWith: { max($0, $1) })
  let starts = Dictionary(next.map { ($0.meter, wholeTime($0.from)) }, uniquingKeysWith: { min($0, $1) })
  return ends.keys.sorted().compactMap { meter in
    guard let end = ends[meter], let start = starts[meter], end < start else { return nil }
    return
      "meter \(meter) is billed to \(end) for \(bill.cycle) and from \(start) for \(cycle); what it measured between"
      + " is on no bill"
  }
}

extension IssuedBill {
  /// True where energies are billed with decimal places.
  fileprivate var hasFractions: Bool {
    parts.contains { part in part.lines.contains { $0.formula.prefix { $0 != " " }.contains(".") } }
  }
}

extension IssuedSegment {
  fileprivate var hasImport: Bool { importRegister != nil }
}

extension IssuedPart.Line {
  /// The title of the component that made the line: its name without tier and period.
  fileprivate var title: Substring {
    if let tier, let start = name.firstRange(of: ", tier \(tier)")?.lowerBound { return name[..<start] }
    guard period != nil, let comma = name.lastIndex(of: ",") else { return name[...] }
    return name[..<comma]
  }
}
