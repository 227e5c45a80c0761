/// Consecutive registers of one table of a meter.
public struct RegisterRange: Hashable, Sendable {
  public let function: ReadFunction
  /// The first register by its number on the wire, 0...65535.
  public let first: Int
  /// At least 1; the last register is 65535 at most.
  public let count: Int

  /// `nil` for no register or registers past 65535.
  public init?(_ function: ReadFunction, first: Int, count: Int) {
    guard (0...65_535).contains(first), (1...65_536 - first).contains(count) else { return nil }
    self.function = function
    self.first = first
    self.count = count
  }

  /// One past the last register.
  public var end: Int { first + count }

  public func contains(_ other: RegisterRange) -> Bool {
    function == other.function && first <= other.first && other.end <= end
  }

  public func overlaps(_ other: RegisterRange) -> Bool {
    function == other.function && first < other.end && other.first < end
  }

  /// The request for these registers; `nil` for more than 125.
  public func request(unit: UInt8) -> ReadRequest? {
    guard count <= ReadRequest.maximumCount else { return nil }
    return ReadRequest(
      unit: unit, function: function, register: UInt16(truncatingIfNeeded: first),
      count: UInt16(truncatingIfNeeded: count))
  }

  /// The registers of `part` out of the reply to the request for these; `nil` where they are not in it.
  public func registers(of part: RegisterRange, in reply: [UInt16]) -> [UInt16]? {
    guard contains(part), reply.count == count else { return nil }
    return Array(reply[(part.first - first)..<(part.end - first)])
  }
}

/// What a read costs on a line.
///
/// A read of n registers takes (8 + 5 + 2n) byte times, the meter's delay and one silence.
public struct WireCost: Hashable, Sendable {
  /// Time of one character, in nanoseconds.
  public let byteNanoseconds: Int64
  /// From the last byte of a request to the first of its reply, in nanoseconds.
  public let replyDelayNanoseconds: Int64
  /// The silence between frames, t3.5, in nanoseconds.
  public let silenceNanoseconds: Int64

  private static let longest: Int64 = 60_000_000_000

  /// Negative times count as 0, and none as more than a minute.
  public init(byteNanoseconds: Int64, replyDelayNanoseconds: Int64, silenceNanoseconds: Int64) {
    self.byteNanoseconds = min(max(0, byteNanoseconds), Self.longest)
    self.replyDelayNanoseconds = min(max(0, replyDelayNanoseconds), Self.longest)
    self.silenceNanoseconds = min(max(0, silenceNanoseconds), Self.longest)
  }

  /// Nanoseconds that a read of `count` registers keeps the line busy.
  public func nanoseconds(reading count: Int) -> Int64 {
    (8 + 5 + 2 * Int64(min(count, 65_536))) * byteNanoseconds + replyDelayNanoseconds + silenceNanoseconds
  }
}

/// What a meter allows in one read.
public struct ReadLimits: Hashable, Sendable {
  /// Most registers of one read, 1...125.
  public let maximumRegisters: Int
  /// Registers that no read may touch, since the meter refuses them or acts on them.
  public let forbidden: [RegisterRange]
  /// Values that the meter gives only to a read of just their registers.
  public let alone: Set<RegisterRange>

  /// The maximum is held within 1...125.
  public init(
    maximumRegisters: Int = ReadRequest.maximumCount, forbidden: [RegisterRange] = [], alone: Set<RegisterRange> = []
  ) {
    self.maximumRegisters = min(max(1, maximumRegisters), ReadRequest.maximumCount)
    self.forbidden = forbidden
    self.alone = alone
  }

  /// True where one read may bring `range`.
  public func allow(_ range: RegisterRange) -> Bool {
    guard range.count <= maximumRegisters, !forbidden.contains(where: { $0.overlaps(range) }) else { return false }
    return alone.isEmpty || alone.contains(range) || !alone.contains { $0.overlaps(range) }
  }

  /// `range`, or one register more where the read of `range` begins like its own reply.
  ///
  /// Such a request could not be answered on a line with echo (see ``Answerable/echoBeginsLikeReply``). The range
  /// stays where the meter allows no other read of it.
  public func clearOfEcho(_ range: RegisterRange, unit: UInt8) -> RegisterRange {
    // All others are longer, or have another second byte.
    guard range.count == 1, (512...767).contains(range.first), let request = range.request(unit: unit),
      request.echoBeginsLikeReply
    else { return range }
    let wider = [range.first, range.first - 1].compactMap { RegisterRange(range.function, first: $0, count: 2) }
    return wider.first(where: allow) ?? range
  }
}

/// Why no plan can read a value.
public enum ReadPlanError: Error, Hashable, Sendable {
  /// The value is longer than one read may be.
  case tooLong(RegisterRange, maximum: Int)
  /// The value lies in registers that must not be touched.
  case forbidden(RegisterRange)
}

/// The reads that bring all wanted values in the least time on the wire.
///
/// No value is split over two reads, since it could change between them, and one that must be read alone is. Among plans of one cost the one with
/// fewer reads is taken, then the one whose reads start later; the same input always gives the same plan.
public struct ReadPlan: Hashable, Sendable {
  /// The reads, in the order of their functions and registers.
  public let blocks: [RegisterRange]
  /// Time of all reads on the wire, in nanoseconds.
  public let nanoseconds: Int64

  /// Plans to read `values` under `limits` at the cost of `wire`.
  public init(
    _ values: some Sequence<RegisterRange>, limits: ReadLimits, wire: WireCost
  ) throws(ReadPlanError) {
    let wanted = Set(values).sorted { ($0.function, $0.first, $0.end) < ($1.function, $1.first, $1.end) }
    for value in wanted where !limits.allow(value) {
      guard value.count <= limits.maximumRegisters else {
        throw .tooLong(value, maximum: limits.maximumRegisters)
      }
      throw .forbidden(value)
    }
    let alone = wanted.filter(limits.alone.contains)
    let joinable = wanted.filter { !limits.alone.contains($0) }
    // Some best plan reads values that are neighbours in this order together: where two reads lie across each
    // other, the values of one can go to the other at no cost. So the best plan for the first n values is a last
    // block over some of them, after the best plan for those before it.
    var best = [Choice(start: 0, nanoseconds: 0, reads: 0)]
    for end in stride(from: 1, through: joinable.count, by: 1) {
      var chosen: Choice?
      var block: RegisterRange?
      for start in (0..<end).reversed() {
        guard let joined = Self.join(joinable[start], block), limits.allow(joined) else { break }
        block = joined
        let choice = Choice(
          start: start, nanoseconds: best[start].nanoseconds + wire.nanoseconds(reading: joined.count),
          reads: best[start].reads + 1)
        if let known = chosen, (known.nanoseconds, known.reads) <= (choice.nanoseconds, choice.reads) { continue }
        chosen = choice
      }
      // A value alone is always allowed, so there is a choice.
      best.append(chosen ?? Choice(start: end - 1, nanoseconds: 0, reads: 0))
    }
    var blocks: [RegisterRange] = []
    var end = joinable.count
    while end > 0 {
      let start = best[end].start
      if let block = joinable[start..<end].reduce(nil, { block, value in Self.join(value, block) }) {
        blocks.append(block)
      }
      end = start
    }
    self.blocks = (blocks + alone).sorted { ($0.function, $0.first) < ($1.function, $1.first) }
    nanoseconds = alone.reduce(best[joinable.count].nanoseconds) { $0 + wire.nanoseconds(reading: $1.count) }
  }

  /// The read that brings `value`; `nil` where none does.
  public func block(of value: RegisterRange) -> RegisterRange? { blocks.first { $0.contains(value) } }

  private struct Choice {
    let start: Int
    let nanoseconds: Int64
    let reads: Int
  }

  /// The least range over both; `nil` for two functions.
  private static func join(_ value: RegisterRange, _ block: RegisterRange?) -> RegisterRange? {
    guard let block else { return value }
    guard block.function == value.function else { return nil }
    let first = min(value.first, block.first)
    return RegisterRange(value.function, first: first, count: max(value.end, block.end) - first)
  }
}
