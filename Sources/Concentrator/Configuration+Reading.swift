internal import Acquisition
public import Documents
internal import Line
internal import Metering
internal import Rating

extension Configuration {
  /// Most meters of one concentrator; 1200 is usual in the field, with room beyond.
  public static let mostMeters = 2000

  /// Reads a configuration from a document.
  ///
  /// - Throws: `DocumentError` with file, line and key of the first mistake.
  public init(_ document: Document) throws(DocumentError) {
    var reader = document.reader()
    file = document.file
    station = try reader.string("station")
    store = try reader.string("store")
    guard !store.isEmpty else { throw reader.error("store", "the path is empty") }
    controlSocket = try Self.controlSocket(&reader, beside: store)
    if let text = try reader.optionalString("time-zone") {
      guard let offset = ZoneOffset(text) else {
        throw reader.error("time-zone", "\"\(text)\" is no offset from UTC; write \"+08:00\"")
      }
      zone = offset
    } else {
      zone = .china
    }
    hostClockIsTrusted = try reader.optionalBoolean("trust-host-clock") ?? false
    devicesFolder = try reader.optionalString("devices")
    tariffsFolder = try reader.optionalString("tariffs")
    calendarsLine = reader.line(of: "calendars")
    let lists = try reader.optionalStrings("calendars") ?? []
    if let twice = lists.first(where: { name in lists.count { $0 == name } > 1 }) {
      throw reader.error("calendars", "\"\(twice)\" is there twice")
    }
    calendars = lists
    control = try Self.control(&reader)
    clock = try Self.clock(&reader)

    var names: [String: Int] = [:]
    var ports: [PortAddress: String] = [:]
    var ids: [MeterID: Int] = [:]
    var traces: [String: String] = [:]
    var taken = [Self.plain(file): "this configuration"]
    taken[Self.plain(controlSocket)] = "the control socket"
    for ending in ["", "-wal", "-shm", "-journal", ".lock"] { taken[Self.plain(store + ending)] = "the store" }
    var lineEntries: [LineEntry] = []
    for var table in try reader.tables("line") {
      let entry = try Self.line(&table)
      if let first = names.updateValue(table.table.line, forKey: entry.name) {
        throw table.error("name", "line \"\(entry.name)\" is already on line \(first)")
      }
      if let other = ports.updateValue(entry.name, forKey: entry.port) {
        throw table.error("port", "\(entry.port) is already the port of line \"\(other)\"")
      }
      if let trace = entry.trace {
        if let owner = taken[Self.plain(trace.path)] ?? taken[Self.plain("\(trace.path).1")] {
          throw table.error("trace", "\(trace.path) would write over \(owner); give the trace a file of its own")
        }
        // A full trace goes on as PATH.1.
        for path in [trace.path, "\(trace.path).1"] {
          if let other = traces.updateValue(entry.name, forKey: Self.plain(path)) {
            throw table.error("trace", "\(path) is already the trace of line \"\(other)\"")
          }
        }
      }
      for (index, meter) in entry.meters.enumerated() {
        if let first = ids.updateValue(meter.fileLine, forKey: meter.id) {
          throw DocumentError(
            file: document.file, line: meter.fileLine, key: "\(table.path).meter[\(index)].id",
            problem: .invalid("meter \"\(meter.id)\" is already on line \(first)"))
        }
      }
      lineEntries.append(entry)
    }
    guard !lineEntries.isEmpty else { throw reader.error("line", "there is no [[line]]: nothing to read") }
    guard ids.count <= Self.mostMeters else {
      throw reader.error("line", "\(ids.count) meters; one concentrator takes \(Self.mostMeters)")
    }
    lines = lineEntries

    let keys = Set(lineEntries.lazy.flatMap(\.meters).filter(\.isKey).map(\.id))
    var taskEntries: [TaskEntry] = []
    var taskNames: Set<String> = []
    for var table in try reader.tables("task") {
      let entry = try Self.task(&table, known: ids.keys, key: keys)
      guard taskNames.insert(entry.task.name).inserted else {
        throw table.error("name", "task \"\(entry.task.name)\" is there twice")
      }
      taskEntries.append(entry)
    }
    tasks = taskEntries

    sections = try Self.sections(&reader)
    accounts = try Self.accounts(&reader, sections)
    review = try Self.review(&reader)
    let accountIDs = Set(accounts.map(\.id))
    try reader.finish()
    for meter in lineEntries.lazy.flatMap(\.meters) {
      guard let account = meter.account, !accountIDs.contains(account) else { continue }
      throw DocumentError(
        file: document.file, line: meter.keyLines["account"], key: "account",
        problem: .invalid("account \"\(account)\" of meter \"\(meter.id)\" is not there; add an [[account]]"))
    }
    try checkSections()
  }

  /// What an address of a socket holds, without the zero at its end.
  static let longestSocket = 107

  private static func controlSocket(
    _ reader: inout TableReader, beside store: String
  ) throws(DocumentError) -> String {
    guard let path = try reader.optionalString("control-socket") else {
      return store.lastIndex(of: "/").map { "\(store[...$0])control.sock" } ?? "control.sock"
    }
    guard !path.isEmpty, !path.hasSuffix("/"), !path.utf8.contains(0) else {
      throw reader.error("control-socket", "\"\(path)\" is no file; write \"/run/meterd/control.sock\"")
    }
    guard path.utf8.count <= longestSocket else {
      throw reader.error(
        "control-socket",
        "\"\(path)\" has \(path.utf8.count) bytes; a socket takes \(longestSocket), such as \"/run/meterd/control.sock\""
      )
    }
    return path
  }

  private static func settings(
    _ table: inout TableReader, _ key: String
  ) throws(DocumentError) -> SerialSettings? {
    guard let text = try table.optionalString(key) else { return nil }
    guard let settings = SerialSettings(text) else {
      let bauds = SerialSettings.knownBauds.map(String.init).joined(separator: ", ")
      throw table.error(key, "\"\(text)\" are no serial settings; write \"2400 8E1\", with one of \(bauds) baud")
    }
    return settings
  }

  private static func line(_ table: inout TableReader) throws(DocumentError) -> LineEntry {
    let name = try table.string("name")
    guard !name.isEmpty, name.count <= 32 else { throw table.error("name", "a name has 1 to 32 characters") }
    let text = try table.string("port")
    guard let port = PortAddress(text) else {
      throw table.error(
        "port", "\"\(text)\" is no port; write \"/dev/ttyS1\", \"tcp://HOST:PORT\" or \"modbus-tcp://HOST:PORT\"")
    }
    try refuseSerial(table, on: port)
    let settings = try port.isModbusTCP ? .network : settings(&table, "serial")
    var meters: [MeterEntry] = []
    var addresses: [String: MeterID] = [:]
    let tables = try table.tables("meter")
    meters.reserveCapacity(tables.count)
    for var inner in tables {
      try refuseSerial(inner, on: port)
      let meter = try self.meter(&inner)
      // Both protocols may use the same number on one line, so the profile belongs to the address.
      if let other = addresses.updateValue(meter.id, forKey: "\(meter.address.count > 3) \(meter.address)") {
        throw inner.error("address", "\"\(meter.address)\" is already the address of \"\(other)\" on this line")
      }
      meters.append(meter)
    }
    let echo = try table.optionalInteger("simulate-echo-ppm", in: 0...1_000_000) ?? 0
    let broadcasts = try functions(&table, "allow-broadcast", ControlFunction.allCases.filter(\.canBeBroadcast))
    guard broadcasts.isEmpty || !port.isModbusTCP else {
      throw table.error("allow-broadcast", "\(port) is Modbus TCP; nothing there goes to all meters at once")
    }
    let trace = try trace(&table)
    try table.finish()
    return LineEntry(
      name: name, port: port, settings: settings ?? .dlt645, meters: meters, broadcasts: broadcasts,
      simulatedEcho: echo, trace: trace, fileLine: table.table.line)
  }

  private static func refuseSerial(_ table: TableReader, on port: PortAddress) throws(DocumentError) {
    guard port.isModbusTCP, table.has("serial") else { return }
    throw table.error("serial", "\(port) is a network; nothing there has serial settings")
  }

  private static func trace(_ table: inout TableReader) throws(DocumentError) -> TraceEntry? {
    let megabytes = try table.optionalInteger("trace-megabytes", in: 1...1024)
    guard let path = try table.optionalString("trace") else {
      if megabytes != nil {
        throw table.error("trace-megabytes", "there is no trace; name its file: trace = \"/PATH\"")
      }
      return nil
    }
    guard path.hasPrefix("/"), !path.hasSuffix("/"), !path.utf8.contains(0) else {
      throw table.error("trace", "\"\(path)\" is no file; write its whole path, such as \"/var/lib/meterd/bus1.trace\"")
    }
    return TraceEntry(path: path, megabytes: megabytes ?? 8)
  }

  /// A path without the parts that say nothing, so that one file has one name; links are not followed.
  private static func plain(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private static func meter(_ table: inout TableReader) throws(DocumentError) -> MeterEntry {
    let text = try table.string("id")
    guard let id = MeterID(text) else {
      throw table.error("id", "\"\(text)\" is no name: 1 to 64 characters without spaces")
    }
    let account = try table.optionalString("account")
    let from = try instant(&table, "from")
    let to = try instant(&table, "to")
    if account == nil, let key = ["from", "to"].first(where: table.has) {
      throw table.error(key, "it says when the meter counts for its account, and there is no account")
    }
    if let from, let to, from >= to { throw table.error("to", "it is not after from, \(from)") }
    let own = try multiplier(&table)
    let entry = MeterEntry(
      id: id, profile: try table.string("profile"), address: try table.string("address"),
      settings: try settings(&table, "serial"), multiplier: own, account: account, from: from, to: to,
      errors: try errors(&table, own, hasAccount: account != nil, from: from, to: to),
      allowed: try functions(&table, "allow", ControlFunction.allCases),
      isKey: try table.optionalBoolean("key") ?? false, simulation: try simulation(&table), fileLine: table.table.line,
      keyLines: KeyLines(table, KeyLines.ofMeter))
    try table.finish()
    return entry
  }

  /// A day or a minute by the meter's clock.
  static func instant(_ table: inout TableReader, _ key: String) throws(DocumentError) -> MeterTime? {
    guard let text = try table.optionalString(key) else { return nil }
    guard let time = MeterTime(text) ?? MeterTime("\(text)T00:00:00") else {
      throw table.error(key, "\"\(text)\" is no time; write \"2026-10-15\" or \"2026-10-15T09:30\"")
    }
    return time
  }

  private static func multiplier(_ table: inout TableReader) throws(DocumentError) -> Multiplier {
    var ratios: [Multiplier] = []
    for key in ["ct", "pt"] {
      guard let text = try table.optionalString(key) else { continue }
      guard let ratio = Multiplier(text) else { throw table.error(key, "\"\(text)\" is no ratio; write \"50/5\"") }
      ratios.append(ratio)
    }
    switch ratios.count {
    case 0: return .one
    case 1: return ratios[0]
    default:
      guard let product = Multiplier(current: [ratios[0]], voltage: ratios[1]) else {
        throw table.error("pt", "ct times pt is no multiplier that any meter has")
      }
      return product
    }
  }

  private static func simulation(_ table: inout TableReader) throws(DocumentError) -> Simulation {
    var simulation = Simulation()
    guard var inner = try table.optionalTable("simulate") else { return simulation }
    let ppm: ClosedRange<Int64> = 0...1_000_000
    simulation.replyDelay = try inner.optionalInteger("reply-delay-ms", in: 0...60_000) ?? simulation.replyDelay
    simulation.silent = try inner.optionalBoolean("silent") ?? false
    simulation.late = try inner.optionalInteger("late-ms", in: 0...60_000) ?? 0
    simulation.lateSome = try inner.optionalInteger("late-ppm", in: ppm) ?? 0
    simulation.silentSome = try inner.optionalInteger("silent-ppm", in: ppm) ?? 0
    simulation.flippedBits = try inner.optionalInteger("bit-flip-ppm", in: ppm) ?? 0
    simulation.noise = try inner.optionalInteger("noise-ppm", in: ppm) ?? 0
    simulation.truncated = try inner.optionalInteger("truncate-ppm", in: ppm) ?? 0
    if let digits = try inner.optionalString("rate-hours") {
      let hours = digits.compactMap { $0.wholeNumberValue.flatMap(UInt8.init(exactly:)) }
      guard hours.count == 24, digits.count == 24, hours.allSatisfy({ (1...8).contains($0) }) else {
        throw inner.error("rate-hours", "write 24 digits, the rate 1 to 8 of each hour")
      }
      simulation.rateOfHour = hours
    }
    simulation.wakeUps = try inner.optionalInteger("wake-ups", in: 0...8) ?? simulation.wakeUps
    try inner.finish()
    return simulation
  }
}
