import Glibc
import Testing

/// What the program says of itself and of a command line that it cannot take.
@Suite(.serialized) struct UsageTests {
  @Test func `help and version are no errors`() async throws {
    let folder = try Folder()
    let version = try await folder.run("--version")
    #expect(version.status == 0 && version.outputText == "0.1.0\n")
    let help = try await folder.run("--help")
    #expect(help.status == 0 && help.errorText == "")
    for command in [
      "run", "check", "demo", "simulate", "scan", "probe", "trace", "decode", "readings", "bill", "rate",
      "status", "top", "clock", "read", "reload", "missing", "events",
    ] {
      #expect(help.outputText.contains("\n  \(command) "))
      #expect(try await folder.run(command, "--help").status == 0)
    }
    #expect(help.outputText.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test(arguments: [
    ["frobnicate"], ["decode"], ["rate"], ["probe"], ["scan"], ["trace"],
    ["simulate", "--config", "x", "--late", "1000001"], ["check", "--frob"], ["bill", "show", "one"],
    ["run", "--log-level", "loud"], ["read"], ["top", "--interval", "0"], ["events", "--code", "NONE"],
    ["read", "M-1", "volts"], ["missing", "--format", "xml"], ["missing", "--since", "today"],
  ])
  func `a command line that cannot be taken: 64, and a word of why`(_ arguments: [String]) async throws {
    let seen = try await Folder().run(arguments)
    #expect(seen.status == 64)
    #expect(seen.output == [])
    #expect(!seen.errorText.isEmpty)
  }

  @Test func `a port of the simulator that cannot be made`() async throws {
    let station = try TestStation()
    try station.folder.write("bus1", "a file")
    try await expect(
      station.folder, ["simulate", "--config", "station.toml", "--link"], fails: 73,
      """
      meterd: cannot make the link \(station.port) to a simulated line: File exists
        Its folder must exist, and nothing but a link may stand there: a real port is not replaced.
      """)
  }

  @Test func `under the journal each line has its priority, and SIGINT ends the daemon as SIGTERM does`() async throws {
    let station = try TestStation()
    let daemon = try station.folder.start("run", "--config", "station.toml", environment: ["JOURNAL_STREAM": "8:1"])
    defer { daemon.end() }
    try await daemon.says("<3>port lost line=bus1 reason=\"there is no port \(station.port)\"\n")
    try await daemon.says("<5>running station=T-1 store=\(station.store)\n")
    daemon.signal(SIGINT)
    let end = try await daemon.finish()
    #expect(end.status == 0)
    #expect(end.errorText.hasSuffix("<5>stopped\n"))
  }
}
