internal import DLT645
internal import Devices
public import Metering

/// Which events of the meters of one line are new, and which records tell them: answers in, questions and reports out.
///
/// A count that has grown is followed by the records that it speaks of, oldest first, and by the count once more: only
/// where that stands as it stood are the records those that were meant. A status word that has changed is read once more
/// too. What was reported counts as known until it is taken back.
///
/// Of one meter so many records are asked for in one round, the oldest first, and what is left is news in the next one.
/// A kind that had to wait goes before those that waited less.
public struct EventWatch: Sendable {
  /// What an answer leads to.
  struct Outcome {
    var ask: [Query] = []
    var report: EventReport
  }

  /// Records that are being read.
  private struct Batch {
    let count: Int64
    let slot: Int64?
    let tries: Int
    /// Every record that there is is read, not only those that the count speaks of.
    let isWhole: Bool
    /// Up to which event this tells, by the meter's count; the rest is for the next round.
    let through: Int64
    /// Up to which event all is history; `nil` for a kind whose first look is over.
    let history: Int64?
    /// So many back, the oldest first.
    var wanted: [Int]
    var got: [Int: Got] = [:]
    /// The first event whose record came damaged time and again: it and what follows is left to the next round.
    var stop: Int64?
    /// Events whose records came damaged in two rounds.
    var unread: Set<Int64> = []
  }

  private struct Got {
    let payload: [UInt8]
    let proof: EventProof
    let clock: Clock?
  }

  /// What the meter's clock showed as an answer came, or else the host's, and how far ahead of it an event may lie, in
  /// seconds.
  struct Clock {
    let shown: MeterTime
    let slack: Int64
    var isOfHost = false
  }

  /// Events that lie in the future by the host's clock alone, which may be wrong itself.
  private struct Unjudged {
    /// The first of them.
    var begin: MeterTime
    /// Where the host's clock stood, in milliseconds since the boot.
    let offset: Int64

    /// True where nothing speaks for looking at them again.
    func stillLies(ahead clock: Clock?, _ answer: Answer) -> Bool {
      guard let clock else { return true }
      let isSame = abs(EventWatch.offset(answer) - offset) <= 2000
      return clock.isOfHost && isSame && begin.localSeconds > clock.shown.localSeconds + clock.slack
    }
  }

  private static func offset(_ answer: Answer) -> Int64 {
    answer.hostTime.unixMilliseconds - answer.bootTime.nanoseconds / 1_000_000
  }

  private struct Meter {
    let id: MeterID
    let kinds: [EventKind]
    var known: [String: KnownEvents]
    var batches: [String: Batch] = [:]
    /// Status words that were seen otherwise than they are known, and how often.
    var seen: [UInt32: (bits: UInt32, tries: Int)] = [:]
    /// Kinds of which something is held for the host's clock.
    var unjudged: [String: Unjudged] = [:]
    /// The event at which the last look of a kind stopped, for its record came damaged.
    var spoilt: [String: Int64] = [:]
    /// The round that is under way, and the records that were asked for in it.
    var slot: Int64?
    var asked = 0
    /// How many rounds a kind has waited for its turn: as this round began, and for the next one.
    var waits: [String: Int] = [:]
    var waitsOn: [String: Int] = [:]
  }

  private var meters: [Meter]

  /// A count that does not come to rest is left to the next round after so many tries.
  private static let tries = 3
  /// So many records of one meter are asked for in one round.
  static let recordsInRound = 6

  /// Watches `meters` in the order of the line; `known` is what the store holds of each.
  public init(_ meters: [LineMeter], known: [MeterID: [String: KnownEvents]] = [:]) {
    self.meters = meters.map { Meter(id: $0.id, kinds: $0.profile.eventKinds, known: known[$0.id] ?? [:]) }
  }

  /// What is known of a meter.
  public func known(of meter: MeterID) -> [String: KnownEvents] {
    meters.first { $0.id == meter }?.known ?? [:]
  }

  /// Takes an answer of a round; `clock` is `nil` where nobody knows what the meter's shows.
  mutating func take(_ answer: Answer, of meter: Int, clock: Clock?) -> Outcome {
    var outcome = Outcome(report: EventReport(meter: answer.meter, line: answer.line, proof: EventProof(answer)))
    guard meters.indices.contains(meter) else { return outcome }
    switch answer.query {
    case .identifier(let identifier) where identifier.isEventRecord:
      if let place = kind(of: identifier, meter) {
        let kind = meters[meter].kinds[place]
        meters[meter].batches[kind.name]?.got[kind.back(identifier) ?? 0] = Got(
          payload: answer.payload, proof: EventProof(answer), clock: clock)
        came(identifier, kind, meter, &outcome)
      }
    case .identifier(let identifier):
      for kind in meters[meter].kinds where kind.counter == identifier { take(answer, kind, meter, clock, &outcome) }
      take(StatusChange.words(in: answer.payload, of: identifier), answer, meter, clock, &outcome)
    case .shortIdentifier(let identifier):
      take(StatusChange.words(in: answer.payload, of: identifier), answer, meter, clock, &outcome)
    case .frozen, .profile, .registers: break
    }
    return outcome
  }

  /// Tells that a record does not come in this round, for the meter has none or it came damaged each time; what to ask
  /// next. What came damaged is asked for in one more round, and is then told as unread.
  mutating func gaveUp(_ query: Query, of meter: Int, isRefused: Bool) -> [Query] {
    guard case .identifier(let identifier) = query, meters.indices.contains(meter),
      let place = kind(of: identifier, meter)
    else { return [] }
    let kind = meters[meter].kinds[place]
    guard let back = kind.back(identifier), var batch = meters[meter].batches[kind.name], batch.wanted.contains(back)
    else { return [] }
    batch.wanted.removeAll { $0 == back }
    let ordinal = batch.count - Int64(back) + 1
    if !isRefused {
      if meters[meter].spoilt[kind.name] == ordinal {
        batch.unread.insert(ordinal)
      } else {
        batch.stop = min(batch.stop ?? ordinal, ordinal)
      }
    }
    meters[meter].batches[kind.name] = batch
    return batch.wanted.isEmpty ? [.identifier(kind.counter)] : []
  }

  /// The store did not keep a report: what it told is read again.
  mutating func takenBack(_ report: EventReport) {
    guard let meter = meters.firstIndex(where: { $0.id == report.meter }) else { return }
    for count in report.counts { meters[meter].known[count.name] = count.before }
  }

  private func kind(of identifier: DataIdentifier, _ meter: Int) -> Int? {
    meters[meter].kinds.firstIndex { $0.back(identifier) != nil }
  }

  private mutating func came(
    _ identifier: DataIdentifier, _ kind: EventKind, _ meter: Int, _ outcome: inout Outcome
  ) {
    let back = kind.back(identifier) ?? 0
    meters[meter].batches[kind.name]?.wanted.removeAll { $0 == back }
    if meters[meter].batches[kind.name]?.wanted.isEmpty == true { outcome.ask.append(.identifier(kind.counter)) }
  }
}

/// Counts and records.
extension EventWatch {
  private mutating func take(
    _ answer: Answer, _ kind: EventKind, _ meter: Int, _ clock: Clock?, _ outcome: inout Outcome
  ) {
    guard let count = (try? kind.count(in: answer.payload)) ?? nil else { return }
    let allowed = allowance(of: kind, meter, in: answer.slot)
    var tries = 0
    if let batch = meters[meter].batches[kind.name], batch.slot == answer.slot {
      // Another kind that is told by the same count has asked.
      if !batch.wanted.isEmpty, batch.count == count { return }
      tries = batch.tries + 1
      guard !batch.wanted.isEmpty || batch.count != count, tries < Self.tries else {
        let isAtRest = batch.wanted.isEmpty && batch.count == count
        meters[meter].batches[kind.name] = nil
        return conclude(batch, kind, meter, isAtRest: isAtRest, answer, &outcome)
      }
    }
    var known = meters[meter].known[kind.name] ?? KnownEvents(count: 0, history: count)
    if meters[meter].known[kind.name] == nil {
      outcome.report.counts.append(EventReport.Count(name: kind.name, now: known, before: nil))
    }
    let stillLies = meters[meter].unjudged[kind.name]?.stillLies(ahead: clock, answer) ?? false
    let isNews = known.count != count || known.isDoubted && !stillLies || known.isOpen && count > 0
    meters[meter].batches[kind.name] = nil
    let isCleared = count < known.count
    // What is counted after a clear came after the first look.
    if let first = known.history, isCleared || count < first { known.history = 0 }
    meters[meter].known[kind.name] = known
    guard isNews || known.history != nil && !stillLies else { return }
    let all = Self.records(count, known)
    let wanted = Array((0..<all).reversed().map { $0 + 1 }.prefix(allowed.records))
    guard !wanted.isEmpty || all == 0 else {
      let waited = meters[meter].waitsOn[kind.name] ?? 0
      meters[meter].waitsOn[kind.name] = max(waited, allowed.waited + 1)
      return
    }
    meters[meter].asked += wanted.count
    meters[meter].batches[kind.name] = Batch(
      count: count, slot: answer.slot, tries: tries, isWhole: known.isDoubted || isCleared,
      through: wanted.last.map { count - Int64($0) + 1 } ?? count, history: known.history,
      wanted: wanted)
    outcome.ask += wanted.map { .identifier(kind.record($0)) }
    if wanted.isEmpty { outcome.ask.append(.identifier(kind.counter)) }
    // What was cleared by whom is in the records of the clears.
    guard isCleared else { return }
    outcome.ask += meters[meter].kinds.filter { $0.clearsOthers && $0 != kind }.map { .identifier($0.counter) }
  }

  /// How many records are to be read.
  private static func records(_ count: Int64, _ known: KnownEvents) -> Int {
    let all = Int(min(max(count, 0), Int64(EventKind.recordsKept)))
    guard !known.isDoubted, count >= known.count else { return all }
    return Int(min(Int64(all), count - known.count + (known.isOpen ? 1 : 0)))
  }

  /// How many records of a kind may be asked for now, and for how many rounds it has waited. Those that waited longer and
  /// were not looked at in this round have one each kept for them.
  private mutating func allowance(
    of kind: EventKind, _ meter: Int, in slot: Int64?
  ) -> (records: Int, waited: Int) {
    if meters[meter].slot != slot {
      (meters[meter].slot, meters[meter].asked) = (slot, 0)
      (meters[meter].waits, meters[meter].waitsOn) = (meters[meter].waitsOn, [:])
    }
    let waited = meters[meter].waits.removeValue(forKey: kind.name) ?? 0
    let kept = meters[meter].waits.values.count { $0 > waited }
    return (max(0, Self.recordsInRound - meters[meter].asked - kept), waited)
  }

  /// Makes a report of what was read. Where the count did not come to rest nothing is told, and it stays as it was known,
  /// so that all is looked at again.
  private mutating func conclude(
    _ batch: Batch, _ kind: EventKind, _ meter: Int, isAtRest: Bool, _ answer: Answer, _ outcome: inout Outcome
  ) {
    guard isAtRest else { return }
    let known = meters[meter].known[kind.name]
    let isCleared = known.map { batch.count < $0.count } ?? false
    let base = isCleared ? 0 : known?.count ?? 0
    let through = batch.stop.map { min(batch.through, $0 - 1) } ?? batch.through
    var told: Int64 = 0
    var isOpen = false
    var unjudged: Unjudged?
    for back in batch.got.keys.sorted(by: >) {
      let ordinal = batch.count - Int64(back) + 1
      guard let got = batch.got[back], ordinal <= through else { continue }
      let record = EventRecord(got.payload, of: kind.record(back))
      guard !record.isEmpty else { continue }
      if ordinal > base { told += 1 }
      // One that is held only for its time may get its end as well.
      if ordinal == batch.count, record.doubt == nil { isOpen = kind.tellsEnd && record.end == nil }
      var doubt = record.doubt
      if doubt == nil, let begin = record.begin, let clock = got.clock,
        begin.localSeconds > clock.shown.localSeconds + clock.slack
      {
        let whose = clock.isOfHost ? "host" : "meter"
        doubt = "it lies in the future: the \(whose)'s clock showed \(clock.shown) when it was read"
        if clock.isOfHost {
          unjudged = Unjudged(begin: min(begin, unjudged?.begin ?? begin), offset: Self.offset(answer))
        }
      }
      let isHistory = batch.history.map { ordinal <= $0 } ?? false
      outcome.report.events.append(
        MeterEvent(
          kind: kind.name, title: kind.title, chineseTitle: kind.chineseTitle, begin: record.begin, end: record.end,
          ordinal: ordinal, state: doubt != nil ? .held : isHistory ? .history : .new, doubt: doubt,
          identifier: kind.record(back).rawValue, data: got.payload, proof: got.proof))
    }
    // What was cleared while it was read is still to be looked at.
    let isDoubted = known?.isDoubted ?? false && !batch.isWhole
    let isFirstLook = batch.history != nil
    let isOver = through == batch.count && unjudged == nil
    let now = KnownEvents(
      count: through, isOpen: isOpen, isDoubted: isDoubted || unjudged != nil,
      history: isOver ? nil : isFirstLook ? known?.history ?? batch.history : nil)
    outcome.report.counts.append(EventReport.Count(name: kind.name, now: now, before: known))
    meters[meter].known[kind.name] = now
    meters[meter].unjudged[kind.name] = unjudged
    meters[meter].spoilt[kind.name] = batch.stop
    let unread = Int64(batch.unread.count { $0 <= through })
    if unread > 0 { outcome.report.notices.append(.unread(kind: kind.name, records: unread)) }
    guard let known, !isFirstLook else { return }
    if isCleared {
      outcome.report.notices.append(.cleared(kind: kind.name, from: known.count, to: batch.count))
    }
    let lost = through - base - told - Int64(batch.unread.count { $0 > base && $0 <= through })
    if lost > 0 {
      outcome.report.notices.append(.lost(kind: kind.name, happened: batch.count - base, lost: lost))
    }
    guard kind.clearsOthers, batch.count != known.count else { return }
    outcome.report.clearsOthers = true
    for other in meters[meter].kinds where !other.clearsOthers {
      meters[meter].known[other.name]?.isDoubted = true
      // What is counted after a clear came after the first look.
      if meters[meter].known[other.name]?.history != nil { meters[meter].known[other.name]?.history = 0 }
    }
  }
}

/// Status words.
extension EventWatch {
  private mutating func take(
    _ words: [UInt32: UInt32], _ answer: Answer, _ meter: Int, _ clock: Clock?, _ outcome: inout Outcome
  ) {
    var asksAgain = false
    for (word, bits) in words.sorted(by: { $0.key < $1.key }) {
      let name = "status.\(hexString([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }, separator: ""))"
      let now = KnownEvents(count: Int64(bits))
      guard let known = meters[meter].known[name] else {
        // The first look is where changes count from.
        outcome.report.counts.append(EventReport.Count(name: name, now: now, before: nil))
        meters[meter].known[name] = now
        continue
      }
      guard known.count != now.count else {
        meters[meter].seen[word] = nil
        continue
      }
      guard let seen = meters[meter].seen[word], seen.bits == bits else {
        let tries = (meters[meter].seen[word]?.tries ?? 0) + 1
        meters[meter].seen[word] = tries < Self.tries ? (bits, tries) : nil
        asksAgain = asksAgain || tries < Self.tries
        continue
      }
      meters[meter].seen[word] = nil
      meters[meter].known[name] = now
      outcome.report.counts.append(EventReport.Count(name: name, now: now, before: known))
      let before = UInt32(truncatingIfNeeded: known.count)
      for change in StatusChange.changes(of: word, from: before, to: bits) {
        outcome.report.events.append(
          MeterEvent(
            kind: change.kind, title: change.title, chineseTitle: change.chineseTitle,
            begin: clock?.shown, end: nil, ordinal: 0,
            state: .new, doubt: nil, identifier: word, data: change.bytes, proof: EventProof(answer)))
      }
    }
    if asksAgain { outcome.ask.append(answer.query) }
  }
}
