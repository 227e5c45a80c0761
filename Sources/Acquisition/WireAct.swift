internal import DLT645
internal import Modbus

/// What a run of bytes does when it is sent, judged by nothing but the bytes.
enum WireAct: Hashable {
  case reads
  /// `function` is `nil` for codes that meterd has no use for; `name` says them. `also` must be allowed besides.
  case controls(ControlFunction?, also: ControlFunction?, name: String, Target)
  /// No request of a protocol that is spoken here.
  case unintelligible

  enum Target: Hashable {
    case meter(MeterAddress)
    /// 99 99 99 99 99 99, or unit 0 of a serial line.
    case everyone
    /// A wildcard: whoever it reaches.
    case anyone(Address)
  }

  enum Framing: Hashable, CaseIterable {
    case dlt645, rtu, tcp
  }

  /// What `bytes` do on a line of `framings`.
  ///
  /// One whole frame and nothing besides may be sent at a time. Bytes that two protocols could claim do what the
  /// worse of the two says: the meters decide, not the sender.
  init(_ bytes: [UInt8], framings: [Framing]) {
    let acts = framings.compactMap { framing in
      switch framing {
      case .dlt645: Self.dlt645(bytes)
      case .rtu: Self.rtu(bytes)
      case .tcp: Self.tcp(bytes)
      }
    }
    let worst = acts.first { $0 != .reads } ?? acts.first ?? .unintelligible
    self = Self.hidesFrame(bytes) ? .unintelligible : worst
  }

  /// True where a DL/T 645 frame stands within the bytes behind their own beginning: a meter that looks for `68H`
  /// would find it in the data of what is sent to another.
  private static func hidesFrame(_ bytes: [UInt8]) -> Bool {
    let first = bytes.prefix { $0 == 0xFE }.count
    return bytes.indices.contains { $0 > first && (try? Frame.decode(bytes.span, at: $0)) != nil }
  }

  /// Wake-up bytes and one frame; `nil` where they are none.
  private static func dlt645(_ bytes: [UInt8]) -> WireAct? {
    let wakeUps = bytes.prefix { $0 == 0xFE }.count
    guard let frame = try? Frame.decode(bytes.span, at: wakeUps), wakeUps + frame.length == bytes.count,
      !frame.control.isReply
    else { return nil }
    let code = frame.control.function
    switch (code, frame.dataCount) {
    // Bits of an error or of more to come have no meaning in a request.
    case _ where frame.control.rawValue != code: break
    // Identifier, with a number of load profile blocks or a start for them.
    case (0x11, 4), (0x11, 5), (0x11, 10): return .reads
    // With a sequence number, which meters of 1997 may do without.
    case (0x12, 5), (0x01, 2), (0x02, 2), (0x02, 3): return .reads
    case (0x13, 0): return .reads
    // 03H: the re-read of 1997 has no body or an identifier; the authentication of 2007 has more.
    case (0x03, 0), (0x03, 2): return .reads
    case (_, _): break
    }
    let function = ControlFunction(dlt645: code)
    return .controls(
      function, also: code == 0x14 && namesAddress(frame.data(in: bytes.span)) ? .writeAddress : nil,
      name: function?.rawValue ?? "control code \(frame.control)", target(frame.address))
  }

  /// True where a 14H writes 04000401, the meter's address, or 04000402, its asset number, by which it may answer as
  /// well; `FFH` stands for every item of a block. Source: DL/T 645-2007, parameter identifiers.
  private static func namesAddress(_ data: [UInt8]) -> Bool {
    let places: [Set<UInt8>] = [[0x01, 0x02, 0xFF], [0x04, 0xFF], [0x00, 0xFF], [0x04, 0xFF]]
    return data.count >= places.count && zip(data, places).allSatisfy { $1.contains($0) }
  }

  private static func target(_ address: Address) -> Target {
    if address == .broadcast { return .everyone }
    return address.isComplete ? .meter(.dlt645(address)) : .anyone(address)
  }

  private static func rtu(_ bytes: [UInt8]) -> WireAct? {
    guard let message = try? Message(rtu: bytes.span) else { return nil }
    return modbus(message)
  }

  private static func tcp(_ bytes: [UInt8]) -> WireAct? {
    guard let framed = try? TCPMessage(tcp: bytes.span) else { return nil }
    // Gateways differ on unit 0: the device itself, or everyone behind it.
    return modbus(framed.message)
  }

  private static func modbus(_ message: Message) -> WireAct {
    let code = message.function.rawValue
    switch code {
    case 1, 2, 3, 4:
      // First and number.
      if message.payload.count == 4 { return .reads }
    case 17:
      if message.payload.isEmpty { return .reads }
    case 43:
      // Only "read device identification" of the encapsulated functions: what kind, and from which object on.
      if message.payload.count == 3, message.payload[0] == 14 { return .reads }
    default: break
    }
    let function = ControlFunction(modbus: code)
    return .controls(
      function, also: nil, name: function?.rawValue ?? "\(message.function)",
      message.unit == 0 ? .everyone : .meter(.modbus(unit: message.unit)))
  }
}
