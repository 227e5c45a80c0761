import CSerial
import Foundation
import Glibc
import Metering
import Simulator
import Testing

/// `meterd probe`, as a technician meets it.
@Suite(.serialized) struct ProbeTests {
  static let address = ["--address", "202311110001"]
  static let meter = ["--protocol", "dlt645-2007"] + address
  static let bauds = "300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600"
  static let profiles = ((try? FileManager.default.contentsOfDirectory(atPath: Program.root + "/devices")) ?? [])
    .filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted().joined(separator: ", ")

  struct Mistake: CustomTestStringConvertible {
    let arguments: [String]
    let status: Int32
    let errors: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let mistakes = [
    Mistake(
      arguments: ["/dev/ttyNONE"] + meter, status: 74,
      errors: """
        meterd: there is no port /dev/ttyNONE
          It may be unplugged or have another name. List the ports with: ls -l /dev/serial/by-id /dev/ttyS* /dev/ttyUSB*
        """),
    Mistake(
      arguments: [#filePath] + meter, status: 74,
      errors: """
        meterd: \(#filePath) is no serial port
          It is a file, a folder or a device without serial settings. A port is called something like /dev/ttyS1 or /dev/ttyUSB0.
        """),
    Mistake(
      arguments: ["ttyS1"] + meter, status: 64,
      errors: """
        meterd: "ttyS1" is no port
          Write a device such as /dev/ttyUSB0, or tcp://HOST:PORT.
        """),
    Mistake(
      arguments: ["tcp://127.0.0.1:1"] + meter, status: 75,
      errors: """
        meterd: no connection to tcp://127.0.0.1:1: Connection refused
          Check that the serial server is on, that host and port are right, and that no other program holds its only connection.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--serial", "2401 8E1"] + meter, status: 64,
      errors: """
        meterd: "2401 8E1" are no serial settings
          Write "2400 8E1", with one of \(bauds) baud.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--serial", "8E1"] + meter, status: 64,
      errors: """
        meterd: "8E1" are no serial settings
          Write "2400 8E1", with one of \(bauds) baud.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--protocol", "dlt645-2007", "--address", "2023"], status: 64,
      errors: """
        meterd: "2023" is no address of a dlt645-2007 meter
          The address is the 12 digits on the meter, or AAAAAAAAAAAA for the only meter on the line.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--protocol", "modbus", "--profile", "eastron-sdm630", "--address", "248"],
      status: 64,
      errors: """
        meterd: "248" is no address of a modbus meter
          A Modbus unit is 1 to 247.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--protocol", "modbus", "--address", "1"], status: 64,
      errors: """
        meterd: a Modbus meter needs --profile: its registers say nothing of themselves
          There are: \(profiles).
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--protocol", "modbus", "--profile", "acme", "--address", "1"], status: 78,
      errors: """
        meterd: there is no profile "acme" in \(Program.root)/devices
          There are: \(profiles).
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--profile", "eastron-sdm630"] + meter, status: 64,
      errors: """
        meterd: eastron-sdm630 is the profile of a modbus meter, not of a dlt645-2007 one
          Give the --protocol or the --profile that fits the other.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--protocol", "smoke"] + address, status: 64,
      errors: """
        meterd: unknown protocol "smoke"
          Write dlt645-2007 or modbus.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "energy.nope"] + meter, status: 64,
      errors: """
        meterd: "energy.nope" is no quantity
          Write a name such as energy.import.active.total or voltage.l1.
        """),
  ]

  @Test(arguments: mistakes)
  func `a mistake is told with its cause and the next step`(_ mistake: Mistake) async throws {
    try await expect(Folder(), ["probe"] + mistake.arguments, fails: mistake.status, mistake.errors)
  }

  @Test func `a port that another program holds`() async throws {
    var controller: CInt = -1, device: CInt = -1
    var name = [CChar](repeating: 0, count: 128)
    #expect(cserial_pseudo_terminal(&controller, &device, &name, name.count) == 0)
    defer {
      close(controller)
      close(device)
    }
    #expect(cserial_lock(device) == 0)
    let port = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try await expect(
      Folder(), ["probe", port] + Self.meter, fails: 75,
      """
      meterd: \(port) is in use by another program
        If meterd runs, ask it: meterd read METER. Else find the holder with: fuser -v \(port)
      """)
  }

  @Test func `meters that do not answer on a living line`() async throws {
    let station = try TestStation()
    let meters = try await station.simulate()
    defer { meters.end() }
    let advice =
      "Check the address, the A/B wiring and the speed. If other meters on this line answer, it is this meter."
    let wildcard = " Alone on the line it answers to --address AAAAAAAAAAAA."
    for (meter, serial) in [
      ("202311110009", "115200 8E1"), ("202311110003", "115200 8E1"), ("202311110001", "9600 8E1"),
    ] {
      try await expect(
        station.folder,
        ["probe", station.port, "--protocol", "dlt645-2007", "--address", meter, "--serial", serial, "--tries", "1"],
        fails: 69,
        """
        meterd: meter \(meter) on \(station.port) did not answer (1 try, \(serial))
          \(advice)\(wildcard)
        """)
    }
    let modbus = ["--protocol", "modbus", "--profile", "eastron-sdm630", "--address", "9", "--tries", "1"]
    try await expect(
      station.folder, ["probe", station.port, "--serial", "115200 8E1"] + modbus, fails: 69,
      """
      meterd: meter 9 on \(station.port) did not answer (1 try, 115200 8E1)
        \(advice)
      """)
    try await expect(
      station.folder,
      [
        "probe", station.port, "--protocol", "dlt645-2007", "--address", "AAAAAAAAAAAA", "--serial", "115200 8E1",
        "--tries", "1",
      ], fails: 69,
      """
      meterd: no meter on \(station.port) told its address (1 try, 115200 8E1)
        To AAAAAAAAAAAA a meter answers soundly while it is alone on the line. Take the others off, or give the address of one; else check the A/B wiring and the speed.
      """)
  }

  @Test func `a meter tells what it holds, for people and for programs`() async throws {
    let station = try TestStation()
    let meters = try await station.simulate()
    defer { meters.end() }
    let line = ["probe", station.port, "--serial", "115200 8E1", "energy.import.active.total"]
    let text = try await station.folder.run(line + Self.meter)
    #expect(text.status == 0, "\(text.errorText)")
    let printed = text.outputText.split(separator: "\n")
    #expect(printed.first == "meter 202311110001 on \(station.port), 115200 8E1")
    #expect(try printed[1].wholeMatch(of: Regex("DI 0001FF00  [0-9]+ ms, [1-3] tr(y|ies)")) != nil)
    #expect(try printed[2].wholeMatch(of: Regex("  energy.import.active.total  [0-9]+\\.[0-9]{2} kWh  正向有功电能总")) != nil)
    #expect(printed.count == 7)

    let before = SimulatedInstant(unixMilliseconds: cserial_unix_milliseconds())
    let dlt645 = try await told(in: station, line + ["--json"] + Self.meter)
    let modbus = try await told(
      in: station,
      line + ["--json", "--protocol", "modbus", "--profile", "eastron-sdm630", "--address", "1"])
    let after = SimulatedInstant(unixMilliseconds: cserial_unix_milliseconds())
    let truth = try station.meters()
    let energy = try #require(Quantity(name: "energy.import.active.total"))
    for (meter, answers) in [("D-0001", dlt645), ("E-0001", modbus)] {
      let value = try #require(answers.answers.first?.values?.first)
      #expect(value.quantity == energy.name)
      #expect(value.obis == "1-0:1.8.0")
      #expect(value.unit == "kWh")
      let held = try [before, after].map { instant in
        try #require(truth[meter]?.truth(energy, .current, at: instant)?.value.description)
      }
      // The register goes on while it is read.
      let range = try #require(Decimal(string: held[0]))...(try #require(Decimal(string: held[1])))
      #expect(range.contains(try #require(Decimal(string: value.value ?? ""))))
    }
    #expect(dlt645.meter == "202311110001")
    #expect(dlt645.answers.first?.values?.count == 5)
    #expect(dlt645.answers.first?.traffic.first?.direction == "sent")
    #expect(
      dlt645.answers.first?.traffic.first?.bytes
        == "FE FE FE FE 68 01 00 11 11 23 20 68 11 04 33 32 34 33 17 16")
  }

  struct Told: Decodable {
    struct Answer: Decodable {
      struct Value: Decodable {
        let quantity: String
        let obis: String?
        let value: String?
        let unit: String?
      }
      struct Run: Decodable {
        let direction: String
        let bytes: String
      }
      let query: String
      let tries: Int
      let outcome: String
      let values: [Value]?
      let traffic: [Run]
    }
    let meter: String
    let port: String
    let serial: String
    let answers: [Answer]
  }

  private func told(in station: TestStation, _ arguments: [String]) async throws -> Told {
    let seen = try await station.folder.run(arguments)
    #expect(seen.status == 0, "\(seen.errorText)")
    return try JSONDecoder().decode(Told.self, from: Data(seen.output))
  }
}
