import Testing

/// Modules that bring all of Foundation into the binary.
private let fullFoundation: Set = [
  "Foundation", "FoundationNetworking", "FoundationXML", "FoundationInternationalization",
]

/// Ways to a clock, to chance or to a terminal that the standard library gives without an import.
private let unfit: Set = [
  "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", "print", "debugPrint", "readLine",
  "randomElement", "shuffled", "shuffle",
]

@Suite struct ArrowsTests {
  @Test func `core rooms have no I/O`() throws {
    let rooms = try House.rooms().filter(Arrows.core.contains)
    #expect(!rooms.isEmpty)
    for room in rooms {
      for (file, module) in try House.imports(of: room) where !Arrows.core.contains(module) {
        Issue.record("\(file) imports \(module); a core room imports core rooms only")
      }
      for file in try House.files(in: "Sources/\(room)", kind: "swift") {
        for word in try House.source(of: file).words where unfit.contains(word) {
          Issue.record("\(file) uses \(word); a core room is handed time, chance and a place to write")
        }
      }
    }
  }

  @Test func `arrows point one way`() throws {
    let rooms = try House.rooms()
    #expect(rooms.contains("Metering"))
    for room in rooms {
      #expect(Arrows.house.table[room] != nil, "Sources/\(room) has no row in the table of arrows")
      for (file, module) in try House.imports(of: room) {
        if let objection = Arrows.house.objection(to: room, importing: module) {
          Issue.record("\(file): \(objection)")
        }
      }
    }
  }

  @Test func `the rooms have no circle`() throws {
    var found: [String: Set<String>] = [:]
    for room in try House.rooms() {
      let targets = try House.imports(of: room).compactMap { Arrows.house.room(ofModule: $0.module) }
      found[room] = Set(targets).subtracting([room])
    }
    #expect(Arrows(table: found).circle == nil)
    #expect(Arrows.house.circle == nil)
  }

  @Test func `no full Foundation outside meterd-web`() throws {
    for room in try House.rooms() where room != "meterd-web" {
      for (file, module) in try House.imports(of: room) where fullFoundation.contains(module) {
        Issue.record("\(file) imports \(module), which costs 44 MB of binary and 10 MB of memory")
      }
    }
  }
}

struct ArrowCase: Sendable, CustomTestStringConvertible {
  let room: String
  let module: String
  let allowed: Bool
  var testDescription: String { "\(room) -> \(module)" }
}

/// The rules themselves: each can say no.
@Suite struct ArrowRuleTests {
  static let cases =
    [
      ("Metering", "DLT645", false), ("DLT645", "Metering", true), ("DLT645", "Modbus", false),
      ("Rating", "Billing", false), ("Billing", "Rating", true), ("Store", "CSQLite", true),
      ("Line", "CSQLite", false), ("Concentrator", "Simulator", false), ("meterd", "Simulator", true),
      ("meterd", "CModbus", false), ("meterd_web", "Store", false), ("meterd-web", "Line", false),
      ("meterd-web", "Store", true), ("Host", "Glibc", true), ("Store", "Store", true),
      ("Line", "meterd_web", false), ("Cellar", "Metering", false),
    ].map { ArrowCase(room: $0.0, module: $0.1, allowed: $0.2) }
    + [
      "Foundation", "FoundationEssentials", "Glibc", "Musl", "Dispatch", "Logging", "CSerial", "CSQLite",
      "Synchronization", "Host", "TOML", "Darwin", "Swift",
    ].map { ArrowCase(room: "Billing", module: $0, allowed: false) }

  @Test(arguments: cases)
  func `an arrow is judged by its row`(_ arrow: ArrowCase) {
    #expect((Arrows.house.objection(to: arrow.room, importing: arrow.module) == nil) == arrow.allowed)
  }

  @Test func `every arrow of the table leads to a room of the table`() {
    for (room, targets) in Arrows.house.table {
      for target in targets where Arrows.house.table[target] == nil {
        Issue.record("\(room) -> \(target): there is no such row")
      }
    }
  }

  @Test func `core rooms lead to core rooms only`() {
    for room in Arrows.core {
      #expect(Arrows.house.table[room]?.isSubset(of: Arrows.core) == true, "\(room)")
    }
  }

  @Test func `a circle is found`() {
    let table: [String: Set<String>] = ["a": ["b"], "b": ["c", "d"], "c": [], "d": ["b"]]
    #expect(Arrows(table: table).circle == ["b", "d", "b"])
    #expect(Arrows(table: ["a": ["b"], "b": []]).circle == nil)
  }
}
