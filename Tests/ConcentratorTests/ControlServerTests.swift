import Foundation
import Glibc
import Host
import Metering
import Synchronization
import Testing

@testable import Concentrator

/// The control socket over real sockets, with a desk that answers by itself.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ControlServerTests {
  /// A server in a folder of its own.
  final class Bench: Sendable {
    let folder: String
    let path: String
    private let server: ControlServer
    private let running: Task<Void, Never>
    let source = Fountain()
    let watch = Watch()

    /// What the server says of its clients, and of reads that are never answered.
    final class Watch: Sendable {
      let partings = Guarded<[ControlServer.Parting.Reason]>([])
      let reads = Atomic(0)
      let cancelled = Atomic(0)
    }

    init(patience: ControlServer.Patience = ControlServer.Patience()) throws {
      folder = "\(NSTemporaryDirectory())meterd-control-\(UInt32.random(in: 0 ... .max))"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      path = "\(folder)/control.sock"
      let server = try ControlServer(
        path: path, patience: patience,
        report: { [watch] parting in watch.partings.withLock { $0.append(parting.reason) } }
      ) { [source, watch] request, peer, reply in
        switch request.wish {
        case .status(let line, _):
          // Of a given length.
          if let line, let count = Int(line) { return reply.succeed(.string(String(repeating: "x", count: count))) }
          reply.succeed(.object(["user": .integer(Int64(peer.user)), "process": .integer(Int64(peer.process))]))
        case .trace: reply.stream(source)
        case .read(let meter, _, _):
          guard meter == MeterID("endless") else { break }
          watch.reads.add(1, ordering: .relaxed)
          await withTaskCancellationHandler {
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
          } onCancel: {
            watch.cancelled.add(1, ordering: .relaxed)
          }
        case .command(let request): reply.succeed(.string("\(request)"))
        case .decide(let order): reply.succeed(.string(order.actor(peer.user)))
        case .reload: reply.fail(Complaint(.configuration, "no", "Because."))
        }
      }
      self.server = server
      running = Task { await server.run() }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func stop() async {
      server.stop()
      await running.value
    }

    func caller() throws -> LocalCaller { try LocalCaller(path: path) }
  }

  /// A stream that gives as much as it is told to.
  final class Fountain: ControlSource {
    private struct State {
      var rows = 0
      var lost = 0
      var closed = 0
    }
    private let state = Guarded(State())
    private let width: Int
    private let taken = Doorbell()

    init(width: Int = 100) { self.width = width }

    func give(_ rows: Int, lost: Int = 0) {
      state.withLock {
        $0.rows += rows
        $0.lost += lost
      }
    }

    var closed: Int { state.withLock { $0.closed } }
    private var isEmpty: Bool { state.withLock { $0.rows == 0 } }

    /// Waits until everything was taken. A lock that is fought for is unknown to the thread sanitizer.
    func waitUntilTaken() { while !isEmpty { taken.wait(until: HostClock.boot + .seconds(60)) } }

    func take() -> (items: [JSON], lost: Int) {
      defer { taken.ring() }
      return state.withLock { state in
        defer { (state.rows, state.lost) = (0, 0) }
        return (
          (0..<state.rows).map { .string("\($0)" + String(repeating: "y", count: width)) }, state.lost
        )
      }
    }

    func close() { state.withLock { $0.closed += 1 } }
  }

  private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }

  private static func next(_ caller: LocalCaller) throws -> String {
    switch caller.next(until: HostClock.boot + .seconds(60)) {
    case .line(let bytes): String(decoding: bytes, as: UTF8.self)
    case .ended: "(ended)"
    case .nothing: throw Complaint(.noAnswer, "no answer in a minute")
    }
  }

  private static func ask(_ caller: LocalCaller, _ line: String) throws -> String {
    guard caller.send(line) else { return "(ended)" }
    return try next(caller)
  }

  @Test func `requests are answered with their ids, also several in one piece`() async throws {
    let bench = try Bench()
    let lines = try await onThread {
      let caller = try bench.caller()
      let user = try Self.ask(caller, #"{"id":"who","do":"status"}"#)
      let failed = try Self.ask(caller, #"{"id":2,"do":"reload"}"#)
      let unanswered = try Self.ask(caller, #"{"id":3,"do":"read","meter":"M-1"}"#)
      let bad = try Self.ask(caller, "nonsense")
      // Those that are carried out at once may pass each other.
      _ = caller.send((1...40).map { #"{"id":\#($0),"do":"status","line":"3"}"# }.joined(separator: "\n"))
      return [user, failed, unanswered, bad] + (try (1...40).map { _ in try Self.next(caller) }).sorted()
    }
    #expect(lines[0] == #"{"id":"who","result":{"user":\#(geteuid()),"process":\#(getpid())},"end":true}"#)
    #expect(
      lines[1] == #"{"id":2,"error":{"status":78,"message":"no","advice":["Because."]},"end":true}"#)
    #expect(
      lines[2] == #"{"id":3,"error":{"status":70,"message":"the daemon has no answer to that","advice":[]},"end":true}"#
    )
    #expect(lines[3].hasPrefix(#"{"id":null,"error":{"status":65,"#))
    #expect(Set(lines[4...]) == Set((1...40).map { #"{"id":\#($0),"result":"xxx","end":true}"# }))
    await bench.stop()
  }

  @Test func `only owner and group may open the socket, and its file is gone with the daemon`() async throws {
    let bench = try Bench()
    var status = stat()
    #expect(stat(bench.path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o660)
    await bench.stop()
    #expect(lstat(bench.path, &status) == -1 && errno == ENOENT)
  }

  @Test func `what a killed daemon left is taken over; one that lives, and what is no socket, are left alone`()
    async throws
  {
    let bench = try Bench()
    #expect(throws: Complaint.self) { try ControlServer(path: bench.path) { _, _, _ in } }
    do throws(Complaint) {
      _ = try ControlServer(path: bench.path) { _, _, _ in }
    } catch {
      #expect(error.status == .tryLater && error.headline == "the control socket \(bench.path) is in use")
    }
    // The one that lives is none the worse.
    #expect(
      try await onThread { try Self.ask(bench.caller(), #"{"id":1,"do":"status","line":"1"}"#) }.contains("\"x\""))
    await bench.stop()

    // A socket nobody listens on any more, as kill -9 leaves it.
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bench.path.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0)
    close(descriptor)
    let heir = try ControlServer(path: bench.path) { _, _, reply in reply.succeed("here") }
    let running = Task { await heir.run() }
    #expect(try await onThread { try Self.ask(bench.caller(), #"{"id":1,"do":"status"}"#) }.contains("here"))
    heir.stop()
    await running.value

    try Data("a file".utf8).write(to: URL(filePath: bench.path))
    do throws(Complaint) {
      _ = try ControlServer(path: bench.path) { _, _, _ in }
      Issue.record("a file was replaced")
    } catch {
      #expect(error.status == .cannotCreate && error.headline.contains("is no socket"))
    }
    #expect(try String(contentsOfFile: bench.path, encoding: .utf8) == "a file")
  }

  @Test func `a path that no socket takes is said with its length`() {
    let path = "/tmp/" + String(repeating: "x", count: 120)
    do throws(Complaint) {
      _ = try ControlServer(path: path) { _, _, _ in }
      Issue.record("no error")
    } catch {
      #expect(
        error.description == """
          meterd: the control socket's path \(path) has 125 bytes; a socket takes 107
            Name a shorter one in the configuration, such as control-socket = "/run/meterd/control.sock".
          """)
    }
    do throws(Complaint) {
      _ = try ControlServer(path: "/tmp/no/such/folder/control.sock") { _, _, _ in }
      Issue.record("no error")
    } catch {
      #expect(error.status == .cannotCreate)
      #expect(error.headline == "the folder of the control socket /tmp/no/such/folder/control.sock is not there")
    }
  }

  @Test func `the seventeenth client is told so, and room is made by those who go`() async throws {
    let bench = try Bench()
    try await onThread {
      var callers: [LocalCaller] = []
      for _ in 0..<ControlServer.mostClients {
        let caller = try bench.caller()
        #expect(try Self.ask(caller, #"{"id":1,"do":"status","line":"1"}"#).contains("result"))
        callers.append(caller)
      }
      let late = try bench.caller()
      #expect(
        try Self.next(late)
          == #"{"id":null,"error":{"status":75,"message":"16 clients are connected","advice":["Try again when one of them has gone."]},"end":true}"#
      )
      #expect(try Self.next(late) == "(ended)")
      callers.removeLast()
      // That one has gone is seen before the next is let in, or on the next try.
      var answer = ""
      for _ in 0..<200 where !answer.contains("result") {
        answer = try Self.ask(bench.caller(), #"{"id":1,"do":"status","line":"1"}"#)
      }
      #expect(answer.contains("result"))
    }
    await bench.stop()
  }

  @Test func `who has said all still gets the answer, and who begins and does not end is shown out`() async throws {
    var patience = ControlServer.Patience()
    patience.half = .milliseconds(50)
    let bench = try Bench(patience: patience)
    let descriptor = try await onThread { try Self.rawCall(bench.path, #"{"id":1,"do":"sta"#, closing: false) }
    let words = try await onThread { Self.rest(descriptor) }
    #expect(
      words
        == #"{"id":null,"error":{"status":75,"message":"a request was begun and not ended","advice":["A request is one line, ended by a line feed."]},"end":true}"#
        + "\n")
    let closed = try await onThread {
      Self.rest(try Self.rawCall(bench.path, #"{"id":7,"do":"status","line":"2"}"# + "\n", closing: true))
    }
    #expect(closed == #"{"id":7,"result":"xx","end":true}"# + "\n")
    // The end of the input ends the line as well.
    let unended = try await onThread {
      Self.rest(try Self.rawCall(bench.path, #"{"id":8,"do":"status","line":"2"}"#, closing: true))
    }
    #expect(unended == #"{"id":8,"result":"xx","end":true}"# + "\n")
    let cut = try await onThread { Self.rest(try Self.rawCall(bench.path, #"{"id":9,"do":"sta"#, closing: true)) }
    #expect(cut.hasPrefix(#"{"id":null,"error":{"status":65,"message":"the request is no JSON"#))
    let overlong = try await onThread {
      Self.rest(try Self.rawCall(bench.path, String(repeating: "x", count: ControlRequest.longest + 2), closing: false))
    }
    #expect(
      overlong
        == #"{"id":null,"error":{"status":65,"message":"a request has more than 64 KiB","advice":["A request is one object in one line."]},"end":true}"#
        + "\n")
    await bench.stop()
    #expect(bench.watch.partings.withLock { $0 } == [.halfSaid, .overlong])
  }

  @Test func `what nobody waits for any more is cancelled`() async throws {
    let bench = try Bench()
    try await onThread {
      let caller = try bench.caller()
      _ = caller.send(#"{"id":1,"do":"read","meter":"endless"}"#)
      while bench.watch.reads.load(ordering: .relaxed) == 0 { sched_yield() }
      withExtendedLifetime(caller) {}
    }
    while bench.watch.cancelled.load(ordering: .relaxed) == 0 { await Task.yield() }
    // It went by itself, so there is nothing to say of it.
    #expect(bench.watch.partings.withLock { $0 } == [])
    await bench.stop()
  }

  private static func rawCall(_ path: String, _ text: String, closing: Bool) throws -> CInt {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard connected == 0 else { throw Complaint(.noAnswer, "no connection: \(errno)") }
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { break }
      sent += count
    }
    if closing { shutdown(descriptor, Int32(SHUT_WR)) }
    return descriptor
  }

  private static func rest(_ descriptor: CInt) -> String {
    defer { close(descriptor) }
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { all += buffer[..<count] }
    return String(decoding: all, as: UTF8.self)
  }

  @Test func `a client that does not read costs the others nothing and is cut off`() async throws {
    var patience = ControlServer.Patience()
    patience.stuck = .milliseconds(200)
    let bench = try Bench(patience: patience)
    try await onThread {
      let mute = try bench.caller()
      let asked = (1...64).map { #"{"id":\#($0),"do":"status","line":"300000"}"# }.joined(separator: "\n")
      _ = mute.send(asked)
      let other = try bench.caller()
      for _ in 0..<100 { #expect(try Self.ask(other, #"{"id":1,"do":"status","line":"1"}"#).contains("\"x\"")) }
      // It gets what was in the socket by then, and its end.
      var count = 0
      while try Self.next(mute) != "(ended)" { count += 1 }
      #expect(count < 64)
    }
    await bench.stop()
    #expect(bench.watch.partings.withLock { $0 }.allSatisfy { $0 == .takesNothing })
  }

  @Test func `a stream goes on, tells what was dropped, and ends with its client`() async throws {
    let bench = try Bench()
    bench.source.give(3)
    try await onThread {
      let caller = try bench.caller()
      #expect(
        try Self.ask(caller, #"{"id":5,"do":"trace","line":"bus1"}"#)
          == #"{"id":5,"item":"0\#(String(repeating: "y", count: 100))"}"#)
      #expect(try Self.next(caller).hasPrefix(#"{"id":5,"item":"1y"#))
      #expect(try Self.next(caller).hasPrefix(#"{"id":5,"item":"2y"#))
      bench.source.give(1, lost: 4)
      #expect(try Self.next(caller).hasSuffix(#"","dropped":4}"#))
      // Requests are answered meanwhile.
      #expect(try Self.ask(caller, #"{"id":6,"do":"status","line":"1"}"#) == #"{"id":6,"result":"x","end":true}"#)
      // Far more than finds room.
      bench.source.give(20_000)
      var items = 0
      bench.source.waitUntilTaken()
      bench.source.give(1)
      var line = ""
      while !line.contains("dropped") {
        line = try Self.next(caller)
        items += 1
      }
      let object = try JSON(reading: Array(line.utf8))
      #expect(Int64(items - 1) + (object["dropped"]?.number ?? 0) == 20_000)
      withExtendedLifetime(caller) {}
    }
    // The caller has gone; the source is told.
    while bench.source.closed == 0 { await Task.yield() }
    #expect(bench.source.closed == 1)
    await bench.stop()
  }
}
