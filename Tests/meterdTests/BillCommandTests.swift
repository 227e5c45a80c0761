import Foundation
import Glibc
import Metering
import Store
import Testing

@testable import meterd

/// A station whose meter has told two settlements, with a store that nobody holds. The account ends with the last one, so
/// that nothing more is due, whatever day it is.
private final class BilledStation: Sendable {
  let folder: Folder
  var store: String { folder.path + "/meterd.db" }

  init(extra: String = "", price: String = "0.617") async throws {
    folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.path + "/tariffs", withIntermediateDirectories: true)
    try tariff(price)
    try folder.write("station.toml", text(extra))
    let store = try Store(path: store)
    for (number, energy, month) in [(1, 1000, "2026-09"), (2, 1650, "2026-10"), (3, 2000, "2026-11")] {
      try await note(store, energy, "\(month)-01T00:00", number)
    }
    await store.close()
  }

  func tariff(_ price: String) throws {
    let plan = try String(contentsOfFile: "\(Program.root)/tariffs/shanghai-residential-2012.toml", encoding: .utf8)
    try folder.write(
      "tariffs/home.toml", plan.replacingOccurrences(of: "price    = \"0.617\"", with: "price    = \"\(price)\""))
  }

  /// `extra` are settings; where they say nothing of first bills nobody waits for those.
  func text(_ extra: String) -> String {
    let review =
      extra.contains("first-bills")
      ? extra
      : extra.contains("[review]")
        ? extra.replacing("[review]", with: "[review]\nfirst-bills = false")
        : extra + "\n[review]\nfirst-bills = false"
    return text(settings: review)
  }

  /// The configuration with what stands between its head and its lines.
  func text(settings extra: String) -> String {
    """
    station = "T-1"
    store = "\(store)"
    devices = "\(Program.root)/devices"
    tariffs = "\(folder.path)/tariffs"
    trust-host-clock = true
    \(extra)
    [[line]]
    name = "bus1"
    port = "\(folder.path)/bus1"
    [[line.meter]]
    id = "M-1"
    profile = "dlt645-2007-three-phase"
    address = "202311110001"
    account = "A-1"
    [[account]]
    id = "A-1"
    name = "李明"
    tariff = "home"
    from = "2026-09-01"
    to = "2026-11-01"
    """
  }

  private func note(_ store: Store, _ energy: Int, _ text: String, _ number: Int) async throws {
    let time = try #require(MeterTime(text))
    let instant = ZoneOffset.china.unixMilliseconds(of: time)
    let meter = try #require(MeterID("M-1"))
    let key = ReadingKey(meter: meter, quantity: .energyTotal(.importActive), kind: .settlement, instant: instant)
    let reading = Reading(
      key: key, value: RegisterValue(millionths: Int64(energy) * 1_000_000, resolution: 10_000), quality: .confirmed,
      hostTime: HostInstant(unixMilliseconds: instant + 300_000, clock: .synchronised),
      bootTime: BootInstant(nanoseconds: 0))
    let evidence = Evidence(
      line: "bus1", meter: meter, requests: [[0x68, 0x11]], replies: [[0x68, 0x91, UInt8(number), 0x16]], at: instant)
    let verdict = Verdict(status: .accepted, findings: [], ruleVersion: 1)
    _ = try await store.append(Store.Submission([JudgedReading(reading, verdict)], evidence: evidence))
  }

  /// What a command prints; it must end with `status`.
  func say(_ words: String..., status: Int32 = 0) async throws -> String {
    let seen = try await folder.run(words + ["--config", "station.toml"])
    #expect(seen.status == status, "\(words): \(seen.errorText)")
    return seen.outputText + seen.errorText
  }

  func objects(_ words: String..., status: Int32 = 0) async throws -> [[String: any Sendable]] {
    let seen = try await folder.run(words + ["--json", "--config", "station.toml"])
    #expect(seen.status == status, "\(words): \(seen.errorText)")
    return try seen.output.split(separator: UInt8(ascii: "\n")).map {
      try #require(try JSONSerialization.jsonObject(with: Data($0)) as? [String: any Sendable])
    }
  }
}

/// What commands show of a store, by the clock of the configuration.
@Suite struct ShownTests {
  @Test func `times are told in the zone of the configuration, and meters that nobody knows are refused`() async throws
  {
    let station = try await BilledStation(extra: "[review]\nfirst-bills = true")
    let billing = ["--config", "station.toml"]
    #expect(try await station.folder.run(["bill", "run"] + billing).status == 0)
    // Looked at from elsewhere.
    try station.folder.write("zone.toml", station.text("time-zone = \"-03:30\"\n[review]\nfirst-bills = true"))
    let place = ["--config", "zone.toml"]
    let reviews = try await station.folder.run(["review", "list", "--json"] + place).outputText
    #expect(reviews.contains("-03:30\",") && !reviews.contains("+08:00"), "\(reviews)")
    let accept = ["review", "accept", "1", "--reason", "looked at"] + billing
    #expect(try await station.folder.run(accept).status == 0)
    #expect(try await station.folder.run(["bill", "run"] + billing).status == 0)
    for words in [
      ["audit"], ["audit", "--json"], ["bill", "list"], ["bill", "list", "--json"], ["review", "show", "1"],
    ] {
      let seen = try await station.folder.run(words + place)
      #expect(seen.status == 0 && seen.outputText.contains("-03:30"), "\(words): \(seen.outputText)\(seen.errorText)")
      #expect(!seen.outputText.contains("+08:00"), "\(words): \(seen.outputText)")
    }
    for list in ["missing", "readings", "events"] {
      let unknown = try await station.folder.run([list, "--meter", "M-nope"] + place)
      #expect(unknown.status == 64 && unknown.errorText.hasPrefix("meterd: there is no meter \"M-nope\"\n"), "\(list)")
      #expect(unknown.outputText.isEmpty, "\(list)")
      #expect(try await station.folder.run([list, "--meter", "M-1"] + place).status == 0, "\(list)")
      // A store alone does not tell which meters there are.
      #expect(try await station.folder.run(list, "--meter", "M-nope", "--store", "meterd.db").status == 0, "\(list)")
    }
    // One that has gone from the configuration has its past.
    let gone = try String(contentsOfFile: station.folder.path + "/station.toml", encoding: .utf8)
      .replacing("id = \"M-1\"", with: "id = \"M-2\"")
    try station.folder.write("gone.toml", gone)
    let past = try await station.folder.run("readings", "--meter", "M-1", "--config", "gone.toml")
    #expect(past.status == 0 && past.outputText.contains("\tM-1\t"), "\(past.errorText)")
  }

  @Test func `demo makes its folder, where only that is missing`() throws {
    let folder = try Folder()
    try makeFolder(folder.path + "/station")
    try makeFolder(folder.path + "/station")
    var isFolder: ObjCBool = false
    #expect(
      FileManager.default.fileExists(atPath: folder.path + "/station", isDirectory: &isFolder) && isFolder.boolValue)
    #expect(throws: (any Error).self) { try makeFolder(folder.path + "/none/station") }
  }
}

/// Bills, corrections, reviews and the books, as a person at a terminal has them.
@Suite(.timeLimit(.minutes(3))) struct BillCommandTests {
  @Test func `cycles are billed once, listed, shown and explained down to the frames`() async throws {
    let station = try await BilledStation()
    #expect(try await station.say("bill", "run") == "A-1  2026-09  401.05 yuan\nA-1  2026-10  215.95 yuan\n")
    #expect(try await station.say("bill", "run") == "nothing is due\n")
    let list = try await station.objects("bill", "list")
    #expect(list.map { $0["total"] as? String } == ["401.05", "215.95"])
    #expect(try await station.say("bill", "show", "1").contains("  401.05\tTotal 合计, yuan 元"))
    let told = try await station.say("bill", "explain", "1")
    #expect(told.contains("650.00 kWh x 0.61700000 = 401.05"))
    #expect(told.contains("received 68 91 02 16"))
    #expect(told.contains("Rated again now from these readings: the same, byte for byte."))
    #expect(told.contains("Review 核算: first-bill (look): account A-1 was never billed here"))
    let page = try await station.say("bill", "explain", "2", "--customer")
    #expect(page.contains("户号 Account      A-1  李明"))
    #expect(page.contains("应交 To pay                  215.95 元 yuan"))
    let object = try #require(try await station.objects("bill", "explain", "2").first)
    #expect(object["reproduced"] as? Bool == true)
    let part = try #require((object["parts"] as? [[String: any Sendable]])?.first)
    let segment = try #require((part["segments"] as? [[String: any Sendable]])?.first)
    let register = try #require((segment["registers"] as? [[String: any Sendable]])?.first)
    #expect((register["stop"] as? [String: any Sendable])?["received"] as? [String] == ["68 91 03 16"])
    let line = try #require((part["lines"] as? [[String: any Sendable]])?.first)
    #expect((line["because"] as? String)?.hasPrefix("all kWh of the bill at one price") == true)
  }

  @Test func `one section is closed and listed alone, and rows name the section`() async throws {
    let station = try await BilledStation()
    let text = station.text("").replacing("name = \"李明\"", with: "name = \"李明\"\nsection = \"S-1\"")
      .replacing(
        "[[account]]",
        with: """
          [[line.meter]]
          id = "M-2"
          profile = "dlt645-2007-three-phase"
          address = "202311110002"
          account = "A-2"
          [[account]]
          """)
    try station.folder.write(
      "station.toml",
      text + """

        [[account]]
        id = "A-2"
        tariff = "home"
        from = "2026-09-01"
        to = "2026-11-01"
        section = "S-2"
        [[section]]
        name = "S-1"
        [[section]]
        name = "S-2"
        """)
    let unknown = "meterd: station.toml has no section \"S-9\"\n  It has S-1, S-2.\n"
    for words in [["bill", "run"], ["bill", "list"]] {
      let seen = try await station.folder.run(words + ["--section", "S-9", "--config", "station.toml"])
      #expect(seen.status == 64)
      #expect(seen.errorText == unknown)
    }
    let alone = try await station.folder.run("bill", "list", "--section", "S-1", "--store", station.store)
    #expect(alone.status == 64)
    #expect(alone.errorText.contains("a store does not tell which accounts are in section \"S-1\""))
    let run = try await station.objects("bill", "run", "--section", "S-1")
    #expect(
      run.map { "\($0["account"] ?? "") \($0["cycle"] ?? "") \($0["section"] ?? "")" } == [
        "A-1 2026-09 S-1", "A-1 2026-10 S-1",
      ])
    let waiting = try await station.objects("bill", "run", "--section", "S-2")
    #expect(waiting.map { "\($0["account"] ?? "") \($0["cycle"] ?? "") \($0["section"] ?? "")" } == ["A-2 2026-09 S-2"])
    #expect(waiting.allSatisfy { $0["held"] != nil })
    for (section, accounts) in [("S-1", ["A-1", "A-1"]), ("S-2", ["A-2"])] {
      let list = try await station.objects("bill", "list", "--section", section)
      #expect(list.map { $0["account"] as? String } == accounts)
      #expect(list.allSatisfy { $0["section"] as? String == section })
    }
    #expect(try await station.objects("bill", "list").count == 3)
    #expect(try await station.objects("bill", "list", "--section", "S-1", "--account", "A-2").isEmpty)
    // Without the configuration nobody knows of sections.
    let stored = try await station.folder.run("bill", "list", "--json", "--store", station.store)
    #expect(stored.status == 0)
    #expect(stored.outputText.contains("\"account\":\"A-1\"") && !stored.outputText.contains("\"section\""))
  }

  @Test func `a reading that is corrected makes bills that are corrected, and the books balance again`() async throws {
    let station = try await BilledStation()
    _ = try await station.say("bill", "run")
    let books = try await station.objects("reconcile")
    #expect(books.allSatisfy { $0["balanced"] as? Bool == true })
    let chain = try #require(books.first { $0["step"] as? String == "day-chain" })
    let day = try #require((chain["days"] as? [[String: any Sendable]])?.first)
    let (name, hash) = (try #require(day["day"] as? String), try #require(day["hash"] as? String))
    _ = try await station.say("reconcile", "--day", "\(name)=\(hash)")
    let wrong = "\(name)=\(String(repeating: "0", count: 64))"
    #expect(
      try await station.say("reconcile", "--day", wrong, "--day", "\(name)=\(hash)", status: 65).contains(
        "the books do not balance: day-chain"))
    let profiles = try #require(books.first { $0["step"] as? String == "records" })
    #expect(profiles["compared"] as? Int == 0)
    #expect(profiles["unchecked"] as? [String] == ["there is no load profile under a bill"])
    #expect(
      try await station.say("reconcile").contains(
        "records\t1\t0\t0\t-\n  not compared: there is no load profile under a bill\n"))
    #expect(
      try await station.say("review", "correct", "2", "--value", "1660.00", "--reason", "read on site")
        == "reading 2 is now 4\n")
    let found = try await station.say("bill", "list")
    #expect(
      found.contains(
        "bill 1 of A-1 for 2026-09 would be different by 6.17: reading 2 has a newer one, 4: meter M-1,"
          + " energy.import.active.total at 2026-10-01T00:00:00, 1650.00 is now 1660.00"))
    let unbalanced = try await station.say("reconcile", status: 65)
    #expect(unbalanced.contains("meterd: the books do not balance: newest, "))
    #expect(
      unbalanced.contains("First: bill 1 of A-1 for 2026-09: reading 4 counts at 2026-10-01T00:00:00 now instead of 2"))
    #expect(
      try await station.say("bill", "correct", "A-1", "2026-10", "--reason", "site", status: 65).contains(
        "2026-09 of A-1 comes out otherwise too, and 2026-10 builds on it"))
    #expect(
      try await station.say("bill", "correct", "A-1", "2026-09", "--reason", "read on site") == """
        3\tA-1\t2026-09\treversal\t-401.05
        4\tA-1\t2026-09\toriginal\t407.22
        5\tA-1\t2026-10\treversal\t-215.95
        6\tA-1\t2026-10\toriginal\t209.78

        """)
    #expect(
      try await station.say("bill", "correct", "A-1", "2026-09", "--reason", "again")
        == "nothing to correct: every bill of A-1 comes out the same\n")
    #expect(try await station.objects("reconcile", "--cycle", "2026-10").allSatisfy { $0["balanced"] as? Bool == true })
    #expect(try await station.say("bill", "explain", "3").contains("It mirrors the bill that it cancels"))
    #expect(try await station.say("bill", "explain", "4").contains("read on site"))
    let audit = try await station.say("audit")
    #expect(
      audit.contains("bill-correct\tA-1/2026-09\tdone\treversal 3 of bill 1, -40105 fen: read on site (reading 2"))
    #expect(
      audit.contains("reading-revise\tM-1\tdone\treading 2 of energy.import.active.total, 1650.00, is now 4, 1660.00"))
  }

  @Test func `what is corrected by itself is printed as what it is`() async throws {
    let station = try await BilledStation(extra: "[review]\ncorrect-automatically = true")
    _ = try await station.say("bill", "run")
    _ = try await station.say("review", "correct", "2", "--value", "1660.00", "--reason", "read on site")
    #expect(
      try await station.say("bill", "run") == """
        A-1  2026-09  -401.05 yuan  (reversal of a bill 红冲)
        A-1  2026-09  407.22 yuan
        A-1  2026-10  -215.95 yuan  (reversal of a bill 红冲)
        A-1  2026-10  209.78 yuan

        """)
    #expect(try await station.objects("bill", "trial").map { $0["same"] as? Bool } == [true])
  }

  @Test func `a changed meter is billed by what people read of it, until the meter tells better`() async throws {
    let station = try await BilledStation()
    let old = station.text("").replacing("account = \"A-1\"", with: "account = \"A-1\"\nto = \"2026-10-15T09:30\"")
    let text = old.replacing(
      "[[account]]",
      with: """
        [[line.meter]]
        id = "M-2"
        profile = "dlt645-2007-three-phase"
        address = "202311110002"
        account = "A-1"
        from = "2026-10-15T09:30"
        [[account]]
        """)
    try station.folder.write("station.toml", text)
    #expect(
      try await station.say("bill", "run").contains(
        "waits: meter M-1: no reading of energy.import.active.total at 2026-10-15T09:30; read the meter's settlement again,"
          + " or enter the value: meterd review enter; meter M-2: no reading"))
    for (meter, time, value) in [
      ("M-1", "2026-10-15T09:30", "1800.00"), ("M-2", "2026-10-15T09:30", "5.00"), ("M-2", "2026-11-01", "105.00"),
    ] {
      _ = try await station.say(
        "review", "enter", meter, "energy.import.active.total", time, value, "--reason", "ticket 77")
    }
    #expect(try await station.say("bill", "run") == "A-1  2026-10  154.25 yuan\n")
    #expect(try await station.objects("reconcile").allSatisfy { $0["balanced"] as? Bool == true })
    #expect(
      try await station.say("audit").contains(
        "reading-enter\tM-2\tdone\treading 6 of energy.import.active.total, 105.00: ticket 77"))
    #expect(
      try await station.say(
        "review", "enter", "M-9", "energy.import.active.total", "2026-10-15", "1", "--reason", "x", status: 64
      ).contains("has no meter \"M-9\""))
  }

  @Test func `a first bill waits for a person unless the configuration says otherwise`() async throws {
    let station = try await BilledStation()
    try station.folder.write("station.toml", station.text(settings: ""))
    #expect(!(try await station.say("check").contains("without a look")))
    #expect(try await station.say("bill", "run").hasPrefix("A-1  2026-09  waits: waits for a look: first-bill (look)"))
    let open = try #require(try await station.objects("review", "list").first)
    #expect(open["total"] as? String == "401.05")
    #expect(try await station.say("review", "show", "1").contains("not decided"))
    #expect(
      try await station.say("review", "accept", "9", "--reason", "x", status: 65).contains("there is no review 9"))
    #expect(
      try await station.say("review", "accept", "1", "--reason", " ", status: 64).contains("a decision needs a reason"))
    #expect(try await station.say("review", "accept", "1", "--reason", "checked") == "review 1 accepted\n")
    #expect(try await station.say("bill", "run") == "A-1  2026-09  401.05 yuan\nA-1  2026-10  215.95 yuan\n")
    #expect(try await station.objects("review", "list").isEmpty)
    #expect(try await station.objects("review", "list", "--all").map { $0["reason"] as? String } == ["checked"])
  }

  @Test func `another price in the tariff's file stops billing until it was tried and accepted`() async throws {
    let station = try await BilledStation()
    _ = try await station.say("bill", "run")
    #expect(try await station.objects("bill", "trial").map { $0["same"] as? Bool } == [true])
    try station.tariff("0.627")
    let trial = try #require(try await station.objects("bill", "trial", "--cycles", "2", status: 65).first)
    #expect(trial["difference"] as? String == "6.50")
    #expect(
      try await station.say("bill", "run", status: 75).contains(
        "accounts were left out: 1 of their bills come out otherwise"))
    #expect(try await station.say("bill", "explain", "1", status: 65).contains("The stored bill stands."))
    #expect(
      try await station.say("bill", "trial", "--accept", "01234567", status: 64).contains(
        "accepting differences needs a reason"))
    #expect(
      try await station.say("bill", "trial", "--accept", "01234567", "--reason", "the table was wrong", status: 65)
        .contains("not as 01234567"))
    let shown = try #require(trial["shown"] as? String)
    _ = try await station.say(
      "bill", "trial", "--cycles", "2", "--accept", String(shown.prefix(12)), "--reason", "the table was wrong")
    #expect(try await station.say("bill", "run") == "nothing is due\n")
    #expect(
      try await station.say(
        "bill", "correct", "A-1", "2026-09", "--by", "difference", "--reason", "the table was wrong") == """
          3\tA-1\t2026-09\tdifference\t6.50
          4\tA-1\t2026-10\tdifference\t3.50

          """)
    #expect(try await station.objects("reconcile").allSatisfy { $0["balanced"] as? Bool == true })
    let page = try await station.say("bill", "explain", "3", "--customer")
    #expect(page.contains("应交 To pay                  6.50 元 yuan"))
    #expect(page.contains("本期电费 Cost of the cycle    407.55 元 yuan"))
  }

  @Test func `while the daemon runs it decides, with the same words, and goes on by it at once`() async throws {
    let station = try await BilledStation(extra: "[review]\nfirst-bills = true")
    let daemon = try station.folder.start("run", "--config", "station.toml")
    defer { daemon.end() }
    try await daemon.says("notice running station=T-1")
    try await station.list { $0.contains("waits for a look: first-bill") }
    #expect(try await station.say("review", "accept", "1", "--reason", "checked") == "review 1 accepted\n")
    // Nobody has to start it again for the bill to be issued.
    try await station.list { $0.contains("\tA-1\t2026-10\toriginal\t215.95\t") }
    #expect(
      try await station.say("review", "accept", "9", "--reason", "x", status: 65).contains("there is no review 9"))
    #expect(
      try await station.say("review", "correct", "2", "--value", "1660.00", "--reason", "read on site")
        == "reading 2 is now 4\n")
    #expect(
      try await station.say("bill", "correct", "A-1", "2026-10", "--reason", "site", status: 65).contains(
        "2026-09 of A-1 comes out otherwise too, and 2026-10 builds on it"))
    #expect(
      try await station.objects("bill", "correct", "A-1", "2026-09", "--by", "difference", "--reason", "read on site")
        .map { $0["amount"] as? String } == ["6.17", "-6.17"])
    #expect(
      try await station.say(
        "review", "enter", "M-1", "energy.import.active.total", "2026-08-01", "10.00", "--reason", "book")
        == "reading 5 entered\n")
    // The daemon goes by the files that it has read: what it does not know of cannot be accepted.
    try station.tariff("0.627")
    let trial = try #require(try await station.objects("bill", "trial", "--account", "A-1", status: 65).first)
    let shown = String(try #require(trial["shown"] as? String).prefix(12))
    let accept = ["bill", "trial", "--account", "A-1", "--accept", shown, "--reason", "new table"]
    let refused = try await station.folder.run(accept + ["--config", "station.toml"])
    #expect(refused.status == 75 && refused.errorText.contains("Let it read them: meterd reload"))
    _ = try await station.say("reload")
    let accepted = try await station.folder.run(accept + ["--config", "station.toml"])
    #expect(accepted.status == 0 && accepted.outputText.hasSuffix("nothing waits\n"), "\(accepted.errorText)")
    let audit = try await station.say("audit")
    #expect(audit.contains("(uid \(getuid()))\t") || audit.contains("\tuid \(getuid())\t"))
    for function in ["bill-review", "reading-revise", "bill-correct", "reading-enter", "bill-trial"] {
      #expect(audit.contains("\t\(function)\t"), "\(function)")
    }
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }
}

extension BilledStation {
  /// Looks at the bills again and again until `isEnough`; throws when that is never so.
  fileprivate func list(until isEnough: (String) -> Bool) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(60)
    while clock.now < deadline {
      let seen = try await folder.run(["bill", "list", "--store", store])
      if isEnough(seen.outputText) { return }
    }
    throw Failure("the bills do not come")
  }
}
