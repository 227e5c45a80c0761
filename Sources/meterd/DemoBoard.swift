import Acquisition
import Concentrator
internal import Host
import Metering

/// What the demo shows while it runs: the last reading of each meter, and counts.
final class DemoBoard: Sendable {
  struct Row: Sendable {
    var line = ""
    var meter = ""
    var state = "waiting"
    var last = ""
    var stored = 0
    var unbelieved = 0
  }

  struct State: Sendable {
    var rows: [Row] = []
    var counts = StationCounts()
    var right = 0
    var wrong: [String] = []
    var billed: [String] = []
  }

  private let state: Guarded<State>
  private let truth: Truth

  init(_ configuration: Configuration, truth: Truth) {
    self.truth = truth
    var rows: [Row] = []
    for line in configuration.lines {
      rows += line.meters.map { Row(line: line.name, meter: $0.id.text) }
    }
    state = Guarded(State(rows: rows))
  }

  var now: State { state.withLock { $0 } }

  func note(_ event: StationEvent) {
    let verdict: Bool? =
      if case .stored(_, let reading, let verdict, _) = event, verdict.isUsable { truth.isRight(reading) } else { nil }
    state.withLock { state in
      state.counts.add(event)
      switch event {
      case .stored(_, let reading, let judged, let outcome):
        if verdict == true { state.right += 1 }
        if verdict == false { state.wrong.append("\(reading.key.meter) \(reading.key.quantity) \(reading.value)") }
        guard case .new = outcome else { return }
        Self.change(&state, reading.key.meter) { row in
          row.stored += 1
          row.state = "answers"
          let unit = reading.key.quantity.unit?.rawValue ?? ""
          let mark = judged.isUsable ? "" : "  \(judged.status.rawValue)"
          row.last = "\(reading.key.quantity)  \(reading.value) \(unit)\(mark)"
        }
      case .line(.health(_, let meter, let isAnswering)):
        Self.change(&state, meter) { $0.state = isAnswering ? "answers" : "silent" }
      case .line(.rejected(_, let meter, _, _)), .line(.late(_, let meter, _)):
        Self.change(&state, meter) { $0.unbelieved += 1 }
      case .billed(let account, let cycle, _, let fen, true):
        state.billed.append("\(account)  \(cycle)  \(yuan(fen)) yuan")
      default: break
      }
    }
  }

  private static func change(_ state: inout State, _ meter: MeterID, _ body: (inout Row) -> Void) {
    guard let index = state.rows.firstIndex(where: { $0.meter == meter.text }) else { return }
    body(&state.rows[index])
  }

  /// The table as lines of text.
  static func table(_ state: State, second: Int) -> [String] {
    var out = [
      pad("line", 7) + pad("meter", 8) + pad("state", 9) + pad("stored", 8) + pad("dropped", 9) + "last reading"
    ]
    for row in state.rows {
      out.append(
        pad(row.line, 7) + pad(row.meter, 8) + pad(row.state, 9) + pad("\(row.stored)", 8) + pad("\(row.unbelieved)", 9)
          + row.last)
    }
    out.append(
      "\(second) s: \(state.counts.read) values read, \(state.counts.stored) stored, \(state.counts.billed) bills")
    return out
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
