import DLT645
import Metering
import Testing

@Suite struct AnnotateTests {
  /// A frame as one line: edition, direction, address, function, control, identifier, values, exception, error.
  static func line(_ frame: AnnotatedFrame) -> String {
    let parts: [String?] = [
      "\(frame.offset)+\(frame.length)", frame.isValid ? nil : "damaged", frame.edition.rawValue,
      frame.direction?.rawValue, frame.address?.description, frame.function, frame.control?.description,
      frame.identifier,
      frame.observations.isEmpty ? nil : CatalogueTests.told(frame.observations).joined(separator: " "),
      frame.exceptionText.map { "refused \($0.code) \($0.name)" }, frame.error.map { "error \($0.code)" },
    ]
    return parts.compactMap { $0 }.joined(separator: ", ")
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let hex: String
    let lines: [String]
    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "2007 request", hex: "FE FE 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16",
      lines: ["2+16, dlt645-2007, request, 000000000161, read, 11, 00010000"]),
    Case(
      name: "2007 reply", hex: "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
      lines: ["0+20, dlt645-2007, reply, 000000000161, read, 91, 00010000, energy.import.active.total=0.26"]),
    Case(
      name: "2007 voltage", hex: "68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16",
      lines: ["0+18, dlt645-2007, reply, 000000000161, read, 91, 02010100, voltage.l1=100.1"]),
    Case(
      name: "2007 read address and its reply",
      hex: "FE 68 AA AA AA AA AA AA 68 13 00 DF 16 68 00 36 19 00 00 00 68 93 06 33 69 4C 33 33 33 39 16",
      lines: [
        "1+12, dlt645-2007, request, AAAAAAAAAAAA, read-address, 13",
        "13+18, dlt645-2007, reply, 000000193600, read-address, 93, meter.address=000000193600",
      ]),
    Case(
      name: "1997 request and reply in noise",
      hex:
        "00 68 FE 68 99 99 99 99 99 99 68 01 02 43 C3 6F 16 16 FF 68 95 32 06 00 00 00 68 81 06 43 C3 48 33 33 33 0B 16",
      lines: [
        "3+14, dlt645-1997, request, 999999999999, read, 01, 9010",
        "19+18, dlt645-1997, reply, 000000063295, read, 81, 9010, energy.import.active.total=0.15",
      ]),
    Case(
      name: "check byte off by one", hex: "68 12 90 78 56 34 12 68 11 04 33 33 34 33 69 16",
      lines: ["0+16, damaged, dlt645-2007, request, 123456789012, read, 11, error checksum"]),
    Case(
      name: "no end byte", hex: "68 12 90 78 56 34 12 68 11 04 33 33 34 33 68 17",
      lines: ["0+16, damaged, dlt645-2007, request, 123456789012, read, 11, error delimiter"]),
    Case(
      name: "second 68H hurt", hex: "FE 68 12 90 78 56 34 12 69 11 04 33 33 34 33 68 16",
      lines: ["1+16, damaged, dlt645-2007, request, 123456789012, read, 11, error delimiter"]),
    Case(
      name: "first 68H hurt", hex: "67 12 90 78 56 34 12 68 11 04 33 33 34 33 68 16",
      lines: ["0+16, damaged, dlt645-2007, request, 123456789012, read, 11, error delimiter"]),
    Case(
      name: "cut short", hex: "68 12 90 78 56 34 12 68 11 04 33 33",
      lines: ["0+12, damaged, dlt645-2007, request, 123456789012, read, 11, error truncated"]),
    Case(
      name: "too long", hex: "68 12 90 78 56 34 12 68 91 F0 33 33",
      lines: ["0+10, damaged, dlt645-2007, reply, 123456789012, read, 91, error length"]),
    Case(
      name: "a false header does not hide a damaged frame",
      hex: "68 01 02 03 04 05 06 68 91 C8 68 12 90 78 56 34 12 68 11 04 33 33 34 33 69 16",
      lines: [
        "0+10, damaged, dlt645-2007, reply, 060504030201, read, 91, error truncated",
        "10+16, damaged, dlt645-2007, request, 123456789012, read, 11, error checksum",
      ]),
    Case(
      name: "a false header does not hide a sound frame",
      hex: "68 01 02 03 04 05 06 68 91 C8 68 12 90 78 56 34 12 68 11 04 33 33 34 33 68 16",
      lines: [
        "0+10, damaged, dlt645-2007, reply, 060504030201, read, 91, error truncated",
        "10+16, dlt645-2007, request, 123456789012, read, 11, 00010000",
      ]),
    Case(
      name: "refusal", hex: "68 61 01 00 00 00 00 68 D1 01 35 39 16",
      lines: ["0+13, dlt645-2007, reply, 000000000161, read, D1, refused 02 no requested data"]),
    Case(
      name: "refusal, 1997", hex: "68 61 01 00 00 00 00 68 C1 01 35 29 16",
      lines: ["0+13, dlt645-1997, reply, 000000000161, read, C1, refused 02 wrong data identifier"]),
    Case(
      name: "refusal without a reason", hex: "68 61 01 00 00 00 00 68 D1 00 03 16",
      lines: ["0+12, dlt645-2007, reply, 000000000161, read, D1, error length"]),
    Case(
      name: "a digit that is none", hex: "68 61 01 00 00 00 00 68 91 08 33 33 34 33 5D 33 33 33 8E 16",
      lines: ["0+20, dlt645-2007, reply, 000000000161, read, 91, 00010000, error digit"]),
    Case(
      name: "filled with FFH", hex: "68 61 01 00 00 00 00 68 91 08 33 33 34 33 32 32 32 32 60 16",
      lines: ["0+20, dlt645-2007, reply, 000000000161, read, 91, 00010000, energy.import.active.total=-"]),
    Case(
      name: "length that does not fit the identifier",
      hex: "68 61 01 00 00 00 00 68 91 06 33 33 34 33 59 33 22 16",
      lines: ["0+18, dlt645-2007, reply, 000000000161, read, 91, 00010000, error length"]),
    Case(
      name: "1997 re-read, answered with a register that looks like 07H of 2007",
      hex: "68 61 01 00 00 00 00 68 83 06 43 C3 33 3A 33 33 94 16",
      lines: ["0+18, dlt645-1997, reply, 000000000161, re-read, 83, 9010, energy.import.active.total=7.00"]),
    Case(
      name: "a start and no more", hex: "FE 68 12 90 78", lines: ["1+4, damaged, dlt645-2007, error truncated"]),
    Case(
      name: "both ends hurt", hex: "68 12 90 78 56 34 12 69 11 04 33 33 34 33 00 16",
      lines: ["0+8, damaged, dlt645-2007, 123456789012, error delimiter"]),
    Case(name: "nothing", hex: "", lines: []),
    Case(name: "noise", hex: "01 03 00 00 00 02 C4 0B FE FE", lines: []),
    Case(name: "Modbus with a 68H in it", hex: "01 03 04 68 00 00 00 C4 0B", lines: []),
  ]

  @Test(arguments: cases)
  func `a capture is told frame by frame`(_ row: Case) {
    #expect(annotate(wire(row.hex)).map(Self.line) == row.lines)
  }

  @Test func `every reading function of a table has its frame named`() {
    for function in Function.table2007 + Function.table1997 where function.edition == .dlt645v2007 || function.code != 8
    {
      var bytes = wire("68 61 01 00 00 00 00 68 00 00")
      bytes[8] = function.code
      bytes.append(bytes.reduce(0, &+))
      bytes.append(0x16)
      let frame = annotate(bytes).first
      guard function.code != 3 || function.edition == .dlt645v1997 else { continue }
      #expect(frame?.function == function.name)
      #expect(frame?.edition == function.edition)
      #expect(frame?.isValid == true)
    }
  }

  @Test(arguments: [UInt64(645), 1997])
  func `no bytes make it trap, and what it finds lies in order`(_ seed: UInt64) {
    print("annotate seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let seeds = Self.cases.map { wire($0.hex) }.filter { !$0.isEmpty }
    var sound = 0
    var faults = 0
    for round in 0..<120_000 {
      var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
      if round % 4 == 0 {
        bytes = random.bytes(Int.random(in: 0...40, using: &random))
      } else {
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          let place = Int.random(in: 0..<bytes.count, using: &random)
          switch UInt8.random(in: 0...3, using: &random) {
          case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes.insert(0x68, at: place)
          case 2 where bytes.count > 1: bytes.remove(at: place)
          default: bytes += seeds[Int.random(in: 0..<seeds.count, using: &random)]
          }
        }
        if Bool.random(using: &random) { repair(&bytes) }
      }
      var end = 0
      for frame in annotate(bytes) {
        if frame.offset < end || frame.length < 1 || frame.offset + frame.length > bytes.count {
          faults += 1
        }
        end = frame.offset + frame.length
        if frame.isValid { sound += 1 }
        if frame.isValid, frame.error == nil, frame.exception != nil, frame.exceptionText == nil { faults += 1 }
      }
    }
    #expect(faults == 0)
    #expect(sound > 30_000)
  }

  /// Puts the check byte right at the end of the bytes, so that hurt data reaches the catalogue.
  private func repair(_ bytes: inout [UInt8]) {
    guard bytes.count >= 12, let start = bytes.firstIndex(of: 0x68), start < bytes.count - 2 else { return }
    bytes[bytes.count - 2] = bytes[start..<(bytes.count - 2)].reduce(0, &+)
  }
}
