/// One read of one meter, from the first request to the last follow-up frame: an event in, one action out.
///
/// A frame is believed only when it is a reply, comes from the meter that was asked, answers the function that
/// was asked and carries the identifier that was asked. Everything else is listed in `ignored` and changes
/// nothing. There are no retries in here.
///
/// Bytes that come after the end may be fed too: a second, different answer to the same request turns the outcome
/// into `failed(.contradicted)`, which is how two meters at one address show themselves.
public struct ReadExchange: Sendable {
  /// What is read.
  public enum Request: Hashable, Sendable {
    /// 11H, and 12H as long as the meter announces more.
    case data(DataIdentifier)
    /// 13H.
    case address
    /// 11H with a number of records, and 12H as long as the meter announces more.
    case profile(LoadProfileRead)
    /// 01H of the 1997 edition, and 02H as long as the meter announces more.
    case data1997(ShortIdentifier)
    /// 03H of the 1997 edition, the meter's last answer once more if it was to this identifier, and 02H after it.
    case again1997(ShortIdentifier)
  }

  /// What the owner of the line does next.
  public enum Action: Hashable, Sendable {
    case send([UInt8])
    case listen
    case finish(Outcome)
  }

  /// How a read ended. `frames` are the replies as received, without wake-up bytes: the evidence.
  public enum Outcome: Hashable, Sendable {
    /// All data after the identifier without the 33H, sequence numbers taken out. `from` is the meter's own
    /// address, or the wildcard where the meter answers with what it was asked with.
    case data([UInt8], from: Address, frames: [[UInt8]])
    case address(Address, frames: [[UInt8]])
    /// The meter said no; `raw` is the data of its reply.
    case refused(ErrorWord, raw: [UInt8], frames: [[UInt8]])
    /// No answer came; `ignored` and `receivedBytes` tell whether anything else did.
    case silent
    case failed(ExchangeError)
  }

  /// The most frames of one answer.
  public static let maximumFrames = 64
  /// The most entries in `ignored`.
  public static let maximumIgnored = 16

  public let request: Request
  /// The address that was asked, which may be a wildcard.
  public let address: Address
  /// Frames that were not the answer, the first `maximumIgnored` of them.
  public private(set) var ignored: [IgnoredFrame] = []
  /// All frames that were not the answer.
  public private(set) var ignoredCount = 0
  /// Bytes heard since `start`.
  public private(set) var receivedBytes = 0
  /// Replies believed so far.
  public private(set) var frames: [[UInt8]] = []

  private enum State {
    case idle
    /// Part 0 answers the first request, part 1 the first follow-up.
    case awaiting(part: Int)
    case finished(Outcome, part: Int)
  }

  private let wakeUps: Int
  private let rates: Int?
  private var state = State.idle
  private var decoder = FrameDecoder()
  private var payload: [UInt8] = []
  private var peer: Address
  private var wrongSequence: UInt8?
  private var sent: [UInt8] = []

  /// A read that has not begun. `wakeUps` is 0...4; `rates`, if known, only sharpens `expectedReplyBytes`.
  public init(_ request: Request, to address: Address, wakeUps: Int = 4, rates: Int? = nil) {
    self.request = request
    self.address = address
    self.wakeUps = wakeUps
    self.rates = rates
    peer = address
  }

  /// The longest reply frame to be expected, with four wake-up bytes before it; for time-outs.
  public var expectedReplyBytes: Int {
    let data: Int
    switch request {
    case .data(let identifier): data = identifier.payloadLength(rates: rates).map { $0 + 5 } ?? Frame.maximumData
    case .profile: data = Frame.maximumData
    case .data1997(let identifier), .again1997(let identifier):
      data = identifier.payloadLength(rates: rates).map { $0 + 3 } ?? Frame.maximumData
    case .address: data = 6
    }
    return 4 + Frame.overhead + min(data, Frame.maximumData)
  }

  /// The least number of bytes that must still come before anything can be decided; for owners that would rather
  /// sleep than look at every byte.
  public var missingBytes: Int { decoder.missing }

  /// Begins, or begins again from nothing.
  public mutating func start() -> Action {
    self = ReadExchange(request, to: address, wakeUps: wakeUps, rates: rates)
    return ask(part: 0)
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
    let action = examine()
    guard action == .listen else { return action }
    switch state {
    case .idle, .awaiting(part: 0): return finish(.silent, part: 0)
    case .awaiting(let part):
      let expected = sequenceNumber(part)
      let error: ExchangeError =
        wrongSequence.map { .wrongSequence(expected: expected, received: $0) } ?? .followUpMissing(sequence: expected)
      return finish(.failed(error), part: part)
    case .finished(let outcome, _): return .finish(outcome)
    }
  }
}

extension ReadExchange {
  private mutating func ask(part: Int) -> Action {
    state = .awaiting(part: part)
    wrongSequence = nil
    // What is still held came before this request and cannot answer it.
    decoder.reset()
    let frame = frameRequest(part: part).frame(to: peer, wakeUps: wakeUps)
    sent = Array(frame.drop { $0 == Frame.wakeUp })
    return .send(frame)
  }

  private func frameRequest(part: Int) -> DLT645.Request {
    switch (request, part) {
    case (.data(let identifier), 0): .data(identifier)
    case (.data(let identifier), _): .following(identifier, sequence: sequenceNumber(part))
    case (.address, _): .address
    case (.profile(let read), 0): .profile(read)
    case (.profile(let read), _): .following(read.identifier, sequence: sequenceNumber(part))
    case (.data1997(let identifier), 0): .data1997(identifier)
    case (.again1997(let identifier), 0): .again1997(identifier)
    case (.data1997(let identifier), _), (.again1997(let identifier), _):
      .following1997(identifier, sequence: sequenceNumber(part))
    }
  }

  private mutating func finish(_ outcome: Outcome, part: Int) -> Action {
    state = .finished(outcome, part: part)
    return .finish(outcome)
  }

  /// Goes through all that the decoder can tell now.
  private mutating func examine() -> Action {
    while let event = decoder.next() {
      switch event {
      case .damaged(let error, let range): ignore(.damaged(error), decoder.bytes(in: range))
      case .frame(let frame):
        let bytes = decoder.bytes(of: frame)
        let action = take(Reception(frame: frame, data: decoder.data(of: frame), bytes: bytes))
        if case .send = action { return action }
      }
    }
    if case .finished(let outcome, _) = state { return .finish(outcome) }
    return .listen
  }

  private mutating func take(_ reception: Reception) -> Action {
    switch state {
    case .idle:
      ignore(.unasked, reception.bytes)
      return .listen
    case .awaiting(let part):
      let question = Question(
        request: frameRequest(part: part), address: address, meter: part == 0 ? nil : peer, sent: sent)
      switch question.judge(reception) {
      case .ignored(let reason):
        if case .otherSequence(let number) = reason { wrongSequence = number }
        ignore(reason, reception.bytes)
        return .listen
      case .answer(let answer): return accept(answer, reception, part: part)
      }
    case .finished(let outcome, let part):
      let question = Question(request: frameRequest(part: part), address: address, meter: nil, sent: sent)
      switch question.judge(reception) {
      case .ignored(let reason): ignore(reason, reception.bytes)
      case .answer:
        switch outcome {
        case .data, .address, .refused:
          guard reception.bytes != frames.last else {
            ignore(.repeated, reception.bytes)
            break
          }
          ignore(.contradicting, reception.bytes)
          return finish(.failed(.contradicted), part: part)
        case .silent, .failed: ignore(.late, reception.bytes)
        }
      }
      return .finish(outcome)
    }
  }

  private mutating func accept(_ answer: Question.Answer, _ reception: Reception, part: Int) -> Action {
    frames.append(reception.bytes)
    switch answer {
    case .refusal(let word):
      guard part == 0 else { return finish(.failed(.followUpRefused(word)), part: part) }
      return finish(.refused(word, raw: reception.data, frames: frames), part: part)
    case .address(let found): return finish(.address(found, frames: frames), part: part)
    case .differentAddresses(let other):
      return finish(.failed(.addressesDiffer(frame: reception.frame.address, data: other)), part: part)
    case .part(let bytes, let more):
      payload += bytes
      peer = reception.frame.address
      guard more else { return finish(.data(payload, from: peer, frames: frames), part: part) }
      guard frames.count < Self.maximumFrames else {
        return finish(.failed(.tooLong(frames: frames.count)), part: part)
      }
      return ask(part: part + 1)
    }
  }

  private mutating func ignore(_ reason: IgnoredFrame.Reason, _ bytes: [UInt8]) {
    ignoredCount &+= 1
    guard ignored.count < Self.maximumIgnored else { return }
    ignored.append(IgnoredFrame(reason: reason, bytes: bytes))
  }
}
