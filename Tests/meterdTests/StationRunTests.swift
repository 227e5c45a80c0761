import Foundation
import Testing

/// What a short run of a station leaves, looked at with every command that shows it.
@Suite(.serialized) struct StationRunTests {
  static let tasks = """
    [[task]]
    name = "settlement"
    every = "2s"
    read = ["settlement:energy.import.active.total"]
    priority = 1

    [[task]]
    name = "power"
    every = "1s"
    read = ["energy.import.active.total"]

    """

  /// A station whose meters were read and whose months were not billed yet.
  private func readStation() async throws -> TestStation {
    let station = try TestStation(tasks: Self.tasks)
    let meters = try await station.simulate()
    defer { meters.end() }
    let whole = station.text(tasks: Self.tasks)
    let bare = whole.replacing(try Regex("account = .*\n"), with: "")
    try station.folder.write("station.toml", String(bare.prefix { _ in true }.split(separator: "[[account]]")[0]))
    let daemon = try await station.run()
    defer { daemon.end() }
    _ = try await station.readings { lines in
      ["D-0001", "D-0002"].allSatisfy { meter in
        Set(lines.filter { $0.meter == meter && $0.kind == "settlement" }.map(\.instant)).count == 2
      } && lines.contains { $0.meter == "E-0001" }
    }
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
    try station.folder.write("station.toml", whole)
    return station
  }

  @Test func `readings and bills are the meters' own, and bills are made once`() async throws {
    let station = try await readStation()
    try await checkReadings(of: station)
    try await checkFormats(of: station)
    try await checkBills(of: station)
    try await checkChanges(of: station)
  }

  /// The configuration of another day does not pass for the one that a bill was made under.
  private func checkChanges(of station: TestStation) async throws {
    let text = station.text(tasks: Self.tasks)
    try station.folder.write("other.toml", text.replacing("guangdong-residential-2012", with: "hunan-residential-2012"))
    let other = try await station.folder.run("bill", "explain", "1", "--config", "other.toml")
    #expect(other.status == 65)
    #expect(
      other.outputText.hasSuffix(
        "Rated again now it comes out different: the tariff or the configuration has changed since. The stored bill stands.\n"
      ))
    try station.folder.write("other.toml", text.replacing("A-1001", with: "A-1009"))
    try await expect(
      station.folder, ["bill", "explain", "1", "--config", "other.toml"], fails: 78,
      """
      meterd: other.toml has no account "A-1001" any more
        Explain the bill with the configuration it was made under: --config FILE
      """)
  }

  private func checkReadings(of station: TestStation) async throws {
    let lines = try await station.readings()
    let meters = try station.meters()
    #expect(lines.map(\.seq) == lines.map(\.seq).sorted())
    let kept = lines.filter { $0.kind == "settlement" }
    // Total and four rates, of two settlements, of two meters.
    #expect(kept.count == 20)
    for line in kept {
      #expect(line.value == (try line.kept(by: try #require(meters[line.meter]))), "\(line)")
      #expect(line.quality == "confirmed")
      #expect(line.verdict == "accepted")
      #expect(line.unit == "kWh")
      #expect(line.frames.count == 1)
      #expect(line.frames[0].hasPrefix("68 ") && line.frames[0].hasSuffix(" 16"))
      #expect(try line.instant.wholeMatch(of: Regex("20[0-9]{2}-[0-9]{2}-01T00:00:00.000\\+08:00")) != nil)
    }
    let now = lines.filter { $0.kind == "instantaneous" }
    #expect(Set(now.map(\.meter)) == ["D-0001", "D-0002", "E-0001"])
    #expect(now.allSatisfy { $0.quality == "actual" && $0.verdict == "accepted" })
    // Filters choose from the same rows.
    let chosen = try await station.readings(
      "--meter", "D-0002", "--kind", "settlement", "--quantity", "energy.import.active.total")
    #expect(
      chosen
        == lines.filter {
          $0.meter == "D-0002" && $0.kind == "settlement" && $0.quantity == "energy.import.active.total"
        })
    let last = try #require(now.last)
    #expect(
      try await station.readings("--since", last.instant).map(\.seq)
        == lines.filter { $0.kind == "instantaneous" && $0.instant >= last.instant }.map(\.seq))
    #expect(try await station.readings("--until", last.instant, "--limit", "3") == Array(lines.prefix(3)))
    #expect(try await station.readings("--meter", "D-0009") == [])
  }

  private func checkFormats(of station: TestStation) async throws {
    let lines = try await station.readings()
    let place = ["readings", "--store", station.store]
    let csv = try await station.folder.run(place + ["--format", "csv"]).outputText.split(separator: "\n")
    #expect(
      csv.first == "seq,meter,quantity,obis,kind,instant,value,unit,meter_time,host_time,quality,verdict,findings")
    #expect(
      csv.dropFirst().map(String.init)
        == lines.map {
          "\($0.seq),\($0.meter),\($0.quantity),\($0.obis ?? ""),\($0.kind),\($0.instant),\($0.value),\($0.unit ?? ""),\($0.meter_time ?? ""),\($0.host_time),\($0.quality),\($0.verdict),"
        })
    let table = try await station.folder.run(place).outputText.split(separator: "\n")
    #expect(table.first == "seq\tmeter\tinstant\tkind\tquantity\tvalue\tunit\tverdict\tfindings")
    #expect(
      table.dropFirst().map(String.init)
        == lines.map {
          "\($0.seq)\t\($0.meter)\t\($0.instant)\t\($0.kind)\t\($0.quantity)\t\($0.value)\t\($0.unit ?? "")\t\($0.verdict)\t"
        })
    let json = try await station.folder.run(place + ["--json"])
    #expect(try StoredLine.all(json.output) == lines)
    let keys = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.prefix { $0 != 0x0A })) as? [String: Any]
    ).keys
    let promised: Set = [
      "seq", "meter", "quantity", "obis", "kind", "value", "unit", "meter_time", "host_time", "quality", "verdicts",
      "frame", "frames",
    ]
    #expect(promised.isSubset(of: keys))
  }

  private func checkBills(of station: TestStation) async throws {
    let folder = station.folder
    let run = try await folder.run("bill", "run", "--config", "station.toml", "--json")
    #expect(run.status == 0 && run.errorText == "")
    #expect(run.outputText.split(separator: "\n").count == 2)
    #expect(run.outputText.split(separator: "\n").allSatisfy { $0.hasSuffix(#","new":true}"#) })
    let list = try await folder.run("bill", "list", "--store", station.store)
    let again = try await folder.run("bill", "run", "--config", "station.toml")
    #expect(again.outputText == "nothing is due\n" && again.status == 0)
    #expect(try await folder.run("bill", "list", "--store", station.store).output == list.output)
    let bills = try await folder.run("bill", "list", "--store", station.store, "--json").output
      .split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(ListedBill.self, from: Data($0)) }
    #expect(bills.map(\.account) == ["A-1001", "A-1002"])
    #expect(
      list.outputText == "id\taccount\tcycle\tkind\ttotal\tissued\tdigest\n"
        + bills.map {
          "\($0.id)\t\($0.account)\t\($0.cycle)\toriginal\t\($0.total)\t\($0.issued)\t\($0.digest.prefix(12))\n"
        }.joined())
    #expect(
      try await folder.run("bill", "list", "--store", station.store, "--account", "A-1002").outputText
        .split(separator: "\n").count == 2)
    for (bill, meter) in zip(bills, [("D-0001", 1, "guangdong"), ("D-0002", 10, "hunan")]) {
      try await check(bill, meter: meter.0, times: meter.1, tariff: meter.2, station)
    }
  }

  /// One bill against its readings, against `meterd rate`, and explained.
  private func check(
    _ bill: ListedBill, meter: String, times: Int, tariff: String, _ station: TestStation
  ) async throws {
    let folder = station.folder
    let shown = try await folder.run("bill", "show", "\(bill.id)", "--store", station.store, "--json")
    let document = try JSONDecoder().decode(Document.self, from: Data(shown.output))
    let total = try await station.readings(
      "--meter", meter, "--kind", "settlement", "--quantity", "energy.import.active.total"
    ).sorted { $0.instant < $1.instant }
    let marks = try total.map { try #require(Decimal(string: $0.value)) }
    #expect(Decimal(string: document.energy.total) == (marks[1] - marks[0]) * Decimal(times))
    #expect(document.from == total[0].instant.prefix(10) && document.to == total[1].instant.prefix(10))
    let record =
      #"{"id":"x","account":"\#(bill.account)","from":"\#(document.from)","to":"\#(document.to)","energy":{"total":"\#(document.energy.total)"}}"#
    let rated = try await folder.run(
      ["rate", "--tariff", "\(Program.root)/tariffs/\(tariff)-residential-2012.toml"], input: record)
    let other = try JSONDecoder().decode(Document.self, from: Data(rated.output))
    #expect(other.total == bill.total && document.total == bill.total)
    #expect(other.lines == document.lines && !document.lines.isEmpty)

    let text = try await folder.run("bill", "show", "\(bill.id)", "--store", station.store)
    #expect(text.outputText.contains("  \(bill.total)\tTotal 合计, yuan 元\n"))
    #expect(text.outputText.hasSuffix("digest \(bill.digest)\n"))
    let explained = try await folder.run("bill", "explain", "\(bill.id)", "--config", "station.toml")
    #expect(explained.status == 0 && explained.errorText == "")
    #expect(explained.outputText.hasSuffix("Rated again now from these readings: the same, byte for byte.\n"))
    for line in document.lines { #expect(explained.outputText.contains("   \(line.formula)\n")) }
    for line in total { #expect(explained.outputText.contains("received \(line.frames[0])\n")) }
  }

  struct ListedBill: Decodable {
    let id: Int64
    let account: String
    let cycle: String
    let total: String
    let issued: String
    let digest: String
  }

  struct Document: Decodable {
    struct Energy: Decodable { let total: String }
    struct Line: Decodable, Equatable {
      let ordinal: Int
      let amount: String
      let formula: String
    }
    let from: String
    let to: String
    let energy: Energy
    let lines: [Line]
    let total: String
  }
}
