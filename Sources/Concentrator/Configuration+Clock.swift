public import Acquisition
internal import DLT645
internal import Documents
internal import Metering
internal import Rating

extension Configuration {
  /// `[clock]`: when a meter's clock is told of, and whether and when it is set.
  public struct ClockEntry: Hashable, Sendable {
    public var rules = ClockRules()
    /// Where the password for meters is that allow `write`; `nil` where their clocks are not written.
    public var passwordFile: String?
    /// Lines of the file, for messages.
    var modeLine = 0
    var passwordLine = 0

    public init() {}
  }

  static func clock(_ reader: inout TableReader) throws(DocumentError) -> ClockEntry {
    var entry = ClockEntry()
    guard var table = try reader.optionalTable("clock") else { return entry }
    if let word = try table.optionalString("set") {
      guard let mode = ClockRules.Mode(rawValue: word) else {
        let words = ClockRules.Mode.allCases.map(\.rawValue).joined(separator: ", ")
        throw table.error("set", "\"\(word)\" is none of \(words)")
      }
      entry.rules.mode = mode
    }
    func seconds(_ key: String, _ range: ClosedRange<Int64>, _ usual: Int64) throws(DocumentError) -> Int64 {
      try table.optionalInteger(key, in: range).map { Int64($0) * 1000 } ?? usual
    }
    entry.rules.reportOver = try seconds("report-over-s", 1...86_400, entry.rules.reportOver)
    entry.rules.residual = try seconds("residual-s", 1...300, entry.rules.residual)
    entry.rules.setOver = try seconds("set-over-s", 5...899, entry.rules.setOver)
    entry.rules.setUnder = try seconds("set-under-s", 6...1800, entry.rules.setUnder)
    guard entry.rules.setOver < entry.rules.setUnder else {
      throw table.error("set-under-s", "it is not above set-over-s, so no clock would ever be set")
    }
    guard entry.rules.residual < entry.rules.setOver else {
      throw table.error("set-over-s", "it is not above residual-s: a clock that was set well would be set again")
    }
    entry.rules.driftDays = try table.optionalInteger("drift-days", in: 3...14).map(Int64.init) ?? entry.rules.driftDays
    if let text = try table.optionalString("drift-over-s-per-day") {
      guard let drift = exactDecimal(text, scale: 3), (10...60_000).contains(drift) else {
        throw table.error("drift-over-s-per-day", "\"\(text)\" is no drift from \"0.01\" to \"60\"; write \"0.5\"")
      }
      entry.rules.driftOver = drift
    }
    entry.passwordFile = try table.optionalString("password-file")
    (entry.modeLine, entry.passwordLine) = (table.line(of: "set"), table.line(of: "password-file"))
    try table.finish()
    return entry
  }
}

/// The clocks of a station: which meters have one, and how each may be set.
struct StationClocks: Sendable {
  var meters: [ClockCare.Meter] = []
  var password: Password?
  var author: OperatorCode?

  /// Throws where the password cannot be had, and where clocks are to be set and nothing allows it.
  init(_ configuration: Configuration, _ found: [[LineMeter]]) throws(Complaint) {
    let entry = configuration.clock
    let isEnabled = configuration.control?.isEnabled == true
    if let file = entry.passwordFile, isEnabled {
      do throws(Complaint) {
        password = try PasswordFile.read(file).password
      } catch {
        throw error.located(configuration, entry.passwordLine, "password-file")
      }
    }
    author = configuration.control.flatMap { OperatorCode($0.operatorCode) }
    // Whether a meter has a clock is its profile's.
    var hasClock: [String: Bool] = [:]
    for (line, known) in zip(configuration.lines, found) {
      for (meter, lineMeter) in zip(line.meters, known) {
        let isClocked = hasClock[meter.profile] ?? !lineMeter.clockQueries.isEmpty
        hasClock[meter.profile] = isClocked
        guard isClocked else { continue }
        var ways: Set<ClockWay> = []
        if isEnabled, meter.allowed.contains(.setTime) { ways.insert(.address) }
        if isEnabled, meter.allowed.contains(.write), password != nil { ways.insert(.write) }
        meters.append(
          ClockCare.Meter(
            id: meter.id, line: line.name, ways: ways, hearsBroadcast: isEnabled && line.broadcasts.contains(.setTime)))
      }
    }
    guard entry.rules.mode == .on, !meters.contains(where: { $0.hearsBroadcast || !$0.ways.isEmpty }) else { return }
    throw Complaint(
      .configuration, "\(configuration.file):\(entry.modeLine): clock.set: nothing allows any meter's clock to be set",
      "[control] enabled = true, and allow-broadcast = [\"set-time\"] under a line, or allow = [\"set-time\"] under a meter; or allow = [\"write\"] with password-file = \"/etc/meterd/password\" under [clock]. To see only what would be set: set = \"dry-run\"."
    )
  }

  /// How an order is carried out; `nil` where what it needs is not there.
  func order(_ meters: [MeterID], _ way: ClockWay) -> ClockOrder? {
    switch way {
    case .broadcast: return ClockOrder(meters, by: .broadcast)
    case .address: return ClockOrder(meters, by: .address)
    case .write:
      guard let password, let author = author ?? OperatorCode("0") else { return nil }
      return ClockOrder(meters, by: .write(password, author))
    }
  }
}
