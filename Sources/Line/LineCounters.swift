public import Metering

/// A run of bytes on the wire.
public struct Traffic: Hashable, Sendable {
  /// When the first byte was sent, or the last was read.
  public let at: BootInstant
  public let sent: Bool
  public let bytes: [UInt8]

  public init(at: BootInstant, sent: Bool, bytes: [UInt8]) {
    self.at = at
    self.sent = sent
    self.bytes = bytes
  }
}

/// What a line has seen since it was made.
public struct LineCounters: Hashable, Sendable {
  public var opens = 0
  public var exchanges = 0
  public var requests = 0
  public var bytesSent = 0
  public var bytesReceived = 0
  /// Bytes thrown away before a request.
  public var bytesDiscarded = 0
  /// Bytes that came in the silence after an answer.
  public var bytesTrailing = 0
  /// Bytes that came in quarantine, after their time.
  public var bytesLate = 0
  public var echoes = 0
  public var charactersBroken = 0

  public init() {}

  public static func += (all: inout Self, more: Self) {
    all.opens += more.opens
    all.exchanges += more.exchanges
    all.requests += more.requests
    all.bytesSent += more.bytesSent
    all.bytesReceived += more.bytesReceived
    all.bytesDiscarded += more.bytesDiscarded
    all.bytesTrailing += more.bytesTrailing
    all.bytesLate += more.bytesLate
    all.echoes += more.echoes
    all.charactersBroken += more.charactersBroken
  }

  mutating func add(_ record: ExchangeRecord) {
    exchanges += 1
    requests += record.requests.count
    bytesSent += record.bytesSent
    bytesReceived += record.bytesReceived
    bytesDiscarded += record.bytesDiscarded
    echoes += record.echoed ? 1 : 0
    charactersBroken += record.charactersBroken
  }
}
