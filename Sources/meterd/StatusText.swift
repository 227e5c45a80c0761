import Concentrator
import Metering

/// What a daemon tells of itself, for people.
struct StatusText {
  private let status: JSON

  init(_ status: JSON) { self.status = status }

  /// A time without its date's T, fraction and offset.
  static func short(_ time: String) -> String {
    String(time.prefix(19).map { $0 == "T" ? " " : $0 })
  }

  private static func ofDay(_ time: String?) -> String { time.map { String($0.dropFirst(11).prefix(8)) } ?? "?" }
  private static func count(_ json: JSON?) -> Int64 { json?.number ?? 0 }

  /// Everything, some lines a line.
  func whole(meters: Bool) -> [String] {
    var out = head
    for line in status["lines"]?.items ?? [] {
      out.append("")
      out += about(line)
      guard meters else { continue }
      for meter in line["list"]?.items ?? [] { out.append(about(meter: meter)) }
    }
    return out
  }

  /// A row for each line, and below it one for each round; cut to a terminal of `width` and `height`.
  func brief(width: Int, height: Int) -> [String] {
    var out = head
    out.append("")
    out.append("line          state  load  meters   ok late silent aside unknown unreached")
    let room = max(1, height - out.count - 1)
    var blocks = (status["lines"]?.items ?? []).map { [row($0)] + doings($0) }
    func rows() -> Int { blocks.reduce(0) { $0 + $1.count } }
    if rows() > room {
      blocks = blocks.map { $0.count > 2 ? [$0[0], "\($0[1]); \($0.count - 2) more"] : $0 }
    }
    if rows() > room { blocks = blocks.map { Array($0.prefix(1)) } }
    out += blocks.joined().prefix(blocks.count > room ? room - 1 : room)
    if blocks.count > room { out.append("... and \(blocks.count - room + 1) more: meterd status") }
    return out.map { String($0.prefix(width)) }
  }

  private var head: [String] {
    let store = status["store"], clock = status["clock"], billing = status["billing"], readings = status["readings"]
    var out = [
      "\(status["station"]?.word ?? "?")  meterd \(status["version"]?.word ?? "?")  process \(Self.count(status["process"]))  up \(uptime)"
    ]
    let trust = clock?["trusted"]?.flag == true ? ", trusted" : ""
    out.append("clock     \(Self.short(clock?["now"]?.word ?? "?"))  \(clock?["state"]?.word ?? "?")\(trust)")
    let commit = store?["last_commit"]?.word.map { "committed at \(Self.ofDay($0))" } ?? "nothing committed yet"
    out.append("store     reading \(Self.count(store?["last"])), \(commit), \(Self.count(store?["waiting"])) waiting")
    if let failing = store?["failing"], failing != .null {
      out.append(
        "          FAILS since \(Self.short(failing["since"]?.word ?? "?")): \(failing["reason"]?.word ?? "?")")
    }
    out.append(
      "readings  \(Self.count(readings?["stored"])) stored, \(Self.count(readings?["flagged"])) flagged, \(Self.count(readings?["held"])) held, \(Self.count(readings?["rejected"])) rejected, \(Self.count(readings?["missed"])) missed"
    )
    let events = status["events"]
    if ["new", "history", "held", "lost"].contains(where: { Self.count(events?[$0]) > 0 }) {
      out.append(
        "events    \(Self.count(events?["new"])) new, \(Self.count(events?["held"])) held, \(Self.count(events?["history"])) earlier, \(Self.count(events?["lost"])) without a record"
      )
    }
    let holds = billing?["holds"]?.items ?? []
    var waits = billing?["waits_for_clock"]?.flag == true ? "; billing waits for the host's clock" : ""
    if let differences = billing?["trial_differences"]?.number {
      waits += "; nothing is issued while \(differences) come out otherwise than before: meterd bill trial"
    }
    out.append("bills     \(Self.count(billing?["issued"])) issued, \(holds.count) waiting\(waits)")
    for hold in holds.prefix(3) {
      out.append(
        "          \(hold["account"]?.word ?? "?") \(hold["cycle"]?.word ?? "?"): \(hold["reason"]?.word ?? "?")")
    }
    if holds.count > 3 { out.append("          and \(holds.count - 3) more") }
    return out
  }

  private var uptime: String {
    let seconds = Self.count(status["uptime_seconds"])
    let days = seconds / 86_400
    let parts = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
    return (days > 0 ? "\(counted(Int(days), "day")) " : "") + parts.joined(separator: ":")
  }

  private func about(_ line: JSON) -> [String] {
    let state = line["state"]?.word ?? "?"
    let since = line["since"]?.word.map { " since \(Self.short($0))" } ?? ""
    var out = [
      "\(line["line"]?.word ?? "?")  \(state)\(since)  \(line["port"]?.word ?? "?")  \(line["serial"]?.word ?? "?")"
    ]
    if let reason = line["reason"]?.word { out.append("  \(reason)") }
    let meters = line["meters"]
    let words = [
      ("ok", "ok"), ("late", "late"), ("silent", "silent"), ("set_aside", "set aside"), ("unknown", "unknown"),
      ("unreachable", "unreachable"),
    ]
    let told = words.filter { Self.count(meters?[$0.0]) > 0 }.map { "\(Self.count(meters?[$0.0])) \($0.1)" }
    out.append("  meters  \(Self.count(meters?["total"]))\(told.isEmpty ? "" : ": \(told.joined(separator: ", "))")")
    if let load = line["load"]?.word { out.append("  load    \(percent(load)) %") }
    for round in line["rounds"]?.items ?? [] { out.append("  " + about(round: round)) }
    if let last = line["last"], last != .null {
      out.append(
        "  last    round of \(Self.ofDay(last["due"]?.word)): last answer \(last["lateness"]?.word ?? "?") s after it was due"
      )
    }
    if let next = line["next"], next != .null {
      out.append("  next    \(next["task"]?.word ?? "?") at \(Self.short(next["begins"]?.word ?? "?"))")
    }
    let wire = line["counters"]
    let overruns: Int64
    if case .object(let members)? = line["overruns"] {
      overruns = members.reduce(0) { $0 + Self.count($1.value) }
    } else {
      overruns = 0
    }
    var counters = ["\(Self.count(wire?["exchanges"])) exchanges", "\(Self.count(wire?["bytes_late"])) bytes late"]
    if Self.count(wire?["echoes"]) > 0 { counters.append("\(Self.count(wire?["echoes"])) echoes") }
    if Self.count(wire?["characters_broken"]) > 0 {
      counters.append("\(Self.count(wire?["characters_broken"])) characters broken")
    }
    if overruns > 0 { counters.append("\(overruns) rounds left out") }
    out.append("  wire    \(counters.joined(separator: ", "))")
    return out
  }

  /// `round   energy of 12:15:00: 31 of 32 meters done, 2 questions left, 1 silent`.
  private func about(round: JSON) -> String {
    let left = Self.count(round["meters_left"]), all = Self.count(round["meters"])
    let silent = Self.count(round["meters_set_aside"])
    let name = "\(round["task"]?.word ?? "?")"
    let questions = counted(Int(clamping: Self.count(round["questions_left"])), "question") + " left"
    let at = Self.ofDay(round["due"]?.word)
    var parts = [
      round["backfill"]?.flag == true
        ? "back-fill of \(name), pass of \(at): \(counted(Int(clamping: left), "meter")) to go"
        : "round   \(name) of \(at): \(all - left) of \(all) meters done", questions,
    ]
    if silent > 0 { parts.append(silent == left ? "all of silent meters" : "\(silent) of them silent") }
    if let until = round["waits_until"]?.word { parts.append("waits for its window at \(Self.ofDay(until))") }
    if let lateness = round["lateness"]?.word { parts.append("\(lateness) s after it was due") }
    return parts.joined(separator: ", ")
  }

  /// What a line is doing: its rounds, or what keeps it, or what comes next.
  private func doings(_ line: JSON) -> [String] {
    if let reason = line["reason"]?.word { return ["  \(reason)"] }
    let rounds = line["rounds"]?.items ?? []
    guard rounds.isEmpty else { return rounds.map { "  " + about(round: $0) } }
    guard let next = line["next"], next != .null else { return [] }
    return ["  next    \(next["task"]?.word ?? "?") at \(Self.ofDay(next["begins"]?.word))"]
  }

  private func about(meter: JSON) -> String {
    var text = "    \(padded(meter["meter"]?.word ?? "?", 16)) \(padded(meter["state"]?.word ?? "?", 11))"
    text += meter["last_answer"]?.word.map { " last answer \(Self.short($0))" } ?? " no answer yet"
    if let since = meter["silent_since"]?.word { text += ", silent since \(Self.short(since))" }
    if let off = meter["clock"]?["deviation_s"]?.word { text += ", clock \(off) s" }
    if let next = meter["next_try"]?.word { text += ", next try \(Self.ofDay(next))" }
    return text
  }

  private func row(_ line: JSON) -> String {
    let meters = line["meters"]
    func column(_ name: String, _ width: Int) -> String { leading("\(Self.count(meters?[name]))", width) }
    let load = line["load"]?.word.map { "\(percent($0))%" } ?? "-"
    return padded(line["line"]?.word ?? "?", 14) + padded(line["state"]?.word ?? "?", 6) + leading(load, 5)
      + column("total", 8) + column("ok", 5) + column("late", 5) + column("silent", 7) + column("set_aside", 6)
      + column("unknown", 8) + column("unreachable", 10)
  }

  /// Of a share such as "0.412".
  private func percent(_ share: String) -> Int64 { (exactDecimal(share, scale: 3) ?? 0) / 10 }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func leading(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
