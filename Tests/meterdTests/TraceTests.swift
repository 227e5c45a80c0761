import CSerial
import Foundation
import Glibc
import Testing

@testable import meterd

/// `meterd trace`: listening, and reading what a daemon wrote.
@Suite(.serialized) struct TraceTests {
  /// A pseudo-terminal whose far end speaks as both master and meter would.
  private final class Bus: @unchecked Sendable {
    private let controller: CInt
    private let device: CInt
    let path: String

    init() throws {
      var controller: CInt = -1, device: CInt = -1
      var name = [CChar](repeating: 0, count: 128)
      guard cserial_pseudo_terminal(&controller, &device, &name, name.count) == 0 else { throw Failure("no terminal") }
      self.controller = controller
      self.device = device
      path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
      close(controller)
      close(device)
    }

    func say(_ bytes: [UInt8]) { _ = cserial_write(controller, bytes, CInt(bytes.count), Int64.max) }

    /// What the listener has said.
    var heard: [UInt8] {
      var buffer = [UInt8](repeating: 0, count: 100)
      let count = cserial_read(controller, &buffer, 100)
      return Array(buffer.prefix(max(0, Int(count))))
    }
  }

  @Test func `a listener shows frames, keeps them, and never sends`() async throws {
    let bus = try Bus()
    let folder = try Folder()
    let trace = try folder.start("trace", bus.path, "--serial", "9600 8N1", "--frames", "3", "--pcap", "bus.pcap")
    defer { trace.end() }
    try await trace.says("listening to \(bus.path), 9600 8N1; Ctrl-C ends\n")
    bus.say(CaptureTests.request)
    try await trace.wait("request") { $0.outputText.contains("request 000000000161 read 00010000\n") }
    bus.say([0xFE, 0xFE] + CaptureTests.reply)
    try await trace.wait("reply") { $0.outputText.contains("energy.import.active.total 0.26 kWh\n") }
    bus.say(CaptureTests.modbus)
    let end = try await trace.finish()
    #expect(end.status == 0)
    #expect(bus.heard.isEmpty)
    let lines = end.outputText.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[2].contains("modbus-rtu reply unit 1 read input registers 2 registers 4366 3334"))
    #expect(LogTime(lines[0].prefix(29)) != nil)

    let packets = try Self.packets(folder.path + "/bus.pcap")
    #expect(packets.flatMap(\.bytes) == CaptureTests.request + [0xFE, 0xFE] + CaptureTests.reply + CaptureTests.modbus)
    #expect(packets.first?.direction == 1 && packets.last?.direction == 2)
    #expect(packets.allSatisfy { $0.seconds > 1_700_000_000 })
  }

  @Test func `raw runs, an end by time, and JSON`() async throws {
    let bus = try Bus()
    let trace = try Folder().start("trace", bus.path, "--raw", "--frames", "1", "--json")
    defer { trace.end() }
    try await trace.says("listening")
    bus.say([1, 2, 3])
    let end = try await trace.finish()
    #expect(end.outputText.hasSuffix(#"","direction":null,"bytes":"01 02 03"}"# + "\n"))
    let silent = try await Folder().run("trace", bus.path, "--seconds", "1")
    #expect(silent.status == 69)
    #expect(
      silent.errorText.hasSuffix(
        """
        meterd: nothing was heard on \(bus.path)
          Somebody must speak on the line while it is listened to. Check the A/B wiring of this adapter.

        """))
  }

  @Test func `bytes that are no frame: 65, and which settings were heard with`() async throws {
    let bus = try Bus()
    let trace = try Folder().start("trace", bus.path, "--seconds", "3")
    defer { trace.end() }
    try await trace.says("listening")
    bus.say([UInt8](repeating: 0x5A, count: 40))
    let end = try await trace.finish()
    #expect(end.status == 65)
    #expect(end.errorText.contains("meterd: no frame in 40 bytes heard on \(bus.path)\n"))
  }

  @Test func `what a daemon says is in its trace file`() async throws {
    let station = try TestStation()
    try Self.trace(station, to: "\(station.folder.path)/bus1.trace")
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    try await daemon.says("meter answers line=bus1 meter=E-0001")
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
    let seen = try await station.folder.run("trace", "--from", "bus1.trace", "--pcap", "bus1.pcap")
    #expect(seen.status == 0 && seen.errorText == "")
    #expect(seen.outputText.contains("> dlt645-2007 request 202311110001 read 0001FF00\n"))
    #expect(seen.outputText.contains("< dlt645-2007 reply 202311110001 read 0001FF00  energy.import.active.total "))
    #expect(seen.outputText.contains("< modbus-rtu reply unit 1 "))
    let packets = try Self.packets(station.folder.path + "/bus1.pcap")
    #expect(Set(packets.map(\.direction)) == [1, 2])
    let text = try String(contentsOfFile: station.folder.path + "/bus1.trace", encoding: .utf8)
    #expect(text.hasPrefix("# meterd trace of line bus1, \(station.port), 115200 8E1\n"))
    let json = try await station.folder.run("decode", "-", "--json", input: String(text.prefix(4000)))
    #expect(json.outputText.contains(#""line":2}"#))
  }

  struct Log: CustomTestStringConvertible {
    let name: String
    /// Times as the log writes them.
    let times: [String]
    /// Seconds since 1970 and microseconds.
    let packets: [(UInt32, UInt32)]
    var testDescription: String { name }
  }

  static let logs = [
    Log(
      name: "seconds since 1970, as candump", times: ["(1436509052.249713)", "1436509052.25"],
      packets: [(1_436_509_052, 249_713), (1_436_509_052, 250_000)]),
    Log(
      name: "times of day, over midnight and nearly in order",
      times: ["12:00:01.123", "12:00:01.120", "[23:59:59,9]", "00:00:00.1", "00:00:00.1"],
      packets: [(43_201, 123_000), (43_201, 120_000), (86_399, 900_000), (86_400, 100_000), (86_400, 100_000)]),
    Log(
      name: "dates and times", times: ["2026-01-02 03:04:05.678", "[2026/01/02 03:04:05,678]", "2026-01-02 03:04:06"],
      packets: [(1_767_323_045, 678_000), (1_767_323_045, 678_000), (1_767_323_046, 0)]),
    Log(
      name: "with an offset", times: ["2026-01-02T03:04:05.678+08:00", "2026-01-02T03:04:05.000001Z"],
      packets: [(1_767_294_245, 678_000), (1_767_323_045, 1)]),
    Log(name: "none on the second line", times: ["12:00:01.5", ">"], packets: [(43_201, 500_000), (43_201, 500_000)]),
  ]

  @Test(arguments: logs)
  func `the packets of a log have its times`(_ log: Log) async throws {
    let folder = try Folder()
    let hex = CaptureTests.request.map { String(format: "%02X", $0) }.joined(separator: " ")
    try folder.write("a.log", log.times.map { "\($0) \(hex)\n" }.joined())
    let seen = try await folder.run("trace", "--from", "a.log", "--pcap", "a.pcap")
    #expect(seen.status == 0, "\(seen.errorText)")
    let packets = try Self.packets(folder.path + "/a.pcap")
    #expect(packets.map(\.seconds) == log.packets.map(\.0))
    #expect(packets.map(\.microseconds) == log.packets.map(\.1))
    #expect(packets.allSatisfy { $0.bytes == CaptureTests.request })
  }

  @Test func `a trace that cannot be written harms nothing and is told once`() async throws {
    let station = try TestStation()
    try Self.trace(station, to: "/dev/full")
    let meters = try await station.simulate()
    defer { meters.end() }
    let daemon = try await station.run()
    defer { daemon.end() }
    try await daemon.says(
      "error trace stopped line=bus1 next=\"the daemon's user must be able to write there; after meterd reload the trace is begun anew\" reason=\"/dev/full: open: Invalid argument\"\n"
    )
    _ = try await station.readings { !$0.isEmpty }
    daemon.signal(SIGTERM)
    let end = try await daemon.finish()
    #expect(end.status == 0)
    #expect(end.errorText.split(separator: "trace stopped").count == 2)
  }

  @Test func `a password is blacked out, and the frame is shown as far as it goes`() async throws {
    let folder = try Folder()
    try folder.write(
      "t.trace",
      "2026-01-02T03:04:05.678+08:00 > 68 61 01 00 00 00 00 68 14 0C 33 33 34 33 ** ** ** ** 33 33 33 33 00 16\n")
    let seen = try await folder.run("trace", "--from", "t.trace")
    #expect(seen.outputText.contains("dlt645-2007 request 000000000161 write"))
    #expect(seen.outputText.hasSuffix("(password hidden, so the sum cannot be checked)\n"))
  }

  @Test func `raw bytes of a command show no password, also in pieces and hurt`() async throws {
    let head = "68 61 01 00 00 00 00 68"
    let secret = "35 89 67 45", shown = "AB 89 67 45"
    let lines = [
      "> FE FE \(head) 19 08 \(secret) \(shown) 9D 16", "< \(head) 19 08 35 89", "< 67 45 \(shown) 9D 16",
      "> \(head) 58 08 \(secret) \(shown) 9D 16", "< 69 61 01 00 00 00 00 60 1C 10 \(secret) \(shown)",
      "12:00:00 \(head) 18 0C 33 3F 33 37 \(secret) \(secret) 00 16",
    ]
    let folder = try Folder()
    try folder.write("a.log", lines.joined(separator: "\n"))
    for json in [[], ["--json"]] {
      let seen = try await folder.run(["trace", "--from", "a.log", "--raw"] + json)
      #expect(seen.status == 0)
      let told = seen.outputText
      #expect(told.contains("\(head) 19 08 ** ** ** **") && !told.contains(secret), "\(told)")
      #expect(!told.contains("19 08 35") && !told.contains("< 67 45") && !told.contains("58 08 35"))
      #expect(told.split(separator: "\n").count == lines.count)
    }
  }

  @Test func `raw bytes that are heard show no password`() async throws {
    let bus = try Bus()
    let trace = try Folder().start("trace", bus.path, "--raw", "--seconds", "2")
    defer { trace.end() }
    try await trace.says("listening")
    bus.say([
      0x68, 0x61, 0x01, 0, 0, 0, 0, 0x68, 0x19, 0x08, 0x35, 0x89, 0x67, 0x45, 0xAB, 0x89, 0x67, 0x45, 0x9D, 0x16,
    ])
    let end = try await trace.finish()
    #expect(end.outputText.contains("19 08 ** ** ** **"), "\(end.outputText) \(end.errorText)")
  }

  @Test func `mistakes`() async throws {
    let folder = try Folder()
    try await expect(
      folder, ["trace"], fails: 64,
      """
      meterd: say either a line, a port or --from a file
        meterd trace bus1 shows what a daemon says there; meterd trace /dev/ttyUSB1 listens; meterd trace --from FILE shows what a daemon wrote.
      """)
    try await expect(
      folder, ["trace", "--from", "none.trace"], fails: 74,
      """
      meterd: cannot read none.trace: No such file or directory
        Check the path; it counts from the folder you are in.
      """)
    try folder.write("empty.trace", "")
    try await expect(
      folder, ["trace", "--from", "empty.trace"], fails: 65,
      """
      meterd: no frame in empty.trace
        A trace has lines such as 2026-11-22T08:00:00.000+08:00 > 68 11 16. A line that nobody spoke on leaves none.
      """)
    try await expect(
      folder, ["trace", "--from", "empty.trace", "--pcap", "/nowhere/x.pcap"], fails: 73,
      """
      meterd: cannot write /nowhere/x.pcap: No such file or directory
        The folder must be there.
      """)
  }

  /// Gives the station's line a trace, and something to say.
  private static func trace(_ station: TestStation, to path: String) throws {
    let task = "[[task]]\nname = \"energy\"\nevery = \"60s\"\nread = [\"energy\"]\n"
    let serial = "serial = \"115200 8E1\"\n"
    try station.folder.write(
      "station.toml",
      station.text(tasks: task).replacing(serial, with: serial + "trace = \"\(path)\"\n", maxReplacements: 1))
  }

  struct Packet {
    let seconds: UInt32
    let microseconds: UInt32
    let direction: UInt8
    let bytes: [UInt8]
  }

  /// Reads a pcap file as any program would.
  static func packets(_ path: String) throws -> [Packet] {
    let data = Array(try Data(contentsOf: URL(filePath: path)))
    func number(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(data[at + $1]) << UInt32(8 * $1) } }
    try #require(data.count >= 24 && number(0) == 0xA1B2_C3D4 && number(20) == 147)
    var packets: [Packet] = []
    var at = 24
    while at < data.count {
      let length = Int(number(at + 8))
      try #require(at + 16 + length <= data.count && number(at + 12) == UInt32(length) && length > 1)
      try #require(number(at + 4) < 1_000_000)
      packets.append(
        Packet(
          seconds: number(at), microseconds: number(at + 4), direction: data[at + 16],
          bytes: Array(data[(at + 17)..<(at + 16 + length)])))
      at += 16 + length
    }
    return packets
  }
}
