import ArgumentParser
import Concentrator
import Metering

struct DecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Explains DL/T 645 and Modbus frames, offline.",
    discussion: """
      Takes hex digits as arguments, or with - whatever standard input holds: hex, a log with times and marks such \
      as > TX: RX, the trace of a daemon, a candump, hexdump -C or xxd. Frames are found in noise, with wake-up \
      bytes, one after another, and over the ends of lines. Lines without bytes are skipped and counted. Exit code \
      65 when no sound frame is found.

      EXAMPLES
        meterd decode 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16
        meterd decode --json 010404436633341B38
        meterd decode - < capture.log
        hexdump -C dump.bin | meterd decode --protocol modbus-rtu -
      """)

  @Option(name: .customLong("protocol"), help: "dlt645, modbus-rtu or modbus-tcp; all of them when left out.")
  var wire: String?

  @Flag(help: "One JSON object a frame; frames of a log also say their time and line.")
  var json = false

  @Argument(help: "Hex digits, or - for standard input.")
  var hex: [String]

  func run() throws {
    let protocols = try FrameReport.protocols(named: wire)
    var printer = FramePrinter(json: json)
    var capture = Capture(protocols)
    if hex == ["-"] {
      var input = InputLines()
      let skipped = try CaptureReader.read(&input, into: &capture) { printer.show($0) }
      if skipped > 0 { writeError("meterd: \(counted(skipped, "line")) without bytes skipped\n") }
    } else {
      for told in capture.take(Capture.Run(bytes: try bytes())) { printer.show(told) }
    }
    for told in capture.flush() { printer.show(told) }
    guard capture.count > 0 else {
      throw hex == ["-"]
        ? Complaint(
          .badData, "no bytes to decode",
          "Standard input held no hex digits. Raw bytes go through xxd: xxd FILE | meterd decode -")
        : Complaint(.usage, "no bytes to decode", "Give hex digits, such as: meterd decode 68 11 ...")
    }
    guard printer.shown > 0 else {
      throw Complaint(
        .badData, "no frame in these \(capture.count) bytes",
        "Neither DL/T 645 (68 ... 68 ... 16) nor Modbus (a right CRC or MBAP header) fits. Check that the capture is whole and that serial settings were right when it was made."
      )
    }
    guard printer.sound > 0 else { throw ExitCode(ExitStatus.badData.rawValue) }
  }

  private func bytes() throws -> [UInt8] {
    do throws(HexError) {
      return try hexBytes(hex.joined(separator: " "))
    } catch {
      switch error {
      case .character(let character, let offset):
        throw Complaint(
          .usage, "\"\(character)\" at character \(offset + 1) is no hex digit",
          "Give pairs of hex digits; spaces, commas, colons and 0x between them are fine. A file is read with: meterd decode - < FILE"
        )
      case .oddDigit(let offset):
        throw Complaint(
          .usage, "the hex digit at character \(offset + 1) has no partner",
          "Bytes are pairs of digits: write 0A, not A.")
      }
    }
  }
}

extension FrameReport {
  /// The protocols that a name stands for; all for none.
  static func protocols(named name: String?) throws -> Set<Wire> {
    guard let name else { return Set(Wire.allCases) }
    switch name {
    case "dlt645", "dlt645-2007", "dlt645-1997": return [.dlt645]
    case "modbus": return [.rtu, .tcp]
    default:
      guard let one = Wire(rawValue: name) else {
        throw Complaint(.usage, "unknown protocol \"\(name)\"", "Write dlt645, modbus, modbus-rtu or modbus-tcp.")
      }
      return [one]
    }
  }
}

/// Reads a capture line by line.
enum CaptureReader {
  /// Gives every line of `input` to `capture` and each frame to `show`; how many lines had no bytes.
  static func read(
    _ input: inout InputLines, into capture: inout Capture, _ show: (Capture.Told) -> Void
  ) throws -> Int {
    try runs(&input) { run in
      for told in capture.take(run) { show(told) }
      return true
    }
  }

  /// Gives the bytes of every line to `take`, until that says no; how many lines had no bytes.
  static func runs(_ input: inout InputLines, _ take: (Capture.Run) throws -> Bool) throws -> Int {
    var skipped = 0, number = 0
    var isDump = false
    while let line = try input.next() {
      number += 1
      let run: Capture.Run
      switch CaptureLine(line, afterDump: isDump) {
      case .empty: continue
      case .other:
        skipped += 1
        continue
      case .stream(let bytes):
        isDump = false
        run = Capture.Run(bytes: bytes)
      case .dump(let bytes):
        isDump = true
        run = Capture.Run(bytes: bytes)
      case .log(let log):
        isDump = false
        run = Capture.Run(bytes: log.bytes, hidden: log.hidden, time: log.time, isSent: log.isSent, line: number)
      }
      guard try take(run) else { break }
    }
    return skipped
  }
}

/// Prints frames as they are found, and counts them.
struct FramePrinter {
  let json: Bool
  /// One line a frame instead of all its fields.
  var isBrief = false
  private(set) var shown = 0
  private(set) var sound = 0

  init(json: Bool, isBrief: Bool = false) {
    self.json = json
    self.isBrief = isBrief
  }

  mutating func show(_ told: Capture.Told) {
    shown += 1
    if told.report.isValid { sound += 1 }
    if json {
      var more: [JSON.Member] = []
      if told.line != nil || told.time != nil {
        more = [
          .init("time", .optional(told.time)), .init("line", told.line.map { .integer(Int64($0)) } ?? .null),
        ]
      }
      print(told.report.json(offset: told.offset, and: more).text)
    } else if isBrief {
      let mark = told.isSent.map { $0 ? "> " : "< " } ?? ""
      let masked = told.isMasked ? "  (password hidden, so the sum cannot be checked)" : ""
      print("\(told.time ?? "-")  \(mark)\(told.report.summary)\(masked)")
    } else {
      let lines = told.report.text(offset: told.offset)
      let place = [told.line.map { "line \($0)" }, told.time, told.isSent.map { $0 ? "sent" : "received" }]
        .compactMap(\.self)
      print(place.isEmpty ? lines[0] : "\(place.joined(separator: ", ")): \(lines[0])")
      for line in lines.dropFirst() { print("  \(line)") }
      if told.isMasked { print("  hidden      a password is blacked out, so the sum cannot be checked") }
    }
  }
}
