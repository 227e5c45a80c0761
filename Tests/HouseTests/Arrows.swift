/// Which room may import which: the plan that the sources are held to.
///
/// A new room gets a row here, and an arrow is added by adding it here, on purpose. Rooms go by the names of their folders; a
/// module is called the same with `_` for `-`.
struct Arrows {
  let table: [String: Set<String>]

  /// Rooms that only compute. What they need of the world is handed to them.
  static let core: Set = [
    "Metering", "Documents", "DLT645", "Modbus", "Devices", "Validation", "Rating", "Billing", "Supervision",
  ]

  /// Everything that a running concentrator is made of, without C, which each has one owner.
  private static let services = core.union(["Host", "TOML", "Line", "ModbusClient", "Store", "Acquisition"])

  static let house = Arrows(table: [
    "Metering": [],
    "Documents": [],
    "DLT645": ["Metering"],
    "Modbus": ["Metering"],
    "Validation": ["Metering"],
    "Supervision": ["Metering"],
    "Devices": ["DLT645", "Modbus", "Metering", "Documents"],
    "Rating": ["Metering", "Documents"],
    "Billing": ["Rating", "Validation", "Metering"],

    "CSerial": [],
    "CSQLite": [],
    "CModbus": [],
    "Host": ["CSerial", "Metering"],
    "TOML": ["Documents"],
    "Line": ["Host", "CSerial", "Metering"],
    "ModbusClient": ["Modbus", "Line", "CModbus", "Metering"],
    "Store": ["Metering", "Host", "CSQLite"],
    "Simulator": ["DLT645", "Modbus", "Devices", "Host", "CSerial", "Metering", "Line"],

    "Acquisition": core.union(["Line", "ModbusClient", "Host"]),
    "Concentrator": services,
    // SQLite by itself is what the benchmark of rating measures against.
    "meterd": services.union(["Concentrator", "Simulator", "CSQLite"]),
    // The far end of its lines is its own, so it takes terminals and sockets from C itself.
    "meterd-faults": services.union(["Concentrator", "Simulator", "CSerial"]),
    "meterd-days": services.union(["Simulator"]),
    // A hole in a web server must not reach a relay: nothing here can touch a line.
    "meterd-web": ["Store", "Metering", "Documents", "TOML", "Host", "Supervision"],
  ])

  /// The folder of the room that module `name` is built from.
  func room(ofModule name: String) -> String? {
    table.keys.first { String($0.map { $0 == "-" ? "_" : $0 }) == name }
  }

  /// What is wrong with `room` importing `module`; `nil` where the arrow is allowed or leads out of the house.
  func objection(to room: String, importing module: String) -> String? {
    guard let allowed = table[room] else { return "room \(room) has no row in the table of arrows" }
    if Self.core.contains(room) {
      return allowed.contains(module) ? nil : "core room \(room) may not import \(module)"
    }
    guard let target = self.room(ofModule: module), target != room, !allowed.contains(target) else { return nil }
    return "\(room) may not import \(module)"
  }

  /// Rooms that lead back to themselves, in order; `nil` when the arrows have no circle.
  var circle: [String]? {
    var path: [String] = []
    var done: Set<String> = []
    func visit(_ room: String) -> [String]? {
      if let start = path.firstIndex(of: room) { return path[start...] + [room] }
      guard !done.contains(room) else { return nil }
      path.append(room)
      for next in (table[room] ?? []).sorted() {
        if let found = visit(next) { return found }
      }
      path.removeLast()
      done.insert(room)
      return nil
    }
    for room in table.keys.sorted() {
      if let found = visit(room) { return found }
    }
    return nil
  }
}
