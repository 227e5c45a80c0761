import ArgumentParser
import Concentrator
import Metering

struct DecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Explains DL/T 645 and Modbus frames, offline.",
    discussion: """
      Takes hex digits as arguments, or from standard input with -. Frames are found in noise, with wake-up bytes, \
      one after another. Exit code 65 when no sound frame is found.

      EXAMPLES
        meterd decode 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16
        meterd decode --json 010404436633341B38
        meterd decode - < capture.txt
      """)

  @Option(name: .customLong("protocol"), help: "dlt645, modbus-rtu or modbus-tcp; all of them when left out.")
  var wire: String?

  @Flag(help: "One JSON object a frame.")
  var json = false

  @Argument(help: "Hex digits, or - for standard input.")
  var hex: [String]

  func run() throws {
    let bytes = try readBytes()
    guard !bytes.isEmpty else {
      throw Complaint(.usage, "no bytes to decode", "Give hex digits, such as: meterd decode 68 11 ...")
    }
    let reports = FrameReport.all(in: bytes, protocols: try protocols())
    guard !reports.isEmpty else {
      throw Complaint(
        .badData, "no frame in these \(bytes.count) bytes",
        "Neither DL/T 645 (68 ... 68 ... 16) nor Modbus (a right CRC or MBAP header) fits. Check that the capture is whole and that serial settings were right when it was made."
      )
    }
    for report in reports {
      if json {
        print(report.json.text)
      } else {
        print(report.text[0])
        for line in report.text.dropFirst() { print("  \(line)") }
      }
    }
    guard reports.contains(where: \.isValid) else { throw ExitCode(ExitStatus.badData.rawValue) }
  }

  private func protocols() throws -> Set<FrameReport.Wire> {
    guard let wire else { return Set(FrameReport.Wire.allCases) }
    switch wire {
    case "dlt645", "dlt645-2007", "dlt645-1997": return [.dlt645]
    case "modbus": return [.rtu, .tcp]
    default:
      guard let one = FrameReport.Wire(rawValue: wire) else {
        throw Complaint(.usage, "unknown protocol \"\(wire)\"", "Write dlt645, modbus, modbus-rtu or modbus-tcp.")
      }
      return [one]
    }
  }

  private func readBytes() throws -> [UInt8] {
    var text = hex.joined(separator: " ")
    if hex == ["-"] {
      text = ""
      while let line = readLine(strippingNewline: false) { text += line }
    }
    do throws(HexError) {
      return try hexBytes(text)
    } catch {
      switch error {
      case .character(let character, let offset):
        throw Complaint(
          .usage, "\"\(character)\" at character \(offset + 1) is no hex digit",
          "Give pairs of hex digits; spaces, commas, colons and 0x between them are fine.")
      case .oddDigit(let offset):
        throw Complaint(
          .usage, "the hex digit at character \(offset + 1) has no partner",
          "Bytes are pairs of digits: write 0A, not A.")
      }
    }
  }
}
