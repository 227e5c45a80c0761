public import Metering

/// The delay of a meter for which its Modbus registers are joined into reads, in one go from one round to the next.
///
/// It is noted before it is used: rounds that were due from `since` on are asked as it says, and a daemon that is started
/// in the midst of one asks for the same reads as the one before it.
public struct AssumedDelay: Hashable, Sendable {
  /// For rounds that were due before `since`.
  public let before: BootInstant.Span
  /// For all later ones.
  public let now: BootInstant.Span
  /// In milliseconds since 1970.
  public let since: Int64

  /// What is taken of a meter that nobody has measured: 40 ms.
  public static let usual = AssumedDelay(before: .milliseconds(40), now: .milliseconds(40), since: 0)

  public init(before: BootInstant.Span, now: BootInstant.Span, since: Int64) {
    self.before = before
    self.now = now
    self.since = since
  }

  /// The same, with a measured delay from `since` on; `nil` where that comes to the same.
  public func following(_ measured: BootInstant.Span, since: Int64) -> AssumedDelay? {
    let step = Self.step(of: measured)
    return step == now ? nil : AssumedDelay(before: now, now: step, since: since)
  }

  /// So long ahead of its use, in milliseconds, a delay is noted.
  public static let lead: Int64 = 60_000

  /// A delay in steps of a half, 5 ms to 1.3 s: meters of one model whose delays differ by less are asked alike.
  public static func step(of delay: BootInstant.Span) -> BootInstant.Span {
    var step: Int64 = 5000
    let microseconds = delay.nanoseconds / 1000
    while step < 1_250_000, microseconds * 5 > step * 6 { step = step * 3 / 2 }
    return BootInstant.Span(nanoseconds: step * 1000)
  }
}

extension AssumedDelay {
  /// As the store keeps it: three whole numbers, microseconds and milliseconds since 1970.
  public var text: String { "\(before.nanoseconds / 1000) \(now.nanoseconds / 1000) \(since)" }

  /// Reads what `text` gave; `nil` for anything else.
  public init?(text: some StringProtocol) {
    let numbers = text.split(separator: " ").compactMap { Int64($0) }
    guard numbers.count == 3, numbers[..<2].allSatisfy({ (1...60_000_000).contains($0) }) else { return nil }
    self.init(
      before: BootInstant.Span(nanoseconds: numbers[0] * 1000), now: BootInstant.Span(nanoseconds: numbers[1] * 1000),
      since: numbers[2])
  }
}

extension LinePlan.Meter {
  /// Other questions for the same tasks, for all rounds that are due from an instant on.
  public struct Coming: Hashable, Sendable {
    /// In milliseconds since 1970.
    public let since: Int64
    /// By the task's place.
    public let programme: [[Query]]

    public init(since: Int64, programme: [[Query]]) {
      self.since = since
      self.programme = programme
    }
  }
}

extension LinePlan {
  /// Takes over other questions to some meters, by their places, from the rounds on that are due then.
  public mutating func adopt(_ coming: [Int: Meter.Coming]) {
    for (index, coming) in coming where meters.indices.contains(index) {
      // Every round that is still to be opened is due after what was to come before.
      if let before = meters[index].coming { meters[index].programme = before.programme }
      meters[index].coming = coming
    }
  }

  /// Asks what is to be asked from this round on.
  mutating func adopt(for round: Round) {
    for index in meters.indices {
      guard let coming = meters[index].coming, coming.since <= round.slot,
        coming.programme.indices.contains(round.task), meters[index].programme.indices.contains(round.task)
      else { continue }
      meters[index].programme[round.task] = coming.programme[round.task]
    }
  }
}
