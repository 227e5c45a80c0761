import CSerial
import Glibc
import Host
import Line
import Metering

/// The far end of a pseudo-terminal: what a script says after each request.
final class PtyPeer: @unchecked Sendable {
  let path: String
  private let controller: CInt
  var controllerEnd: CInt { controller }
  private let device: CInt

  init() {
    var controller: CInt = -1, device: CInt = -1
    var name = [CChar](repeating: 0, count: 128)
    precondition(cserial_pseudo_terminal(&controller, &device, &name, name.count) == 0)
    self.controller = controller
    self.device = device
    path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  var address: PortAddress { .device(path: path) }

  func write(_ bytes: [UInt8]) { _ = cserial_write(controller, bytes, CInt(bytes.count), Int64.max) }

  /// Reads exactly `count` bytes, as a meter would hear them.
  func hear(_ count: Int) -> [UInt8] {
    var heard: [UInt8] = []
    while heard.count < count {
      guard cserial_wait_readable(controller, HostClock.boot.nanoseconds + 5_000_000_000) == 1 else { break }
      var buffer = [UInt8](repeating: 0, count: count - heard.count)
      let got = cserial_read(controller, &buffer, CInt(buffer.count))
      guard got > 0 else { break }
      heard += buffer[..<Int(got)]
    }
    return heard
  }

  /// Both ends are closed: the adapter is unplugged.
  func hangUp() {
    cserial_close(controller)
    cserial_close(device)
  }

  /// Hears `count` bytes on a thread of its own, then says each run.
  func answer(after count: Int, _ runs: [[UInt8]]) {
    let body = Script { [self] in
      _ = hear(count)
      for run in runs { write(run) }
    }
    _ = cserial_start_thread(
      "peer",
      { script in
        if let script { Unmanaged<Script>.fromOpaque(script).takeRetainedValue().run() }
        return nil
      },
      Unmanaged.passRetained(body).toOpaque())
  }

  private final class Script {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }
}

/// Sends one request and takes bytes until `wanted` have come that are not broken.
struct Counting: Conversation {
  let request: [UInt8]
  let wanted: Int
  var heard: [UInt8] = []
  var isSilent = false

  mutating func start() -> ConversationStep { .send(request, longestReply: wanted) }
  mutating func receive(_ byte: UInt8) -> ConversationStep {
    heard.append(byte)
    return heard.count >= wanted ? .finished : .listen
  }
  mutating func interrupted() { heard = [] }
  mutating func timedOut() -> ConversationStep {
    isSilent = true
    return .finished
  }
}
