import DLT645
import Metering
import Testing

/// No password shows, however a command is hurt.
@Suite struct SecretsTests {
  @Test(arguments: [
    "68 61 01 00 00 00 00 68 91 08 36 3F 33 37 35 89 67 45 14 16",
    "68 61 01 00 00 00 00 68 81 06 45 F5 35 89 67 45 56 16",
    "68 61 01 00 00 00 00 68 83 06 45 F5 35 89 67 45 58 16",
    "68 61 01 00 00 00 00 68 D9 08 35 89 67 45 AB 89 67 45 00 16",
  ])
  func `a password in a reply is not told`(_ hex: String) throws {
    var bytes = wire(hex)
    bytes[bytes.count - 2] = bytes.dropLast(2).reduce(0) { $0 &+ $1 }
    let frame = try #require(annotate(bytes).first)
    #expect(frame.isValid)
    #expect(frame.items.isEmpty)
    #expect(frame.fields.allSatisfy { $0.text == "......" })
    #expect(!maskedHexString(bytes).contains("89 67 45"))
    #expect(!frame.hidden.isEmpty)
  }

  /// Two bytes anywhere but in the password become any others.
  @Test(arguments: [UInt64(11), 1997])
  func `no byte of a password shows in a command with two hurt bytes`(_ seed: UInt64) throws {
    print("secrets seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var hurt = 0
    let password = try #require(Password(level: 2, digits: "654321"))
    for (command, place) in try commands(password) {
      let whole = command.frame(to: try CommandParts().meter, wakeUps: 0)
      for _ in 0..<3_000 {
        var bytes = whole
        for _ in 0..<2 {
          let at = Int.random(in: 0..<bytes.count, using: &random)
          if !(place..<place + 3).contains(at) { bytes[at] = UInt8.random(in: 0...255, using: &random) }
        }
        // Damage that makes a sound frame of another function, an answer to a read, or another identifier is not seen.
        let isAnswer = bytes[8] & 0x80 != 0 && [1, 2, 3, 0x11, 0x12, 0x13].contains(bytes[8] & 0x1F)
        let isOther = [0x14, 0x04].contains(whole[8]) && bytes[10..<14] != whole[10..<14]
        if (try? Frame.decode(bytes.span)) != nil && bytes[8] != whole[8] || isAnswer || isOther { continue }
        hurt += 1
        let hidden = secretBytes(in: bytes)
        #expect(hidden[place..<place + 3].allSatisfy { $0 }, "\(command.name): \(hexString(bytes))")
      }
    }
    #expect(hurt > 20_000)
  }

  @Test func `values of a hurt answer are shown, and so are frames beside hurt ones`() throws {
    let answer = wire("68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16")
    var damaged = answer
    damaged[14] ^= 0x10
    #expect(!secretBytes(in: damaged).contains(true))
    damaged = answer
    damaged[0] = 0x6A
    #expect(!secretBytes(in: damaged).contains(true))
    // A command that is cut hides no more than itself.
    let cut = Array(wire("68 61 01 00 00 00 00 68 1C 10 35 44"))
    #expect(!secretBytes(in: cut + answer).dropFirst(cut.count).contains(true))
    #expect(
      annotate(cut + answer).last?.items.map { "\($0.value)" } == annotate(answer).first?.items.map { "\($0.value)" })
  }

  /// Commands with a password, and where its digits start, from the first 68H.
  private func commands(_ password: Password) throws -> [(Command, Int)] {
    let parts = try CommandParts()
    let identifier = try #require(ShortIdentifier(hex: "C119"))
    let short = try #require(ShortParameter(identifier, [0, 1]))
    return [
      (.clearDemand(password, parts.author), 11), (.clearMeter(password, parts.author), 11),
      (.clearDemand1997(password), 11), (.clearEvents(.all, password, parts.author), 11),
      (.supply(.close, until: .noLimit, password, parts.author), 11),
      (.changePassword(old: parts.password, new: password), 19),
      (.write(try parts.parameter("04000B01", [0, 1]), password, parts.author), 15),
      (.changePassword1997(old: password, new: parts.password), 11), (.write1997(short, password), 13),
    ]
  }

  @Test(arguments: [UInt64(3), 20_07])
  func `no byte of a password shows in a command, whole or with a flipped bit`(_ seed: UInt64) throws {
    print("secrets seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let parts = try CommandParts()
    for round in 0..<2_000 {
      let digits = (0..<6).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
      let password = try #require(Password(level: Int.random(in: 0...9, using: &random), digits: digits))
      let commands = try commands(password)
      let (command, place) = commands[round % commands.count]
      var bytes = command.frame(to: parts.meter, wakeUps: 0)
      if round % 3 > 0 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
      }
      let hidden = secretBytes(in: bytes)
      #expect(hidden[place..<place + 3].allSatisfy { $0 }, "\(command.name) round \(round): \(bytes)")
      #expect(maskedHexString(bytes).split(separator: " ")[place..<place + 3].allSatisfy { $0 == ".." })
      for frame in annotate(bytes) {
        let told = frame.fields.map(\.text) + frame.items.map { "\($0.value)" }
        #expect(digits == "123456" || !told.joined(separator: " ").contains(digits))
      }
    }
  }
}
