internal import DLT645
internal import Line
internal import Metering

/// Reads of the 1997 edition that take more than one exchange.
///
/// A maximum demand and its time are two items there. They are told as one observation, and the time only where the
/// value was the same before and after it.
struct OldReader {
  let speaker: MeterSpeaker
  let meter: LineMeter
  let address: Address
  let line: Line
  let replyTimeout: BootInstant.Span

  func read(
    _ identifier: ShortIdentifier, listening: BootInstant.Span = .zero
  ) throws(LineError) -> MeterSpeaker.Said {
    try ask(identifier, listening) { (payload) throws(OldReadError) in
      if identifier == .readingDay { return [try Self.readingDay(payload)] }
      do throws(DataError) {
        return try identifier.observations(in: payload)
      } catch {
        throw .item(error)
      }
    }
  }

  /// Reads the demands and then their times; as they stand, the demands once more. `latest` is up to when they can
  /// have occurred. A meter that refuses the times gives its demands without.
  func readDemand(
    _ identifier: ShortIdentifier, times: ShortIdentifier, latest: MeterTime?, listening: BootInstant.Span
  ) throws(LineError) -> MeterSpeaker.Said {
    let first = try read(identifier)
    guard case .told(let told) = first.result else { return first }
    var found: [YearlessTime?] = []
    try speaker.giveWay(.shortIdentifier(times))
    var second = try ask(times, listening) { (payload) throws(OldReadError) in
      found = try Self.times(payload)
      return []
    }
    second.record = first.record.followed(by: second.record)
    let frames: [[UInt8]]
    switch second.result {
    case .silent, .damaged: return second
    // What was refused is not there, and no second look makes it so.
    case .refused: return MeterSpeaker.Said(result: first.result, record: second.record)
    case .told(let answer): frames = told.frames + answer.frames
    }
    guard found.count == told.observations.count else {
      second.result = .damaged("\(found.count) times of \(told.observations.count) demands")
      return second
    }
    let joined = zip(told.observations, found).map { demand, time in
      Observation(
        quantity: demand.quantity, value: demand.value,
        occurred: latest.flatMap { limit in time.flatMap { $0.last(upTo: limit) } }, memory: demand.memory)
    }
    second.result = .told(MeterSpeaker.Told(observations: joined, frames: frames, from: told.from))
    // A closed month is read twice as a whole, which shows a change between its two items.
    guard identifier.monthsBack == nil else { return second }
    try speaker.giveWay(.shortIdentifier(identifier))
    var third = try read(identifier, listening: listening)
    third.record = second.record.followed(by: third.record)
    guard case .told(let again) = third.result else { return third }
    third.result =
      again.observations == told.observations
      ? .told(MeterSpeaker.Told(observations: joined, frames: frames + again.frames, from: told.from))
      : .damaged("the maximum demand changed while its time was read")
    return third
  }

  private func ask(
    _ identifier: ShortIdentifier, _ listening: BootInstant.Span,
    decode: ([UInt8]) throws(OldReadError) -> [Observation]
  ) throws(LineError) -> MeterSpeaker.Said {
    try speaker.read(
      .data1997(identifier), from: address, meter, line, replyTimeout, listening,
      keepsPayload: identifier.isStatusWord, decode: decode)
  }

  /// C117: hh DD.
  private static func readingDay(_ payload: [UInt8]) throws(OldReadError) -> Observation {
    guard payload.count == 2, let quantity = Quantity(.settlementDay(1), .single) else {
      throw .length(expected: 2, received: payload.count)
    }
    if payload == [0xFF, 0xFF] || payload == [0xEE, 0xEE] { return Observation(quantity: quantity, value: .absent) }
    return Observation(quantity: quantity, value: .text(hexString(payload.reversed(), separator: "")))
  }

  /// B01F and its like: MMDDhhmm for the total and each rate, perhaps with a byte that closes the block.
  private static func times(_ payload: [UInt8]) throws(OldReadError) -> [YearlessTime?] {
    let isClosed = payload.count % 4 == 1 && [0xAA, 0xDD].contains(payload.last)
    let count = payload.count / 4
    guard count > 0, payload.count % 4 == 0 || isClosed else { throw .length(expected: 4, received: payload.count) }
    var times: [YearlessTime?] = []
    for index in 0..<count {
      do throws(YearlessTimeError) {
        times.append(try YearlessTime(payload[4 * index..<4 * index + 4]))
      } catch {
        throw .time(error)
      }
    }
    return times
  }
}

/// Why an answer of the 1997 edition is not believed.
enum OldReadError: Error, CustomStringConvertible {
  case item(DataError)
  case time(YearlessTimeError)
  case length(expected: Int, received: Int)

  var description: String {
    switch self {
    case .item(let error): "\(error)"
    case .time(let error): "\(error)"
    case .length(let expected, let received): "\(received) bytes, where an item takes \(expected)"
    }
  }
}

extension ExchangeRecord {
  /// One record of this exchange and the next.
  fileprivate func followed(by next: ExchangeRecord) -> ExchangeRecord {
    var joined = next
    joined.startedAt = startedAt
    joined.requests = requests + next.requests
    joined.bytesSent += bytesSent
    joined.bytesReceived += bytesReceived
    joined.bytesDiscarded += bytesDiscarded
    joined.charactersBroken += charactersBroken
    return joined
  }
}
