/// A line, its meters and what is read of them, written as a configuration.
///
/// The workloads are those that other masters were measured with: every meter's reply delay is fixed, spread
/// evenly over a range, and all values are read once.
struct BenchWorkload {
  enum Kind: String, CaseIterable {
    /// 32 Modbus meters x 30 floats, 9600 8N1, delays 20 to 60 ms.
    case w1
    /// 32 DL/T 645-2007 meters x 20 values, 2400 8E1, delays 30 to 100 ms, four FE each way.
    case w2
    /// 16 and 16 of both on one line, 9600 8E1, delays 20 to 80 ms.
    case w3
    /// W1 with one value a read, 2 % of the replies 10 ms later than the profile's time-out of 1 s.
    case late
    /// The same, replies 300 ms late: after the learned time-out, within the profile's.
    case later
    /// W1 again and again without a pause, four meters dead all along: one comes back as another one dies.
    case dead
    /// W1 on 16 lines at once.
    case lines
  }

  let kind: Kind

  var title: String {
    switch kind {
    case .w1: "32 Modbus meters x 30 values, 9600 8N1"
    case .w2: "32 DL/T 645 meters x 20 values, 2400 8E1"
    case .w3: "16 Modbus and 16 DL/T 645 meters on one line, 9600 8E1"
    case .late: "W1 with one value a read, 2 % of replies 1010 ms late"
    case .later: "W1 with one value a read, 2 % of replies 300 ms late"
    case .dead: "W1 without a pause, 4 of 32 meters dead all along; one comes back, another one dies"
    case .lines: "W1 on 16 lines at once"
    }
  }

  var goal: String {
    switch kind {
    case .w1, .w2: "0.98"
    case .w3: "0.97"
    case .lines: "0.97"
    case .late, .later, .dead: ""
    }
  }

  /// Lines of that workload.
  var lines: Int { kind == .lines ? 16 : 1 }

  private static let floats =
    ["voltage", "current", "power.active", "power.apparent", "power.reactive", "power-factor"]
    .flatMap { stem in (1...3).map { "\(stem).l\($0)" } }
    + [
      "power.active.total", "power.apparent.total", "power.reactive.total", "frequency", "energy.import.active.total",
      "energy.export.active.total", "demand.combined.active.total", "energy.combined.active.total",
      "energy.combined.reactive1.total", "energy.import.active.l1", "energy.import.active.l2",
      "energy.import.active.l3",
    ]

  private static let values = [
    "energy.import.active.total", "voltage.l1", "current.l1", "power.active.total", "power-factor.total",
    "demand.import.active.total",
  ]

  /// The configuration; store and port lie in `folder`, and the profile of forced single reads too.
  func toml(folder: String) -> String {
    let settings =
      switch kind {
      case .w1, .late, .later, .dead, .lines: "9600 8N1"
      case .w2: "2400 8E1"
      case .w3: "9600 8E1"
      }
    var text = """
      station = "BENCH"
      store = "\(folder)/meterd.db"
      trust-host-clock = true
      devices = "\(folder)/devices"

      """
    for line in 0..<lines {
      text += """
        [[line]]
        name = "\(lineName(line))"
        port = "\(folder)/\(lineName(line))"
        serial = "\(settings)"

        """
      for index in 0..<32 {
        let isModbus =
          switch kind {
          case .w1, .late, .later, .dead, .lines: true
          case .w2: false
          case .w3: index % 2 == 0
          }
        text += meter(index, line: line, isModbus: isModbus)
      }
    }
    let modbus = (0..<32).filter { kind != .w3 || $0 % 2 == 0 }
    if kind != .w2 { text += task("floats", Self.floats, modbus) }
    if kind == .w2 || kind == .w3 { text += task("items", Self.values, (0..<32).filter { kind == .w2 || $0 % 2 == 1 }) }
    return text
  }

  private func lineName(_ line: Int) -> String { lines == 1 ? "line" : "line-\(line + 1)" }

  private func meter(_ index: Int, line: Int, isModbus: Bool) -> String {
    let range =
      switch kind {
      case .w1, .late, .later, .dead, .lines: (20, 60)
      case .w2: (30, 100)
      case .w3: (20, 80)
      }
    let delay = range.0 + (range.1 - range.0) * index / 31
    let fault =
      switch kind {
      case .w1, .w2, .w3, .dead, .lines: ""
      case .late: ", late-ppm = 20000, late-ms = 1010"
      case .later: ", late-ppm = 20000, late-ms = 300"
      }
    let number = index < 9 ? "0\(index + 1)" : "\(index + 1)"
    return """
      [[line.meter]]
      id = "\(name(index, line: line))"
      profile = "\(isModbus ? "eastron-sdm630" : "dlt645-2007-three-phase")"
      address = "\(isModbus ? "\(index + 1)" : "2023111100\(number)")"
      simulate = { reply-delay-ms = \(delay)\(fault) }

      """
  }

  private func task(_ name: String, _ read: [String], _ meters: [Int]) -> String {
    let names = (0..<lines).flatMap { line in meters.map { "\"\(self.name($0, line: line))\"" } }
    return """
      [[task]]
      name = "\(name)"
      \(kind == .dead ? "every = \"\(Self.deadInterval)s\"" : "at = \"00:00\"")
      read = [\(read.map { "\"\($0)\"" }.joined(separator: ", "))]
      meters = [\(names.joined(separator: ", "))]

      """
  }

  /// Seconds between the due times of a line with dead meters: less than a scan takes, so that the next begins at once.
  static let deadInterval: Int64 = 5

  private func name(_ index: Int, line: Int) -> String {
    lines == 1 ? "B-\(index + 1)" : "B-\(line + 1)-\(index + 1)"
  }
}
