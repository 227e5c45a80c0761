import ArgumentParser
import Concentrator
import Metering
import Simulator

/// Events for every DL/T 645 meter of a simulation.
struct EventOptions: ParsableArguments {
  @Option(
    name: .customLong("event"),
    help: ArgumentHelp(
      "Something that happens to each DL/T 645 meter, and that it notes: WHAT@TIME or WHAT/EVERY; as often as one likes.",
      valueName: "event"))
  var events: [String] = []

  func validate() throws {
    for text in events where Self.event(text, today: CivilDate(daysSince1970: 0)) == nil {
      let known = PlannedEvent.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError(
        """
        --event \(text): that is no event with its time
          It is one of \(known), and behind it @TIME, once, or /EVERY, again and again: --event cover-open@03:10,
          --event power-fail@2026-11-21T03:10, --event voltage-loss-l1/5m; EVERY is 1s to 7d.
        """)
    }
  }

  /// Adds the events to every DL/T 645 meter. A time without a date is of `today`, by the meters' clocks.
  func apply(to lines: [LineDescription], today: CivilDate) -> [LineDescription] {
    let planned = events.compactMap { Self.event($0, today: today) }
    guard !planned.isEmpty else { return lines }
    return lines.map { line in
      var line = line
      for index in line.meters.indices { line.meters[index].habits.planned = planned }
      return line
    }
  }

  /// What an option says; `nil` where it says nothing that can be.
  static func event(_ text: String, today: CivilDate) -> PlannedEvent? {
    guard let mark = text.firstIndex(where: { $0 == "@" || $0 == "/" }),
      let kind = PlannedEvent.Kind(rawValue: String(text[..<mark]))
    else { return nil }
    let rest = text[text.index(after: mark)...]
    guard text[mark] == "@" else { return seconds(rest).map { PlannedEvent(kind, .every(seconds: $0)) } }
    let parts = rest.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
    guard let clock = parts.last, let time = TimeOfDay(clock) else { return nil }
    guard parts.count == 2 else { return PlannedEvent(kind, .at(MeterTime(date: today, time: time))) }
    return CivilDate(parts[0]).map { PlannedEvent(kind, .at(MeterTime(date: $0, time: time))) }
  }

  /// `30s`, `5m`, `2h` or `1d`, a second to a week.
  private static func seconds(_ text: Substring) -> Int64? {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = text.last.flatMap({ units[$0] }), text.dropLast().allSatisfy(\.isNumber), text.count <= 8,
      let number = Int64(text.dropLast())
    else { return nil }
    let seconds = number * unit
    return (1...604_800).contains(seconds) ? seconds : nil
  }
}
