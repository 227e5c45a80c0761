import Acquisition
import Concentrator
import DLT645
import Devices
import Line
import Metering

/// What a probe found, for people and programs.
struct ProbeReport {
  /// The meter, as it answered.
  struct Here {
    let address: MeterAddress
    let language: ScanPlan.Language
    let settings: SerialSettings

    /// As the person gave it: twelve digits, or the number of the unit.
    var name: String { if case .modbus(let unit) = address { "\(unit)" } else { "\(address)" } }
  }

  let wish: ProbeWish
  private(set) var here: Here?
  /// The meters that answered at once.
  private(set) var several: [MeterAddress] = []
  /// What a Modbus meter says of itself.
  var identity: [String] = []
  /// Which profile was taken, where the person named none.
  var guesses: [Recognition.Guess] = []
  var results: [Probe.Result] = []
  private var trials: [(language: ScanPlan.Language, settings: SerialSettings)] = []
  private var garbled: [String] = []
  private var traffic: [Traffic] = []

  init(wish: ProbeWish) { self.wish = wish }

  /// Takes what came of a first question.
  mutating func tried(
    _ language: ScanPlan.Language, _ settings: SerialSettings, _ greeting: Probe.Greeting, _ heard: [Traffic]
  ) {
    trials.append((language, settings))
    traffic += heard
    switch greeting {
    case .here(let address): here = Here(address: address, language: language, settings: settings)
    case .several(let addresses): several = addresses
    case .garbled: garbled.append("\(language.rawValue) at \(settings)")
    case .silent: break
    }
  }

  /// A meter that is silent for its first question is silent for all.
  var isSilent: Bool {
    guard results.count == 1, case .silent = results[0].outcome else { return false }
    return true
  }

  /// Prints everything; throws the complaint where nothing was read.
  func show(json: Bool, raw: Bool) throws {
    guard let here else {
      if raw, !json { for run in Self.joined(traffic) { print(Self.text(run)) } }
      throw absence
    }
    guard !results.isEmpty else {
      throw Complaint(
        .usage, "the profile has nothing of what was asked for", "Leave the quantities out to read all it offers.")
    }
    if json {
      print(object(here).text)
    } else {
      for line in lines(here, raw: raw) { print(line) }
    }
    if wish.address == nil, !garbled.isEmpty {
      writeError(
        "meterd: bytes that are no meter's address also came (\(garbled.joined(separator: ", "))); more meters may be there: meterd scan \(wish.place)\n"
      )
    }
    try judge(here)
  }

  private func judge(_ here: Here) throws {
    let hasTold = results.contains { result in
      switch result.outcome {
      case .told, .items, .registers: true
      case .refused, .damaged, .silent: false
      }
    }
    if hasTold { return }
    if case .silent = results[0].outcome { throw absence }
    if case .refused(let reason) = results[0].outcome {
      throw Complaint(
        .badData, "meter \(here.name) on \(wish.place) refuses: \(reason)",
        "It is there and answers. Ask for other quantities, or choose the profile of its model.")
    }
    throw Complaint(
      .badData, "what came from \(wish.place) is no sound answer of meter \(here.name)",
      "Bytes come, so the wiring works. Check speed and parity (\(here.settings)), and whether two meters share this address; --raw shows the bytes."
    )
  }
}

// Why no meter was found.
extension ProbeReport {
  private var absence: Complaint {
    let place = wish.place
    if !several.isEmpty {
      let some = several.prefix(4).map { "\($0)" }.joined(separator: ", ")
      return Complaint(
        .badData, "more than one meter answers on \(place): \(some)",
        "Give the address of one. All of them are found with: meterd scan \(place)")
    }
    if !garbled.isEmpty, wish.address == nil {
      return Complaint(
        .badData, "what came from \(place) is no meter's address (\(garbled.joined(separator: ", ")))",
        "Several meters that answer at once sound like this: meterd scan \(place) tells them apart. Else check speed and parity; --raw shows the bytes."
      )
    }
    if !garbled.isEmpty {
      return Complaint(
        .badData,
        "what came from \(place) is no sound answer of meter \(wish.writtenAddress ?? "") (\(garbled.joined(separator: ", ")))",
        "Bytes come, so the wiring works. Check speed and parity, and whether two meters speak at once: meterd scan \(place) tells them apart; --raw shows the bytes."
      )
    }
    let isModbus = wish.languages == [.modbus]
    guard wish.address != nil else {
      return Complaint(
        .noAnswer, "no meter on \(place) told its address (\(tries))",
        "To AAAAAAAAAAAA a meter answers soundly while it is alone on the line. Take the others off, or give the address of one; else check the A/B wiring and the speed."
      )
    }
    return Complaint(
      .noAnswer, "meter \(wish.writtenAddress ?? "") on \(place) did not answer (\(tries))",
      place.isModbusTCP
        ? "The server takes the connection. Check the unit, and whether the server reaches its meter; all that answer are found with: meterd scan \(place)"
        : "Check the address, the A/B wiring and the speed. If other meters on this line answer, it is this meter."
          + (wish.isSerialChosen ? " Without --serial the usual settings are tried." : "")
          + (isModbus ? "" : " Alone on the line it answers to --address AAAAAAAAAAAA."))
  }

  /// `3 tries, 2400 8E1`, or all that was tried.
  private var tries: String {
    let count = "\(wish.tries) \(wish.tries == 1 ? "try" : "tries")"
    guard !wish.place.isModbusTCP else { return count }
    guard trials.count > 1 else { return "\(count), \(wish.settings.first.map { "\($0)" } ?? "")" }
    var settings: [String] = []
    for trial in trials where !settings.contains("\(trial.settings)") { settings.append("\(trial.settings)") }
    let names = wish.languages.map(\.rawValue).joined(separator: " and ")
    return "tried \(names) at \(settings.joined(separator: ", "))"
  }
}

// For people.
extension ProbeReport {
  private func lines(_ here: Here, raw: Bool) -> [String] {
    var out = ["meter \(here.name) on \(wish.place), \(here.settings), \(here.language.rawValue)"]
    if !identity.isEmpty { out.append("it says of itself: \(identity.joined(separator: ", "))") }
    if let guess = guesses.first {
      let others = guesses.dropFirst().map { " or \($0.profile)" }.joined()
      let reasons = guess.evidence.isEmpty ? "nothing told them apart" : guess.evidence.joined(separator: ", ")
      out.append("read as \(guess.profile)\(others), a guess: \(reasons)")
    }
    if raw { out += Self.joined(traffic).map { Self.text($0) } }
    for result in results {
      let time = "\(result.roundTrip.milliseconds) ms, \(result.tries) \(result.tries == 1 ? "try" : "tries")"
      switch result.outcome {
      case .told(let observations, let doubts):
        out.append("\(result.name)  \(time)")
        out += observations.map { "  \($0.line)\($0.value == .absent ? "  absent" : "")" }
        out += doubts.map { "  not believed: \($0)" }
      case .items(let items):
        out.append("\(result.name)  \(time)")
        out += items.map { "  \($0.line)" }
      case .registers(let words, let first):
        out.append("\(result.name)  \(time)")
        out += RegisterRow.all(words, from: first).map { "  \($0.text)" }
      case .refused(let reason): out.append("\(result.name)  refused: \(reason)  (\(time))")
      case .damaged(let reason): out.append("\(result.name)  not believed: \(reason)  (\(time))")
      case .silent: out.append("\(result.name)  no answer  (\(time))")
      }
      if raw { out += Self.joined(result.traffic).map { Self.text($0) } }
    }
    return out
  }

  /// A reply in one piece, however many reads brought it.
  private static func joined(_ traffic: [Traffic]) -> [Traffic] {
    var runs: [Traffic] = []
    for next in traffic {
      if let last = runs.last, !last.sent, !next.sent, next.at - last.at < .milliseconds(200) {
        runs[runs.count - 1] = Traffic(at: next.at, sent: false, bytes: last.bytes + next.bytes)
      } else {
        runs.append(next)
      }
    }
    return runs
  }

  private static func text(_ run: Traffic) -> String { "  \(run.sent ? ">" : "<") \(hexString(run.bytes))" }
}

// For programs.
extension ProbeReport {
  private func object(_ here: Here) -> JSON {
    return .object([
      "meter": .string(here.name), "port": .string("\(wish.place)"), "serial": .string("\(here.settings)"),
      "protocol": .string(here.language.rawValue), "identity": .array(identity.map(JSON.string)),
      "profile": .optional(wish.profile?.name ?? guesses.first?.profile),
      "answers": .array(results.map { Self.object($0) }),
    ])
  }

  private static func object(_ result: Probe.Result) -> JSON {
    var members: [JSON.Member] = [
      .init("query", .string(result.name)), .init("tries", .integer(Int64(result.tries))),
      .init("round_trip_ms", .integer(result.roundTrip.milliseconds)),
    ]
    switch result.outcome {
    case .told(let observations, let doubts):
      members += [.init("outcome", "told"), .init("values", .array(observations.map(value)))]
      if !doubts.isEmpty { members.append(.init("not_believed", .array(doubts.map(JSON.string)))) }
    case .items(let items):
      members += [.init("outcome", "told"), .init("values", .array(items.map(\.json)))]
    case .registers(let words, let first):
      members += [
        .init("outcome", "told"), .init("registers", .array(RegisterRow.all(words, from: first).map(\.json))),
      ]
    case .refused(let reason):
      members += [.init("outcome", "refused"), .init("quality", "refused"), .init("reason", .string(reason))]
    case .damaged(let reason):
      members += [.init("outcome", "damaged"), .init("quality", "not believed"), .init("reason", .string(reason))]
    case .silent: members += [.init("outcome", "silent"), .init("quality", "no answer")]
    }
    members.append(
      .init(
        "traffic",
        .array(
          Self.joined(result.traffic).map {
            .object(["direction": $0.sent ? "sent" : "received", "bytes": .string(hexString($0.bytes))])
          })))
    return .object(members)
  }

  private static func value(_ observation: Observation) -> JSON {
    guard case .object(let members) = observation.json else { return observation.json }
    return .object(members + [.init("quality", observation.value == .absent ? "absent" : "ok")])
  }
}

/// One register as it is, with what it could mean.
struct RegisterRow {
  let register: Int
  let word: UInt16
  /// Together with the next one; `nil` for the last.
  let next: UInt16?

  static func all(_ words: [UInt16], from first: UInt16) -> [RegisterRow] {
    words.indices.map { index in
      RegisterRow(
        register: Int(first) + index, word: words[index], next: index + 1 < words.count ? words[index + 1] : nil)
    }
  }

  private static func float(_ high: UInt16, _ low: UInt16) -> String {
    "\(Float(bitPattern: UInt32(high) << 16 | UInt32(low)))"
  }

  private var hex: String { hexPair(UInt8(word >> 8)) + hexPair(UInt8(word & 0xFF)) }

  /// `72  4366  17254  f32 230.2  swapped 4.1e-09`.
  var text: String {
    let pair = next.map { "  f32 \(Self.float(word, $0))  swapped \(Self.float($0, word))" } ?? ""
    return "\(register)  \(hex)  \(word)\(pair)"
  }

  var json: JSON {
    .object([
      "register": .integer(Int64(register)), "hex": .string(hex), "u16": .integer(Int64(word)),
      "f32": .optional(next.map { Self.float(word, $0) }),
      "f32_swapped": .optional(next.map { Self.float($0, word) }),
    ])
  }
}
