internal import Metering

/// Whether bytes come at the pace that the serial settings give.
///
/// A serial port brings them as they come over the wire. A serial server may bring them in one piece, and then
/// there is nothing to wait for.
struct PaceSense {
  /// How often the pace is looked at again, in exchanges.
  private static let renewal = 32

  private var seen = false
  private var exchanges = 0

  /// True where it is worth sleeping until bytes can have come.
  var isOfTheWire: Bool { seen && exchanges % Self.renewal != 0 }

  /// Looks at an exchange: its reply took at least half of the time that its characters take.
  mutating func note(_ record: ExchangeRecord, characterTime: BootInstant.Span) {
    exchanges += 1
    let bytes = record.bytesReceived - (record.echoed ? record.bytesSent : 0)
    guard let first = record.firstByteAt, bytes >= 8 else { return }
    // While sleeping is allowed the record shows our own sleep, so only the others count.
    if !seen || exchanges % Self.renewal == 1 {
      seen = (record.endedAt - first) * 2 >= characterTime * Int64(bytes)
    }
  }
}
