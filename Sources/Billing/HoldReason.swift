public import Metering
public import Rating

/// Why a cycle cannot be closed. The bill waits; nothing is guessed.
public enum HoldReason: Error, Hashable, Sendable {
  /// No reading at the instant that starts or ends a segment.
  case missingReading(MeterID, Quantity, at: MeterTime)
  /// There is a reading, but validation did not let it through.
  case unusableReading(MeterID, Quantity, at: MeterTime, Verdict.Status, [FindingCode])
  /// The register fell, and it is no rollover.
  case backward(MeterID, Quantity, start: RegisterValue, stop: RegisterValue)
  /// A register shows more than it can.
  case beyondCapacity(MeterID, Quantity, RegisterValue)
  /// Use by the total and by the rates differ by more than the registers' last digits explain; kWh before the multiplier.
  case ratesDisagree(MeterID, total: Energy, rates: Energy, most: Energy)
  /// More energy than any bill can have.
  case tooMuchEnergy(MeterID, Quantity)
  /// No meter counts for the account in part of the cycle.
  case noMeter(from: MeterTime, to: MeterTime)
  /// Two meters count for the account at the same time.
  case twoMeters(MeterID, MeterID, at: MeterTime)
  /// No plan of this name is at hand.
  case noPlan(String)
  /// Nothing is agreed for a day that is to be billed.
  case noTerms(account: String, on: CivilDate)
  /// No version of the plan that was known on a day applies on all days.
  case planNotValid(plan: String, DayRange, knownOn: CivilDate)
  /// A two-part plan asks for something that was not agreed.
  case missingTerm(SupplyInput, account: String, plan: String, line: String)
  /// Rules change on a day at which no register was frozen, and the use cannot be cut by days.
  case cannotCut(on: CivilDate, from: String, to: String)
  /// A maximum demand that did not occur in the cycle: the register was not set back, or the clock is off.
  case demandOutside(MeterID, occurred: MeterTime, from: MeterTime, to: MeterTime)
  /// More demand than any bill can have.
  case tooMuchDemand(MeterID, RegisterValue)
  /// The tier state given is not that of the cycle's window.
  case otherWindow(expected: YearMonth, given: YearMonth)
  /// The days in which an account begins are on no bill, and later ones are: nobody has read at one of their ends.
  case unreadStart(account: String, from: MeterTime, to: MeterTime)
  /// A month that was billed lies before the account's first day or after its last.
  case outsideAccount(account: String, month: YearMonth)
  /// The same registers of the same days stand on a bill of another account.
  case billedElsewhere(meter: String, from: String, to: String, account: String, bill: Int64)
  /// The energy stands on a bill of another cycle of the same account.
  case billedBefore(meter: String, from: String, to: String, cycle: YearMonth, bill: Int64)
  /// Records of a load profile are not there.
  case missingRecords(MeterID, at: [MeterTime], minutes: Int)
  /// Records of a load profile are there, but validation did not let them through; the number is that of the first.
  case unusableRecords(MeterID, from: MeterTime, to: MeterTime, count: Int, reading: Int64, Verdict.Status)
  /// A record of a load profile shows less than the one before, and it is no rollover.
  case recordFell(MeterID, at: MeterTime, start: RegisterValue, stop: RegisterValue)
  /// The reading at which a meter was changed and the record of its load profile beside it do not follow each other: the
  /// earlier one shows more. With their numbers in the journal.
  case changeBesideRecord(MeterID, reading: Int64, RegisterValue, at: MeterTime, record: Int64, RegisterValue)
  /// Rates that were not frozen at the midnight where intervals take the place of rate registers, or these of them; the
  /// cycle ends with `settlement`.
  case unfrozenRates(MeterID, [Quantity], at: MeterTime, settlement: MeterTime)
  /// Registers that nothing was read of at the instant inside a cycle at which an error of the meter begins or ends.
  case unreadError(MeterID, [Quantity], at: MeterTime, MeterError, in: Cycle)
  /// The settlement register and the intervals differ by more than their last digits explain; kWh before the multiplier.
  case intervalsDisagree(MeterID, register: Energy, intervals: Energy, most: Energy)
  /// No list says what kind of day a day is.
  case noDayList(plan: String, on: CivilDate)
  /// The intervals cannot be put into the plan's periods.
  case settlement(plan: String, SettlementError)
  case rating(RatingError)
}

extension HoldReason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingReading(let meter, let quantity, let time):
      "meter \(meter): no reading of \(quantity) at \(time); read the meter's settlement again, or enter the value: meterd review enter"
    case .unusableReading(let meter, let quantity, let time, let status, let codes):
      "meter \(meter): the reading of \(quantity) at \(time) is \(status.rawValue)"
        + (codes.isEmpty ? "" : " (\(codes.map(\.rawValue).joined(separator: ", ")))") + "; review it first"
    case .backward(let meter, let quantity, let start, let stop):
      "meter \(meter): \(quantity) fell from \(start) to \(stop), which is no rollover; check for a changed meter"
    case .beyondCapacity(let meter, let quantity, let value):
      "meter \(meter): \(quantity) shows \(value), more than the register can; check the register range"
    case .ratesDisagree(let meter, let total, let rates, let most):
      "meter \(meter): the total counted \(total) kWh and the rates \(rates) kWh, more than \(most) kWh apart;"
        + " check that all rates are in the plan and were frozen together"
    case .tooMuchEnergy(let meter, let quantity):
      "meter \(meter): \(quantity) times the multiplier is more than can be billed; check the multiplier"
    case .noMeter(let from, let to): "no meter counts for the account from \(from) to \(to); complete its meters"
    case .twoMeters(let first, let second, let time):
      "meters \(first) and \(second) both count for the account at \(time); correct their times"
    case .noPlan(let plan): "there is no plan \(plan); name its file as the account's tariff"
    case .noTerms(let account, let day):
      "nothing is agreed for account \(account) on \(day); write from which day on its terms hold"
    case .planNotValid(let plan, let days, let known):
      "plan \(plan) is not valid on all days of \(days), as known on \(known); add the version that is"
    case .missingTerm(let input, let account, let plan, let line):
      "\(line) of plan \(plan) needs \(input.term); write it under account \(account)"
    case .cannotCut(let day, let before, let after):
      "plan \(before) becomes \(after) on \(day) and their periods differ; freeze or read the meter's registers at"
        + " \(day)T00:00"
    case .demandOutside(let meter, let occurred, let from, let to):
      "meter \(meter): its maximum demand occurred at \(occurred), not between \(from) and \(to);"
        + " check its clock and its settlement day"
    case .tooMuchDemand(let meter, let value):
      "meter \(meter): a demand of \(value) kW times the multiplier is more than can be billed; check the multiplier"
    case .otherWindow(let expected, let given):
      "the tier window of the cycle starts in \(expected), but the state given is of \(given);"
        + " correct the cycle before it first, which it goes on from"
    case .unreadStart(let account, let from, let to):
      "account \(account) begins on \(from.date), and what it used until \(to.date) is on no bill: nothing was read at one"
        + " of the two; with the reading it is billed after all; where nothing of it is to be billed, write"
        + " from = \"\(to.date)\""
    case .outsideAccount(let account, let month):
      "\(month) was billed, and by its from and to account \(account) has no day in it; mend from and to, or"
        + " cancel the bill: meterd bill correct \(account) \(month)"
    case .billedElsewhere(let meter, let from, let to, let account, let bill):
      "meter \(meter) from \(from) to \(to) was billed to account \(account) (bill \(bill)); the same energy is not"
        + " charged twice: write from which day on it counts for this account"
    case .billedBefore(let meter, let from, let to, let cycle, let bill):
      "meter \(meter) from \(from) to \(to) was billed for \(cycle) (bill \(bill)); the same energy is not charged twice:"
        + " a settlement day that is moved counts from where the last bill ends"
    case .missingRecords(let meter, let times, let minutes):
      "meter \(meter): its load profile lacks \(times.count) record\(times.count == 1 ? "" : "s") of \(minutes) minutes,"
        + " \(runs(of: times, minutes: minutes)); they are read as far back as backfill-days of the task goes (meterd"
        + " missing says what the meter does not have), and what cannot be read is entered: meterd review enter"
    case .unusableRecords(let meter, let from, let to, let count, let reading, let status):
      "meter \(meter): \(count) record\(count == 1 ? "" : "s") of its load profile from \(from) to \(to)"
        + " \(count == 1 ? "is" : "are") \(status.rawValue) (the first is reading \(reading)); review"
        + " \(count == 1 ? "it" : "them") first"
    case .recordFell(let meter, let time, let start, let stop):
      "meter \(meter): its load profile fell from \(start) to \(stop) at \(time), which is no rollover; correct the"
        + " record that is wrong: meterd review correct"
    case .changeBesideRecord(let meter, let reading, let value, let time, let record, let recorded):
      "meter \(meter): reading \(reading) of its change at \(time), \(value), does not follow the record of its load profile"
        + " beside it, \(recorded) (reading \(record)); "
        + (value.isCut(beside: recorded)
          ? "give the reading all digits that the register shows: meterd review correct \(reading)"
          : "correct the one that is wrong: meterd review correct \(reading) or \(record)")
    case .unfrozenRates(let meter, let rates, let time, let settlement):
      "meter \(meter): settlement by rate registers and by intervals meet at \(time), in the middle of a cycle, and"
        + " \(rates.map { "\($0)" }.joined(separator: ", ")) \(rates.count == 1 ? "was" : "were") not frozen then; enter what"
        + " \(rates.count == 1 ? "it" : "they") showed (meterd review enter), or let the change hold from a settlement on:"
        + " from = \"\(settlement.date)\""
    case .unreadError(let meter, let quantities, let time, let error, let cycle):
      "meter \(meter): its error of \(error.percent) % \(error.from == time ? "begins" : "ends") at \(time), inside the cycle"
        + " from \(cycle.from) to \(cycle.to), and nothing was read of"
        + " \(quantities.map { "\($0)" }.joined(separator: ", ")) then; enter what the register"
        + "\(quantities.count == 1 ? "" : "s") showed (meterd review enter), or let \(error.from == time ? "from" : "to") of"
        + " [[line.meter.error]] be a settlement: \"\(cycle.from)\" or \"\(cycle.to)\""
    case .intervalsDisagree(let meter, let register, let intervals, let most):
      "meter \(meter): the register counted \(register) kWh and the intervals \(intervals) kWh, more than \(most) kWh"
        + " apart; check that settlement and load profile are of the same instants, and the meter's clock"
    case .noDayList(let plan, let day):
      "plan \(plan) tells special days from others, and no list says what kind of day \(day) is; add the list of"
        + " \(day.year) to calendars in the configuration"
    case .settlement(let plan, let error): "plan \(plan): \(error)"
    case .rating(let error): "\(error)"
    }
  }
}

extension RegisterValue {
  /// True where the two differ by no more than the digits that this one has not.
  fileprivate func isCut(beside other: RegisterValue) -> Bool {
    resolution > other.resolution && (millionths - other.millionths).magnitude < resolution.magnitude
  }
}

extension SupplyInput {
  /// How it is called in an account's configuration.
  var term: String {
    switch self {
    case .basicCharge: "how the basic charge is found (basic-charge)"
    case .running: "the capacity in service (running)"
    case .suspended: "the capacity that is suspended (suspended)"
    case .contracted: "the contracted capacity (contracted)"
    case .feeds: "the maximum demand of a meter"
    case .contract: "the demand in the contract (contract-demand)"
    case .feedCapacity: "the capacity behind a feed"
    case .reactive: "reactive energy"
    case .powerFactorStandard: "the power-factor standard (power-factor)"
    case .exported: "reverse energy"
    case .transformer: "the transformer (transformer)"
    case .lineLoss: "the line loss (line-loss-percent)"
    case .arrears: "debts"
    case .intervals: "the intervals of a load profile (settled-by)"
    }
  }
}

/// The first runs of times that are `minutes` apart, such as `2026-10-05T08:15 to 2026-10-05T09:00 and 3 more runs`.
private func runs(of times: [MeterTime], minutes: Int) -> String {
  var runs: [ClosedRange<Int64>] = []
  for seconds in times.map(\.localSeconds).sorted() {
    if let last = runs.last, seconds - last.upperBound <= Int64(minutes) * 60 {
      runs[runs.count - 1] = last.lowerBound...seconds
    } else {
      runs.append(seconds...seconds)
    }
  }
  let words = runs.prefix(3).map { run in
    let (first, last) = (MeterTime(localSeconds: run.lowerBound), MeterTime(localSeconds: run.upperBound))
    return first == last ? "\(first)" : "\(first) to \(last)"
  }
  let more = runs.count - words.count
  return words.joined(separator: ", ") + (more > 0 ? " and \(more) more run\(more == 1 ? "" : "s")" : "")
}
