public import DLT645
public import Devices
public import Metering

/// How a meter is addressed on its line.
public enum MeterAddress: Hashable, Sendable {
  case dlt645(Address)
  case modbus(unit: UInt8)
}

extension MeterAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .dlt645(let address): address.description
    case .modbus(let unit): "unit \(unit)"
    }
  }
}

/// One meter of a line, as its worker needs it.
public struct LineMeter: Sendable {
  public let id: MeterID
  public let address: MeterAddress
  public let profile: DeviceProfile
  public let settings: SerialSettings
  /// Whether FE bytes go before its requests, as its profile has them.
  var sendsWakeUps = true

  public init(id: MeterID, address: MeterAddress, profile: DeviceProfile, settings: SerialSettings) {
    self.id = id
    self.address = address
    self.profile = profile
    self.settings = settings
  }
}

extension LineMeter {
  var wakeUps: Int { sendsWakeUps ? profile.timing.wakeUps : 0 }
  /// The longest gap inside a reply.
  var gap: BootInstant.Span { profile.timing.interByteTimeout }
  /// Silence that this meter wants before anyone speaks again.
  var quietBefore: BootInstant.Span { profile.timing.quietAfter }
  /// True where each answer carries the number of its question: a late one is never mistaken.
  public var isOnNetwork: Bool { settings == .network }
  /// Meters with the same are waited for alike.
  var model: String { "\(profile.name) \(settings)" }
  /// The longest wait for a first byte.
  public var replyLimit: BootInstant.Span { profile.timing.replyTimeout }
}

extension MeterAddress {
  /// Reads an address as configured: twelve digits, or a unit number 1...247, over Modbus TCP also 0 and 255.
  public init?(_ text: String, for profile: DeviceProfile, overTCP: Bool = false) {
    switch profile.language {
    case .modbus:
      guard let unit = UInt8(text), text == "\(unit)", (1...247).contains(unit) || overTCP && (unit == 0 || unit == 255)
      else { return nil }
      self = .modbus(unit: unit)
    case .dlt645:
      guard text.utf8.count == 12, let address = Address(text), address.isComplete else { return nil }
      self = .dlt645(address)
    }
  }
}
