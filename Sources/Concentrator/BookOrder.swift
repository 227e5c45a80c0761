internal import Billing
public import Metering
public import Store

/// What a person decides on bills and readings, as typed. Whoever holds the store carries it out: this process, or the
/// running daemon.
public struct BookOrder: Hashable, Sendable {
  /// What is to be done.
  public enum Act: Hashable, Sendable {
    /// Lets bills be issued by what a trial of the last `cycles` cycles showed; `shown` is the number it ended with.
    case acceptTrial(shown: String, cycles: Int, TrialChoice)
    /// Corrects a cycle, `YYYY-MM`, and every later one that follows from it; by the configured form where `form` is
    /// `nil`. Findings of the review rules in `accepting` were looked at and hold no new bill; `shown` is the number that
    /// they ended with.
    case correct(account: String, cycle: String, form: String?, accepting: [String] = [], shown: String? = nil)
    /// Lets a bill that waits be issued as it is, or keeps it.
    case review(Int64, ReviewDecision.Word)
    /// Accepts a reading, or says what it should be.
    case revise(reading: Int64, RegisterValue?)
    /// Writes a reading that a person took, at local time.
    case enter(meter: String, quantity: String, at: MeterTime, RegisterValue, occurred: MeterTime?)
  }

  public let act: Act
  /// Why; it stands in the audit log.
  public let reason: String
  /// Who the caller says it is: behind sudo the kernel knows only root.
  let name: String?
  /// Fingerprint of the files that the caller looked at; `nil` where the decision does not rest on them.
  let basis: String?
  /// The store that is meant.
  let store: String?

  /// - Parameters:
  ///   - act: what is to be done.
  ///   - reason: why, not blank.
  ///   - name: who is at the keyboard.
  ///   - station: the configuration and tariffs that the caller looked at.
  public init(_ act: Act, reason: String, name: String?, station: Station) {
    self.act = act
    self.reason = reason
    self.name = name
    store = station.configuration.store
    switch act {
    case .acceptTrial, .correct, .review: basis = BillingTrial.basis(station.accounts, station.plansByAccount)
    // A value is what it is, whatever tariffs say.
    case .revise, .enter: basis = nil
    }
  }

  /// As the control socket takes it, besides `id` and `do`.
  public var members: [JSON.Member] {
    var members: [JSON.Member] = [.init("reason", .string(reason))]
    func add(_ key: String, _ word: String?) { if let word { members.append(.init(key, .string(word))) } }
    func add(_ key: String, _ words: [String]) {
      if !words.isEmpty { members.append(.init(key, .array(words.map(JSON.string)))) }
    }
    add("by", name)
    add("basis", basis)
    add("store", store)
    switch act {
    case .acceptTrial(let shown, let cycles, let choice):
      add("act", "accept-trial")
      add("shown", shown)
      members.append(.init("cycles", .integer(Int64(cycles))))
      add("accounts", choice.accounts)
      add("plans", choice.plans)
      add("valid_from", choice.validFrom)
      if choice.withoutAmount { members.append(.init("without_amount", true)) }
    case .correct(let account, let cycle, let form, let rules, let shown):
      add("act", "correct")
      add("account", account)
      add("cycle", cycle)
      add("form", form)
      add("accept", rules)
      add("shown", shown)
    case .review(let number, let word):
      add("act", "review")
      members.append(.init("review", .integer(number)))
      add("decision", word.rawValue)
    case .revise(let reading, let value):
      add("act", "revise")
      members.append(.init("reading", .integer(reading)))
      add("value", value.map { "\($0)" })
    case .enter(let meter, let quantity, let time, let value, let occurred):
      add("act", "enter")
      add("meter", meter)
      add("quantity", quantity)
      add("time", "\(time)")
      add("value", "\(value)")
      add("occurred", occurred.map { "\($0)" })
    }
    return members
  }

  /// Reads what came over the control socket.
  init(_ members: inout ControlRequest.Members) throws(Complaint) {
    func needed<Value>(_ value: Value?, _ key: String) throws(Complaint) -> Value {
      guard let value else { throw Complaint(.usage, "decide needs \(key), or it is none") }
      return value
    }
    let word = try needed(members.string("act"), "an act")
    reason = try needed(members.string("reason"), "a reason")
    guard reason.contains(where: { !$0.isWhitespace }) else { throw Complaint(.usage, "a decision needs a reason") }
    name = try members.string("by")
    basis = try members.string("basis")
    store = try members.string("store")
    switch word {
    case "accept-trial":
      let choice = TrialChoice(
        accounts: try members.strings("accounts") ?? [], plans: try members.strings("plans") ?? [],
        validFrom: try members.strings("valid_from") ?? [],
        withoutAmount: try members.boolean("without_amount") ?? false)
      let cycles = try members.integer("cycles") ?? 1
      guard (1...1200).contains(cycles) else { throw Complaint(.usage, "\(cycles) cycles are none, or too many") }
      act = .acceptTrial(shown: try needed(members.string("shown"), "the number shown"), cycles: Int(cycles), choice)
    case "correct":
      act = .correct(
        account: try needed(members.string("account"), "an account"),
        cycle: try needed(members.string("cycle"), "a cycle"), form: try members.string("form"),
        accepting: try members.strings("accept") ?? [], shown: try members.string("shown"))
    case "review":
      act = .review(
        try needed(members.integer("review"), "a review"),
        try needed(members.string("decision").flatMap(ReviewDecision.Word.init), "a decision"))
    case "revise":
      let value = try members.string("value")
      act = .revise(
        reading: try needed(members.integer("reading"), "a reading"),
        try value.map { (text) throws(Complaint) in try RegisterValue(typed: text) })
    case "enter":
      func time(_ key: String) throws(Complaint) -> MeterTime? {
        guard let text = try members.string(key) else { return nil }
        return try needed(MeterTime(text), "a \(key)")
      }
      act = .enter(
        meter: try needed(members.string("meter"), "a meter"),
        quantity: try needed(members.string("quantity"), "a quantity"), at: try needed(time("time"), "a time"),
        try RegisterValue(typed: try needed(members.string("value"), "a value")), occurred: try time("occurred"))
    default:
      throw Complaint(
        .usage, "\"\(ControlRequest.plain(word))\" is nothing to decide",
        "There are: accept-trial, correct, review, revise, enter.")
    }
  }

  /// Who wants it, by the kernel's word, and behind the name that the caller gives.
  func actor(_ user: UInt32) -> String {
    name.map { "\(ControlRequest.plain($0)) (uid \(user))" } ?? "uid \(user)"
  }
}

extension RegisterValue {
  /// What a person typed, in decimal, with the step of its last place.
  /// - Throws: `Complaint` for what is no register value.
  public init(typed text: String) throws(Complaint) {
    let number = exactDecimal(text, scale: 6)
    if let number, number < 0 {
      throw Complaint(
        .usage, "a register shows no negative value such as \(ControlRequest.plain(text))",
        "Write what the register showed, such as 1650.25. What flows back is counted by a register of its own.")
    }
    guard let millionths = number else {
      throw Complaint(
        .usage, "\"\(ControlRequest.plain(text))\" is no register value", "Write it in decimal, such as 1650.25.")
    }
    let places = text.split(separator: ".", omittingEmptySubsequences: false).dropFirst().first?.count ?? 0
    self.init(millionths: millionths, resolution: Self.step(decimals: min(places, 6)) ?? 1)
  }
}
