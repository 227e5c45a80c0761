import Foundation
import Testing

/// Files that cannot be a store, or not this meterd's.
@Suite(.serialized) struct StoreFileTests {
  private func expectRun(with store: String, _ station: TestStation, fails status: Int32, _ errors: String) async throws
  {
    try station.write("other.toml", station.store, store)
    try await expect(station.folder, ["run", "--config", "other.toml"], fails: status, errors)
  }

  @Test func `a store of a newer schema is not touched`() async throws {
    let station = try TestStation()
    #expect(try await station.folder.run("bill", "run", "--config", "station.toml").status == 0)
    // The number of the schema stands in bytes 60 to 63 of the header. Source: SQLite file format, section 1.3.
    var bytes = try Data(contentsOf: URL(filePath: station.store))
    let known = bytes[63]
    bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
    try bytes.write(to: URL(filePath: station.store))
    let complaint = """
      meterd: the store \(station.store) was written by a newer meterd (schema 99; this one knows \(known))
        It was not touched. Install the newer meterd again, or use another store.
      """
    for command in [
      ["run", "--config", "station.toml"], ["bill", "run", "--config", "station.toml"],
      ["readings", "--store", station.store], ["bill", "list", "--store", station.store],
    ] {
      try await expect(station.folder, command, fails: 65, complaint)
    }
    #expect(try Data(contentsOf: URL(filePath: station.store)) == bytes)
  }

  @Test func `a file of another kind is not touched`() async throws {
    let station = try TestStation()
    try station.folder.write("letter.txt", "Dear Sir or Madam\n")
    let path = station.folder.path + "/letter.txt"
    let complaint = """
      meterd: \(path) is no store of meterd
        It is another kind of file. It was not touched; choose another path for "store".
      """
    try await expectRun(with: path, station, fails: 65, complaint)
    try await expect(station.folder, ["readings", "--store", path], fails: 65, complaint)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "Dear Sir or Madam\n")
  }

  @Test func `a store that cannot be made is named with the reason`() async throws {
    let station = try TestStation()
    let folder = station.folder.path
    for (path, reason) in [
      ("\(folder)/none/meterd.db", "No such file or directory"), ("/proc/meterd.db", "No such file or directory"),
      ("\(folder)/station.toml/meterd.db", "Not a directory"),
    ] {
      try await expectRun(
        with: path, station, fails: 73,
        """
        meterd: cannot create or open the store \(path): \(reason)
          The folder must exist and this user must be allowed to write in it.
        """)
    }
  }

  @Test func `there is nothing to look at where no store is`() async throws {
    let folder = try Folder()
    let complaint = """
      meterd: there is no store none.db
        The daemon makes it when it first runs. Check the path, or name the configuration with --config FILE.
      """
    for command in [["readings"], ["bill", "list"], ["bill", "show", "1"]] {
      try await expect(folder, command + ["--store", "none.db"], fails: 78, complaint)
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/none.db"))
  }

  @Test func `questions that no store can answer`() async throws {
    let station = try TestStation()
    try station.folder.write(
      "old.toml", station.text().replacing(try Regex("from = .*\n"), with: "from = \"2020-01-01\"\n"))
    let total = "no reading of energy.import.active.total at"
    for _ in 1...2 {
      let run = try await station.folder.run("bill", "run", "--config", "old.toml").outputText.split(separator: "\n")
      #expect(run.count == 2)
      #expect(run.first?.hasPrefix("A-1001  2020-01  waits: meter D-0001: \(total) 2020-01-01T00:00:00; ") == true)
      #expect(run.last?.hasPrefix("A-1002  2020-01  waits: meter D-0002: \(total) 2020-01-01T00:00:00; ") == true)
    }
    let store = ["--store", station.store]
    try await expect(
      station.folder, ["bill", "show", "7"] + store, fails: 65,
      """
      meterd: there is no bill 7 in \(station.store)
        meterd bill list shows the numbers.
      """)
    try await expect(
      station.folder, ["readings", "--quantity", "energy.nope"] + store, fails: 64,
      """
      meterd: "energy.nope" is no quantity
        Write a name such as energy.import.active.total or voltage.l1.
      """)
    try await expect(
      station.folder, ["readings", "--since", "yesterday"] + store, fails: 64,
      """
      meterd: "yesterday" is no instant
        Write 2026-11-01, 2026-11-01T00:00 or 2026-11-01T00:00:00+08:00.
      """)
    try await expect(
      station.folder, ["readings", "--format", "xml"] + store, fails: 64,
      """
      meterd: unknown format "xml"
        Write table, csv or ndjson.
      """)
  }
}
