/// Where the parts of one frame lie in the bytes it was found in.
///
/// | bytes | 1 | 6 | 1 | 1 | 1 | L | 1 | 1 |
/// |---|---|---|---|---|---|---|---|---|
/// | field | 68H | address, low first | 68H | C | L | data, each + 33H | sum of all before | 16H |
///
/// It holds no bytes of its own and is made without allocation; the functions that read data take the same bytes
/// again. Source: DL/T 645-2007, frame format.
public struct Frame: Hashable, Sendable {
  /// Of the first `68H`.
  public let offset: Int
  public let address: Address
  public let control: ControlCode
  /// Data bytes, 0...200.
  public let dataCount: Int

  static let start: UInt8 = 0x68
  static let end: UInt8 = 0x16
  static let wakeUp: UInt8 = 0xFE
  static let dataOffset: UInt8 = 0x33
  /// Bytes up to and with L.
  static let header = 10
  /// Bytes of a frame without data.
  static let overhead = 12
  /// The most data bytes in a frame that reads.
  public static let maximumData = 200
  /// The longest frame, without wake-up bytes.
  public static let maximumLength = maximumData + overhead

  /// Bytes from the first `68H` to `16H`.
  public var length: Int { dataCount &+ Self.overhead }

  /// The frame that starts at `offset`; bytes after its end are not looked at.
  public static func decode(_ bytes: Span<UInt8>, at offset: Int = 0) throws(FrameError) -> Frame {
    guard offset >= 0, offset < bytes.count else { throw .truncated(have: 0, need: header) }
    let have = bytes.count &- offset
    guard bytes[offset] == start else { throw .delimiter(bytes[offset], offset: 0) }
    guard have > 7 else { throw .truncated(have: have, need: header) }
    guard bytes[offset &+ 7] == start else { throw .delimiter(bytes[offset &+ 7], offset: 7) }
    guard have >= header else { throw .truncated(have: have, need: header) }
    let count = Int(bytes[offset &+ 9])
    guard count <= maximumData else { throw .length(bytes[offset &+ 9]) }
    let length = count &+ overhead
    guard have >= length else { throw .truncated(have: have, need: length) }
    let checkAt = offset &+ length &- 2
    guard bytes[checkAt &+ 1] == end else { throw .delimiter(bytes[checkAt &+ 1], offset: length &- 1) }
    let computed = sum(bytes.extracting(offset..<checkAt))
    guard bytes[checkAt] == computed else { throw .checksum(computed: computed, received: bytes[checkAt]) }
    var nibbles: UInt64 = 0
    for index in 1...6 { nibbles |= UInt64(bytes[offset &+ index]) << UInt64(8 &* (index &- 1)) }
    return Frame(
      offset: offset, address: Address(nibbles: nibbles), control: ControlCode(rawValue: bytes[offset &+ 8]),
      dataCount: count)
  }

  /// One data byte without its 33H, counted from the first; 0 outside the frame or the bytes.
  public func data(_ index: Int, in bytes: Span<UInt8>) -> UInt8 {
    let position = offset &+ Self.header &+ index
    guard index >= 0, index < dataCount, position >= 0, position < bytes.count else { return 0 }
    return bytes[position] &- Self.dataOffset
  }

  /// The data bytes from `first` on, without their 33H.
  public func data(from first: Int = 0, in bytes: Span<UInt8>) -> [UInt8] {
    guard first < dataCount else { return [] }
    return (max(0, first)..<dataCount).map { data($0, in: bytes) }
  }

  /// The identifier at the head of the data of a 2007 frame; `nil` with fewer than four data bytes.
  public func identifier(in bytes: Span<UInt8>) -> DataIdentifier? {
    guard dataCount >= 4 else { return nil }
    var bits: UInt32 = 0
    for index in 0..<4 { bits |= UInt32(data(index, in: bytes)) << UInt32(8 &* index) }
    return DataIdentifier(rawValue: bits)
  }

  /// The identifier at the head of the data of a 1997 frame; `nil` with fewer than two data bytes.
  public func shortIdentifier(in bytes: Span<UInt8>) -> ShortIdentifier? {
    guard dataCount >= 2 else { return nil }
    return ShortIdentifier(rawValue: UInt16(data(1, in: bytes)) << 8 | UInt16(data(0, in: bytes)))
  }
}

/// The sum of `bytes`, mod 256.
func sum(_ bytes: Span<UInt8>) -> UInt8 {
  var total: UInt8 = 0
  for index in bytes.indices { total &+= bytes[index] }
  return total
}

/// A whole frame with `wakeUps` bytes FEH before it; `nil` when the data does not fit.
///
/// Only four types call it: `Request`, which cannot name a function that changes a meter, `Command`, which goes to one
/// meter, `BroadcastCommand`, which every meter may obey, and `Reply`.
func encodeFrame(_ address: Address, _ control: ControlCode, _ data: [UInt8], wakeUps: Int) -> [UInt8]? {
  guard data.count <= Frame.maximumData else { return nil }
  var body: [UInt8] = [Frame.start] + address.wireBytes + [Frame.start, control.rawValue, UInt8(data.count)]
  body.reserveCapacity(data.count + Frame.overhead)
  for byte in data { body.append(byte &+ Frame.dataOffset) }
  body.append(sum(body.span))
  body.append(Frame.end)
  return [UInt8](repeating: Frame.wakeUp, count: max(0, wakeUps)) + body
}
