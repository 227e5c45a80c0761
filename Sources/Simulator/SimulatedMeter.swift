public import Metering

/// Which of the two languages a meter speaks.
public enum MeterLanguage: String, Hashable, Sendable, CaseIterable {
  case dlt645, modbus
}

/// What a meter sends back, and when it starts.
public struct Answer: Hashable, Sendable {
  public var bytes: [UInt8]
  /// From the end of the request's last byte to the start of the first one here.
  public var delay: BootInstant.Span
  /// Pause between one byte and the next, over and above the time of the bytes.
  public var gap: BootInstant.Span

  public init(bytes: [UInt8], delay: BootInstant.Span, gap: BootInstant.Span = .zero) {
    self.bytes = bytes
    self.delay = delay
    self.gap = gap
  }
}

/// A meter without a wire: whole requests in, answers out. It is told the time.
public protocol SimulatedMeter: Sendable {
  var id: MeterID { get }
  var language: MeterLanguage { get }
  /// The Modbus address; `nil` for other languages.
  var unit: UInt8? { get }
  /// The rate it was commanded to speak at, where it was; it outlives the bus's idea of it.
  var baud: Int? { get }
  /// What it measures and keeps.
  var registers: MeterRegisters { get }

  /// The answer to a whole frame of the meter's language; `nil` where a meter stays silent.
  ///
  /// A DL/T 645 frame comes with the FEH that stood before it.
  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Answer?

  /// What an error-free reading of `quantity` shows, in the resolution that the meter sends.
  ///
  /// `nil` where the meter has no such item.
  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation?
}

extension SimulatedMeter {
  public var baud: Int? { nil }
}
