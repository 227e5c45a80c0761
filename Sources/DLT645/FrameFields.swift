import Metering

/// One thing that the data of a frame says, named: `valid-until`, `2026-11-22T12:00:00`.
public struct FrameField: Hashable, Sendable {
  /// Stable name, as printed in JSON. Of a value that is written it is the quantity.
  public let name: String
  public let text: String

  public init(_ name: String, _ text: String) {
    self.name = name
    self.text = text
  }
}

/// Takes the data of one frame apart, field by field.
///
/// What is a password is never told; which bytes that are is said by `secretBytes(in:)`.
struct FieldReader {
  let edition: Edition
  let control: ControlCode
  let data: [UInt8]
  private(set) var fields: [FrameField] = []
  /// Whether the data ends before what the function must carry.
  private(set) var isShort = false
  private var position = 0

  init(edition: Edition, control: ControlCode, data: [UInt8]) {
    self.edition = edition
    self.control = control
    self.data = data
    if !control.isReply {
      readRequest()
    } else if control.isAbnormal {
      // State Grid meters put a second word behind the error word of 03H (SERR, unverified).
      // What else follows may be an echo of the request with its password.
      position = 1
      if control.function == 0x03, data.count == 2 { rest(as: "second-error-word") }
    } else {
      readReply()
    }
  }

  private mutating func readRequest() {
    switch (edition, control.function) {
    case (.dlt645v2007, ReadFunction.data): readProfile()
    case (.dlt645v2007, ReadFunction.following): readSequence(after: 4)
    case (.dlt645v1997, ReadFunction.following1997): readSequence(after: 2)
    case (.dlt645v2007, 0x03):
      position = 4
      operatorCode()
      rest(as: "data")
    case (_, 0x08): time("time")
    case (.dlt645v2007, 0x14):
      position = 4
      password()
      operatorCode()
      readWritten()
    case (.dlt645v1997, 0x04):
      position = 2
      password()
      readWritten()
    case (.dlt645v2007, 0x15), (.dlt645v1997, 0x0A): address()
    case (.dlt645v2007, 0x16): take(4, "freeze") { FreezePattern(wire: $0)?.description }
    case (.dlt645v2007, 0x17), (.dlt645v1997, 0x0C): rate()
    case (.dlt645v2007, 0x18):
      position = 4
      password()
      password("new-password")
    case (.dlt645v1997, 0x0F):
      password()
      password("new-password")
    case (.dlt645v2007, 0x19), (.dlt645v2007, 0x1A):
      password()
      operatorCode()
    case (.dlt645v1997, 0x10): password()
    case (.dlt645v2007, 0x1B):
      password()
      operatorCode()
      take(4, "events") { EventSelection(wire: $0)?.description }
    case (.dlt645v2007, 0x1C): readSupply()
    case (.dlt645v2007, 0x1D): terminal()
    default: break
    }
  }

  private mutating func readReply() {
    switch (edition, control.function) {
    case (.dlt645v2007, ReadFunction.data) where identifier?.isPassword == true,
      (.dlt645v2007, ReadFunction.following) where identifier?.isPassword == true,
      (.dlt645v1997, ReadFunction.data1997) where shortIdentifier?.isPassword == true,
      (.dlt645v1997, ReadFunction.following1997) where shortIdentifier?.isPassword == true,
      (.dlt645v1997, ReadFunction.again1997) where shortIdentifier?.isPassword == true:
      fields.append(FrameField("password", Password.mask))
    case (.dlt645v2007, ReadFunction.following) where data.count > 4: sequence(last: data.count - 1)
    case (.dlt645v1997, ReadFunction.following1997) where data.count > 2: sequence(last: data.count - 1)
    case (.dlt645v2007, 0x03):
      position = 4
      rest(as: "data")
    case (.dlt645v2007, 0x17) where !data.isEmpty, (.dlt645v1997, 0x0C) where !data.isEmpty: rate()
    case (.dlt645v2007, 0x18) where !data.isEmpty, (.dlt645v1997, 0x0F) where !data.isEmpty: password("new-password")
    case (.dlt645v2007, 0x1D) where !data.isEmpty: terminal()
    default: break
    }
  }
}

extension FieldReader {
  private var identifier: DataIdentifier? {
    data.count < 4 ? nil : DataIdentifier(data[3], data[2], data[1], data[0])
  }

  private var shortIdentifier: ShortIdentifier? {
    data.count < 2 ? nil : ShortIdentifier(rawValue: UInt16(data[1]) << 8 | UInt16(data[0]))
  }

  /// The next `count` bytes as one field; in hex where `read` makes nothing of them.
  private mutating func take(_ count: Int, _ name: String, _ read: (ArraySlice<UInt8>) -> String?) {
    guard position + count <= data.count else {
      isShort = true
      position = data.count
      return
    }
    let bytes = data[position..<position + count]
    position += count
    fields.append(FrameField(name, read(bytes) ?? hexString(bytes)))
  }

  private mutating func rest(as name: String) {
    guard position < data.count else { return }
    take(data.count - position, name) { _ in nil }
  }

  private mutating func password(_ name: String = "password") {
    // A level is told as it stands on the wire: 98H and 99H are levels of their own on State Grid meters.
    take(1, "\(name)-level") { $0.first.map { hexPair($0) } }
    take(3, name) { _ in Password.mask }
  }

  private mutating func operatorCode() { take(4, "operator") { OperatorCode(wire: $0)?.description } }

  private mutating func time(_ name: String) { take(6, name) { WireTime(wire: $0)?.description } }

  private mutating func address() { take(6, "new-address") { Address(wire: Array($0))?.description } }

  private mutating func rate() {
    take(1, "rate") { bytes in bytes.first.flatMap(RateWord.init(rawValue:)).map { "\($0.bitsPerSecond)" } }
  }

  private mutating func terminal() {
    take(1, "output") { bytes in bytes.first.flatMap(TerminalOutput.init(rawValue:))?.name }
  }

  private mutating func sequence(last index: Int) {
    position = index
    take(1, "sequence") { $0.first.map { "\($0)" } }
  }

  private mutating func readSequence(after count: Int) {
    if data.count > count { sequence(last: count) }
  }

  private mutating func readProfile() {
    guard data.count > 4 else { return }
    position = 4
    take(1, "blocks") { bytes in twoDigits(bytes).map { "\($0[0])" } }
    if data.count > 5 { take(5, "from") { WireTime(minuteWire: $0)?.description } }
    rest(as: "data")
  }

  private mutating func readSupply() {
    password()
    operatorCode()
    take(1, "action") { bytes in bytes.first.flatMap(SupplyAction.init(rawValue:))?.name }
    if position < data.count, data[position] == 0 {
      position += 1
    } else {
      take(1, "reserved") { _ in nil }
    }
    time("valid-until")
  }

  /// What is written, as values where the catalogue knows them.
  private mutating func readWritten() {
    let written = Array(data[min(position, data.count)...])
    guard !written.isEmpty else {
      isShort = true
      return
    }
    let decoded: Decoded?
    switch edition {
    case .dlt645v2007:
      if identifier?.isPassword == true { return hideWritten() }
      decoded = try? identifier?.decode(written)
    case .dlt645v1997:
      if shortIdentifier?.isPassword == true { return hideWritten() }
      decoded = try? shortIdentifier?.decode(written)
    }
    guard let decoded, decoded.rejected.isEmpty, !decoded.observations.isEmpty else { return rest(as: "data") }
    fields += decoded.observations.map { FrameField($0.quantity.description, $0.value.description) }
  }

  private mutating func hideWritten() {
    fields.append(FrameField("new-password", Password.mask))
    position = data.count
  }
}
