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
    /// With the password that is blacked out.
    var bytes: [UInt8] { frame.split(separator: " ").map { UInt8($0.drop { $0 == "*" }, radix: 16) ?? 0 } }
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
    Case(name: "a password shorter than it should be", frame: "\(head) 1C 02 *35 *44 *55 *66 16"),
    Case(
      name: "two commands",
      frame: "\(head) 1A 08 *35 *44 *55 *66 34 33 33 33 *00 16 \(head) 10 04 *35 *44 *55 *66 *00 16"
    ),
    Case(
      name: "write of a password, 2007",
      frame: "\(head) 14 10 38 3F 33 37 *35 *89 *67 *45 AB 89 67 45 *37 *98 *76 *54 *1A 16"),
    Case(name: "a password that is read, 2007", frame: "\(head) 91 08 36 3F 33 37 *35 *89 *67 *45 *14 16"),
    Case(name: "a password that is read, 1997", frame: "\(head) 81 06 45 F5 *35 *89 *67 *45 *00 16"),
    Case(name: "an echo behind an error word", frame: "\(head) D9 08 35 *89 *67 *45 *AB *89 *67 *45 *00 16"),
    Case(name: "a hurt start", frame: "69 61 01 00 00 00 00 68 19 08 *35 *44 *55 *66 34 33 33 33 *00 16"),
    Case(name: "a hurt second start", frame: "68 61 01 00 00 00 00 6A 19 08 *35 *44 *55 *66 34 33 33 33 *00 16"),
    Case(name: "a read", frame: "\(head) 11 04 33 33 34 33 14 16"),
    Case(name: "an answer", frame: "\(head) 91 08 33 33 34 33 59 33 33 33 8A 16"),
    Case(name: "a confirmation of a write", frame: "\(head) 94 00 00 16"),
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

  @Test(arguments: cases)
  func `pieces make no difference`(_ frame: Case) {
    for size in 1...frame.bytes.count {
      var mask = PasswordMask()
      var hidden: [Bool] = []
      for start in stride(from: 0, to: frame.bytes.count, by: size) {
        hidden += mask.hidden(Array(frame.bytes[start..<min(start + size, frame.bytes.count)]))
      }
      #expect(hidden == frame.secret)
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
