import Host
@testable import Line
import Metering
import Testing

/// Lets everything out: these tests are about the wire.
struct AnyBytes: SendGuard {
  func judge(_ bytes: [UInt8], to port: PortAddress) -> SendJudgement { .reads }
}

/// Lets out what begins with an even byte, and calls 2 a change.
private struct EvenBytes: SendGuard {
  func judge(_ bytes: [UInt8], to port: PortAddress) -> SendJudgement {
    let act = ControlAct(function: "write", target: "\(bytes.count)")
    if bytes.first == 2 { return .allowed(act) }
    return (bytes.first ?? 1).isMultiple(of: 2) ? .reads : .refused(act, reason: .notAllowed)
  }
}

@Suite struct SendGuardTests {
  private static let timing = ExchangeTiming(silence: .zero, reply: .milliseconds(10), gap: .milliseconds(5))

  private func send(_ bytes: [UInt8], on line: Line) throws {
    var talk = Counting(request: bytes, wanted: 1)
    _ = try line.run(&talk, timing: Self.timing)
  }

  @Test func `what the guard refuses never reaches the wire, and is told`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: .modbus, guardedBy: EvenBytes())
    try line.open()
    var told: [ControlRecord] = []
    line.onControl = { told.append($0) }
    let act = ControlAct(function: "write", target: "3")
    for _ in 0..<100 {
      #expect(throws: LineError.forbidden(peer.address, act, .notAllowed)) { try send([1, 2, 3], on: line) }
    }
    #expect(told == Array(repeating: ControlRecord(act: act, refusal: .notAllowed), count: 100))
    #expect(line.isOpen)
    // The line is still good, and the first byte that the far end hears is of the question.
    try send([4, 5], on: line)
    #expect(peer.hear(2) == [4, 5])
    #expect(line.counters.bytesSent == 2)
  }

  @Test func `what changes a meter is told before it is sent, and questions are not`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: .modbus, guardedBy: EvenBytes())
    try line.open()
    var sentWhenTold: [Int] = []
    line.onControl = { _ in sentWhenTold.append(line.counters.bytesSent) }
    try send([4], on: line)
    try send([2, 0], on: line)
    #expect(sentWhenTold == [1])
    #expect(peer.hear(3) == [4, 2, 0])
  }
}
