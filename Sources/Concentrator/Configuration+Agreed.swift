internal import Billing
internal import Metering
internal import Rating

/// What is agreed for accounts, against their tariffs: checked when the configuration is loaded, not when the first bill is
/// due a month later.
extension Configuration {
  /// Refuses what no tariff of the account knows, and terms by which no bill could ever be made.
  func checkAgreed(
    of account: AccountEntry, _ plans: [String: Plan], _ catalogue: PlanCatalogue?
  ) throws(Complaint) {
    guard let catalogue else { return }
    if account.largeHouseholdFrom != nil, !catalogue.plans.contains(where: { $0.tiers?.grantPerMonth != nil }) {
      throw unknown(
        "large-household-from", of: account, "grants large households anything",
        "whose [tiers] has grant-per-month")
    }
    if account.movedIn != nil, !catalogue.plans.contains(where: { $0.tiers?.moving == .months }) {
      throw unknown(
        "moved-in", of: account, "has limits that follow it", "whose [tiers] says moving = \"months\"")
    }
    for index in account.terms.indices {
      for (day, plan) in ruling(account, termsAt: index, plans, catalogue) {
        var agreed = account.terms[index].agreed
        agreed.plan = plan.name
        guard let problem = agreed.problem(under: plan) else { continue }
        throw neverBilled(account, termsAt: index, from: day, by: plans.first { $0.value == plan }?.key, problem)
      }
    }
  }

  private func unknown(
    _ key: String, of account: AccountEntry, _ what: String, _ where: String
  ) -> Complaint {
    var files: [String] = []
    for file in account.terms.flatMap(\.files) where !files.contains(file) { files.append(file) }
    let tariffs = files.count == 1 ? "tariff \(files[0]) does not" : "none of \(files.joined(separator: ", ")) does"
    return Complaint(
      .configuration,
      "\(file):\(account.keyLines[key]): \(key): account \"\(account.id)\" has it, but no tariff of it \(what): \(tariffs)",
      "It would change no bill. Take it away, or name a tariff \(`where`).")
  }

  /// The versions of its plan that rule some day of an account's terms, each with its first, as all that is known now says.
  /// The newest one where there is none: the version that is to come will ask for the same.
  private func ruling(
    _ account: AccountEntry, termsAt index: Int, _ plans: [String: Plan], _ catalogue: PlanCatalogue
  ) -> [(from: CivilDate, plan: Plan)] {
    let terms = account.terms[index]
    guard let name = plans[terms.tariff]?.name, let end = CivilDate(year: 9999, month: 12, day: 31) else { return [] }
    let first = max(terms.agreed.from ?? account.from, account.from)
    var over = account.to ?? end
    if account.terms.indices.contains(index + 1), let next = account.terms[index + 1].agreed.from {
      over = min(over, next)
    }
    guard first < over else { return [] }
    let versions = catalogue.plans.filter { $0.name == name }
    let turns = versions.flatMap { version in
      [version.validFrom] + (version.validTo.map { [CivilDate(daysSince1970: $0.daysSince1970 + 1)] } ?? [])
    }
    var found: [(from: CivilDate, plan: Plan)] = []
    for day in ([first] + turns.filter { first < $0 && $0 < over }).sorted() {
      guard let one = DayRange(from: day, to: CivilDate(daysSince1970: day.daysSince1970 + 1)),
        let plan = catalogue.plan(name, for: one, knownOn: end), !found.contains(where: { $0.plan == plan })
      else { continue }
      found.append((day, plan))
    }
    return found.isEmpty ? versions.last.map { [(first, $0)] } ?? [] : found
  }

  private func neverBilled(
    _ account: AccountEntry, termsAt index: Int, from day: CivilDate, by tariff: String?, _ problem: RatingError
  ) -> Complaint {
    let terms = account.terms[index]
    let table = index == 0 ? "[[account]]" : "[[account.change]]"
    let (key, advice) = Self.remedy(of: problem, under: table)
    let owner = Self.table(of: key, account, from: index)
    var advices = [advice]
    let first = max(terms.agreed.from ?? account.from, account.from)
    if case .notInPlan = problem {
      advices = [Self.remedy(of: problem, under: owner == 0 ? "[[account]]" : "[[account.change]]").advice]
      if first < day || owner != index {
        let change = "[[account.change]] with from = \"\(day)\""
        advices.append(
          "If it ends then: \(first < day ? "an \(change) that names" : "let the \(change) name") the tariff again, without"
            + " \(key).")
      }
    } else if first < day {
      advices.append("Where it is agreed only since then, that is an [[account.change]] with from = \"\(day)\".")
    }
    return Complaint(
      .configuration,
      "\(file):\(account.terms[owner].keyLines[key]): \(key): account \"\(account.id)\" cannot be billed by tariff \(tariff ?? terms.tariff) from \(day) on: \(problem)",
      advice: advices)
  }

  /// The terms that have a key themselves of those that an account's terms are made of; these where none has it.
  private static func table(of key: String, _ account: AccountEntry, from index: Int) -> Int {
    for place in account.terms[...index].indices.reversed() {
      if account.terms[place].keyLines.has(key) { return place }
      // A change that names a tariff says all terms anew.
      if account.terms[place].keyLines.has("tariff") { break }
    }
    return index
  }

  /// The key that a problem is about, and what to write.
  private static func remedy(of problem: RatingError, under table: String) -> (key: String, advice: String) {
    func write(_ key: String, _ what: String) -> (String, String) {
      (key, "Write \(key) = \(what) under this \(table), as it was agreed with the customer.")
    }
    func without(_ key: String) -> (String, String) {
      (key, "Take \(key) away from this \(table), or name a tariff that has it.")
    }
    switch problem {
    case .line(_, _, _, .needs(let input)):
      switch input {
      case .basicCharge:
        return write("basic-charge", BasicCharge.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or "))
      case .running: return write("running", "\"630\", the kVA in service,")
      case .contracted: return write("contracted", "\"1000\", the kVA of all transformers,")
      case .contract: return write("contract-demand", "\"600\", in kW,")
      case .powerFactorStandard:
        return write("power-factor", "\"0.90\", \"0.85\" or \"0.80\", or \"none\" where the supply is held to none,")
      case .suspended, .feeds, .feedCapacity, .reactive, .exported, .transformer, .lineLoss, .arrears, .intervals: break
      }
    case .notInPlan(.basicCharge, _): return without("basic-charge")
    case .notInPlan(.transformer, _): return without("transformer")
    case .notInPlan(.lineLoss, _): return without("line-loss-percent")
    case .loss(_, .unknownTransformer):
      return ("transformer", "Write it as [loss] of the tariff does, or add the transformer's losses there.")
    default: break
    }
    return ("tariff", "See whether this is the customer's tariff, and what was agreed for it.")
  }
}
