internal import CSerial
internal import Glibc
public import Metering

/// Why a socket of this machine cannot be used.
public enum LocalSocketError: Error, Hashable, Sendable {
  /// The path has more bytes than an address takes.
  case pathTooLong(longest: Int)
  /// Another process listens there.
  case inUse
  /// Something else than a socket stands there; it was left alone.
  case taken
  case notPermitted
  /// Nothing listens there.
  case nobody
  case failed(errno: Int32)

  init(_ code: Int32) {
    switch code {
    case -ENAMETOOLONG: self = .pathTooLong(longest: Int(cserial_local_longest()))
    case -EADDRINUSE: self = .inUse
    case -EEXIST: self = .taken
    case -EACCES, -EPERM: self = .notPermitted
    case -ENOENT, -ECONNREFUSED, -ENOTDIR: self = .nobody
    default: self = .failed(errno: -code)
    }
  }
}

/// Who is at the other end of a connection, by the kernel's word.
public struct LocalPeer: Hashable, Sendable {
  public let user: UInt32
  public let process: Int32
  /// In the group that the socket belongs to.
  public let isInGroup: Bool

  public init(user: UInt32, process: Int32, isInGroup: Bool) {
    self.user = user
    self.process = process
    self.isInGroup = isInGroup
  }

  /// The user this process acts as.
  public static var ownUser: UInt32 { geteuid() }
}

/// The ear of a daemon: a stream socket in the file system. Its file is gone with it, unless it is another's by then.
@safe public final class LocalListener: Sendable {
  let descriptor: CInt
  private let path: String
  private let device: UInt64
  private let node: UInt64
  private let group: UInt32

  /// Listens at `path`, open to its owner and its group. What a killed process left there is taken over.
  public init(path: String) throws(LocalSocketError) {
    let opened = unsafe cserial_local_listen(path, 0o660)
    guard opened >= 0 else { throw LocalSocketError(opened) }
    var (device, node, group): (UInt64, UInt64, UInt32) = (0, 0, 0)
    let known = unsafe cserial_local_identity(path, &device, &node, &group)
    guard known == 0 else {
      cserial_close(opened)
      throw LocalSocketError(known)
    }
    descriptor = opened
    self.path = path
    (self.device, self.node, self.group) = (device, node, group)
  }

  deinit {
    var (device, node, group): (UInt64, UInt64, UInt32) = (0, 0, 0)
    if unsafe cserial_local_identity(path, &device, &node, &group) == 0, device == self.device, node == self.node {
      _ = unsafe unlink(path)
    }
    cserial_close(descriptor)
  }

  /// The next caller; `nil` when there is none, or no room for one.
  public func accept() -> LocalConnection? {
    let accepted = cserial_local_accept(descriptor)
    guard accepted >= 0 else { return nil }
    var (user, own, process): (UInt32, UInt32, Int32) = (0, 0, 0)
    guard unsafe cserial_local_peer(accepted, &user, &own, &process) == 0 else {
      cserial_close(accepted)
      return nil
    }
    let isInGroup = own == group || cserial_local_peer_joins(accepted, group) == 1
    return LocalConnection(accepted, LocalPeer(user: user, process: process, isInGroup: isInGroup))
  }
}

/// One connection, closed with this object. What is sent to an end that is closed is an error and no signal.
public final class LocalConnection {
  let descriptor: CInt
  public let peer: LocalPeer

  init(_ descriptor: CInt, _ peer: LocalPeer) {
    self.descriptor = descriptor
    self.peer = peer
  }

  deinit { cserial_close(descriptor) }

  /// What waits to be read, into `buffer`: the count, 0 for nothing yet, `nil` at the end.
  public func read(into buffer: inout [UInt8]) -> Int? {
    let count = unsafe cserial_read(descriptor, &buffer, CInt(clamping: buffer.count))
    return count >= 0 ? Int(count) : nil
  }

  /// Sends what finds room: how much, `nil` where the other end is gone.
  public func send(_ bytes: ArraySlice<UInt8>) -> Int? {
    let sent = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe cserial_local_send(descriptor, bytes.baseAddress, CInt(clamping: bytes.count))
    }
    return sent >= 0 ? Int(sent) : nil
  }
}

/// What a thread waits for, of all its connections at once.
public struct LocalWatch {
  private var wishes: [cserial_local_wish] = []

  public init() {}

  /// A listener, and a bell that ends the wait when it rings.
  public mutating func begin(_ listener: LocalListener?, _ bell: Doorbell) {
    wishes.removeAll(keepingCapacity: true)
    wishes.append(cserial_local_wish(descriptor: bell.descriptor, wants: 1, gets: 0))
    wishes.append(cserial_local_wish(descriptor: listener?.descriptor ?? -1, wants: 1, gets: 0))
  }

  /// That the other end is closed both ways is told in any case.
  public mutating func add(_ connection: LocalConnection, reads: Bool, writes: Bool) {
    wishes.append(
      cserial_local_wish(descriptor: connection.descriptor, wants: (reads ? 1 : 0) | (writes ? 2 : 0), gets: 0))
  }

  /// Blocks until one of them is ready, the bell rings, or the boot clock reaches `instant`.
  public mutating func wait(until instant: BootInstant, quieting bell: Doorbell) {
    let count = wishes.count
    let ready = unsafe wishes.withUnsafeMutableBufferPointer { wishes in
      unsafe cserial_local_wait(wishes.baseAddress, count, instant.nanoseconds)
    }
    if ready > 0, wishes[0].gets != 0 { bell.wait(until: BootInstant(nanoseconds: 0)) }
  }

  public var hasCaller: Bool { wishes.count > 1 && wishes[1].gets != 0 }
  /// Whether the connection that was added at that place has something to read, be it its end.
  public func canRead(_ place: Int) -> Bool { gets(place) & 5 != 0 }
  /// Whether nobody is at its other end any more.
  public func isGone(_ place: Int) -> Bool { gets(place) & 4 != 0 }

  private func gets(_ place: Int) -> UInt8 { wishes.indices.contains(place + 2) ? wishes[place + 2].gets : 0 }
}
