import Foundation
import Testing

/// The daemon among others: service manager, ports that go, a second daemon, its own sudden end.
@Suite(.serialized) struct DaemonTests {
  /// One meter, one question a second; each answer is five readings.
  static func task(_ meter: String) -> String {
    """
    [[task]]
    name = "energy"
    every = "1s"
    read = ["energy.import.active.total"]
    meters = ["\(meter)"]

    """
  }

  @Test func `SIGTERM: exit 0, and every answer that came is stored`() async throws {
    let station = try TestStation(tasks: Self.task("D-0001"))
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try station.folder.start("run", "--config", "station.toml", "--log-level", "debug")
    defer { daemon.end() }
    let before = try await station.readings { $0.count >= 10 }
    daemon.signal(SIGTERM)
    let end = try await daemon.finish()
    #expect(end.status == 0)
    #expect(end.errorText.hasSuffix("notice stopped\n"))
    // The log was emptied into the database.
    #expect(!FileManager.default.fileExists(atPath: station.store + "-wal"))
    meters.signal(SIGTERM)
    let wire = try await meters.finish()
    #expect(wire.status == 0)
    let after = try await station.readings()
    #expect(Array(after.prefix(before.count)) == before)
    #expect(after.map(\.seq) == Array(1...Int64(after.count)))
    // Unless the machine was too busy for an answer to come in time, each one that was sent is there.
    if !["silent", "not believed", "late bytes", "missed"].contains(where: end.errorText.contains) {
      #expect(wire.errorText.hasPrefix("bus1: \(after.count / 5) requests, \(after.count / 5) replies, "))
    }
  }

  @Test func `kill -9: what was seen stays, and a restart bills nothing twice`() async throws {
    let station = try TestStation(tasks: StationRunTests.tasks)
    let meters = try await station.simulate()
    defer { meters.end() }
    let first = try await station.run()
    defer { first.end() }
    try await first.says("info bill issued account=A-1001 ")
    try await first.says("info bill issued account=A-1002 ")
    let before = try await station.readings()
    first.signal(SIGKILL)
    #expect(try await first.finish().status == -SIGKILL)
    let bills = try await station.folder.run("bill", "list", "--store", station.store).output
    let second = try await station.run()
    defer { second.end() }
    let after = try await station.readings { $0.count > before.count }
    #expect(Array(after.prefix(before.count)) == before)
    second.signal(SIGTERM)
    let end = try await second.finish()
    #expect(end.status == 0)
    #expect(!end.errorText.contains("bill issued"))
    #expect(try await station.folder.run("bill", "list", "--store", station.store).output == bills)
  }

  @Test func `SIGHUP: a good file is taken over, a bad one leaves the running one in force`() async throws {
    let station = try TestStation(tasks: Self.task("D-0001"))
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    _ = try await station.readings { !$0.isEmpty }
    let good = station.text(tasks: Self.task("D-0002"))
    try station.folder.write("station.toml", good)
    daemon.signal(SIGHUP)
    try await daemon.says("notice configuration taken over file=station.toml\n")
    let taken = try await station.readings { $0.last?.meter == "D-0002" }
    try station.folder.write("station.toml", good.replacing("address = \"1\"", with: "address = \"1\"\nadress = 1"))
    daemon.signal(SIGHUP)
    let complaint =
      "station.toml:35: line[0].meter[3].adress: unknown key; keys here are account, address, allow, ct, error, from, id, key, profile, pt, serial, simulate, to"
    try await daemon.says(
      """
      meterd: \(complaint)
        Mend that line and try again: meterd check --config FILE tells what else is wrong.
      error configuration refused, the running one stays reason="\(complaint)"

      """)
    // Another store is no mistake of the file, but none that a running daemon can follow.
    try station.folder.write("station.toml", good.replacing(station.store, with: station.store + "2"))
    daemon.signal(SIGHUP)
    try await daemon.says(
      """
      meterd: station.toml: store: a running daemon keeps its store \(station.store)
        Restart it to use another: systemctl restart meterd

      """)
    let last = try #require(taken.last)
    let later = try await station.readings("--meter", "D-0002") { ($0.last?.seq ?? 0) >= last.seq + 10 }
    #expect(Array(later.prefix { $0.seq <= last.seq }) == taken.filter { $0.meter == "D-0002" })
    #expect(daemon.now.status == nil)
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }

  @Test func `the service manager is told: ready, alive, reloading, stopping`() async throws {
    let station = try TestStation(tasks: Self.task("D-0001"))
    let manager = try NotifySocket(in: station.folder)
    // No meters are there: the daemon is ready all the same.
    let daemon = try station.folder.start(
      "run", "--config", "station.toml",
      environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"])
    defer { daemon.end() }
    #expect(try await manager.next() == "EXTEND_TIMEOUT_USEC=60000000")
    #expect(try await manager.next() == "READY=1\nSTATUS=1 line, 4 meters")
    for _ in 0..<4 { #expect(try await manager.next() == "WATCHDOG=1") }
    try station.folder.write(
      "station.toml",
      station.text().replacing(
        "[[line.meter]]\nid = \"E-0001\"",
        with: "[[line]]\nname = \"bus2\"\nport = \"/dev/none\"\n[[line.meter]]\nid = \"E-0001\""))
    daemon.signal(SIGHUP)
    #expect(try await manager.nextNews().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    #expect(try await manager.nextNews() == "READY=1\nSTATUS=2 lines, 4 meters")
    #expect(try await manager.next() == "WATCHDOG=1")
    daemon.signal(SIGTERM)
    #expect(try await manager.nextNews() == "STOPPING=1")
    #expect(try await daemon.finish().status == 0)
  }

  @Test func `beside a running daemon nothing else writes its store or speaks on its line`() async throws {
    let station = try TestStation(tasks: Self.task("D-0001"))
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    let complaint = """
      meterd: the store \(station.store) is in use by process \(daemon.process)
        One daemon writes a store. Stop the other one, or give this one a store of its own.
      """
    try await expect(station.folder, ["run", "--config", "station.toml"], fails: 75, complaint)
    try await expect(station.folder, ["bill", "run", "--config", "station.toml"], fails: 75, complaint)
    try await expect(
      station.folder, ["probe", station.port] + ProbeTests.meter, fails: 75,
      """
      meterd: \(station.port) is in use by another program
        If meterd runs, what it reads is in its store: meterd readings. Else find the holder with: fuser -v \(station.port)
      """)
    // Another station on the same line waits for it, and says so.
    // It has a store and a socket of its own.
    try station.write(
      "other.toml", "store = \"\(station.store)\"", "store = \"\(station.store)2\"\ncontrol-socket = \"other.sock\"")
    let other = try station.folder.start("run", "--config", "other.toml")
    defer { other.end() }
    try await other.says("error port lost line=bus1 reason=\"\(station.port) is in use by another program\"\n")
    let stored = try await station.readings().count
    _ = try await station.readings { $0.count > stored }
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
    try await other.says("notice port open line=bus1\n")
  }

  @Test func `a port that vanishes and returns is read again without anyone's help`() async throws {
    let station = try TestStation(tasks: Self.task("D-0001"))
    let daemon = try await station.run()
    defer { daemon.end() }
    try await daemon.says("error port lost line=bus1 reason=\"there is no port \(station.port)\"\n")
    var stored: [StoredLine] = []
    for opened in 1...2 {
      let meters = try await station.simulate()
      defer { meters.end() }
      try await daemon.wait("port") { $0.errorText.count(of: "notice port open line=bus1\n") == opened }
      let known = stored
      stored = try await station.readings { $0.count >= known.count + 10 }
      #expect(Array(stored.prefix(known.count)) == known)
      meters.signal(SIGTERM)
      #expect(try await meters.finish().status == 0)
      try await daemon.wait("loss") {
        $0.errorText.count(of: "error port lost line=bus1 reason=\"\(station.port) was there and is gone\"\n") == opened
      }
    }
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }
}

extension String {
  fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
