/// What a master may ask a meter with no danger: reads, and nothing else.
///
/// A frame that writes, clears, switches or renumbers cannot be expressed; that is `Command`.
public enum Request: Hashable, Sendable {
  /// 11H: the data of an identifier.
  case data(DataIdentifier)
  /// 11H with a number of records and perhaps a time.
  case profile(LoadProfileRead)
  /// 12H: the next part of a long answer. `sequence` is 1...255.
  case following(DataIdentifier, sequence: UInt8)
  /// 13H: the meter's own address.
  case address
  /// 01H of the 1997 edition.
  case data1997(ShortIdentifier)
  /// 02H of the 1997 edition; that its body ends with a sequence number is unverified.
  case following1997(ShortIdentifier, sequence: UInt8)
  /// 03H of the 1997 edition: the last answer once more. Its body, the identifier or nothing, is unverified.
  case again1997(ShortIdentifier?)

  /// Lower five bits of the control code.
  public var function: UInt8 {
    switch self {
    case .data, .profile: ReadFunction.data
    case .following: ReadFunction.following
    case .address: ReadFunction.address
    case .data1997: ReadFunction.data1997
    case .following1997: ReadFunction.following1997
    case .again1997: ReadFunction.again1997
    }
  }

  /// The data field, without the 33H.
  var body: [UInt8] {
    switch self {
    case .data(let identifier): identifier.wireBytes
    case .profile(let read): read.body
    case .following(let identifier, let sequence): identifier.wireBytes + [sequence]
    case .address: []
    case .data1997(let identifier): identifier.wireBytes
    case .following1997(let identifier, let sequence): identifier.wireBytes + [sequence]
    case .again1997(let identifier): identifier?.wireBytes ?? []
    }
  }

  /// The bytes to send, after `wakeUps` (held to 0...4) bytes FEH.
  public func frame(to address: Address, wakeUps: Int = 4) -> [UInt8] {
    // A body is ten bytes at most, so it always fits.
    encodeFrame(address, ControlCode(rawValue: function), body, wakeUps: min(max(wakeUps, 0), 4)) ?? []
  }
}

extension Request {
  /// What a frame asks, as a simulated meter sees it; `nil` for replies and for everything that is no read.
  public init?(_ frame: Frame, in bytes: Span<UInt8>) {
    guard frame.control.rawValue == frame.control.function else { return nil }
    let short = frame.shortIdentifier(in: bytes)
    switch (frame.control.function, frame.dataCount, frame.identifier(in: bytes), short) {
    case (ReadFunction.data, 4, .some(let identifier), _): self = .data(identifier)
    case (ReadFunction.data, 5, .some(let identifier), _), (ReadFunction.data, 10, .some(let identifier), _):
      guard let read = LoadProfileRead(identifier, frame.data(from: 4, in: bytes)) else { return nil }
      self = .profile(read)
    case (ReadFunction.following, 5, .some(let identifier), _):
      self = .following(identifier, sequence: frame.data(4, in: bytes))
    case (ReadFunction.address, 0, _, _): self = .address
    case (ReadFunction.data1997, 2, _, .some(let identifier)): self = .data1997(identifier)
    case (ReadFunction.following1997, 3, _, .some(let identifier)):
      self = .following1997(identifier, sequence: frame.data(2, in: bytes))
    case (ReadFunction.again1997, 0, _, _): self = .again1997(nil)
    case (ReadFunction.again1997, 2, _, .some(let identifier)): self = .again1997(identifier)
    default: return nil
    }
  }
}
