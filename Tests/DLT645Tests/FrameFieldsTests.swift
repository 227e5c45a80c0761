import DLT645
import Metering
import Testing

@Suite struct FrameFieldsTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let hex: String
    /// `name=text`, in the order of the data.
    let fields: [String]
    var identifier: String?
    var testDescription: String { name }
  }

  private static let level2 = ["password-level=02", "password=......"]
  private static let signed = level2 + ["operator=12345678"]

  static let rows = [
    Row(
      name: "write of a catalogued parameter",
      hex: "68 61 01 00 00 00 00 68 14 13 3F 34 33 37 35 89 67 45 AB 89 67 45 33 38 45 33 55 44 59 55 16",
      fields: signed + ["clock=2026-11-22T12:05:00"], identifier: "0400010C"),
    Row(
      name: "write of an unknown parameter",
      hex: "68 61 01 00 00 00 00 68 14 0E 34 3C CC 37 35 89 67 45 AB 89 67 45 34 35 7A 16",
      fields: signed + ["data=01 02"], identifier: "04990901"),
    Row(
      name: "write of a password",
      hex: "68 61 01 00 00 00 00 68 14 10 38 3F 33 37 35 89 67 45 AB 89 67 45 37 98 76 54 1A 16",
      fields: signed + ["new-password=......"], identifier: "04000C05"),
    Row(name: "write, confirmed", hex: "68 61 01 00 00 00 00 68 94 00 C6 16", fields: []),
    Row(
      name: "write address", hex: "68 61 01 00 00 00 00 68 15 06 34 33 44 44 56 53 E5 16",
      fields: ["new-address=202311110001"]),
    Row(name: "freeze at once", hex: "68 61 01 00 00 00 00 68 16 04 CC CC CC CC 7C 16", fields: ["freeze=at once"]),
    Row(
      name: "freeze hourly", hex: "68 61 01 00 00 00 00 68 16 04 38 CC CC CC E8 16",
      fields: ["freeze=hourly at minute 5"]),
    Row(
      name: "freeze daily", hex: "68 61 01 00 00 00 00 68 16 04 38 33 CC CC 4F 16", fields: ["freeze=daily at 00:05"]),
    Row(
      name: "freeze monthly", hex: "68 61 01 00 00 00 00 68 16 04 33 33 34 CC B2 16",
      fields: ["freeze=monthly on day 1 at 00:00"]),
    Row(name: "change rate", hex: "68 61 01 00 00 00 00 68 17 01 53 9D 16", fields: ["rate=9600"]),
    Row(name: "change rate, confirmed", hex: "68 61 01 00 00 00 00 68 97 01 53 1D 16", fields: ["rate=9600"]),
    Row(
      name: "change password", hex: "68 61 01 00 00 00 00 68 18 0C 38 3F 33 37 35 89 67 45 37 98 76 54 3A 16",
      fields: level2 + ["new-password-level=04", "new-password=......"], identifier: "04000C05"),
    Row(
      name: "change password, confirmed", hex: "68 61 01 00 00 00 00 68 98 04 37 98 76 54 67 16",
      fields: ["new-password-level=04", "new-password=......"]),
    Row(
      name: "clear demand", hex: "68 61 01 00 00 00 00 68 19 08 37 89 67 45 AB 89 67 45 9F 16",
      fields: ["password-level=04", "password=......", "operator=12345678"]),
    Row(
      name: "clear meter", hex: "68 61 01 00 00 00 00 68 1A 08 35 89 67 45 AB 89 67 45 9E 16", fields: signed),
    Row(
      name: "clear all events", hex: "68 61 01 00 00 00 00 68 1B 0C 35 89 67 45 AB 89 67 45 32 32 32 32 6B 16",
      fields: signed + ["events=all"]),
    Row(
      name: "clear one kind", hex: "68 61 01 00 00 00 00 68 1B 0C 35 89 67 45 AB 89 67 45 32 34 63 36 A2 16",
      fields: signed + ["events=033001FF"]),
    Row(
      name: "trip", hex: "68 61 01 00 00 00 00 68 1C 10 35 89 67 45 AB 89 67 45 4D 33 8C 8C 56 64 45 CC 0B 16",
      fields: signed + ["action=trip", "valid-until=2099-12-31T23:59:59"]),
    Row(
      name: "trip with a level of another world",
      hex: "68 61 01 00 00 00 00 68 1C 10 CB 33 33 33 AB 89 67 45 4D 33 8C 8C 56 64 45 CC 05 16",
      fields: [
        "password-level=98", "password=......", "operator=12345678", "action=trip", "valid-until=2099-12-31T23:59:59",
      ]),
    Row(
      name: "terminal output", hex: "68 61 01 00 00 00 00 68 1D 01 34 84 16", fields: ["output=demand-period"]),
    Row(
      name: "terminal output, confirmed", hex: "68 61 01 00 00 00 00 68 9D 01 34 04 16",
      fields: ["output=demand-period"]),
    Row(
      name: "time to all", hex: "68 99 99 99 99 99 99 68 08 06 63 78 45 55 44 59 86 16",
      fields: ["time=2026-11-22T12:45:30"]),
    Row(
      name: "load profile, last three", hex: "68 61 01 00 00 00 00 68 11 05 35 33 33 39 36 52 16",
      fields: ["blocks=3"], identifier: "06000002"),
    Row(
      name: "load profile from a time", hex: "68 61 01 00 00 00 00 68 11 0A 34 33 34 39 3C 33 45 55 44 59 C7 16",
      fields: ["blocks=9", "from=2026-11-22T12:00:00"], identifier: "06010001"),
    Row(
      name: "follow-up", hex: "68 61 01 00 00 00 00 68 12 05 33 32 34 33 34 49 16", fields: ["sequence=1"],
      identifier: "0001FF00"),
    Row(
      name: "follow-up, answered", hex: "68 61 01 00 00 00 00 68 B2 09 33 32 34 33 44 55 66 77 34 63 16",
      fields: ["sequence=1"], identifier: "0001FF00"),
    Row(
      name: "authentication", hex: "68 61 01 00 00 00 00 68 03 0A 32 33 33 3A AB 89 67 45 34 35 5A 16",
      fields: ["operator=12345678", "data=01 02"], identifier: "070000FF"),
    Row(
      name: "authentication, answered", hex: "68 61 01 00 00 00 00 68 83 06 32 33 33 3A 34 35 F6 16",
      fields: ["data=01 02"], identifier: "070000FF"),
    Row(
      name: "authentication, refused with two words", hex: "68 61 01 00 00 00 00 68 C3 02 37 53 81 16",
      fields: ["second-error-word=20"]),
    Row(
      name: "1997 write", hex: "68 61 01 00 00 00 00 68 04 08 21 F4 35 89 67 45 33 34 24 16",
      fields: level2 + ["data=00 01"], identifier: "C1EE"),
    Row(
      name: "1997 write address", hex: "68 61 01 00 00 00 00 68 0A 06 34 33 44 44 56 53 DA 16",
      fields: ["new-address=202311110001"]),
    Row(name: "1997 change rate", hex: "68 61 01 00 00 00 00 68 0C 01 3B 7A 16", fields: ["rate=2400"]),
    Row(
      name: "1997 change password", hex: "68 61 01 00 00 00 00 68 0F 08 35 89 67 45 37 98 76 54 4C 16",
      fields: level2 + ["new-password-level=04", "new-password=......"]),
    Row(
      name: "1997 change password, confirmed", hex: "68 61 01 00 00 00 00 68 8F 04 37 98 76 54 5E 16",
      fields: ["new-password-level=04", "new-password=......"]),
    Row(
      name: "1997 clear demand", hex: "68 61 01 00 00 00 00 68 10 04 35 89 67 45 B0 16", fields: level2),
    Row(
      name: "1997 follow-up", hex: "68 61 01 00 00 00 00 68 02 03 52 C3 34 80 16", fields: ["sequence=1"],
      identifier: "901F"),
    Row(name: "1997 re-read", hex: "68 61 01 00 00 00 00 68 03 02 43 C3 3D 16", fields: [], identifier: "9010"),
    Row(
      name: "a plain read", hex: "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16", fields: [],
      identifier: "00010000"),
  ]

  @Test(arguments: rows)
  func `the data of every function is told field by field`(_ row: Row) throws {
    let frame = try #require(annotate(wire(row.hex)).first)
    #expect(frame.fields.map { "\($0.name)=\($0.text)" } == row.fields)
    #expect(frame.error == nil)
    #expect(frame.isValid)
    #expect(frame.identifier == row.identifier)
    #expect(frame.function != nil)
    let masked = maskedHexString(wire(row.hex))
    #expect(masked.count == row.hex.count)
    // 123456 and 765432... as they stand on the wire.
    for secret in ["89 67 45 ", "98 76 54"] where row.fields.contains(where: { $0.hasSuffix("......") }) {
      let visible = masked.replacing("AB 89 67 45", with: "")
      #expect(!visible.contains(secret), "\(masked)")
      #expect(masked.contains(".."))
    }
  }

  @Test func `a password that is cut off stays hidden`() throws {
    let bytes = wire("68 61 01 00 00 00 00 68 1C 03 35 89 67 76 16")
    let frame = try #require(annotate(bytes).first)
    #expect(frame.error == .tooShort(dataCount: 3, .request))
    #expect(frame.fields.map(\.name) == ["password-level"])
    #expect(maskedHexString(bytes) == "68 61 01 00 00 00 00 68 1C 03 .. .. .. .. 16")
    // A frame whose sum is wrong is told by its header only, and its password still does not show.
    let hurt = wire("68 61 01 00 00 00 00 68 19 08 37 89 67 45 AB 89 67 45 00 16")
    #expect(annotate(hurt).first?.fields == [])
    #expect(maskedHexString(hurt) == "68 61 01 00 00 00 00 68 19 08 .. .. .. .. .. .. .. .. .. 16")
  }

  @Test(arguments: [UInt64(1), 19_97])
  func `no bytes are ever told as a command with its password`(_ seed: UInt64) throws {
    print("fields seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let parts = try CommandParts()
    let commands = try CommandTests.rows.map { try $0.command(parts) }
    var told = 0
    for round in 0..<6_000 {
      let digits = (0..<6).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
      let password = try #require(Password(level: Int.random(in: 0...9, using: &random), digits: digits))
      var bytes: [UInt8]
      if round % 2 == 0 {
        let commands: [Command] = [
          .clearDemand(password, parts.author), .clearMeter(password, parts.author), .clearDemand1997(password),
          .changePassword(old: password, new: parts.password),
          .changePassword1997(old: parts.password, new: password), .clearEvents(.all, password, parts.author),
          .supply(.close, until: .noLimit, password, parts.author),
        ]
        bytes = (commands.randomElement(using: &random) ?? commands[0]).frame(to: parts.meter, wakeUps: 0)
      } else {
        bytes = (commands.randomElement(using: &random) ?? commands[0]).frame(to: parts.other, wakeUps: 0)
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        bytes += random.bytes(4)
      }
      let pairs = stride(from: 4, through: 0, by: -2).map { start in
        let low = digits.index(digits.startIndex, offsetBy: start)
        return String(digits[low..<digits.index(low, offsetBy: 2)])
      }
      for frame in annotate(bytes) {
        for range in frame.hidden { #expect(range.upperBound <= bytes.count + 2) }
        guard round % 2 == 0, frame.isValid else { continue }
        told += 1
        let text = frame.fields.map(\.text).joined(separator: " ")
        #expect(text.contains("......"))
        let isMark = digits == "123456" || pairs == ["12", "34", "56"]
        #expect(isMark || !text.contains(digits) && !text.contains(pairs.joined(separator: " ")))
      }
      let masked = maskedHexString(bytes)
      #expect(masked.count == bytes.count * 3 - 1)
    }
    #expect(told > 2_900)
  }
}
