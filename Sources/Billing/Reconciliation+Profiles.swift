internal import Metering
internal import Rating

extension Reconciliation {
  /// The load profiles of what stands, put together again from the journal.
  mutating func checkProfiles(
    of bill: IssuedBill, _ account: Account, _ journal: [Int64: JournalReading], _ profile: ProfileReadings
  ) {
    for part in bill.parts {
      for segment in part.segments {
        guard let stated = segment.profile else { continue }
        let name =
          "bill \(bill.id) of \(bill.account) for \(bill.cycle): the load profile of \(segment.meter) from"
          + " \(segment.from) to \(segment.to)"
        guard let (use, span) = counted(segment, account, journal) else {
          let reason =
            account.meters.contains { $0.meter.text == segment.meter }
            ? "by account \(account.id) the meter has other times or transformers now, or its readings are not at hand"
            : "account \(account.id) names the meter no more"
          for step in ["records", "intervals", "newest"] {
            leave(step, "\(name) was not put together again: \(reason)")
          }
          continue
        }
        func again(_ readings: ProfileReadings) -> (use: ProfileUse?, reasons: [HoldReason]) {
          var series = SeriesBuilder(
            account: account, profile: readings, terms: IntervalTerms(minutes: stated.minutes), days: part.days,
            energyStep: Energy(millionths: 1_000_000))
          return (series.add(use, span), series.reasons)
        }
        let found = again(profile.known(through: bill.newestRecord))
        let isSame = found.use?.digest == stated.digest
        compare(
          "records", Int64(stated.records), isSame ? Int64(stated.records) : 0,
          "\(name) is not in the journal as the bill had it: \(found.reasons.map(\.description).joined(separator: "; "))"
        )
        compare(
          "intervals", found.use?.energy.millionths ?? -1, stated.energy.millionths,
          "\(name) adds up to \(found.use.map { "\($0.energy)" } ?? "nothing") kWh, the bill says \(stated.energy)")
        compare(
          "newest", 1, again(profile).use?.digest == stated.digest ? 1 : 0,
          "\(name) has other records by now; see meterd bill list")
      }
    }
  }

  /// The register of a segment with its readings in the journal, and the assignment that it was counted by; `nil` where
  /// one of them is not at hand.
  private func counted(
    _ segment: IssuedSegment, _ account: Account, _ journal: [Int64: JournalReading]
  ) -> (use: RegisterUse, span: SegmentBuilder.Span)? {
    guard let register = segment.importRegister, let start = journal[register.start.reading],
      let stop = journal[register.stop.reading], let from = MeterTime(segment.from), let to = MeterTime(segment.to),
      let multiplier = Multiplier(segment.multiplier),
      let assignment = account.meters.first(where: { $0.counted(segment.meter, multiplier, from, to) })
    else { return nil }
    return (
      RegisterUse(
        quantity: .energyTotal(.importActive), start: RegisterMark(start), stop: RegisterMark(stop),
        rolledOver: register.rolledOver, energy: register.energy),
      SegmentBuilder.Span(assignment: assignment, from: from, to: to)
    )
  }
}

extension MeterAssignment {
  /// True where it is the one that a segment of a bill was counted by.
  fileprivate func counted(_ meter: String, _ multiplier: Multiplier, _ start: MeterTime, _ end: MeterTime) -> Bool {
    self.meter.text == meter && self.multiplier == multiplier && from.map { $0 <= start } ?? true
      && to.map { end <= $0 } ?? true
  }
}
