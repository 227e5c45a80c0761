import CSerial
import Concentrator
import Foundation
import Glibc
import Host
import Metering
import Testing

/// A running daemon and the people who speak to it: status, top, read, trace, reload, and what a client may not do.
@Suite(.serialized) struct DaemonControlTests {
  private static let place = ["--config", "station.toml"]

  private func json(_ seen: Child.Seen) throws -> JSON { try JSON(reading: seen.output.filter { $0 != 0x0A }) }

  @Test func `status, top and read tell what the lines and meters are`() async throws {
    let station = try TestStation(tasks: DaemonTests.task("D-0001"))
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    _ = try await station.readings { $0.count >= 10 }
    let folder = station.folder
    let seen = try await folder.run(["status"] + Self.place)
    #expect(seen.status == 0 && seen.errorText == "")
    let lines = seen.outputText.split(separator: "\n").map(String.init)
    #expect(lines[0].hasPrefix("T-1  meterd \(meterdVersion)  process \(daemon.process)  up 00:0"))
    #expect(lines[1].hasPrefix("clock     20") && lines[1].hasSuffix("  synchronised, trusted"))
    let about = try #require(lines.first { $0.hasPrefix("bus1  ") })
    #expect(about.hasPrefix("bus1  open since 20") && about.hasSuffix("  \(station.port)  115200 8E1"))
    #expect(lines.contains("  meters  4: 1 ok, 3 unknown"))
    #expect(lines.contains { $0.hasPrefix("  wire    ") && $0.contains(" exchanges, ") })
    // What is no terminal gets one status.
    let top = try await folder.run(["top"] + Self.place)
    #expect(top.status == 0 && top.outputText.hasPrefix("T-1  meterd") && !top.outputText.contains("\u{1B}"))

    let listed = try json(try await folder.run(["status", "--line", "bus1", "--meters", "--json"] + Self.place))
    #expect(listed["process"]?.number == Int64(daemon.process))
    let list = listed["lines"]?.items.first?["list"]?.items ?? []
    #expect(list.map { $0["state"]?.word } == ["ok", "unknown", "unknown", "unknown"])

    let read = try await folder.run(["read", "D-0002", "energy.import.active.total"] + Self.place)
    #expect(read.status == 0 && read.errorText == "")
    #expect(
      read.outputText.split(separator: "\n").contains {
        $0.hasPrefix("energy.import.active.total  ") && $0.contains(" kWh  accepted  ")
      })
    let again = try json(
      try await folder.run(["read", "E-0001", "voltage.l1", "--json"] + Self.place))
    let value = try #require(again["values"]?.items.first { $0["quantity"]?.word == "voltage.l1" })
    let row = try #require(try await station.readings("--meter", "E-0001").first { $0.seq == value["seq"]?.number })
    #expect(row.value == value["value"]?.word && row.kind == "instantaneous")

    // The one that is dead: tried once, silent from then on.
    let first = try await folder.run(["read", "D-0003"] + Self.place)
    #expect(first.status == 69)
    // On a slow machine it says before that it waits.
    #expect(first.errorText.contains("meterd: meter D-0003 on bus1: no answer\n"))
    let second = try await folder.run(["read", "D-0003"] + Self.place)
    #expect(second.status == 69)
    #expect(second.errorText.hasPrefix("meterd: meter D-0003 on bus1 is silent since 20"))
    try await expect(
      folder, ["status", "--line", "bus9"] + Self.place, fails: 64,
      """
      meterd: there is no line "bus9"
        There are: bus1.
      """)
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/control.sock"))
  }

  @Test func `without a daemon: that none runs, and what the store last knew`() async throws {
    let station = try TestStation(tasks: DaemonTests.task("D-0001"))
    let socket = station.folder.path + "/control.sock"
    let nobody = """
      meterd: no daemon runs: nobody listens at \(socket)
        Start it: systemctl start meterd, or meterd run --config FILE. Where it listens elsewhere: --socket PATH, or --config FILE.

      """
    let empty = try await station.folder.run(["status"] + Self.place)
    #expect(empty.status == 69 && empty.errorText == nobody)
    #expect(empty.outputText == "The store \(station.store): there is no store \(station.store).\n")
    for words in [["read", "D-0001"], ["reload"], ["top"], ["trace", "bus1"]] {
      let seen = try await station.folder.run(words + Self.place)
      #expect(seen.status == 69 && seen.errorText == nobody && seen.outputText == "", "\(words)")
    }
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    _ = try await station.readings { $0.count >= 5 }
    // Killed, so that its socket stays.
    daemon.signal(SIGKILL)
    _ = try await daemon.finish()
    #expect(FileManager.default.fileExists(atPath: socket))
    let last = try #require(try await station.readings().last)
    let known = try await station.folder.run(["status"] + Self.place)
    #expect(known.status == 69 && known.errorText == nobody)
    #expect(known.outputText.hasPrefix("No daemon runs. The store \(station.store) last knew:\n"))
    #expect(known.outputText.contains("\n  reading \(last.seq), of meter \(last.meter), read at 20"))
    let object = try json(try await station.folder.run(["status", "--json"] + Self.place))
    #expect(object["running"] == false && object["store"]?["last"]?.number == last.seq)
    // The next one takes the socket over.
    let next = try await station.run()
    defer { next.end() }
    #expect(try await station.folder.run(["status"] + Self.place).status == 0)
    next.signal(SIGTERM)
    #expect(try await next.finish().status == 0)
  }

  @Test func `reload waits for the outcome and prints what is wrong`() async throws {
    let station = try TestStation(tasks: DaemonTests.task("D-0001"))
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    let good = station.text(tasks: DaemonTests.task("D-0002"))
    try station.folder.write("station.toml", good)
    let taken = try await station.folder.run(["reload"] + Self.place)
    #expect(taken.outputText == "station.toml is in force: 1 line, 4 meters\n" && taken.status == 0)
    _ = try await station.readings { $0.last?.meter == "D-0002" }
    let socket = station.folder.path + "/control.sock"
    try station.folder.write("station.toml", good.replacing("address = \"1\"", with: "address = \"1\"\nadress = 1"))
    let complaint = """
      meterd: station.toml:35: line[0].meter[3].adress: unknown key; keys here are account, address, allow, ct, error, from, id, key, profile, pt, serial, simulate, to
        Mend that line and try again: meterd check --config FILE tells what else is wrong.
      """
    try await expect(station.folder, ["reload", "--socket", socket], fails: 78, complaint)
    #expect(daemon.now.errorText.contains("error configuration refused, the running one stays"))
    try station.folder.write(
      "station.toml",
      good.replacing("[[line]]\n", with: "control-socket = \"other.sock\"\n[[line]]\n", maxReplacements: 1))
    try await expect(
      station.folder, ["reload", "--socket", socket, "--json"], fails: 78,
      """
      meterd: station.toml: control-socket: a running daemon keeps its socket \(socket)
        Restart it to use another: systemctl restart meterd
      """)
    let stored = try await station.readings().count
    _ = try await station.readings { $0.count > stored }
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }

  @Test func `a live trace shows what is said, in every form, and costs the line nothing`() async throws {
    let station = try TestStation(tasks: DaemonTests.task("D-0001"))
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    let folder = station.folder
    let shown = try await folder.run(["trace", "bus1", "--frames", "4", "--pcap", "bus.pcap"] + Self.place)
    #expect(shown.status == 0)
    #expect(shown.errorText == "line bus1 of the daemon at \(folder.path)/control.sock; Ctrl-C ends\n")
    let lines = shown.outputText.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].contains("dlt645-2007 request 202311110001 read "))
    #expect(lines[1].contains("dlt645-2007 reply 202311110001 read "))
    #expect(try Data(contentsOf: URL(filePath: folder.path + "/bus.pcap")).count > 24 + 4 * 17)
    let raw = try await folder.run(["trace", "bus1", "--raw", "--frames", "2"] + Self.place)
    #expect(raw.outputText.split(separator: "\n").first?.contains("> ") == true)
    let objects = try await folder.run(["trace", "bus1", "--json", "--frames", "2"] + Self.place)
    for line in objects.outputText.split(separator: "\n") {
      #expect(try JSON(reading: Array(line.utf8))["protocol"]?.word == "dlt645-2007")
    }
    try await expect(
      folder, ["trace", "bus9"] + Self.place, fails: 64,
      """
      meterd: there is no line "bus9"
        There are: bus1.
      """)
    // Somebody looks on while the daemon ends.
    let watcher = try folder.start("trace", "bus1", "--config", "station.toml")
    defer { watcher.end() }
    try await watcher.says("Ctrl-C ends\n")
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
    let end = try await watcher.finish()
    #expect(end.status == 69 && end.errorText.contains("meterd: the daemon at \(folder.path)/control.sock is gone\n"))
  }

  @Test func `top draws anew on a terminal of 80 by 24, and a signal ends it`() async throws {
    var controller: CInt = -1, device: CInt = -1
    var name = [CChar](repeating: 0, count: 128)
    try #require(cserial_pseudo_terminal(&controller, &device, &name, name.count) == 0)
    defer {
      close(controller)
      close(device)
    }
    let terminal = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let station = try TestStation(tasks: DaemonTests.task("D-0001"))
    let daemon = try await station.run()
    defer { daemon.end() }
    let top = try Child(["top", "--interval", "1"] + Self.place, in: station.folder.path, output: terminal)
    defer { top.end() }
    let drawn = try await offPool { [controller] in
      var seen: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      let until = HostClock.boot + .seconds(60)
      // The third picture begins when the second is whole.
      while String(decoding: seen, as: UTF8.self).ranges(of: "\u{1B}[H").count < 3 {
        guard cserial_wait_readable(controller, until.nanoseconds) == 1 else { throw Failure("no picture") }
        let count = cserial_read(controller, &buffer, CInt(buffer.count))
        guard count >= 0 else { throw Failure("the terminal is gone") }
        seen += buffer[..<Int(count)]
      }
      return String(decoding: seen, as: UTF8.self)
    }
    let pictures = drawn.split(separator: "\u{1B}[H")
    let lines = try #require(pictures.dropFirst().first).split(separator: "\u{1B}[K\r\n").map(String.init)
    #expect(lines[0].hasPrefix("T-1  meterd \(meterdVersion)"))
    #expect(lines.contains("line          state  load  meters   ok late silent aside unknown unreached"))
    #expect(lines.contains { $0.hasPrefix("bus1          lost ") })
    #expect(lines.contains { $0.hasPrefix("  there is no ") })
    #expect(lines.allSatisfy { $0.count <= 80 } && lines.count <= 24)
    top.signal(SIGINT)
    #expect(try await top.finish().status == 0)
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }

  @Test func `a thousand clients that come and go leave nothing behind`() async throws {
    let station = try TestStation(tasks: DaemonTests.task("D-0001"))
    let daemon = try await station.run()
    defer { daemon.end() }
    let path = station.folder.path + "/control.sock"
    let process = daemon.process
    func visit(_ count: Int) async throws {
      try await offPool {
        for index in 0..<count {
          let caller = try LocalCaller(path: path)
          // Some go without a word, some do not wait for the answer.
          switch index % 3 {
          case 0: break
          case 1: _ = caller.send(#"{"id":1,"do":"status","meters":true}"#)
          default:
            guard caller.send(#"{"id":1,"do":"status","meters":true}"#) else { continue }
            _ = caller.next(until: HostClock.boot + .seconds(60))
          }
        }
      }
    }
    try await visit(300)
    let (memory, descriptors) = (Self.memory(of: process), Self.descriptors(of: process))
    try await visit(1000)
    #expect(try await station.folder.run(["status"] + Self.place).status == 0)
    #expect(
      memory > 0 && Self.memory(of: process) < memory + 3072, "\(memory) KiB, then \(Self.memory(of: process)) KiB")
    // Of the last of them some may still be shown out.
    #expect(Self.descriptors(of: process) <= descriptors + ControlServer.mostClients)
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }

  private static func descriptors(of process: pid_t) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count) ?? 0
  }

  /// What of a process is in memory, in KiB.
  private static func memory(of process: pid_t) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4
  }

  @Test func `what is missing and what was found is listed from the store`() async throws {
    let station = try TestStation(tasks: DaemonTests.task("D-0003"))
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    let folder = station.folder
    var lines: [JSON] = []
    // A round of the very second of the start may be left out: that is an outage.
    for _ in 0..<200 where lines.isEmpty {
      let seen = try await folder.run(["missing", "--store", station.store, "--reason", "silent", "--json"])
      lines = try seen.outputText.split(separator: "\n").map { try JSON(reading: Array($0.utf8)) }
    }
    let gap = try #require(lines.first)
    #expect(gap["meter"]?.word == "D-0003" && gap["filled"] == .null)
    #expect(gap["reason"]?.word == "silent")
    let instant = try #require(gap["instant"]?.word)
    let all = try await folder.run(["missing", "--line", "bus1", "--format", "csv", "--all"] + Self.place).outputText
    #expect(all.hasPrefix("instant,meter,item,reason,filled,until,rounds\n"))
    #expect(all.contains("\n\(instant),D-0003,"))
    func count(_ words: String...) async throws -> Int {
      try await folder.run(["missing", "--store", station.store, "--json"] + words).outputText.split(separator: "\n")
        .count
    }
    #expect(try await count("--until", instant, "--reason", "silent") == 0)
    #expect(try await count("--since", instant, "--reason", "silent", "--meter", "D-0003") > 0)
    #expect(try await count("--reason", "damaged") == 0)
    #expect(try await count("--meter", "D-0001") == 0)
    let table = try await folder.run(["events", "--store", station.store])
    #expect(table.outputText == "time\tmeter\tcode\tverdict\tseq\tdetail\n" && table.status == 0)
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }
}
