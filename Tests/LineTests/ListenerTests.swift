import CSerial
import Host
import Line
import Metering
import Testing

/// Listening to a line without a voice.
@Suite struct ListenerTests {
  private final class Heard: Sendable {
    private let all = Guarded<[Listener.Heard]>([])
    func note(_ heard: Listener.Heard) { all.withLock { $0.append(heard) } }
    var bytes: [UInt8] {
      all.withLock { all in
        all.flatMap { heard -> [UInt8] in if case .run(let run, _) = heard { run.bytes } else { [] } }
      }
    }
    var silences: Int { all.withLock { $0.count { $0 == .silence } } }
  }

  @Test func `everything that is said is heard, and nothing is said`() async throws {
    let peer = PtyPeer()
    let heard = Heard()
    let settings = try #require(SerialSettings("9600 8N1"))
    let listener = Listener(peer.address, settings: settings)
    let said: [UInt8] = (0..<1500).map { UInt8(truncatingIfNeeded: $0) }
    try await listener.run(until: nil) { now in
      if now == .ready { peer.write(said) }
      heard.note(now)
      if now == .silence { listener.stop() }
    }
    #expect(heard.bytes == said)
    #expect(heard.silences == 1)
    #expect(!peer.hasHeard)
  }

  @Test func `a port that another program holds is left alone`() async throws {
    let peer = PtyPeer()
    let settings = try #require(SerialSettings("9600 8N1"))
    let line = Line(peer.address, settings: settings, guardedBy: AnyBytes())
    try line.open()
    await #expect(throws: LineError.busy(peer.address)) {
      try await Listener(peer.address, settings: settings).run(until: nil) { _ in }
    }
    line.close()
  }

  @Test func `no such port`() async throws {
    let address = try #require(PortAddress("/dev/ttyNONE"))
    await #expect(throws: LineError.noSuchPort(address)) {
      try await Listener(address, settings: .modbus).run(until: nil) { _ in }
    }
  }
}

extension PtyPeer {
  /// True where something waits that the other end has said.
  var hasHeard: Bool { cserial_wait_readable(controllerEnd, 0) == 1 }
}
