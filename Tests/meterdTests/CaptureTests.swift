import Foundation
import Testing

@testable import meterd

/// Captures as tools write them: streams, logs, dumps.
@Suite struct CaptureTests {
  static let request: [UInt8] = [0x68, 0x61, 1, 0, 0, 0, 0, 0x68, 0x11, 4, 0x33, 0x33, 0x34, 0x33, 0x14, 0x16]
  static let reply: [UInt8] = [
    0x68, 0x61, 1, 0, 0, 0, 0, 0x68, 0x91, 8, 0x33, 0x33, 0x34, 0x33, 0x59, 0x33, 0x33, 0x33, 0x8A, 0x16,
  ]
  static let modbus: [UInt8] = [1, 4, 4, 0x43, 0x66, 0x33, 0x34, 0x1B, 0x38]

  struct Line: CustomTestStringConvertible {
    let text: String
    let holds: CaptureLine
    var afterDump = false
    var testDescription: String { text }
  }

  private static func log(_ bytes: [UInt8], _ time: String? = nil, _ isSent: Bool? = nil) -> CaptureLine {
    .log(CaptureLine.LogRun(bytes: bytes, time: time, isSent: isSent))
  }

  static let lines = [
    Line(text: "68 61 01", holds: .stream([0x68, 0x61, 1])),
    Line(text: "686101", holds: .stream([0x68, 0x61, 1])),
    Line(text: "  0x68,0x61, 0x01  ", holds: .stream([0x68, 0x61, 1])),
    Line(text: "68:61:01:00:00", holds: .stream([0x68, 0x61, 1, 0, 0])),
    Line(text: "", holds: .empty),
    Line(text: "# meterd trace", holds: .empty),
    Line(text: "port opened", holds: .other),
    Line(text: "a dead bee", holds: .other),
    Line(text: "6", holds: .other),
    Line(text: "12:00:01.123 > 68 61 01", holds: log([0x68, 0x61, 1], "12:00:01.123", true)),
    Line(text: "12:00:01 68 61 01", holds: log([0x68, 0x61, 1], "12:00:01")),
    Line(text: "[2026-01-02 03:04:05.678] TX: 68 61", holds: log([0x68, 0x61], "2026-01-02 03:04:05.678", true)),
    Line(text: "RX 01 04", holds: log([1, 4], nil, false)),
    Line(text: "RX: 0104", holds: log([1, 4], nil, false)),
    Line(
      text: "2026-01-02T03:04:05.678+08:00 < 68 61", holds: log([0x68, 0x61], "2026-01-02T03:04:05.678+08:00", false)),
    Line(text: "2026-01-02 03:04:05 68 61", holds: log([0x68, 0x61], "2026-01-02 03:04:05")),
    Line(text: "2026/01/02 03:04:05,678 <- 68 61", holds: log([0x68, 0x61], "2026/01/02 03:04:05,678", false)),
    Line(text: "[03:04:05.678]发送: 68 61", holds: log([0x68, 0x61], "03:04:05.678", true)),
    Line(text: "12:00:01.123 INFO bus1 sent bytes: 68 61 01 00", holds: log([0x68, 0x61, 1, 0], "12:00:01.123", true)),
    Line(text: "12:00:01.123 INFO bus1 is up", holds: .other),
    Line(text: "(1436509052.249713) can0 044#6861", holds: log([0x68, 0x61], "1436509052.249713")),
    Line(text: "can0  044   [2]  68 61", holds: log([0x68, 0x61])),
    Line(text: "00000000  68 61 01 00 00 00 00 68  11 04   |ha.....h..|", holds: .dump(Array(request.prefix(10)))),
    Line(text: "00000000: 6861 0100 0000 0068 1104  ha.....h..", holds: .dump(Array(request.prefix(10)))),
    Line(text: "00000010", holds: .empty, afterDump: true),
    Line(text: "*", holds: .empty, afterDump: true),
    Line(text: "00000010", holds: .stream([0, 0, 0, 0x10])),
    Line(
      text: "< 68 ** ** 16",
      holds: .log(CaptureLine.LogRun(bytes: [0x68, 0, 0, 0x16], hidden: [1, 2], time: nil, isSent: false))),
  ]

  @Test(arguments: lines)
  func `a line tells its bytes, its time and its direction`(_ line: Line) {
    #expect(CaptureLine(line.text, afterDump: line.afterDump) == line.holds)
  }

  @Test func `no line of random text breaks the reader`() {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("0123456789abcdefxX :.-[]()<>#*|TtRr,\t发é\u{0}")
    for _ in 0..<5000 {
      let line = String((0..<Int.random(in: 0...40, using: &random)).compactMap { _ in alphabet.randomElement() })
      _ = CaptureLine(line, afterDump: Bool.random(using: &random))
    }
  }

  @Test func `frames that are cut by lines, whatever the pieces, are found`() {
    let frames = Self.request + Self.reply
    for size in 1...frames.count {
      var capture = Capture(Set(FrameReport.Wire.allCases))
      var told: [Capture.Told] = []
      var line = 0
      for start in stride(from: 0, to: frames.count, by: size) {
        line += 1
        let piece = Array(frames[start..<min(start + size, frames.count)])
        told += capture.take(Capture.Run(bytes: piece, time: "t\(line)", line: line))
      }
      told += capture.flush()
      #expect(told.map(\.report.isValid) == [true, true], "pieces of \(size)")
      #expect(told.map(\.bytes) == [Self.request, Self.reply])
      #expect(told[1].line == 16 / size + 1)
      #expect(told[1].offset == 16 % size)
    }
  }

  @Test func `a change of direction ends a frame`() {
    var capture = Capture([.dlt645])
    var told = capture.take(Capture.Run(bytes: Array(Self.request.prefix(12)), isSent: true, line: 1))
    told += capture.take(Capture.Run(bytes: Self.reply, isSent: false, line: 2))
    #expect(told.map(\.report.isValid) == [false, true])
    #expect(told.map(\.isSent) == [true, false])
    #expect(!capture.isWaiting)
  }

  @Test func `a stream without end is held in bounded memory, and nothing in it is lost`() {
    let noise: [UInt8] = [0x00, 0xAA, 0x55, 0xFE]
    for piece in [1, 7, 100, 5000, 40_000] {
      var capture = Capture([.dlt645])
      let all = (0..<2000).flatMap { index in noise.prefix(index % 5) + (index % 2 == 0 ? Self.request : Self.reply) }
      var offsets: [Int] = []
      for start in stride(from: 0, to: all.count, by: piece) {
        let told = capture.take(Capture.Run(bytes: Array(all[start..<min(start + piece, all.count)])))
        offsets += told.map(\.offset)
      }
      offsets += capture.flush().map(\.offset)
      #expect(offsets.count == 2000, "pieces of \(piece)")
      #expect(zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 })
      #expect(offsets.allSatisfy { all[$0] == 0x68 })
      #expect(capture.count == all.count)
    }
  }

  static func hexdump(_ bytes: [UInt8]) -> String {
    stride(from: 0, to: bytes.count, by: 16).map { start in
      let row = bytes[start..<min(start + 16, bytes.count)].map { pair($0) }
      let offset = String(repeating: "0", count: 8 - String(start, radix: 16).count) + String(start, radix: 16)
      return "\(offset)  \(row.prefix(8).joined(separator: " "))  \(row.dropFirst(8).joined(separator: " "))  |....|\n"
    }.joined() + "0000002d\n"
  }

  static func xxd(_ bytes: [UInt8]) -> String {
    stride(from: 0, to: bytes.count, by: 16).map { start in
      let row = bytes[start..<min(start + 16, bytes.count)].map { pair($0) }
      let offset = String(repeating: "0", count: 8 - String(start, radix: 16).count) + String(start, radix: 16)
      let groups = stride(from: 0, to: row.count, by: 2).map { row[$0..<min($0 + 2, row.count)].joined() }
      return "\(offset): \(groups.joined(separator: " "))  .a....\n"
    }.joined()
  }

  private static func pair(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

  @Test(arguments: [hexdump(request + reply + modbus), xxd(request + reply + modbus)])
  func `dumps are read`(_ dump: String) async throws {
    let seen = try await Folder().run("decode", "-", "--json", input: dump)
    let offsets = try seen.outputText.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }.map { $0["offset"] as? Int }
    #expect(offsets == [0, 16, 36])
    #expect(seen.status == 0)
    #expect(!seen.outputText.contains(#""line""#))
  }

  @Test func `a log says time and line of each frame, and what was skipped`() async throws {
    let log = """
      # meterd trace
      12:00:01.000 port opened
      12:00:01.123 > 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16
      12:00:01.223 < FE FE 68 61 01 00 00 00 00 68
      12:00:01.233 < 91 08 33 33 34 33 59 33 33 33 8A 16

      """
    let json = try await Folder().run("decode", "--json", "-", input: log)
    let lines = json.outputText.split(separator: "\n")
    try #require(lines.count == 2)
    #expect(lines[0].hasSuffix(#","exception":null,"error":null,"fields":[],"time":"12:00:01.123","line":3}"#))
    #expect(lines[1].hasPrefix(#"{"protocol":"dlt645-2007","offset":2,"length":20,"valid":true,"direction":"reply","#))
    #expect(lines[1].hasSuffix(#""time":"12:00:01.223","line":4}"#))
    #expect(json.errorText == "meterd: 1 line without bytes skipped\n")
    let text = try await Folder().run("decode", "-", input: log)
    #expect(
      text.outputText.hasPrefix(
        "line 3, 12:00:01.123, sent: dlt645-2007 request at 0, 16 bytes: 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16\n"
      ))
  }

  @Test func `a log of nothing but words: 65`() async throws {
    let seen = try await Folder().run("decode", "-", input: "nothing here\nor here\n")
    #expect(seen.status == 65)
    #expect(seen.errorText.hasPrefix("meterd: 2 lines without bytes skipped\nmeterd: no bytes to decode\n"))
  }

  @Test func `a long log without frames is looked at twice at most, however short its lines`() {
    // Neither an end of a DL/T 645 frame nor a right checksum: one look for every 600 bytes, and a few by chance.
    for size in [1, 33] {
      var capture = Capture(Set(FrameReport.Wire.allCases))
      var state: UInt32 = 7
      let lines = 12_000 / size
      for line in 1...lines {
        let bytes = (0..<size).map { _ in
          state = state &* 1_664_525 &+ 1_013_904_223
          return UInt8(state >> 24) | 0x80
        }
        _ = capture.take(Capture.Run(bytes: bytes, time: "12:00:00", line: line))
      }
      #expect(capture.count == lines * size)
      #expect(capture.looks < 100, "\(size)")
    }
  }

  @Test func `one line of a megabyte is read in pieces`() async throws {
    let folder = try Folder()
    let frame = Self.request.map { Self.pair($0) }.joined(separator: " ")
    try folder.write("long.hex", Array(repeating: frame, count: 20_000).joined(separator: " "))
    let seen = try await folder.run("trace", "--from", "long.hex", "--json")
    #expect(seen.outputText.split(separator: "\n").count == 20_000)
    #expect(seen.status == 0)
  }
}
