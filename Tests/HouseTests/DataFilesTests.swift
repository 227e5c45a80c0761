import Testing

struct SourceCase: Sendable, CustomTestStringConvertible {
  let text: String
  let expected: Bool
  var testDescription: String { text.replacing("\n", with: " / ") }
}

@Suite struct DataFilesTests {
  @Test(arguments: ["devices", "tariffs"])
  func `every device profile and every tariff has a source`(_ folder: String) throws {
    // Lists of special days have the notice that they are of, which reading them asks for.
    for file in try House.files(in: folder, kind: "toml") where !file.contains("tariffs/calendars/") {
      #expect(DataFile(try House.text(of: file)).hasSource, "\(file) has no source = \"...\", or an empty one")
    }
  }

  /// As soon as there are profiles and tariffs, the example may name only those.
  @Test(arguments: [("devices", "profile"), ("tariffs", "tariff")])
  func `the example configuration names files that are shipped`(_ folder: String, _ key: String) throws {
    let shipped = try House.files(in: folder, kind: "toml").map { $0.split(separator: "/").last.map(String.init) }
    let named = Set(DataFile(try House.text(of: "systemd/meterd.toml")).strings(key)).sorted()
    #expect(!named.isEmpty)
    guard !shipped.isEmpty else { return }
    for name in named {
      #expect(shipped.contains("\(name).toml"), "systemd/meterd.toml names \(name), and \(folder)/ has no \(name).toml")
    }
  }

  static let cases = [
    SourceCase(text: "source = \"DL/T 645-2007, annex A\"", expected: true),
    SourceCase(text: "[register]\n  source=\"manual, page 4\" # checked", expected: true),
    SourceCase(text: "r = { at = 1, source = \"manual\" }", expected: true),
    SourceCase(text: "name = \"x\"", expected: false),
    SourceCase(text: "# source = \"manual\"", expected: false),
    SourceCase(text: "source = \"\"", expected: false),
    SourceCase(text: "source = \"manual\"\n[b]\nsource = \"?\"", expected: false),
    SourceCase(text: "resource = \"manual\"", expected: false),
    SourceCase(text: "", expected: false),
  ]

  @Test(arguments: cases)
  func `a source is a key with words in it`(_ sample: SourceCase) {
    #expect(DataFile(sample.text).hasSource == sample.expected)
  }
}
