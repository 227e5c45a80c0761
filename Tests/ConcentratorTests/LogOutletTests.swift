import Glibc
import Testing

@testable import Concentrator

@Suite struct LogOutletTests {
  private func put(_ text: String, _ outlet: LogOutlet) { outlet.write(text + "\n") { "dropped \($0)\n" } }

  /// Reads what is there, once.
  private func drain(_ descriptor: CInt) -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
  }

  @Test(arguments: ["pipe", "socket"])
  func `a reader that does not read costs nothing and is later told what it missed`(_ kind: String) throws {
    var ends: [CInt] = [-1, -1]
    if kind == "pipe" {
      try #require(pipe(&ends) == 0)
    } else {
      try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    }
    defer { for end in ends { close(end) } }
    let outlet = LogOutlet(descriptor: ends[1])
    let text = String(repeating: "x", count: 200)
    for number in 0..<5000 { put("\(number) \(text)", outlet) }
    let first = drain(ends[0])
    #expect(first.hasPrefix("0 \(text)\n1 "))
    put("afterwards", outlet)
    var later = drain(ends[0])
    while !later.hasSuffix("afterwards\n") { later += drain(ends[0]) }
    let whole = (first + later).split(separator: "\n")
    let notice = try #require(whole.dropLast().last)
    #expect(whole.last == "afterwards")
    #expect(notice.hasPrefix("dropped "))
    let dropped = try #require(Int(notice.split(separator: " ").last ?? ""))
    let complete = whole.filter { $0.hasSuffix(text) }.count
    #expect(complete + dropped == 5000)
  }
}
