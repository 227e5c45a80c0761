import Testing

@testable import Concentrator

/// Where profiles and tariffs are looked for.
@Suite struct DataFoldersTests {
  struct Place: Sendable, CustomTestStringConvertible {
    let program: String
    let places: [String]
    var testDescription: String { program }
  }

  @Test(arguments: [
    Place(program: "/usr/local/bin", places: ["/usr/local/share/meterd"]),
    Place(
      program: "/home/a/meterd/.build/x86_64-unknown-linux-gnu/debug",
      places: ["/home/a/meterd/.build/x86_64-unknown-linux-gnu/share/meterd", "/home/a/meterd"]),
  ]) func `data lies beside an installed program, and in the folder that one was built in`(_ row: Place) {
    #expect(DataFolders.besideProgram(in: row.program) == row.places)
  }

  @Test func `who wants no tariff needs no folder of them`() throws {
    let folders = try DataFolders(devices: root + "/devices")
    #expect(folders.profileNames.contains("eastron-sdm630"))
    #expect(throws: Complaint.self) { try DataFolders(devices: root + "/devices", tariffs: "/nowhere") }
  }
}
