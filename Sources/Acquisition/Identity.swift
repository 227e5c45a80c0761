public import Line
public import Metering
internal import Modbus

extension Probe {
  /// What a Modbus unit says of itself: its objects of function 43/14, or its identity by function 17; empty where
  /// it refuses both or stays silent.
  ///
  /// Source: "Modbus Application Protocol Specification" V1.1b3, sections 6.13 and 6.21.
  public func identity(
    ofUnit unit: UInt8, settings: SerialSettings, timeout: BootInstant.Span
  ) throws(LineError) -> [String] {
    let objects = try line.identification(of: unit, settings: settings, replyTimeout: timeout) ?? []
    let told = objects.map { "\($0.name) \($0.text)" }
    guard told.isEmpty else { return told }
    _ = try line.quarantine(silence: .milliseconds(50))
    let outcome = try line.ask(.serverID(unit: unit), settings: settings, replyTimeout: timeout)
    guard case .told(.serverID(let server)) = outcome, server.text.count >= 3 else { return [] }
    return [server.text]
  }
}
