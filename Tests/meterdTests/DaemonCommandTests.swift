import Concentrator
import Foundation
import Glibc
import Testing

/// `meterd command` where a daemon holds port and store: it goes through the daemon, by the same rules.
@Suite(.serialized) struct DaemonCommandTests {
  private func station() throws -> TestStation {
    let station = try TestStation(tasks: DaemonTests.task("D-0001"))
    let text = station.text(tasks: DaemonTests.task("D-0001"))
    let folder = station.folder
    try folder.write(
      "station.toml",
      text.replacing("trust-host-clock = true", with: "trust-host-clock = true\ntime-zone = \"\(halfPastZone)\"")
        .replacing("[[line]]\n", with: "[control]\nenabled = true\n[[line]]\n", maxReplacements: 1)
        .replacing("account = \"A-1001\"", with: "account = \"A-1001\"\nallow = [\"write\", \"set-time\"]")
        .replacing("simulate = {", with: "allow = [\"set-time\"]\nsimulate = {")
        .replacing("address = \"1\"", with: "address = \"1\"\nallow = [\"write-register\"]"))
    for (name, text) in [("password", "2 123456\n"), ("wrong", "2 000000\n")] {
      try folder.write(name, text)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.path + "/" + name)
    }
    return station
  }

  @Test func `a running daemon changes a meter between two exchanges, with the same guard and the same records`()
    async throws
  {
    let station = try station()
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    _ = try await station.readings { $0.count >= 5 }
    let folder = station.folder
    let place = ["--config", "station.toml", "--password-file", "password"]
    let written = try await folder.run(["command", "D-0001", "write", "04000B01", "0512"] + place)
    #expect(written.errorText == "")
    #expect(written.outputText == "write to 202311110001 on bus1: done\n")
    let json = try await folder.run(["command", "D-0001", "set-time", "--json"] + place)
    #expect(
      json.outputText
        == #"{"line":"bus1","function":"set-time","target":"202311110001","outcome":"done","detail":""}"# + "\n")
    // What the configuration does not name is refused before a byte leaves, by the daemon as well.
    for words in [["D-0002", "set-time"], ["D-0001", "relay", "trip"], ["all", "freeze", "now", "--line", "bus1"]] {
      let seen = try await folder.run(["command"] + words + place)
      #expect(seen.status == 77 && seen.errorText.contains("is not allowed\n  Nothing was sent."), "\(seen.errorText)")
    }
    // Slips are told and not recorded.
    let slip = try await folder.run(["command", "D-0001", "write", "04000B01", "x"] + place)
    #expect(slip.status == 64 && slip.errorText.contains("is no value of 04000B01"), "\(slip.errorText)")
    // The socket is enough to find it.
    let socket = ["--socket", folder.path + "/control.sock", "--password-file", "wrong"]
    let refused = try await folder.run(["command", "D-0001", "write", "04000B01", "0612"] + socket)
    #expect(refused.status == 77)
    #expect(refused.errorText.hasPrefix("meterd: write to 202311110001 on bus1: the meter refuses: password wrong"))
    let silent = try await folder.run(["command", "D-0003", "set-time"] + place)
    #expect(silent.status == 69)
    #expect(silent.errorText.contains("no answer, so whether the meter obeyed is not known"), "\(silent.errorText)")
    let place9999 = try await folder.run(["command", "E-0001", "write-register", "9999", "1"] + place)
    #expect(place9999.status == 77 && place9999.errorText.contains("the meter refuses"), "\(place9999.errorText)")

    let records = try await folder.run("audit", "--store", station.store, "--json").outputText
      .split(separator: "\n").map { try JSON(reading: Array($0.utf8)) }
      .filter { $0["line"]?.word == "bus1" }
    #expect(
      records.compactMap { $0["outcome"]?.word } == [
        "sent", "done", "sent", "done", "refused", "refused", "refused", "sent", "rejected", "sent", "silent", "sent",
        "rejected",
      ])
    #expect(records.first?["detail"]?.word == "write 04000B01 hex:1205")
    #expect(records.allSatisfy { $0["actor"]?.word?.contains("user \(geteuid()), process ") == true })
    let log = daemon.now.errorText
    #expect(log.contains("notice command by=\""))
    #expect(log.contains(" line=bus1 outcome=done request=\"write to D-0001\""))
    for secret in ["123456", "654321"] {
      #expect(!log.contains(secret) && !records.contains { $0.text.contains(secret) })
    }
    // The rounds have gone on.
    let stored = try await station.readings().count
    _ = try await station.readings { $0.count > stored }
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }

  @Test func `where something else holds the store that is said, and nothing is sent`() async throws {
    let station = try station()
    let path = station.folder.path + "/other.sock"
    let daemon = try await station.run()
    defer { daemon.end() }
    // This configuration names another socket than the daemon that holds the store has.
    let text = try String(contentsOfFile: station.folder.path + "/station.toml", encoding: .utf8)
    try station.folder.write("other.toml", "control-socket = \"\(path)\"\n" + text)
    try await expect(
      station.folder, ["command", "D-0001", "set-time", "--config", "other.toml"], fails: 75,
      """
      meterd: the store \(station.store) is in use, and nothing was sent
        It is no daemon that holds it, or one that listens elsewhere than at \(path): give --socket PATH, or wait until the other is done.
      """)
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }
}
