import Acquisition
import Concentrator
import DLT645
import Foundation
import Line
import Metering
import Testing

@testable import meterd

/// `meterd scan`, over simulated lines.
@Suite(.serialized) struct ScanTests {
  static let mixed = [
    SimulatedPort.Meter(profile: "dlt645-2007-three-phase", address: "202311110001"),
    SimulatedPort.Meter(profile: "dlt645-2007-single-phase", address: "202311110002"),
    SimulatedPort.Meter(profile: "dlt645-2007-single-phase", address: "000000063295", edition: .dlt645v1997),
    SimulatedPort.Meter(profile: "eastron-sdm630", address: "2"),
    SimulatedPort.Meter(profile: "chint-ddsu666", address: "5", serial: "9600 8N1"),
  ]

  struct Found: Decodable {
    let port: String
    let `protocol`: String
    let address: String
    let serial: String
    let profile: String?
    let evidence: [String]
  }

  @Test func `meters of both protocols are found, with what they are`() async throws {
    let port = try await SimulatedPort(Self.mixed, serial: "115200 8E1")
    let seen = try await port.run(
      "scan", port.path, "--serial", "115200 8E1", "--serial", "9600 8N1", "--units", "1-5", "--timeout-ms", "120",
      "--json")
    #expect(seen.status == 0)
    let found = try seen.outputText.split(separator: "\n").map {
      try JSONDecoder().decode(Found.self, from: Data($0.utf8))
    }
    #expect(
      found.map { "\($0.protocol) \($0.address) \($0.serial)" } == [
        "dlt645-2007 202311110001 115200 8E1", "dlt645-2007 202311110002 115200 8E1",
        "dlt645-1997 000000063295 115200 8E1", "modbus 2 115200 8E1", "modbus 5 9600 8N1",
      ])
    #expect(found[0].profile == "dlt645-2007-three-phase" && found[1].profile == "dlt645-2007-single-phase")
    #expect(found[0].evidence.contains("4 rates"))
    #expect(found[3].evidence.contains { $0.hasPrefix("voltage.l1 ") })
    #expect(seen.errorText.hasPrefix("scanning \(port.path): 6 passes, at least "))
    #expect(seen.errorText.contains("found dlt645-2007 202311110001 at 115200 8E1"))
  }

  @Test func `what is printed can be pasted into a configuration`() async throws {
    let port = try await SimulatedPort(
      [
        SimulatedPort.Meter(profile: "dlt645-2007-three-phase", address: "202311110001"),
        SimulatedPort.Meter(profile: "eastron-sdm630", address: "2"),
      ], serial: "115200 8E1")
    let seen = try await port.run(
      "scan", port.path, "--serial", "115200 8E1", "--units", "2-2", "--timeout-ms", "200", "--protocol", "dlt645",
      "--protocol", "modbus")
    #expect(seen.status == 0)
    let text = seen.outputText
    #expect(
      text.hasPrefix("PROTOCOL     ADDRESS       SERIAL      LIKELY PROFILE\ndlt645-2007  202311110001  115200 8E1  "))
    let start = try #require(text.range(of: "[[line]]")).lowerBound
    try port.folder.write(
      "found.toml",
      "station = \"T\"\nstore = \"/tmp/none.db\"\ndevices = \"\(Program.root)/devices\"\n" + text[start...])
    let configuration = try Configuration.load(port.folder.path + "/found.toml")
    #expect(configuration.lines.map { "\($0.port)" } == [port.path])
    #expect(configuration.lines.first?.meters.map(\.address) == ["202311110001", "2"])
    _ = try Station(configuration)
  }

  @Test func `units behind a Modbus TCP server are found, and none of its settings are asked for`() async throws {
    let port = try await SimulatedPort(
      [
        SimulatedPort.Meter(profile: "eastron-sdm630", address: "0"),
        SimulatedPort.Meter(profile: "chint-ddsu666", address: "255"),
      ], serial: nil)
    let seen = try await port.folder.run("scan", port.path, "--timeout-ms", "20")
    #expect(seen.status == 0, "\(seen.errorText)")
    #expect(seen.errorText.hasPrefix("scanning \(port.path): 1 pass, at least 5 s"))
    let text = seen.outputText
    let start = try #require(text.range(of: "[[line]]")).lowerBound
    #expect(!text[start...].contains("serial"))
    try port.folder.write(
      "found.toml", "station = \"T\"\nstore = \"none.db\"\ndevices = \"\(Program.root)/devices\"\n" + text[start...])
    let configuration = try Configuration.load(port.folder.path + "/found.toml")
    #expect(configuration.lines.first?.meters.map(\.address) == ["0", "255"])
    _ = try Station(configuration)
    let only = try await port.run("scan", port.path, "--protocol", "dlt645")
    #expect(only.status == 64)
    #expect(only.errorText.hasPrefix("meterd: \(port.path) speaks Modbus and nothing else\n"))
  }

  @Test func `nobody there: 69, and what was tried`() async throws {
    let port = try await SimulatedPort([], serial: "115200 8E1")
    let seen = try await port.run(
      "scan", port.path, "--serial", "115200 8E1", "--serial", "9600 8N1", "--units", "7", "--timeout-ms", "20")
    #expect(seen.status == 69)
    #expect(seen.output == [])
    #expect(
      seen.errorText.hasSuffix(
        """
        meterd: no meter answered on \(port.path) (dlt645-2007 at 115200 8E1, 9600 8N1; dlt645-1997 at 115200 8E1, 9600 8N1; modbus at 115200 8E1, 9600 8N1)
          Check that the meters have power, and the A/B wiring: swap the two wires once.
          Meters that answer slowly are found with --timeout-ms 1000, and several that hide each other with --thorough.

        """))
  }

  @Test func `an interrupt shows what was found so far`() async throws {
    let port = try await SimulatedPort([Self.mixed[0]], serial: "2400 8E1")
    let scan = try port.folder.start("scan", port.path)
    defer { scan.end() }
    try await scan.says("found dlt645-2007 202311110001 at 2400 8E1")
    scan.signal(SIGINT)
    let end = try await scan.finish()
    await port.stop()
    #expect(end.status == 0)
    #expect(end.errorText.hasSuffix("stopped; this is what was found so far\n"))
    #expect(end.outputText.contains("address = \"202311110001\""))
  }

  struct Mistake: CustomTestStringConvertible {
    let arguments: [String]
    let errors: String
    var status: Int32 = 64
    var testDescription: String { arguments.joined(separator: " ") }
  }

  @Test(arguments: [
    Mistake(
      arguments: ["ttyS1"],
      errors: """
        meterd: "ttyS1" is no port
          Write a device such as /dev/ttyUSB0, tcp://HOST:PORT or modbus-tcp://HOST:PORT.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--units", "0-9"],
      errors: """
        meterd: "0-9" are no Modbus units
          Write a range such as 1-32, or one number; 1 to 247.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--protocol", "smoke"],
      errors: """
        meterd: unknown protocol "smoke"
          Write dlt645, dlt645-2007, dlt645-1997 or modbus.
        """),
    Mistake(arguments: ["/dev/ttyS1", "--timeout-ms", "5"], errors: "meterd: --timeout-ms takes 20 to 10000"),
  ])
  func `a mistake is told with its cause and the next step`(_ mistake: Mistake) async throws {
    try await expect(Folder(), ["scan"] + mistake.arguments, fails: mistake.status, mistake.errors)
  }

  @Test func `a port that is not there`() async throws {
    let seen = try await Folder().run("scan", "/dev/ttyNONE")
    #expect(seen.status == 74)
    #expect(seen.errorText.contains("meterd: there is no port /dev/ttyNONE\n"))
  }

  @Test(arguments: [
    (0, 1000, "[                        ]   0 %"), (500, 500, "[############            ]  50 %"),
    (1000, 0, "[########################] 100 %"), (0, 0, "[                        ]   0 %"),
  ])
  func `the bar grows with the work done`(_ done: Int64, _ left: Int64, _ bar: String) {
    #expect(ProgressLine.bar(done: .milliseconds(done), left: .milliseconds(left)) == bar)
  }

  @Test(arguments: [(0, "1 s"), (1001, "2 s"), (61_000, "1 min 1 s"), (7_500_000, "2 h 5 min")])
  func `times are told in words`(_ milliseconds: Int64, _ text: String) {
    #expect(ProgressLine.time(.milliseconds(milliseconds)) == text)
  }
}
