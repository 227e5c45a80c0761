import CSerial
import Foundation
import Metering
import Testing

/// `meterd command` and `meterd audit`, as a person uses them.
@Suite struct ControlCommandTests {
  private static let attempts = [
    ["M-1", "set-time", "2026-11-22T12:00:00"], ["M-1", "freeze", "now"], ["M-1", "write", "04000B01", "0512"],
    ["M-1", "write-address", "202311110009"], ["M-1", "change-rate", "4800"], ["M-1", "change-password"],
    ["M-1", "clear-demand"], ["M-1", "clear-meter"], ["M-1", "clear-events"], ["M-1", "relay", "trip"],
    ["M-1", "terminal-output", "zone-switch"], ["M-2", "write-coil", "3", "on"], ["M-2", "write-register", "70", "1"],
    ["M-2", "write-coils", "3", "on", "off"], ["M-2", "write-registers", "0x46", "1", "2"],
    ["all", "set-time", "2026-11-22T12:00:00", "--line", "bus1"], ["all", "freeze", "now", "--line", "bus1"],
  ]

  private func write(
    _ folder: Folder, port: String, control: String, allow: String, allowModbus: String = "", more: String = "",
    zone: ZoneOffset = halfPastZone
  ) throws {
    try folder.write(
      "control.toml",
      """
      station = "T-1"
      store = "control.db"
      devices = "\(Program.root)/devices"
      tariffs = "\(Program.root)/tariffs"
      trust-host-clock = true
      time-zone = "\(zone)"
      \(control)
      [[line]]
      name = "bus1"
      port = "\(port)"
      serial = "115200 8E1"
      [[line.meter]]
      id = "M-1"
      profile = "dlt645-2007-three-phase"
      address = "202311110001"
      \(allow)
      [[line.meter]]
      id = "M-2"
      profile = "eastron-sdm630"
      address = "2"
      \(allowModbus)
      \(more)
      """)
    for (name, text) in [("password", "2 123456\n"), ("new", "2 654321\n")] {
      try folder.write(name, text)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.path + "/" + name)
    }
  }

  private func command(_ folder: Folder, _ words: [String]) async throws -> Child.Seen {
    try await folder.run(
      ["command"] + words
        + ["--config", "control.toml", "--password-file", "password", "--new-password-file", "new"])
  }

  private func audit(_ folder: Folder) async throws -> [[String: String]] {
    let seen = try await folder.run("audit", "--store", "control.db", "--json")
    #expect(seen.status == 0)
    return try seen.output.split(separator: UInt8(ascii: "\n")).map { line in
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
      return object.compactMapValues { $0 as? String }
    }
  }

  @Test(arguments: ["", "[control]\nenabled = false\n", "[control]\nenabled = true\n"])
  func `what is not allowed is refused before any byte reaches the wire, and each attempt is recorded`(
    _ control: String
  ) async throws {
    let folder = try Folder()
    var wire: CInt = -1, device: CInt = -1
    var name = [CChar](repeating: 0, count: 128)
    try #require(cserial_pseudo_terminal(&wire, &device, &name, name.count) == 0)
    defer {
      cserial_close(wire)
      cserial_close(device)
    }
    let port = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // With control enabled nothing is named; without it, what is named sleeps.
    let isEnabled = control.contains("true")
    try write(
      folder, port: port, control: control,
      allow: isEnabled ? "" : "allow = [\"relay\", \"set-time\", \"write\", \"clear-meter\"]")
    for attempt in Self.attempts {
      let seen = try await command(folder, attempt)
      #expect(seen.status == 77, "\(attempt)")
      #expect(seen.errorText.contains("is not allowed\n  Nothing was sent."), "\(seen.errorText)")
    }
    // Not one byte waits at the far end.
    #expect(cserial_wait_readable(wire, 0) == 0)
    let records = try await audit(folder)
    #expect(records.map { $0["outcome"] } == Self.attempts.map { _ in "refused" })
    #expect(records.map { $0["function"] } == Self.attempts.map { $0[1] })
    #expect(records.map { $0["target"] }.suffix(3) == ["unit 2", "all meters", "all meters"])
    #expect(records.first?["detail"] == "set-time 2026-11-22T12:00:00: not-allowed")
    #expect(records[9]["detail"]?.hasPrefix("relay trip until 20") == true)
    #expect(
      records.allSatisfy { $0["detail"]?.contains("123456") == false && $0["detail"]?.contains("654321") == false })
  }

  @Test func `what is allowed is done once, read back and recorded before and after`() async throws {
    let folder = try Folder()
    let port = folder.path + "/bus1"
    try write(
      folder, port: port, control: "[control]\nenabled = true\noperator = \"00000042\"\n",
      allow: "allow = [\"write\", \"set-time\", \"clear-meter\"]")
    let meters = try folder.start("simulate", "--config", "control.toml", "--link")
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }

    let written = try await command(folder, ["M-1", "write", "04000B01", "0512"])
    #expect(written.errorText == "")
    #expect(written.outputText == "write to 202311110001 on bus1: done\n")
    try folder.write("password", "2 000000\n")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.path + "/password")
    let refused = try await command(folder, ["M-1", "clear-meter", "--json"])
    #expect(refused.status == 77)
    #expect(refused.outputText.contains("\"outcome\":\"rejected\",\"detail\":\"password wrong or not authorised\""))

    let records = try await audit(folder)
    #expect(records.map { $0["outcome"] } == ["sent", "done", "sent", "rejected"])
    #expect(records.map { $0["detail"] }.prefix(2) == ["write 04000B01 hex:1205", "write 04000B01 hex:1205"])
  }

  private static let old = """
    [[line.meter]]
    id = "M-3"
    profile = "dlt645-1997-three-phase"
    address = "202311110003"
    allow = ["set-time"]
    [[line.meter]]
    id = "M-4"
    profile = "eastron-sdm630"
    address = "4"
    allow = ["write-register"]
    simulate = { silent = true }
    """

  @Test func `a clock that was not set is told with what it shows, and one of either edition that was is done`()
    async throws
  {
    let folder = try Folder()
    try write(
      folder, port: folder.path + "/bus1", control: "[control]\nenabled = true\n", allow: "allow = [\"set-time\"]",
      more: Self.old)
    let meters = try folder.start("simulate", "--config", "control.toml", "--link")
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }

    // Whole days away the time of day is the same; this meter takes no more than five minutes.
    let zone = TimeZone(secondsFromGMT: halfPastZone.minutes * 60)
    let format = DateFormatter()
    format.timeZone = zone
    format.dateFormat = "HH:mm:ss"
    let far = try await command(folder, ["M-1", "set-time", "2019-03-05T\(format.string(from: Date()))"])
    #expect(far.status == 65, "\(far.errorText)")
    #expect(far.errorText.contains("the meter's clock shows 20"), "\(far.errorText)")
    for meter in ["M-1", "M-3"] {
      let set = try await command(folder, [meter, "set-time"])
      #expect(set.status == 0, "\(set.errorText)")
      #expect(set.outputText.hasSuffix(": done\n"), "\(set.outputText)")
    }
    let records = try await audit(folder)
    #expect(records.map { $0["outcome"] } == ["sent", "failed", "sent", "done", "sent", "done"])
    #expect(records.allSatisfy { $0["detail"]?.hasPrefix("set-time 20") == true })
  }

  @Test func `close to a whole hour no clock is set by a person either, and the next minute is named`() async throws {
    let folder = try Folder()
    try write(
      folder, port: folder.path + "/bus1", control: "[control]\nenabled = true\n", allow: "allow = [\"set-time\"]",
      zone: fullHourZone)
    let meters = try folder.start("simulate", "--config", "control.toml", "--link")
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }
    let now = try await command(folder, ["M-1", "set-time"])
    #expect(now.status == 75, "\(now.errorText)")
    #expect(
      now.errorText.hasPrefix(
        "meterd: set-time to 202311110001 on bus1: nothing was sent, a whole hour is too close\n  Meters take their freezes then. Try again from "
      ), "\(now.errorText)")
    #expect(now.errorText.hasSuffix(":05 on.\n"), "\(now.errorText)")
    let records = try await audit(folder)
    #expect(records.map { $0["outcome"] } == ["refused"])
    #expect(records.first?["detail"]?.hasSuffix(": a whole hour is too close") == true)

    try write(
      folder, port: folder.path + "/bus1", control: "[control]\nenabled = true\n", allow: "allow = [\"set-time\"]")
    let given = try await command(folder, ["M-1", "set-time", "2026-11-22T11:58:00"])
    #expect(given.status == 75 && given.errorText.hasSuffix("Give a time from 12:05 on.\n"), "\(given.errorText)")
  }

  @Test func `a register that cannot be read is written all the same, and sent is recorded only where it was`()
    async throws
  {
    let folder = try Folder()
    try write(
      folder, port: folder.path + "/bus1", control: "[control]\nenabled = true\n", allow: "",
      allowModbus: "allow = [\"write-register\"]", more: Self.old)
    let meters = try folder.start("simulate", "--config", "control.toml", "--link")
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }
    let refused = try await command(folder, ["M-2", "write-register", "9999", "1"])
    #expect(refused.status == 77, "\(refused.errorText)")
    let silent = try await command(folder, ["M-4", "write-register", "9999", "1"])
    #expect(silent.status == 69)
    #expect(silent.errorText.contains("so nothing was sent"), "\(silent.errorText)")
    let records = try await audit(folder)
    #expect(records.map { $0["outcome"] } == ["sent", "rejected", "silent"])
    #expect(records.last?["detail"]?.contains("nothing was sent") == true)
    meters.signal(SIGTERM)
    // Two questions and one write.
    #expect(try await meters.finish().errorText.contains("bus1: 3 requests"))
  }

  @Test func `what no configuration can allow is refused and recorded`() async throws {
    let folder = try Folder()
    try write(
      folder, port: "/dev/nowhere", control: "[control]\nenabled = true\n", allow: "allow = [\"write\"]",
      more: """
        [[line]]
        name = "net"
        port = "modbus-tcp://127.0.0.1:9"
        [[line.meter]]
        id = "N-0"
        profile = "eastron-sdm630"
        address = "0"
        """)
    let all = try await command(folder, ["all", "relay", "trip", "--line", "bus1"])
    #expect(all.status == 77)
    #expect(all.errorText.hasPrefix("meterd: relay can never go to all meters of a line"))
    let unit = try await command(folder, ["N-0", "write-register", "70", "1"])
    #expect(unit.status == 77)
    #expect(unit.errorText.hasPrefix("meterd: write-register can never go to unit 0"), "\(unit.errorText)")
    let address = try await command(folder, ["M-1", "write", "04000401", "hex:010000000000"])
    #expect(address.status == 77)
    #expect(address.errorText.contains("must name write-address as well"), "\(address.errorText)")
    let records = try await audit(folder)
    #expect(records.map { $0["function"] } == ["relay", "write-register", "write"])
    #expect(records.map { $0["outcome"] } == ["refused", "refused", "refused"])
    #expect(records.map { $0["target"] } == ["all meters", "all meters", "202311110001"])
  }

  @Test func `the mark of a daemon that was killed stays for the daemon, and no command leaves one`() async throws {
    let folder = try Folder()
    let lock = folder.path + "/control.db.lock"
    try write(folder, port: "/dev/nowhere", control: "[control]\nenabled = true\n", allow: "allow = [\"relay\"]")
    // Refused by the guard, refused always, failed at the port.
    let attempts = [["M-1", "freeze", "now"], ["all", "relay", "trip", "--line", "bus1"], ["M-1", "relay", "trip"]]
    for words in attempts {
      #expect(try await command(folder, words).status != 0)
      #expect(try String(contentsOfFile: lock, encoding: .utf8).isEmpty, "\(words)")
    }
    try folder.write("control.db.lock", "4194303\n")
    for words in attempts {
      #expect(try await command(folder, words).status != 0)
      #expect(try !String(contentsOfFile: lock, encoding: .utf8).isEmpty, "\(words)")
    }
    let records = try await audit(folder)
    #expect(records.map { $0["outcome"] } == ["refused", "refused", "failed", "refused", "refused", "failed"])
  }

  @Test func `beside another that holds the store nothing is sent, and what to do is said`() async throws {
    let folder = try Folder()
    try write(folder, port: "/dev/nowhere", control: "[control]\nenabled = true\n", allow: "allow = [\"relay\"]")
    try folder.write("control.db.lock", "")
    let descriptor = open(folder.path + "/control.db.lock", O_RDWR)
    try #require(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    defer { close(descriptor) }
    let seen = try await command(folder, ["M-1", "relay", "trip"])
    #expect(seen.status == 75)
    #expect(seen.errorText.contains("is in use, and nothing was sent\n"), "\(seen.errorText)")
    #expect(!seen.errorText.contains("store of its own"))
  }

  @Test func `a meter whose clock is far ahead obeys its relay, and says until when it may`() async throws {
    let folder = try Folder()
    try write(
      folder, port: folder.path + "/bus1", control: "[control]\nenabled = true\n",
      allow: "allow = [\"relay\", \"write\", \"write-address\"]")
    let meters = try folder.start("simulate", "--config", "control.toml", "--link", "--clock-offset", "7200")
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }
    let tripped = try await command(folder, ["M-1", "relay", "trip"])
    #expect(tripped.outputText == "relay to 202311110001 on bus1: done\n", "\(tripped.errorText)")
    let late = try await command(folder, ["M-1", "relay", "close", "--valid-until", "2020-01-01T00:00:00"])
    #expect(late.status == 77)
    #expect(late.errorText.contains("and obeys nothing after --valid-until by its own clock"))
    let moved = try await command(folder, ["M-1", "write-address", "202311110077"])
    #expect(moved.errorText == "  It now answers as 202311110077: say so with address in the configuration.\n")
  }

  @Test func `a 1997 meter is given the time, and its clock is read back`() async throws {
    let folder = try Folder()
    try write(
      folder, port: folder.path + "/bus1", control: "[control]\nenabled = true\n", allow: "allow = [\"set-time\"]")
    let text = try String(contentsOfFile: folder.path + "/control.toml", encoding: .utf8)
    try folder.write("control.toml", text.replacing("dlt645-2007-three-phase", with: "dlt645-1997-three-phase"))
    let meters = try folder.start("simulate", "--config", "control.toml", "--link", "--clock-offset", "30")
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }
    let seen = try await command(folder, ["M-1", "set-time"])
    #expect(seen.outputText == "set-time to 202311110001 on bus1: done\n", "\(seen.errorText)")
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    let words: [String]
    let status: Int32
    let text: String
    var testDescription: String { words.joined(separator: " ") }
  }

  private static let wrong = [
    Wrong(words: ["M-9", "set-time"], status: 64, text: "there is no meter \"M-9\""),
    Wrong(words: ["all", "set-time"], status: 64, text: "a command to all meters needs --line"),
    Wrong(words: ["M-1", "trip"], status: 64, text: "\"trip\" is no function that changes a meter"),
    Wrong(
      words: ["M-1", "write-register", "1", "1"], status: 64, text: "a DL/T 645 meter has no function write-register"),
    Wrong(words: ["M-2", "relay", "trip"], status: 64, text: "a Modbus meter has no function relay"),
    Wrong(words: ["M-1", "write", "04000B0", "1"], status: 64, text: "write takes an identifier of 8 hex digits"),
    Wrong(words: ["M-1", "write", "04000C03", "hex:00"], status: 64, text: "04000C03 cannot be written so"),
    Wrong(words: ["M-1", "write", "04000306", "soon"], status: 64, text: "\"soon\" is no value of 04000306"),
    Wrong(words: ["M-1", "write", "04000306", "75.9"], status: 64, text: "04000306 cannot hold 75.9"),
    Wrong(words: ["M-1", "write", "04000102", "12:00:00"], status: 64, text: "04000102 is the meter's clock"),
    Wrong(words: ["M-1", "write", "0400010C", "hex:00"], status: 64, text: "0400010C is the meter's clock"),
    Wrong(words: ["M-1", "change-password", "2", "654321"], status: 64, text: "change-password takes no value\n"),
    Wrong(words: ["M-1", "clear-demand", "123456"], status: 64, text: "clear-demand takes no value\n"),
    Wrong(words: ["M-1", "clear-meter", "123456"], status: 64, text: "clear-meter takes no value\n"),
    Wrong(words: ["M-1", "freeze", "1::2"], status: 64, text: "freeze takes now, MM, HH:MM or DD-HH:MM"),
    Wrong(words: ["M-1", "freeze", "1-2"], status: 64, text: "freeze takes now, MM, HH:MM or DD-HH:MM"),
    Wrong(words: ["M-1", "freeze", "00:+5"], status: 64, text: "freeze takes now, MM, HH:MM or DD-HH:MM"),
    Wrong(words: ["M-1", "freeze", "5-"], status: 64, text: "freeze takes now, MM, HH:MM or DD-HH:MM"),
    Wrong(words: ["M-1", "freeze", "25:99"], status: 64, text: "freeze takes now, MM, HH:MM or DD-HH:MM"),
    Wrong(words: ["M-1", "write-address", "AAAAAAAAAAAA"], status: 64, text: "write-address takes the 12 digits"),
    Wrong(words: ["M-1", "write-address", "999999999999"], status: 64, text: "write-address takes the 12 digits"),
    Wrong(
      words: ["M-2", "write-register", "70000", "1"], status: 64, text: "write-register needs a place and a value"),
  ]

  @Test(arguments: wrong) func `a slip of the tongue is told, and nothing is opened`(_ row: Wrong) async throws {
    let folder = try Folder()
    try write(folder, port: "/dev/nowhere", control: "", allow: "")
    let seen = try await command(folder, row.words)
    #expect(seen.status == row.status)
    #expect(seen.errorText.hasPrefix("meterd: \(row.text)"), "\(seen.errorText)")
    #expect(!seen.errorText.contains("654321"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/control.db"))
  }

  @Test func `a password that others can read is not used`() async throws {
    let folder = try Folder()
    try write(folder, port: "/dev/nowhere", control: "", allow: "")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.path + "/password")
    let seen = try await command(folder, ["M-1", "clear-demand"])
    #expect(seen.status == 77)
    #expect(seen.errorText.hasPrefix("meterd: others can read the password file password\n  Keep it to yourself"))
  }
}
