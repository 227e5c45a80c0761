import Acquisition
import DLT645
import Testing

/// Passwords in what is said on a line.
@Suite struct PasswordMaskTests {
  struct Case: CustomTestStringConvertible {
    let name: String
    /// `**` stands where the password is.
    let frame: String
    var testDescription: String { name }

    var secret: [Bool] { frame.split(separator: " ").map { $0.hasPrefix("*") } }
    /// With the password that is blacked out; `00 16` at the end stands for the right sum.
    var bytes: [UInt8] {
      var bytes = frame.split(separator: " ").map { UInt8($0.drop { $0 == "*" }, radix: 16) ?? 0 }
      if bytes.suffix(2) == [0x00, 0x16] {
        bytes[bytes.count - 2] = bytes.dropLast(2).drop { $0 == 0xFE }.reduce(0) { $0 &+ $1 }
      }
      return bytes
    }
  }

  static let head = "68 61 01 00 00 00 00 68"

  static let cases = [
    Case(name: "write, 2007", frame: "\(head) 14 0E 34 3C CC 37 *35 *44 *55 *66 34 33 33 33 59 33 *00 16"),
    Case(
      name: "change of the password, 2007", frame: "\(head) 18 0C 33 3F 33 37 *35 *44 *55 *66 *35 *77 *88 *99 *00 16"),
    Case(name: "its confirmation", frame: "\(head) 98 04 *35 *77 *88 *99 *00 16"),
    Case(name: "demand clear", frame: "\(head) 19 08 *35 *44 *55 *66 34 33 33 33 *00 16"),
    Case(name: "meter clear", frame: "FE FE \(head) 1A 08 *35 *44 *55 *66 34 33 33 33 *00 16"),
    Case(name: "event clear", frame: "\(head) 1B 0C *35 *44 *55 *66 34 33 33 33 32 32 32 32 *00 16"),
    Case(name: "relay", frame: "\(head) 1C 10 *35 *44 *55 *66 34 33 33 33 4D 33 33 33 33 33 33 33 *00 16"),
    Case(name: "write, 1997", frame: "\(head) 04 0A 43 F3 *35 *44 *55 *66 33 33 33 33 *00 16"),
    Case(name: "change of the password, 1997", frame: "\(head) 0F 08 *35 *44 *55 *66 *35 *77 *88 *99 *00 16"),
    Case(name: "its confirmation, 1997", frame: "\(head) 8F 04 *35 *77 *88 *99 *00 16"),
    Case(name: "demand clear, 1997", frame: "\(head) 10 04 *35 *44 *55 *66 *00 16"),
    Case(name: "a frame that is cut", frame: "\(head) 1C 10 *35 *44"),
    Case(
      name: "write of a password, 2007",
      frame: "\(head) 14 10 38 3F 33 37 *35 *89 *67 *45 AB 89 67 45 *37 *98 *76 *54 *1A 16"),
    Case(name: "a password that is read, 2007", frame: "\(head) 91 08 36 3F 33 37 *35 *89 *67 *45 *14 16"),
    Case(name: "a password that is read, 1997", frame: "\(head) 81 06 45 F5 *35 *89 *67 *45 *00 16"),
    Case(name: "an echo behind an error word", frame: "\(head) D9 08 35 *89 *67 *45 *AB *89 *67 *45 *00 16"),
    Case(name: "a time that is set", frame: "\(head) 08 06 33 44 55 66 34 33 00 16"),
    Case(name: "a read", frame: "\(head) 11 04 33 33 34 33 14 16"),
    Case(name: "an answer", frame: "\(head) 91 08 33 33 34 33 59 33 33 33 8A 16"),
    Case(name: "a confirmation of a write", frame: "\(head) 94 00 00 16"),
  ]

  static let hurt = [
    Case(name: "a password shorter than it should be", frame: "\(head) 1C 02 *35 *44 *55 *66 16"),
    Case(
      name: "two commands",
      frame: "\(head) 1A 08 *35 *44 *55 *66 34 33 33 33 *00 16 \(head) 10 04 *35 *44 *55 *66 *00 16"
    ),
    Case(name: "a hurt start", frame: "69 61 01 00 00 00 00 68 19 08 *35 *44 *55 *66 34 33 33 33 *00 16"),
    Case(name: "a hurt second start", frame: "68 61 01 00 00 00 00 6A 19 08 *35 *44 *55 *66 34 33 33 33 *00 16"),
    Case(name: "both starts hurt", frame: "69 61 01 00 00 00 00 60 1C 10 *35 *44 *55 *66 34 33 33 33 4D"),
    Case(name: "a start and the control code hurt", frame: "69 61 01 00 00 00 00 68 5C 10 *35 *44 *55 *66 34 33 33"),
    Case(name: "a start and the length hurt", frame: "69 61 01 00 00 00 00 68 1C FF *35 *44 *55 *66 34 33 33 33"),
    Case(name: "control code and length hurt", frame: "\(head) 58 0D 33 3F 33 37 *35 *44 *55 *66 *35 *77 *88 *99 00"),
    Case(
      name: "a write with both starts hurt",
      frame: "00 61 01 00 00 00 00 00 14 0E 34 3C 33 37 *35 *44 *55 *66 34 33 33 33 59 33"),
    Case(name: "a write, 1997, with both starts hurt", frame: "00 61 01 00 00 00 00 00 04 0A 43 F3 *35 *44 *55 *66 33"),
    Case(name: "a cut answer, then a command", frame: "\(head) 91 08 33 33 34 33 \(head) 10 04 *35 *44 *55 *66 *00 16"),
  ]

  @Test(arguments: cases)
  func `passwords are found, and nothing else`(_ frame: Case) {
    for noise in [[], [0x68], [0x68, 0x68, 0x68, 0x68, 0x68, 0x68, 0x68, 0x68, 0x14], [0x00, 0xFF]] as [[UInt8]] {
      var mask = PasswordMask()
      let hidden = mask.hidden(noise + frame.bytes)
      // Noise that looks like a header may hide more, never less.
      for (index, isSecret) in frame.secret.enumerated() where isSecret { #expect(hidden[noise.count + index]) }
      if noise.count < 3 { #expect(Array(hidden.dropFirst(noise.count)) == frame.secret) }
    }
  }

  @Test(arguments: cases + hurt)
  func `pieces show no more`(_ frame: Case) {
    // Of what is asked and answered they hide no more either: of a change the rest may go.
    let isChange = frame.secret.contains(true)
    for size in 1...frame.bytes.count {
      var mask = PasswordMask()
      var hidden: [Bool] = []
      for start in stride(from: 0, to: frame.bytes.count, by: size) {
        hidden += mask.hidden(Array(frame.bytes[start..<min(start + size, frame.bytes.count)]))
      }
      for (index, isSecret) in frame.secret.enumerated() where isSecret { #expect(hidden[index], "\(size): \(index)") }
      if !isChange { #expect(hidden == frame.secret) }
    }
  }

  /// Not told from a question or an answer to one: a control code that was hurt into theirs.
  private static let readsOrAnswers: Set<UInt8> = [0x01, 0x02, 0x03, 0x11, 0x12, 0x13]

  @Test(arguments: [UInt64(7), 645])
  func `no password shows of a command in pieces with a hurt byte`(_ seed: UInt64) {
    print("mask seed \(seed)")
    var random = Numbers(state: seed)
    let commands = Self.cases.filter { $0.frame.contains("*") && $0.bytes.count >= 16 && $0.bytes[0] == 0x68 }
      .filter { [0x14, 0x18, 0x98, 0x19, 0x1A, 0x1B, 0x1C, 0x04, 0x0F, 0x8F, 0x10].contains($0.bytes[8]) }
    #expect(commands.count >= 10)
    for round in 0..<4_000 {
      let command = commands[round % commands.count]
      var bytes = command.bytes
      let place = Int.random(in: 0..<bytes.count, using: &random)
      bytes[place] = UInt8.random(in: 0...255, using: &random)
      if place == 8, Self.readsOrAnswers.contains(bytes[8] & 0x1F) { continue }
      // The identifier of a write says what else is a password.
      if (10..<14).contains(place), bytes[8] == 0x14 || bytes[8] == 0x04 { continue }
      var mask = PasswordMask()
      var hidden: [Bool] = []
      while hidden.count < bytes.count {
        let size = min(bytes.count - hidden.count, Int.random(in: 1...9, using: &random))
        hidden += mask.hidden(Array(bytes[hidden.count..<hidden.count + size]))
      }
      // The sum is another where the length is hurt.
      for (index, isSecret) in command.secret.enumerated().dropLast(2) where isSecret {
        #expect(hidden[index], "\(command.name), byte \(place) is \(bytes[place]): \(index)")
      }
    }
  }

  @Test func `random bytes are masked without a fault`() {
    var random = SystemRandomNumberGenerator()
    var mask = PasswordMask()
    for _ in 0..<20_000 {
      _ = mask.isSecret([0x68, 0x14, UInt8.random(in: 0...255, using: &random)].randomElement() ?? 0)
    }
  }
}

/// Numbers by chance, the same for the same start: SplitMix64.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
