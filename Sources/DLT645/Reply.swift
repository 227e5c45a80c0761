/// What a meter answers; a simulated meter makes its frames with it.
public enum Reply: Hashable, Sendable {
  /// Answer to 11H.
  case data(DataIdentifier, [UInt8], more: Bool)
  /// Answer to 12H; the sequence number is the last data byte.
  case following(DataIdentifier, [UInt8], sequence: UInt8, more: Bool)
  /// Answer to 13H.
  case address(Address)
  /// Answer to 01H of the 1997 edition.
  case data1997(ShortIdentifier, [UInt8], more: Bool)
  /// Answer to 02H of the 1997 edition.
  case following1997(ShortIdentifier, [UInt8], sequence: UInt8, more: Bool)
  /// Answer to 03H of the 1997 edition.
  case again1997(ShortIdentifier, [UInt8], more: Bool)
  /// What was commanded is done; the data of most functions is empty.
  case done(function: UInt8, [UInt8])
  /// Answer to 18H, and 0FH of the 1997 edition: the new password.
  case passwordChanged(function: UInt8, Password)
  /// Refusal of any function.
  case refusal(function: UInt8, ErrorWord)

  /// The control code of the reply.
  public var control: ControlCode {
    switch self {
    case .data(_, _, let more): ControlCode(replyTo: ReadFunction.data, more: more)
    case .following(_, _, _, let more): ControlCode(replyTo: ReadFunction.following, more: more)
    case .address: ControlCode(replyTo: ReadFunction.address)
    case .data1997(_, _, let more): ControlCode(replyTo: ReadFunction.data1997, more: more)
    case .following1997(_, _, _, let more): ControlCode(replyTo: ReadFunction.following1997, more: more)
    case .again1997(_, _, let more): ControlCode(replyTo: ReadFunction.again1997, more: more)
    case .done(let function, _), .passwordChanged(let function, _): ControlCode(replyTo: function)
    case .refusal(let function, _): ControlCode(replyTo: function, abnormal: true)
    }
  }

  /// The data field, without the 33H.
  var body: [UInt8] {
    switch self {
    case .data(let identifier, let payload, _): identifier.wireBytes + payload
    case .following(let identifier, let payload, let sequence, _): identifier.wireBytes + payload + [sequence]
    case .address(let address): address.wireBytes
    case .data1997(let identifier, let payload, _): identifier.wireBytes + payload
    case .following1997(let identifier, let payload, let sequence, _): identifier.wireBytes + payload + [sequence]
    case .again1997(let identifier, let payload, _): identifier.wireBytes + payload
    case .done(_, let data): data
    case .passwordChanged(_, let password): password.wireBytes
    case .refusal(_, let word): [word.rawValue]
    }
  }

  /// The bytes to send, after `wakeUps` bytes FEH (any number: meters send none to seven); `nil` when the data
  /// does not fit into one frame.
  public func frame(from address: Address, wakeUps: Int = 4) -> [UInt8]? {
    encodeFrame(address, control, body, wakeUps: wakeUps)
  }

  /// The replies that carry `payload`: the first answers 11H, each further one the next 12H.
  ///
  /// `partSize` is the payload in one frame, held to 1...195 so that every part fits with its sequence number.
  public static func chain(_ identifier: DataIdentifier, _ payload: [UInt8], partSize: Int = 195) -> [Reply] {
    let size = min(max(partSize, 1), 195)
    let starts = Array(stride(from: 0, to: max(payload.count, 1), by: size))
    return starts.enumerated().map { index, start in
      let part = Array(payload[start..<min(start + size, payload.count)])
      let more = index < starts.count - 1
      return index == 0
        ? .data(identifier, part, more: more)
        : .following(identifier, part, sequence: sequenceNumber(index), more: more)
    }
  }
}

/// The sequence number of the `index`th follow-up, 1...255 and then 1 again.
///
/// Source: wrap FFH to 01H as in a published concentrator, wuhuangrui/C82_DL689.
func sequenceNumber(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: (max(index, 1) - 1) % 255 + 1) }
