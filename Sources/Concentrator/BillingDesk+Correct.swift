internal import Billing
internal import Host
internal import Metering
internal import Rating
internal import Store

extension BillingDesk {
  /// Adds the bills that correct what new readings and notices make different, where the configuration says so.
  ///
  /// What people changed in the books is corrected once somebody has accepted just that in a trial; what the review rules
  /// hold waits for a decision like any bill.
  func correct(
    _ account: Account, _ standing: inout [IssuedBill], _ readings: [JournalReading],
    _ profile: ProfileReadings, _ plans: PlanCatalogue, _ decisions: Decisions, _ accepted: Set<TrialResult>,
    _ result: inout Closed, at now: HostInstant
  ) throws(StoreError) {
    guard review.correctsByItself, !standing.isEmpty else { return }
    let today = account.zone.local(unixMilliseconds: now.unixMilliseconds).date
    let (again, waiting) = replay(
      account, standing: standing, readings: readings, profile: profile, plans: plans, knownOn: today, form: review.form
    ).untilStuck(standing)
    if let waiting {
      let words = waiting.reasons.map(\.description).joined(separator: "; ")
      result.otherHolds.append(
        Hold(
          account: account.id, cycle: "\(waiting.cycle)",
          reason: "its correction waits for \(waiting.stuck), which cannot be billed: \(words)",
          since: now.unixMilliseconds))
    }
    guard !again.corrections.isEmpty else { return }
    let look = TrialLook(
      account: account, plans: plans, standing: standing, readings: readings, profile: profile, accepted: accepted,
      today: today)
    let book = BillBook(reader: reader)
    var records: [BillRecord] = []
    var corrected = standing
    let finally = again.standing(after: standing, at: now.unixMilliseconds)
    var waits: [Hold] = []
    for correction in again.corrections {
      let old = correction.original
      guard let index = standing.firstIndex(where: { $0.cycle == old.cycle }),
        let place = corrected.firstIndex(where: { $0.cycle == old.cycle })
      else { continue }
      if let reason = asked(correction, look.again(index)) {
        result.otherHolds.append(
          Hold(account: account.id, cycle: "\(old.cycle)", reason: reason, since: now.unixMilliseconds))
        return
      }
      records += try BillRecord.records(
        of: correction, form: review.form, actor: "daemon",
        reason: correction.causes.map(\.description).joined(separator: "; "), at: now.unixMilliseconds)
      guard let new = correction.replacement else {
        corrected.remove(at: place)
        continue
      }
      result.digests.insert(new.digest)
      let elsewhere = billedElsewhere(new, others: try book.others(than: new) + finally).map(\.description)
      let reason =
        elsewhere.isEmpty
        ? review.untried(new, look)
          ?? held(new, after: Array(corrected[..<place]), instead: old, decisions, &result.reviews, at: now)
        : elsewhere.joined(separator: "; ")
      if let reason {
        waits.append(
          Hold(
            account: account.id, cycle: "\(old.cycle)",
            reason: "its correction by \(correction.amount) yuan: \(reason)",
            since: now.unixMilliseconds))
      }
      if let issued = IssuedBill(new, at: now.unixMilliseconds) { corrected[place] = issued }
    }
    // All of them or none: each builds on those before.
    result.otherHolds += waits
    guard waits.isEmpty else { return }
    result.corrections = records
    standing = corrected
  }
  /// Why a correction is not issued by itself; `nil` where nobody has to be asked.
  ///
  /// Somebody who accepted what a trial showed has accepted that and nothing else.
  private func asked(_ correction: CycleCorrection, _ row: BillingTrial.Row) -> String? {
    let old = correction.original
    let command = "meterd bill correct \(old.account) \(old.cycle)"
    guard let new = correction.replacement else {
      return
        "it is billed with \(old.total) yuan and is not the account's month any more; mend from and to, or cancel the bill: \(command)"
    }
    guard row.isFree else {
      return
        "its correction by \(correction.amount) yuan rests on what people changed; see and accept it: meterd bill trial"
    }
    guard row.isSame || row.result.result == TrialLook.result(of: Charges(new)) else {
      return
        "its correction by \(correction.amount) yuan is not what the trial showed, as other readings count for it now;"
        + " look at it and issue it: \(command)"
    }
    return nil
  }
}
