public import Host
public import Metering

/// The calling end of the control socket. Blocks its thread.
public final class ControlClient {
  public let path: String
  private let caller: LocalCaller
  private var last: Int64 = 0

  /// Calls the daemon that listens at `path`; throws where there is none.
  public init(path: String) throws(Complaint) {
    self.path = path
    do throws(LocalSocketError) {
      caller = try LocalCaller(path: path)
    } catch {
      throw Complaint(callingAt: path, error)
    }
  }

  /// What a line of an answer says.
  public enum Answer: Sendable {
    case item(JSON, dropped: Int64)
    case result(JSON)
    /// Nothing until then, or the bell rang.
    case nothing
  }

  /// Puts a request; its answers come from `next`.
  public func put(_ word: String, _ members: [JSON.Member] = []) throws(Complaint) {
    last += 1
    let request = JSON.object([JSON.Member("id", .integer(last)), JSON.Member("do", .string(word))] + members)
    // A daemon that lets nobody more in says so and closes: its word counts, not the failed call.
    _ = caller.send(request.text)
  }

  /// The next line that answers the last request.
  ///
  /// - Throws: what the daemon says of a request that it does not carry out; that it is gone.
  public func next(until instant: BootInstant, bell: Doorbell? = nil) throws(Complaint) -> Answer {
    while true {
      switch caller.next(until: instant, bell: bell) {
      case .nothing: return .nothing
      case .ended:
        throw Complaint(
          .noAnswer, "the daemon at \(path) is gone", "It ended, or it parted with this client; its log says which.")
      case .line(let bytes):
        let line: JSON
        do throws(JSONError) {
          line = try JSON(reading: bytes)
        } catch {
          throw Complaint(.badData, "what answers at \(path) is no daemon of meterd: \(error)")
        }
        if let error = line["error"] {
          throw Complaint(error) ?? Complaint(.badData, "the daemon at \(path) says what nobody understands")
        }
        guard line["id"]?.number == last else { continue }
        if let result = line["result"] { return .result(result) }
        if let item = line["item"] { return .item(item, dropped: line["dropped"]?.number ?? 0) }
      }
    }
  }

  /// Puts a request that has one answer, and waits for it; after two seconds it says so on standard error, unless
  /// `saysWaiting` is false.
  public func ask(
    _ word: String, _ members: [JSON.Member] = [], patience: BootInstant.Span = .seconds(60), saysWaiting: Bool = true
  ) throws(Complaint) -> JSON {
    try put(word, members)
    let until = HostClock.boot + patience
    var answer = try next(until: min(until, HostClock.boot + .seconds(2)))
    if case .nothing = answer, HostClock.boot < until {
      if saysWaiting {
        writeError(
          "meterd: waiting for the daemon at \(path), \((until - HostClock.boot).milliseconds / 1000 + 1) s more at most\n"
        )
      }
      answer = try next(until: until)
    }
    switch answer {
    case .result(let result): return result
    case .item: throw Complaint(.badData, "the daemon at \(path) answers with a stream")
    case .nothing:
      throw Complaint(
        .tryLater, "the daemon at \(path) does not answer",
        "It may be very busy, stopped or stuck: look at its log with journalctl -u meterd.")
    }
  }
}

extension Complaint {
  /// A daemon that cannot be spoken to.
  init(callingAt path: String, _ error: LocalSocketError) {
    switch error {
    case .nobody:
      self.init(
        .noAnswer, "no daemon runs: nobody listens at \(path)",
        "Start it: systemctl start meterd, or meterd run --config FILE. Where it listens elsewhere: --socket PATH, or --config FILE."
      )
    case .notPermitted:
      self.init(
        .notPermitted, "not permitted to speak to the daemon at \(path)",
        "Its own user may, root, and who is in the group of the socket: usermod -aG meterd USER, and log in again.")
    case .pathTooLong(let longest):
      self.init(.usage, "\(path) has \(path.utf8.count) bytes; a socket's path has \(longest) at most")
    case .taken, .inUse, .failed:
      let code = if case .failed(let code) = error { code } else { Int32(0) }
      self.init(.inputOutput, "cannot speak to the daemon at \(path): \(systemError(code))")
    }
  }
}
