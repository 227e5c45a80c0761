/// One command to one meter: an event in, one action out. It is sent once.
///
/// A command that was refused or that nobody answered is never repeated in here: the meter may have obeyed, and
/// wrong passwords lock it. An answer is believed only when it is a reply, comes from the meter (after a new address
/// also from that one) and answers the function. Bytes that come after the end may be fed too, as for `ReadExchange`.
public struct CommandExchange: Sendable {
  /// What the owner of the line does next.
  public enum Action: Hashable, Sendable {
    /// The bytes may show a password: keep them out of logs.
    case send([UInt8])
    case listen
    case finish(Outcome)
  }

  /// How a command ended.
  public enum Outcome: Hashable, Sendable {
    /// The meter says it obeyed. `data` is that of its reply without the 33H and `frame` the reply without wake-up
    /// bytes; both are empty where they would show a password.
    case done(data: [UInt8], frame: [UInt8])
    /// The meter said no; `raw` is the data of its reply, in which a second byte may follow the error word.
    case refused(ErrorWord, raw: [UInt8], frame: [UInt8])
    /// No answer came, so whether the meter obeyed is not known. After `setClock` this is the rule.
    case silent
    case failed(CommandError)
  }

  public let command: Command
  public let meter: IndividualAddress
  /// Frames that were not the answer, the first `ReadExchange.maximumIgnored` of them. Those that may show a password
  /// are without their bytes.
  public private(set) var ignored: [IgnoredFrame] = []
  /// All frames that were not the answer.
  public private(set) var ignoredCount = 0
  /// Bytes heard since `start`.
  public private(set) var receivedBytes = 0

  private enum State {
    case idle, awaiting
    case finished(Outcome)
  }

  private let wakeUps: Int
  private var state = State.idle
  private var decoder = FrameDecoder()
  private var sent: [UInt8] = []
  private var answer: [UInt8] = []

  /// A command that has not been sent. `wakeUps` is 0...4.
  public init(_ command: Command, to meter: IndividualAddress, wakeUps: Int = 4) {
    self.command = command
    self.meter = meter
    self.wakeUps = wakeUps
  }

  /// The longest answer to be expected, with four wake-up bytes before it; for time-outs.
  public var expectedReplyBytes: Int { 4 + Frame.overhead + max(2, command.confirmation?.count ?? 0) }

  /// The least number of bytes that must still come before anything can be decided.
  public var missingBytes: Int { decoder.missing }

  /// Gives the frame to send. A second call sends nothing and tells what is known.
  public mutating func start() -> Action {
    guard case .idle = state else { return current }
    state = .awaiting
    decoder.reset()
    let frame = command.frame(to: meter, wakeUps: wakeUps)
    sent = Array(frame.drop { $0 == Frame.wakeUp })
    return .send(frame)
  }

  /// Takes a byte from the line.
  public mutating func receive(_ byte: UInt8) -> Action {
    receivedBytes &+= 1
    decoder.append(byte)
    return examine()
  }

  /// Says that a character was lost or hurt: no frame that spans this place is believed.
  public mutating func interrupted() { decoder.reset() }

  /// Says that the line stayed silent for as long as an answer may take.
  public mutating func timedOut() -> Action {
    decoder.silence()
    _ = examine()
    switch state {
    case .idle, .awaiting:
      state = .finished(.silent)
      return .finish(.silent)
    case .finished(let outcome): return .finish(outcome)
    }
  }
}

/// Why a command failed although the meter answered.
public enum CommandError: Error, Hashable, Sendable {
  /// The meter confirmed something else than it was told: another rate, another password, another output.
  case confirmedOther
  /// Two different answers to one command: two meters share an address, and both may have obeyed.
  case contradicted
}

extension CommandExchange: CustomStringConvertible, CustomReflectable {
  /// `write to 000000000161`.
  public var description: String { "\(command.name) to \(meter)" }
  /// Without the frame, which may show a password.
  public var customMirror: Mirror {
    Mirror(self, children: ["command": command, "meter": meter, "ignored": ignored], displayStyle: .struct)
  }
}

extension CommandExchange {
  private var current: Action {
    if case .finished(let outcome) = state { .finish(outcome) } else { .listen }
  }

  private mutating func examine() -> Action {
    while let event = decoder.next() {
      switch event {
      case .damaged(let error, let range): ignore(.damaged(error), decoder.bytes(in: range))
      case .frame(let frame):
        take(Reception(frame: frame, data: decoder.data(of: frame), bytes: decoder.bytes(of: frame)))
      }
    }
    return current
  }

  private mutating func take(_ reception: Reception) {
    if let reason = stranger(reception) { return ignore(reason, reception.bytes) }
    switch state {
    case .idle: ignore(.unasked, reception.bytes)
    case .awaiting:
      answer = reception.bytes
      state = .finished(outcome(of: reception))
    case .finished(.silent), .finished(.failed): ignore(.late, reception.bytes)
    case .finished(.done), .finished(.refused):
      guard reception.bytes != answer else { return ignore(.repeated, reception.bytes) }
      ignore(.contradicting, reception.bytes)
      state = .finished(.failed(.contradicted))
    }
  }

  /// Why a frame is not an answer to this command; `nil` where it is.
  private func stranger(_ reception: Reception) -> IgnoredFrame.Reason? {
    let control = reception.frame.control
    let from = reception.frame.address
    guard control.isReply else { return reception.bytes == sent ? .echo : .otherRequest }
    guard control.function != Question.reportFunction else { return .unsolicited }
    guard from == meter.address || from == command.newAddress else { return .foreignAddress(from) }
    guard control.function == command.function else { return .otherFunction(control) }
    return control.isAbnormal && reception.data.isEmpty ? .malformed : nil
  }

  private func outcome(of reception: Reception) -> Outcome {
    if reception.frame.control.isAbnormal, let word = reception.data.first {
      return .refused(ErrorWord(rawValue: word), raw: reception.data, frame: reception.bytes)
    }
    // A bare confirmation is one too: some meters leave out what they confirm.
    if let expected = command.confirmation, !reception.data.isEmpty, reception.data != expected {
      return .failed(.confirmedOther)
    }
    guard !command.hasSecretReply else { return .done(data: [], frame: []) }
    return .done(data: reception.data, frame: reception.bytes)
  }

  private mutating func ignore(_ reason: IgnoredFrame.Reason, _ bytes: [UInt8]) {
    ignoredCount &+= 1
    guard ignored.count < ReadExchange.maximumIgnored else { return }
    // An echo, hurt or not, holds what was sent, and some replies a password.
    let isTold: Bool
    switch reason {
    case .echo, .otherRequest, .damaged: isTold = false
    default: isTold = !command.hasSecretReply
    }
    ignored.append(IgnoredFrame(reason: reason, bytes: isTold ? bytes : []))
  }
}
