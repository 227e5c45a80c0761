import CSerial
import Glibc
import Host
@testable import Line
import Metering
import Testing

private let fast = SerialSettings("115200 8N1") ?? .modbus
private let timing = ExchangeTiming(silence: .milliseconds(1), reply: .seconds(2), gap: .milliseconds(50))

@Suite(.serialized) struct LineTests {
  @Test func `a request is answered, and what waited before it is thrown away`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.write([9, 9, 9])
    peer.answer(after: 2, [[1, 2, 3]])
    var talk = Counting(request: [0xA0, 0xA1], wanted: 3)
    let record = try line.run(&talk, timing: timing)
    #expect(talk.heard == [1, 2, 3])
    #expect(record.bytesDiscarded == 3)
    #expect(record.bytesSent == 2)
    #expect(record.replyDelay != nil)
    #expect(!record.echoed)
  }

  @Test func `the echo of the adapter is taken out`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.answer(after: 3, [[7, 7, 7], [1, 2]])
    var talk = Counting(request: [7, 7, 7], wanted: 2)
    let record = try line.run(&talk, timing: timing)
    #expect(talk.heard == [1, 2])
    #expect(record.echoed)
    #expect(line.counters.echoes == 1)
  }

  @Test func `a reply that begins like its request loses nothing`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.answer(after: 4, [[0x68, 1, 2, 0x91]])
    var talk = Counting(request: [0x68, 1, 2, 0x11], wanted: 4)
    _ = try line.run(&talk, timing: timing)
    #expect(talk.heard == [0x68, 1, 2, 0x91])
  }

  @Test func `silence ends the conversation and a partial echo is given back first`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.answer(after: 3, [[5, 6]])
    var talk = Counting(request: [5, 6, 7], wanted: 3)
    _ = try line.run(
      &talk, timing: ExchangeTiming(silence: .zero, reply: .milliseconds(80), gap: .milliseconds(20)))
    #expect(talk.isSilent)
    #expect(talk.heard == [5, 6])
  }

  @Test func `late bytes meet the quarantine and not the next question`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    var talk = Counting(request: [1], wanted: 1)
    _ = try line.run(
      &talk, timing: ExchangeTiming(silence: .zero, reply: .milliseconds(1), gap: .milliseconds(1)))
    peer.write([0xEE, 0xEE])
    #expect(try line.quarantine(silence: .milliseconds(30)) == 2)
    #expect(line.counters.bytesLate == 2)
    _ = peer.hear(1)
    peer.answer(after: 1, [[1]])
    var next = Counting(request: [2], wanted: 1)
    _ = try line.run(&next, timing: timing)
    #expect(next.heard == [1])
  }

  @Test func `a port that vanishes closes the line, and the line opens again`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.hangUp()
    var talk = Counting(request: [1], wanted: 1)
    #expect(throws: LineError.vanished(peer.address)) { _ = try line.run(&talk, timing: timing) }
    #expect(!line.isOpen)
    #expect(throws: LineError.closed(peer.address)) { _ = try line.run(&talk, timing: timing) }
  }

  @Test func `a babbling line is told from a slow one`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.answer(after: 1, Array(repeating: [UInt8](repeating: 0x55, count: 1000), count: 12))
    var talk = Counting(request: [1], wanted: .max)
    #expect(throws: LineError.self) {
      _ = try line.run(
        &talk, timing: ExchangeTiming(silence: .zero, reply: .seconds(3), gap: .seconds(1)))
    }
  }

  @Test func `bytes without end are babble also where they come before a question, and soon`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.answer(after: 0, Array(repeating: [UInt8](repeating: 0x55, count: 1024), count: 40))
    #expect(throws: LineError.self) { _ = try line.quarantine(silence: .seconds(2)) }
  }

  @Test func `all that came can be looked at once more, before a question and after`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.write([9, 8])
    peer.answer(after: 2, [[0xA0, 0xA1, 1, 2]])
    var talk = Counting(request: [0xA0, 0xA1], wanted: 2)
    _ = try line.run(&talk, timing: timing)
    #expect(line.takeHeard() == [9, 8, 1, 2])
    peer.write([7])
    #expect(try line.listen(until: HostClock.boot + .milliseconds(50)) == 1)
    #expect(line.takeHeard() == [7])
    #expect(line.takeHeard() == [])
  }

  @Test func `each bad port has its own error`() throws {
    let missing = PortAddress.device(path: "/dev/no-such-port")
    #expect(throws: LineError.noSuchPort(missing)) { try Line(missing, settings: fast, guardedBy: AnyBytes()).open() }
    let file = PortAddress.device(path: "/etc/hostname")
    #expect(throws: LineError.notATerminal(file)) { try Line(file, settings: fast, guardedBy: AnyBytes()).open() }
    let null = PortAddress.device(path: "/dev/null")
    #expect(throws: LineError.notATerminal(null)) { try Line(null, settings: fast, guardedBy: AnyBytes()).open() }
    let server = PortAddress.server(host: "127.0.0.1", port: 1)
    #expect(throws: LineError.unreachable(server, errno: ECONNREFUSED)) {
      try Line(server, settings: fast, guardedBy: AnyBytes()).open()
    }
    let peer = PtyPeer()
    let first = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try first.open()
    #expect(throws: LineError.busy(peer.address)) {
      try Line(peer.address, settings: fast, guardedBy: AnyBytes()).open()
    }
    first.close()
    try Line(peer.address, settings: fast, guardedBy: AnyBytes()).open()
  }

  @Test func `a pseudo-terminal takes even parity again and again, though it keeps none`() throws {
    let peer = PtyPeer()
    for _ in 0..<3 {
      let line = Line(peer.address, settings: .dlt645, guardedBy: AnyBytes())
      try line.open()
    }
  }
}

@Suite struct LineFilterTests {
  @Test func `serial settings become the termios flags they stand for`() {
    var settings = cserial_settings(baud: 2400, data_bits: 8, parity: UInt8(ascii: "E"), stop_bits: 1)
    var control: UInt32 = 0, input: UInt32 = 0, speed: UInt32 = 0
    #expect(cserial_control_flags(&settings, &control, &input, &speed) == 0)
    #expect(control == UInt32(CREAD | CLOCAL | CS8 | PARENB))
    #expect(input == UInt32(INPCK | PARMRK))
    #expect(speed == UInt32(B2400))
    settings = cserial_settings(baud: 9600, data_bits: 7, parity: UInt8(ascii: "O"), stop_bits: 2)
    #expect(cserial_control_flags(&settings, &control, &input, &speed) == 0)
    #expect(control == UInt32(CREAD | CLOCAL | CS7 | PARENB | PARODD | CSTOPB))
    settings.baud = 1234
    #expect(cserial_control_flags(&settings, &control, &input, &speed) == -EINVAL)
  }

  @Test func `marked parity is taken apart`() {
    var filter = ParityFilter()
    let wire: [UInt8] = [1, 0xFF, 0xFF, 0xFF, 0x00, 0x42, 2, 0xFF, 0x07, 3]
    let outputs = wire.map { filter.receive($0) }.filter { $0 != .none }
    #expect(outputs == [.byte(1), .byte(0xFF), .broken, .byte(2), .broken, .byte(3)])
  }

  @Test func `noise does not shorten the wait and babble does not lengthen it for ever`() {
    let sent = BootInstant(nanoseconds: 0)
    var deadline = Deadline(
      timing: ExchangeTiming(silence: .zero, reply: .milliseconds(500), gap: .milliseconds(50)), settings: .modbus,
      sent: sent, longestReply: 10)
    #expect(deadline.instant == sent + .milliseconds(500))
    deadline.received(at: sent + .milliseconds(20))
    #expect(deadline.instant == sent + .milliseconds(500))
    deadline.received(at: sent + .milliseconds(490))
    #expect(deadline.instant == sent + .milliseconds(540))
    deadline.received(at: sent + .seconds(9))
    #expect(deadline.instant < sent + .milliseconds(620))
  }

  @Test func `ports are read and written the same way`() {
    for text in ["/dev/ttyS1", "tcp://127.0.0.1:4001", "tcp://[::1]:502", "tcp://gateway.local:502"] {
      #expect(PortAddress(text)?.description == text)
    }
    for text in ["modbus-tcp://10.0.3.9:1502", "modbus-tcp://[fe80::1]:502"] {
      #expect(PortAddress(text)?.description == text)
      #expect(PortAddress(text)?.isModbusTCP == true)
    }
    #expect(PortAddress("modbus-tcp://meter") == .modbusServer(host: "meter", port: 502))
    #expect(PortAddress("modbus-tcp://[::1]") == .modbusServer(host: "::1", port: 502))
    for text in [
      "modbus-tcp://", "modbus-tcp://h:", "modbus-tcp://h:0", "modbus-tcp://::1", "modbus-tcp://[::1",
      "modbus-tcp://:502",
    ] {
      #expect(PortAddress(text) == nil, "\(text)")
    }
    for text in [
      "", "ttyS1", "tcp://", "tcp://host", "tcp://host:0", "tcp://host:70000", "tcp://:1", "tcp://::1:5",
      "tcp://h:+4001", "tcp://h:-1", "tcp://h\u{0}x:4001", "tcp://a b:1", "modbus-tcp://h\u{0}",
    ] {
      #expect(PortAddress(text) == nil, "\(text)")
    }
  }

  @Test func `the pace of the wire is seen, forgotten and looked at again`() {
    func record(bytes: Int, took: BootInstant.Span) -> ExchangeRecord {
      var record = ExchangeRecord(nothingSentAt: BootInstant(nanoseconds: 0))
      record.firstByteAt = BootInstant(nanoseconds: 1)
      record.endedAt = BootInstant(nanoseconds: 1) + took
      record.bytesReceived = bytes
      return record
    }
    let character = SerialSettings.modbus.characterTime
    var sense = PaceSense()
    #expect(!sense.isOfTheWire)
    sense.note(record(bytes: 5, took: .seconds(1)), characterTime: character)
    #expect(!sense.isOfTheWire, "too short to tell")
    sense.note(record(bytes: 40, took: character * 39), characterTime: character)
    #expect(sense.isOfTheWire)
    var looks = 0
    for _ in 0..<64 {
      if !sense.isOfTheWire { looks += 1 }
      sense.note(record(bytes: 40, took: .zero), characterTime: character)
    }
    #expect(!sense.isOfTheWire, "a line that has become fast is noticed")
    #expect(looks >= 1)
  }
}

@Suite(.serialized) struct TrailingBytesTests {
  @Test func `what comes after an answer is still heard, in the same read and in the silence`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.answer(after: 1, [[1, 2, 3, 4]])
    var talk = Counting(request: [0xA0], wanted: 2)
    _ = try line.run(&talk, timing: timing)
    peer.write([5, 6])
    try line.settle(&talk, silence: .milliseconds(20))
    #expect(talk.heard == [1, 2, 3, 4, 5, 6])
    #expect(line.counters.bytesTrailing >= 2)
  }

  @Test func `an echo is not the first byte of a reply`() throws {
    let peer = PtyPeer()
    let line = Line(peer.address, settings: fast, guardedBy: AnyBytes())
    try line.open()
    peer.answer(after: 3, [[7, 7, 7]])
    var talk = Counting(request: [7, 7, 7], wanted: 2)
    let record = try line.run(
      &talk, timing: ExchangeTiming(silence: .zero, reply: .milliseconds(50), gap: .milliseconds(5)))
    #expect(record.echoed)
    #expect(talk.isSilent)
    #expect(record.firstByteAt == nil)
    #expect(record.replyDelay == nil)
  }

  @Test func `a connection to a serial server notices when the server is gone`() throws {
    var port: UInt16 = 0
    let listener = cserial_listen_local(0, &port)
    let connected = cserial_connect("127.0.0.1", "\(port)", 1000)
    try #require(listener >= 0 && connected >= 0)
    defer {
      cserial_close(listener)
      cserial_close(connected)
    }
    func option(_ name: CInt) -> CInt {
      var value: CInt = 0
      var size = socklen_t(MemoryLayout<CInt>.size)
      return getsockopt(connected, CInt(IPPROTO_TCP), name, &value, &size) == 0 ? value : -1
    }
    #expect(option(TCP_USER_TIMEOUT) == 10_000)
    #expect(option(TCP_KEEPIDLE) == 10)
  }
}
