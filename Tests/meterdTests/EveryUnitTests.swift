import Foundation
import Glibc
import Testing

@testable import meterd

/// A Modbus TCP server that does not look at the unit number: it is the meter itself.
private final class CarelessServer: Sendable {
  let port: UInt16
  private let listener: CInt

  /// Where `holds` is given, registers hold what it says for a unit, else the same for all.
  init(_ holds: @escaping @Sendable (UInt8) -> UInt8 = { _ in 7 }) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
        Glibc.bind(listener, plain, size) == 0 && Glibc.listen(listener, 4) == 0
          && getsockname(listener, plain, &size) == 0
      }
    }
    guard listener >= 0, bound else { throw Failure("no server") }
    self.listener = listener
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread {
      while true {
        let peer = accept(listener, nil, nil)
        guard peer >= 0 else { return }
        Self.serve(peer, holds)
        close(peer)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private static func serve(_ peer: CInt, _ holds: (UInt8) -> UInt8) {
    var waiting: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1024)
    while true {
      let count = recv(peer, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      waiting += buffer[..<count]
      while waiting.count >= 8, waiting.count >= 6 + Int(waiting[5]) {
        let request = Array(waiting.prefix(6 + Int(waiting[5])))
        waiting.removeFirst(request.count)
        var body = [request[7] | 0x80, 1]
        if request[7] == 3 || request[7] == 4, request.count == 12 {
          let bytes = 2 * request[11]
          body = [request[7], bytes] + [UInt8](repeating: holds(request[6]), count: Int(bytes))
        }
        let reply = Array(request[..<4]) + [0, UInt8(body.count + 1), request[6]] + body
        guard send(peer, reply, reply.count, Int32(MSG_NOSIGNAL)) == reply.count else { return }
      }
    }
  }
}

/// `meterd scan` of a server that answers for every unit number.
@Suite(.serialized) struct EveryUnitTests {
  private static let told =
    "note: the server answers for every unit number, each time as the same meter; only unit 1 is listed"

  @Test(arguments: [["--units", "1-40"], []])
  func `a server that answers for every unit is listed once`(_ units: [String]) async throws {
    let server = try CarelessServer()
    let seen = try await Folder().run(["scan", "modbus-tcp://127.0.0.1:\(server.port)", "--json"] + units)
    #expect(seen.status == 0, "\(seen.errorText)")
    #expect(seen.errorText.components(separatedBy: Self.told).count == 2, "\(seen.errorText)")
    let lines = seen.outputText.split(separator: "\n")
    #expect(lines.count == 1 && lines.first?.contains(#""address":"1""#) == true, "\(seen.outputText)")
  }

  @Test func `units that hold different values are all listed`() async throws {
    // The tenth is asked for too, so that there are enough to suspect the server.
    let server = try CarelessServer { $0 == 5 ? 9 : 7 }
    let seen = try await Folder().run(
      "scan", "modbus-tcp://127.0.0.1:\(server.port)", "--json", "--units", "1-10")
    #expect(!seen.errorText.contains("every unit number"))
    #expect(seen.outputText.split(separator: "\n").count == 10, "\(seen.outputText)")
  }

  @Test func `a probe of a server prints what was asked for, and no neighbour`() async throws {
    let port = try await SimulatedPort(
      [SimulatedPort.Meter(profile: "eastron-sdm630", address: "1")], serial: nil)
    let seen = try await port.run(
      "probe", port.path, "--address", "1", "--profile", "eastron-sdm630", "voltage.l1", "voltage.l3")
    #expect(seen.status == 0, "\(seen.errorText)")
    let values = seen.outputText.split(separator: "\n").filter { $0.hasPrefix("  ") }
    #expect(values.count == 2, "\(seen.outputText)")
    #expect(values.first?.hasPrefix("  voltage.l1  ") == true && values.last?.hasPrefix("  voltage.l3  ") == true)
  }
}
