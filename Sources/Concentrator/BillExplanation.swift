internal import Billing
internal import Host
internal import Metering
internal import Rating
public import Store

/// A stored bill walked back to the bytes that meters sent.
public struct BillExplanation: Sendable {
  /// Lines of text for people: bill line, rule, segment, readings, frames.
  public let text: [String]
  /// True when the bill, rated again from its readings now, comes out byte for byte the same.
  public let isReproduced: Bool

  /// Rates a stored bill again from its readings and explains each line.
  /// - Parameters:
  ///   - stored: the bill.
  ///   - station: accounts and tariffs; the tariff must be the one it was made with.
  ///   - reader: of the store that holds it.
  /// - Throws: `Complaint` where the account, tariff or readings are not there any more.
  public init(_ stored: StoredBill, station: Station, reader: StoreReader) throws(Complaint) {
    let bill = stored.bill
    guard let account = station.accounts.first(where: { $0.id == bill.account }),
      let plan = station.plansByAccount[account.id]
    else {
      throw Complaint(
        .configuration, "\(station.configuration.file) has no account \"\(bill.account)\" any more",
        "Explain the bill with the configuration it was made under: --config FILE")
    }
    guard let month = YearMonth(bill.cycle), let cycle = Cycle(month, settlement: account.settlement) else {
      throw Complaint(.badData, "bill \(stored.id) has an unknown cycle \"\(bill.cycle)\"")
    }
    var readings: [JournalReading] = []
    var evidence: [Int64: [String]] = [:]
    var window: WindowState?
    do throws(StoreError) {
      for sequence in bill.readings {
        guard let found = try reader.reading(sequence) else { continue }
        readings.append(
          JournalReading(sequence: sequence, reading: found.reading, verdict: found.verdict))
        evidence[sequence] = try Self.proof(of: found, reader, station.configuration.zone)
      }
      try reader.bills(account: bill.account) { earlier throws(StoreError) in
        guard let other = YearMonth(earlier.bill.cycle), other < month else { return }
        window = StoredWindow.read(earlier.bill.document)
      }
    } catch {
      throw Complaint(error)
    }
    let start = plan.tiers?.windowStart(of: month)
    let state = window.flatMap { $0.start == start ? $0 : nil }
    let closing = closeCycle(
      account: account, cycle: cycle, readings: readings, windowState: state, plan: plan, version: Int(bill.version))
    switch closing {
    case .bill(let closed):
      isReproduced = Array(closed.bill.canonicalText.utf8) == bill.document
      let note =
        isReproduced
        ? "Rated again now from these readings: the same, byte for byte."
        : "Rated again now it comes out different: the tariff or the configuration has changed since. The stored bill stands."
      text = explain(closed.bill) { evidence[$0] ?? [] } + [note]
    case .hold(let reasons):
      throw Complaint(
        .badData, "bill \(stored.id) cannot be rated again: \(reasons.map(\.description).joined(separator: "; "))",
        "Show it as it was issued: meterd bill show \(stored.id)")
    }
  }

  /// When and how a reading was taken, and the frames that carried it.
  private static func proof(
    of stored: StoredReading, _ reader: StoreReader, _ zone: ZoneOffset
  ) throws(StoreError) -> [String] {
    let reading = stored.reading
    var lines = [
      "of \(zone.local(unixMilliseconds: reading.key.instant)), read \(reading.hostTime.rfc3339(zone)), \(stored.verdict.status.rawValue)"
    ]
    guard let id = stored.evidence, let evidence = try reader.evidence(id) else { return lines }
    for request in evidence.requests { lines.append("sent     \(hexString(request))") }
    for reply in evidence.replies { lines.append("received \(hexString(reply))") }
    return lines
  }
}

/// Bills once, without a daemon.
public enum BillingRun {
  /// Closes every cycle that is due. Takes the store for this process.
  /// - Returns: what was issued and what waits.
  public static func once(_ station: Station) async throws(Complaint) -> [StationEvent] {
    var all: [StationEvent] = []
    do throws(StoreError) {
      let store = try Store(path: station.configuration.store)
      let (events, tell) = AsyncStream.makeStream(of: StationEvent.self)
      let clock = station.clock
      let desk = try BillingDesk(
        store: store, accounts: station.accounts, plans: station.plansByAccount, now: { clock.now }
      ) { tell.yield($0) }
      try await desk.pass(all: true)
      await store.close(settled: false)
      tell.finish()
      for await event in events { all.append(event) }
    } catch {
      throw Complaint(error)
    }
    guard !all.contains(where: { if case .billingWaitsForClock = $0 { true } else { false } }) else {
      throw Complaint(
        .tryLater, "nothing is billed while nobody has set this machine's clock",
        "Look at timedatectl. Where the clock is set from outside, say trust-host-clock = true in \(station.configuration.file)."
      )
    }
    return all
  }
}
