import CSerial
import DLT645
import Foundation
import Glibc
import Modbus
import Metering
import Simulator
import Testing

@testable import meterd

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
          Write a device such as /dev/ttyUSB0, tcp://HOST:PORT or modbus-tcp://HOST:PORT.
        """),
    Mistake(
      arguments: ["modbus-tcp://127.0.0.1:1"], status: 64,
      errors: """
        meterd: a Modbus meter needs --address
          Units are 0 to 247, or 255; find them with: meterd scan modbus-tcp://127.0.0.1:1
        """),
    Mistake(
      arguments: ["modbus-tcp://127.0.0.1:1", "--address", "250"], status: 64,
      errors: """
        meterd: "250" is no address of a Modbus meter
          A Modbus unit is 0 to 247, or 255 on a network.
        """),
    Mistake(
      arguments: ["modbus-tcp://127.0.0.1:1", "--address", "0", "--serial", "9600 8N1"], status: 64,
      errors: """
        meterd: modbus-tcp://127.0.0.1:1 is a network; nothing there has serial settings
          Leave --serial out.
        """),
    Mistake(
      arguments: ["modbus-tcp://127.0.0.1:1"] + meter, status: 64,
      errors: """
        meterd: modbus-tcp://127.0.0.1:1 speaks Modbus and nothing else
          DL/T 645 meters are behind a server that passes bytes through: tcp://HOST:PORT.
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
        meterd: "248" is no address of a Modbus meter
          A Modbus unit is 1 to 247.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--protocol", "modbus"], status: 64,
      errors: """
        meterd: a Modbus meter needs --address
          Units are 1 to 247; find them with: meterd scan /dev/ttyS1
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--address", "0"], status: 64,
      errors: """
        meterd: "0" is no address of a Modbus meter
          A Modbus unit is 1 to 247.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--address", "20231111"], status: 64,
      errors: """
        meterd: "20231111" is no address of a DL/T 645 meter
          The address is the 12 digits on the meter, or AAAAAAAAAAAA for the only meter on the line.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--registers", "holding:0+10"] + meter, status: 64,
      errors: """
        meterd: --registers are those of a Modbus meter
          Give its --address, 1 to 247.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "--address", "1", "--registers", "coil:0+10"], status: 64,
      errors: """
        meterd: "coil:0+10" are no registers
          Write holding:0+10 or input:0x48+2: the first register as on the wire, from 0, and how many; 125 at most.
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
          Write dlt645-2007, dlt645-1997, dlt645 or modbus.
        """),
    Mistake(
      arguments: ["/dev/ttyS1", "energy.nope"] + meter, status: 64,
      errors: """
        meterd: "energy.nope" is no quantity
          Write a name such as energy.import.active.total or voltage.l1; meterd identifiers lists them.
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
        If meterd runs, what it reads is in its store: meterd readings. Else find the holder with: fuser -v \(port)
      """)
  }

  @Test func `meters that do not answer on a living line`() async throws {
    let station = try TestStation()
    let meters = try await station.simulate()
    defer { meters.end() }
    let advice =
      "Check the address, the A/B wiring and the speed. If other meters on this line answer, it is this meter. Without --serial the usual settings are tried."
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
      ], fails: 65,
      """
      meterd: what came from \(station.port) is no meter's address (dlt645-2007 at 115200 8E1)
        Several meters that answer at once sound like this: meterd scan \(station.port) tells them apart. Else check speed and parity; --raw shows the bytes.
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
    #expect(printed.first == "meter 202311110001 on \(station.port), 115200 8E1, dlt645-2007")
    #expect(printed[1].hasPrefix("read as dlt645-2007-three-phase, a guess: voltage.l2 "))
    #expect(try printed[2].wholeMatch(of: Regex("DI 0001FF00  [0-9]+ ms, [1-3] tr(y|ies)")) != nil)
    #expect(try printed[3].wholeMatch(of: Regex("  energy.import.active.total  [0-9]+\\.[0-9]{2} kWh  正向有功电能总")) != nil)
    #expect(printed.count == 8)

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

  @Test func `a port alone is enough: settings, edition and address are found`() async throws {
    let port = try await SimulatedPort(
      [SimulatedPort.Meter(profile: "dlt645-2007-single-phase", address: "202311110001")], serial: "9600 8E1")
    let seen = try await port.run("probe", port.path, "voltage.l1")
    #expect(seen.status == 0)
    #expect(
      seen.errorText == """
        trying dlt645-2007 at 2400 8E1
        trying dlt645-1997 at 2400 8E1
        trying dlt645-2007 at 9600 8E1
        meter 202311110001 answers: dlt645-2007 at 9600 8E1

        """)
    let lines = seen.outputText.split(separator: "\n")
    #expect(lines.first == "meter 202311110001 on \(port.path), 9600 8E1, dlt645-2007")
    #expect(lines.dropFirst().first == "read as dlt645-2007-single-phase, a guess: no voltage.l2, 4 rates")
    #expect(lines.last?.hasPrefix("  voltage.l1  2") == true && lines.last?.contains(" V  ") == true)
  }

  @Test func `a 1997 meter is found and read`() async throws {
    let port = try await SimulatedPort(
      [SimulatedPort.Meter(profile: "dlt645-2007-single-phase", address: "000000063295", edition: .dlt645v1997)],
      serial: "115200 8E1")
    let seen = try await port.run("probe", port.path, "--serial", "115200 8E1", "--tries", "1", "--raw")
    #expect(seen.status == 0)
    #expect(seen.errorText.hasSuffix("meter 000000063295 answers: dlt645-1997 at 115200 8E1\n"))
    #expect(seen.outputText.contains("\nDI 9010  "))
    #expect(seen.outputText.contains("  energy.import.active.total  "))
    #expect(seen.outputText.contains("  > FE FE FE FE 68 95 32 06 00 00 00 68 01 02 43 C3 "))
  }

  @Test func `a Modbus meter needs no profile: it is recognised, and bare registers are shown`() async throws {
    let port = try await SimulatedPort(
      [SimulatedPort.Meter(profile: "eastron-sdm630", address: "7")], serial: "9600 8N1")
    let seen = try await port.folder.run("probe", port.path, "--address", "7", "voltage.l1", "--json")
    #expect(seen.status == 0)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(seen.output)) as? [String: Any])
    #expect(object["protocol"] as? String == "modbus" && object["meter"] as? String == "7")
    #expect(object["profile"] as? String != nil)
    let answers = try #require(object["answers"] as? [[String: Any]])
    let values = try #require(answers.first?["values"] as? [[String: Any]])
    #expect(values.first?["quality"] as? String == "ok" && values.first?["quantity"] as? String == "voltage.l1")
    let raw = try await port.run("probe", port.path, "--address", "7", "--registers", "input:0x0+2")
    let lines = raw.outputText.split(separator: "\n")
    #expect(raw.status == 0 && lines.count == 4)
    #expect(lines[1].hasPrefix("input 0+2  "))
    #expect(lines[2].hasPrefix("  0  43") && lines[2].contains("  f32 2"))
    #expect(lines[3].hasPrefix("  1  "))
  }

  @Test func `a line without meters, asked for the address of its only one`() async throws {
    let port = try await SimulatedPort([], serial: "115200 8E1")
    let seen = try await port.run(
      "probe", port.path, "--protocol", "dlt645-2007", "--serial", "115200 8E1", "--tries", "1")
    #expect(seen.status == 69)
    #expect(
      seen.errorText == """
        meterd: no meter on \(port.path) told its address (1 try, 115200 8E1)
          To AAAAAAAAAAAA a meter answers soundly while it is alone on the line. Take the others off, or give the address of one; else check the A/B wiring and the speed.

        """)
  }

  @Test func `two meters at once are told from one that is wired wrong`() async throws {
    let port = try await SimulatedPort(
      [
        SimulatedPort.Meter(profile: "dlt645-2007-single-phase", address: "202311110001"),
        SimulatedPort.Meter(
          profile: "dlt645-2007-single-phase", address: "202311110002", delay: .milliseconds(300)),
      ], serial: "115200 8E1")
    let seen = try await port.run(
      "probe", port.path, "--serial", "115200 8E1", "--protocol", "dlt645-2007", "--tries", "1")
    #expect(seen.status == 65)
    #expect(
      seen.errorText == """
        meterd: more than one meter answers on \(port.path): 202311110001, 202311110002
          Give the address of one. All of them are found with: meterd scan \(port.path)

        """)
  }

  @Test(arguments: [
    ("holding:0+10", 3, 0, 10), ("input:0x48+2", 4, 72, 2), ("input:65535", 4, 65_535, 1),
    ("holding:0+125", 3, 0, 125),
  ])
  func `registers are named by kind, first and count`(_ text: String, _ code: UInt8, _ first: UInt16, _ count: UInt16)
    throws
  {
    let wish = try RegisterWish(text)
    #expect(wish.function.rawValue == code && wish.first == first && wish.count == count)
  }

  @Test(arguments: ["", "holding", "holding:", "holding:0+0", "holding:0+126", "input:65535+2", "input:0x+1", "x:0+1"])
  func `what names no registers is refused`(_ text: String) {
    #expect(throws: (any Error).self) { try RegisterWish(text) }
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
