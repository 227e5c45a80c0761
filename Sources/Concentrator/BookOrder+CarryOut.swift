internal import Billing
public import Host
internal import Metering
internal import Rating
internal import Store

extension BookOrder {
  /// Carries it out on a store that nobody else holds.
  ///
  /// - Parameters:
  ///   - station: accounts and tariffs.
  ///   - user: who runs this process, as the kernel knows it.
  /// - Returns: what came of it, as the control socket tells it; `nil` where somebody holds the store.
  /// - Throws: `Complaint` where it may not be, with nothing changed.
  public func carryOut(_ station: Station, user: UInt32) async throws(Complaint) -> JSON? {
    let store: Store
    do throws(StoreError) {
      store = try Store(path: station.configuration.store)
    } catch {
      if case .locked = error { return nil }
      throw Complaint(error)
    }
    do throws(Complaint) {
      let result = try await carryOut(station, store, actor: actor(user))
      await store.close(settled: false)
      return result
    } catch {
      await store.close(settled: false)
      throw error
    }
  }

  /// Carries it out on an open store, of which this is the only user for now.
  func carryOut(_ station: Station, _ store: Store, actor: String) async throws(Complaint) -> JSON {
    try check(station)
    let now = station.clock.now.unixMilliseconds
    switch act {
    case .acceptTrial(let shown, let cycles, let choice):
      let count = try await BillingRun.acceptTrial(
        station, store, shown: shown, cycles: cycles, choice, actor: actor, reason: reason)
      return .object(["accepted": .integer(Int64(count))])
    case .correct(let account, let cycle, let form, let rules, let shown):
      let known = try form.map { (word) throws(Complaint) in
        guard let known = CorrectionForm(rawValue: word) else {
          throw Complaint(
            .usage, "\"\(ControlRequest.plain(word))\" is no form of correction", "Write reversal or difference.")
        }
        return known
      }
      return try await BillingRun.correct(
        station, store, account: account, from: cycle, form: known ?? station.configuration.review.form,
        accepting: rules, shown: shown, actor: actor, reason: reason
      ).json(account)
    case .review(let number, let word):
      try await BillingRun.decide(
        station, store, review: number, ReviewDecision(word, actor: actor, at: now, reason: reason))
      return .object(["review": .integer(number), "decision": .string(word.rawValue)])
    case .revise(let reading, let value):
      let number = try await BillingRun.revise(
        station, store, Revision(reading: reading, value: value, actor: actor, reason: reason, at: now))
      return .object(["reading": .integer(number)])
    case .enter(let meter, let quantity, let time, let value, let occurred):
      let number = try await BillingRun.enter(
        station, store, meter: meter, quantity: quantity, at: time, value: value, occurred: occurred, actor: actor,
        reason: reason)
      return .object(["reading": .integer(number)])
    }
  }

  /// Holds that whoever carries it out goes by what the person looked at.
  private func check(_ station: Station) throws(Complaint) {
    let file = station.configuration.file
    if let store, store != station.configuration.store {
      throw Complaint(
        .configuration, "the daemon works on the store \(station.configuration.store) and not on \(store)",
        "Nothing was decided. Another daemon listens at the socket of this configuration; it was started with \(file).")
    }
    guard let basis, basis != BillingTrial.basis(station.accounts, station.plansByAccount) else { return }
    throw Complaint(
      .tryLater, "the daemon goes by other tariffs, master data or another program than these files have now",
      "Nothing was decided. Let it read them: meterd reload; after an upgrade restart it. Then look again and decide.")
  }
}

extension RunningStation {
  /// Carries out what a person decides, between two looks of the desk, and lets that look at all accounts then.
  public func decide(_ order: BookOrder, from peer: LocalPeer) async throws(Complaint) -> JSON {
    await settled()
    let station = station
    let actor = order.actor(peer.user)
    guard !isEnding, let generation,
      let result = try await generation.billing.alone({ (store) throws(Complaint) in
        try await order.carryOut(station, store, actor: actor)
      })
    else {
      throw Complaint(
        .tryLater, "the daemon is about to change or to end, so nothing was decided", "Try again in a moment.")
    }
    generation.wakes.yield(true)
    return result
  }
}

extension BillingRun.Corrected {
  /// As the control socket tells it.
  func json(_ account: String) -> JSON {
    .object([
      "issued": .array(
        issued.map { each in
          let record = each.record
          return .object([
            "bill": .integer(each.bill), "account": .string(record.account), "cycle": .string(record.cycle),
            "kind": .string(record.kind), "version": .integer(record.version),
            "amount": .string("\(Money(fen: record.totalFen))"),
            "corrects_version": .integer(record.correction?.version ?? 0),
            "reason": .optional(record.correction?.reason),
            "findings": .array(each.findings.map { .string($0.description) }),
          ])
        }),
      "waiting": waiting.map { waiting in
        .object([
          "account": .string(account), "cycle": .string("\(waiting.cycle)"), "waits_for": .string("\(waiting.stuck)"),
          "because": .array(waiting.reasons.map { .string("\($0)") }),
        ])
      } ?? .null,
    ])
  }
}
