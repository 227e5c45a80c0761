public import Metering

/// The readings of one meter that can be compared with each other: same quantity, same kind.
public struct Series: Hashable, Sendable {
  public let quantity: Quantity
  public let kind: ReadingKind

  public init(quantity: Quantity, kind: ReadingKind) {
    self.quantity = quantity
    self.kind = kind
  }

  public init(_ key: ReadingKey) { self.init(quantity: key.quantity, kind: key.kind) }
}

/// A usable reading of the same series, before or after the one that is judged.
public struct Neighbour: Hashable, Sendable {
  public let value: RegisterValue
  /// The instant of its key, in milliseconds since 1970.
  public let instant: Int64
  /// When the host had it, in milliseconds since 1970.
  public let readAt: Int64
  /// The same by the host's boot clock, which is never set; `nil` for another run of the machine.
  public let bootTime: BootInstant?

  public init(value: RegisterValue, instant: Int64, readAt: Int64, bootTime: BootInstant? = nil) {
    self.value = value
    self.instant = instant
    self.readAt = readAt
    self.bootTime = bootTime
  }

  /// `isOfThisBoot` is false for one that was read in another run of the machine.
  public init(_ reading: Reading, isOfThisBoot: Bool = true) {
    self.init(
      value: reading.value, instant: reading.key.instant, readAt: reading.hostTime.unixMilliseconds,
      bootTime: isOfThisBoot ? reading.bootTime : nil)
  }

  /// The host had it when its label says, or within the 15 minutes that a round may take: nobody wrote it down later.
  var isReadAtItsTime: Bool { (-2000...900_000).contains(Int128(readAt) - Int128(instant)) }
}

extension [Neighbour] {
  /// The nearest one before `instant`. One at the instant itself is the same reading, for the store to compare.
  func last(before instant: Int64) -> Neighbour? {
    self.filter { $0.instant < instant }.max { ($0.instant, $0.value.millionths) < ($1.instant, $1.value.millionths) }
  }

  /// The nearest one after `instant`.
  func first(after instant: Int64) -> Neighbour? {
    self.filter { $0.instant > instant }.min { ($0.instant, $0.value.millionths) < ($1.instant, $1.value.millionths) }
  }
}
