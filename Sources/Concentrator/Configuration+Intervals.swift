internal import Acquisition
internal import Billing
internal import Devices
internal import Metering
internal import Rating

/// Accounts that are settled by the intervals of load profiles, checked when the configuration is loaded.
extension Configuration {
  /// Reads the lists of special days.
  func calendars(in folders: DataFolders) throws(Complaint) -> [DayCalendar] {
    var found: [DayCalendar] = []
    for name in calendars {
      let list: DayCalendar
      do throws(Complaint) {
        list = try folders.calendar(name)
      } catch {
        throw error.located(self, calendarsLine, "calendars")
      }
      if let other = found.first(where: {
        $0.knownSince == list.knownSince && $0.validFrom <= list.validTo && list.validFrom <= $0.validTo
      }) {
        throw Complaint(
          .configuration,
          "\(file):\(calendarsLine): calendars: \(list.name) and \(other.name) are for the same days and known since the same one",
          "Which of them holds cannot be told. Give the later one its own known-since, or take one away.")
      }
      found.append(list)
    }
    return found
  }

  /// The minutes between the records of the account's meters; `nil` minutes where they are not of one length. The meter is
  /// the first that no task reads, where there is one.
  func profileMinutes(of account: AccountEntry) -> (minutes: Int?, unread: MeterEntry?, found: Set<Int>)? {
    let own = intervalMeters(of: account)
    guard !own.isEmpty else { return nil }
    var found: Set<Int> = []
    var unread: MeterEntry?
    for meter in own {
      var minutes: Set<Int> = []
      for entry in tasks where entry.includes(meter.id) {
        for case .loadProfile(recordClass: 4, minutes: let each) in entry.task.targets { minutes.insert(each) }
      }
      if minutes.isEmpty, unread == nil { unread = meter }
      found.formUnion(minutes)
    }
    let one = found.count == 1 ? found.first.flatMap { [15, 30, 60].contains($0) ? $0 : nil } : nil
    return (one, unread, found)
  }

  /// The account's meters, without those that were taken away before intervals settled it.
  private func intervalMeters(of account: AccountEntry) -> [MeterEntry] {
    guard let terms = account.terms.first(where: { $0.byIntervals != nil }) else { return [] }
    let first = max(terms.agreed.from ?? account.from, account.from).daysSince1970 * 86_400
    return lines.flatMap { line in
      line.meters.filter { meter in
        meter.account == account.id && meter.to.map { $0.localSeconds > first } ?? true
      }
    }
  }

  /// Refuses what no bill by intervals could come of.
  func checkIntervals(
    of account: AccountEntry, _ plans: [String: Plan], _ calendars: [DayCalendar], _ profiles: [String: DeviceProfile]
  ) throws(Complaint) {
    guard let terms = account.terms.first(where: { $0.byIntervals != nil }) else { return }
    func refusal(_ line: Int, _ key: String, _ what: String, _ advice: String) -> Complaint {
      Complaint(
        .configuration, "\(file):\(line): \(key): account \"\(account.id)\" is settled by intervals, and \(what)",
        advice: [advice])
    }
    let line = terms.keyLines["settled-by"]
    guard account.settlement.hour == 0 else {
      let key = account.section == nil ? "settlement-hour" : "section"
      let whose = account.section.map { " of [[section]] \"\($0)\"" } ?? ""
      throw refusal(
        account.keyLines[key], key, "its days begin at \(account.settlement.hour) o'clock",
        "The hours of a tariff are counted from midnight to midnight. Leave settlement-hour\(whose) out.")
    }
    for meter in intervalMeters(of: account) {
      guard let profile = profiles[meter.profile], case .dlt645(.of2007, _) = profile.language else {
        throw refusal(
          line, "settled-by", "meter \"\(meter.id)\" (\(meter.profile)) keeps no load profile that is read here",
          "DL/T 645-2007 meters do. Write settled-by = \"registers\", or give the account such a meter.")
      }
    }
    guard let (minutes, unread, found) = profileMinutes(of: account) else { return }
    if let unread {
      throw refusal(
        line, "settled-by", "no task reads the load profile of meter \"\(unread.id)\"",
        "Write a [[task]] with read = [\"load-profile\"] and the load-profile-minutes that the meter is set to.")
    }
    guard let minutes else {
      let words = found.sorted().map(String.init).joined(separator: ", ")
      throw refusal(
        line, "settled-by", "its load profile has records every \(words) minutes",
        "Intervals of 15, 30 or 60 minutes are settled, of one length for all its meters: set the meters and load-profile-minutes of the [[task]] alike."
      )
    }
    for terms in account.terms where terms.byIntervals != nil {
      for plan in terms.files.compactMap({ plans[$0] }) {
        let key = terms.keyLines["settled-by"]
        guard plan.timeOfUse != nil, plan.residualPeriod != nil else {
          throw refusal(
            key, "settled-by", "tariff \(plan.name) does not say which hour is of which period",
            "Give the tariff a [calendar] with its hours and one residual period, or write settled-by = \"registers\".")
        }
        if let clock = plan.timeInside(intervalsOf: minutes) {
          throw refusal(
            key, "settled-by",
            "a period of tariff \(plan.name) begins at \(clock), inside an interval of \(minutes) minutes",
            "Set the meters to shorter intervals, and load-profile-minutes with them.")
        }
        guard !plan.asksKindOfDay || !calendars.isEmpty else {
          throw refusal(
            key, "settled-by", "tariff \(plan.name) tells special days from others, and no list of them is named",
            "Name each year's list at the top of the configuration, such as calendars = [\"china-2026\"]: files in the folder calendars of the tariffs."
          )
        }
      }
    }
  }
}
