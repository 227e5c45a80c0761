import CSerial
import Glibc
import Host
import Line
import Metering

/// Bytes that leave the meters' end at an instant.
struct Burst {
  let due: BootInstant
  let bytes: [UInt8]
  /// Told when they have left.
  var sent: (@Sendable (BootInstant) -> Void)?
}

/// What stands in for the meters of a line: hears whole requests, says what bytes come of each, and when.
protocol Behaviour: Sendable {
  /// True where bytes are wanted as they come, and not only whole requests.
  var hearsAll: Bool { get }
  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst]
}

extension Behaviour {
  var hearsAll: Bool { false }
}

/// The meters' end of a line on a thread of its own, byte by byte as its behaviour says, without the pace of a baud rate.
final class FarEnd: Sendable {
  enum Place {
    case terminal
    /// A new terminal under the same link at each plugging in.
    case link(String)
    case server
    /// Of Modbus TCP.
    case network
  }

  let port: PortAddress
  private let thread: OwnedThread
  private let bell: (readable: CInt, writable: CInt)
  private let task: Task<Void, Never>

  private enum Order {
    case stop, unplug, plugIn
  }

  init(_ place: Place, _ behaviour: any Behaviour) throws(FaultError) {
    var ends: [CInt] = [-1, -1]
    guard unsafe cserial_bell(&ends) == 0 else { throw FaultError("no bell") }
    bell = (ends[0], ends[1])
    let cable = try Cable(place)
    port = cable.port
    let thread = OwnedThread(name: "far-end")
    self.thread = thread
    let orders = Orders(readable: ends[0])
    self.inbox = orders
    task = Task(executorPreference: thread) { [cable = Box(cable)] in
      guard let cable = cable.take() else { return }
      FarEnd.work(cable, behaviour, place, orders)
    }
  }

  private let inbox: Orders

  /// Orders of others, taken by the thread when it wakes.
  private final class Orders: Sendable {
    let readable: CInt
    private let waiting = Guarded<[Order]>([])
    init(readable: CInt) { self.readable = readable }
    func put(_ order: Order) { waiting.withLock { $0.append(order) } }
    func take() -> [Order] {
      waiting.withLock { orders in
        defer { orders = [] }
        return orders
      }
    }
  }

  private func order(_ order: Order) {
    inbox.put(order)
    var byte: UInt8 = 1
    _ = unsafe write(bell.writable, &byte, 1)
  }

  func unplug() { order(.unplug) }
  func plugIn() { order(.plugIn) }

  func stop() async {
    order(.stop)
    await task.value
    thread.stop()
    close(bell.readable)
    close(bell.writable)
  }

  private static func work(_ first: consuming Cable, _ behaviour: any Behaviour, _ place: Place, _ inbox: Orders) {
    var cable: Cable? = consume first
    var behaviour = behaviour
    var pending: [Burst] = []
    var ears = Ears(place, behaviour)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let next = pending.first?.due ?? HostClock.boot + .seconds(3600)
      let rang = Self.wait(&cable, inbox.readable, until: next)
      if rang {
        _ = unsafe read(inbox.readable, &buffer, buffer.count)
        for order in inbox.take() {
          switch order {
          case .stop: return
          case .unplug:
            cable = nil
            pending = []
            ears = Ears(place, behaviour)
          case .plugIn: cable = try? Cable(place)
          }
        }
      }
      let count = cable?.read(into: &buffer) ?? 0
      let now = HostClock.boot
      if count > 0 {
        for request in ears.hear(buffer[..<count]) {
          for burst in behaviour.answer(request, at: now) {
            let place = pending.lastIndex { $0.due <= burst.due }.map { $0 + 1 } ?? 0
            pending.insert(burst, at: place)
          }
        }
      }
      while let first = pending.first, first.due <= HostClock.boot {
        cable?.write(first.bytes)
        first.sent?(HostClock.boot)
        pending.removeFirst()
      }
    }
  }

  private static func wait(_ cable: inout Cable?, _ bell: CInt, until: BootInstant) -> Bool {
    guard cable != nil else {
      var one = bell
      return unsafe cserial_wait_any(&one, 1, until.nanoseconds) & 1 != 0
    }
    return cable?.wait(bell, until: until) ?? true
  }
}

/// Carries what cannot be copied into a task.
private final class Box: @unchecked Sendable {
  private var cable: Cable?
  init(_ cable: consuming Cable) { self.cable = consume cable }
  func take() -> Cable? {
    var taken: Cable?
    swap(&taken, &cable)
    return taken
  }
}

/// Cuts what the master wrote into requests. The master is ours: its requests are whole.
private struct Ears {
  let isNetwork: Bool
  let hearsAll: Bool
  private var held: [UInt8] = []

  init(_ place: FarEnd.Place, _ behaviour: any Behaviour) {
    if case .network = place { isNetwork = true } else { isNetwork = false }
    hearsAll = behaviour.hearsAll
  }

  mutating func hear(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    if hearsAll { return [Array(bytes)] }
    held += bytes
    var requests: [[UInt8]] = []
    while let length = nextLength(), held.count >= length {
      requests.append(Array(held[..<length]))
      held.removeFirst(length)
    }
    return requests
  }

  private func nextLength() -> Int? {
    guard let first = held.first else { return nil }
    if isNetwork { return 12 }
    guard first == 0xFE || first == 0x68 else { return 8 }
    let wakeUps = held.prefix { $0 == 0xFE }.count
    guard held.count > wakeUps + 9 else { return nil }
    return wakeUps + 12 + Int(held[wakeUps + 9])
  }
}

/// The descriptors of the far end, closed together.
struct Cable: ~Copyable {
  let port: PortAddress
  private var talk: CInt
  private let hold: CInt
  private let isServer: Bool
  /// Gone with the adapter, as udev has it: the terminal's number may soon be another's.
  private let link: String?

  init(_ place: FarEnd.Place) throws(FaultError) {
    switch place {
    case .terminal, .link:
      var controller: CInt = -1, device: CInt = -1
      var name = [CChar](repeating: 0, count: 256)
      guard unsafe cserial_pseudo_terminal(&controller, &device, &name, name.count) == 0 else {
        throw FaultError("no pseudo-terminal: errno \(errno)")
      }
      var path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      if case .link(let link) = place {
        guard unsafe cserial_point_link(link, path) == 0 else { throw FaultError("cannot link \(link)") }
        path = link
        self.link = link
      } else {
        link = nil
      }
      (talk, hold, isServer, port) = (controller, device, false, .device(path: path))
    case .server, .network:
      var bound: UInt16 = 0
      let listener = unsafe cserial_listen_local(0, &bound)
      guard listener >= 0 else { throw FaultError("no port: errno \(-listener)") }
      link = nil
      (talk, hold, isServer) = (-1, listener, true)
      if case .network = place {
        port = .modbusServer(host: "127.0.0.1", port: Int(bound))
      } else {
        port = .server(host: "127.0.0.1", port: Int(bound))
      }
    }
  }

  deinit {
    if let link { _ = unsafe unlink(link) }
    if talk >= 0 { close(talk) }
    close(hold)
  }

  /// True when the bell rang.
  mutating func wait(_ bell: CInt, until: BootInstant) -> Bool {
    let watched = [bell, talk, isServer && talk < 0 ? hold : -1]
    let ready = unsafe cserial_wait_any(watched, watched.count, until.nanoseconds)
    if ready > 0, ready & 4 != 0 { talk = max(-1, cserial_accept(hold)) }
    return ready > 0 && ready & 1 != 0
  }

  mutating func read(into buffer: inout [UInt8]) -> Int {
    guard talk >= 0 else { return 0 }
    let count = unsafe Glibc.read(talk, &buffer, buffer.count)
    if count > 0 { return count }
    if isServer, !(count < 0 && (errno == EAGAIN || errno == EINTR)) {
      close(talk)
      talk = -1
    }
    return 0
  }

  /// How many bytes the port took.
  @discardableResult
  func write(_ bytes: [UInt8]) -> Int {
    guard talk >= 0, !bytes.isEmpty else { return 0 }
    let count =
      isServer
      ? unsafe send(talk, bytes, bytes.count, CInt(MSG_NOSIGNAL)) : unsafe Glibc.write(talk, bytes, bytes.count)
    return max(0, count)
  }
}

/// Why a row could not be run at all.
struct FaultError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
