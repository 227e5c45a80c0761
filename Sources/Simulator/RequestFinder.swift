internal import Metering

/// A whole request of either language among the bytes that a master sent.
struct FoundRequest: Hashable, Sendable {
  let language: MeterLanguage
  let bytes: [UInt8]
  /// Silence on the wire before its first byte.
  let quietBefore: BootInstant.Span
  /// When its last byte had passed.
  let end: BootInstant
}

/// The ears of all meters on a line: finds requests of both languages in one stream, with noise between.
///
/// A DL/T 645 frame is found by its delimiters, its length and its sum. A Modbus request of eight bytes is found by
/// its checksum, wherever it starts; one of another length only as all that stands between two silences.
struct RequestFinder: Sendable {
  private struct Heard {
    let byte: UInt8
    let quietBefore: BootInstant.Span
  }

  private static let capacity = 320
  /// DL/T 645 allows half a second between the bytes of a frame.
  private static let longestPause = BootInstant.Span.milliseconds(500)

  private let silence: BootInstant.Span
  /// Modbus addresses that someone on the line has.
  var units: Set<UInt8> = []
  /// Bytes since the last pause that no frame outlives.
  private var heard: [Heard] = []
  /// Where in `heard` the bytes after the last t3.5 begin.
  private var sinceSilence = 0
  private var end = BootInstant(nanoseconds: 0)

  init(silence: BootInstant.Span) {
    self.silence = silence
    heard.reserveCapacity(Self.capacity)
  }

  /// One byte that ended at `end` after `quietBefore` of silence; the request that it completes.
  mutating func hear(_ byte: UInt8, quietBefore: BootInstant.Span, end: BootInstant) -> FoundRequest? {
    if quietBefore > Self.longestPause || heard.count >= Self.capacity { forget() }
    if quietBefore >= silence { sinceSilence = heard.count }
    heard.append(Heard(byte: byte, quietBefore: quietBefore))
    self.end = end
    let found = byte == 0x16 ? dlt645Start() : nil
    if let found {
      let wakeUps = heard[..<found].reversed().prefix { $0.byte == 0xFE }.count
      return take(from: found - wakeUps, .dlt645)
    }
    if let found = shortModbusStart() { return take(from: found, .modbus) }
    return nil
  }

  /// When `silenceFell` is to be called; `nil` when nothing waits for it.
  var silenceDue: BootInstant? { heard.count - sinceSilence >= 4 ? end + silence : nil }

  /// t3.5 has passed: the bytes since the last silence are a frame if their checksum says so.
  mutating func silenceFell() -> FoundRequest? {
    defer { sinceSilence = heard.count }
    let length = heard.count - sinceSilence
    guard length >= 4, length <= 256, wireChecksum(heard[sinceSilence...].lazy.map(\.byte)) == 0 else { return nil }
    return take(from: sinceSilence, .modbus)
  }

  mutating func forget() {
    heard.removeAll(keepingCapacity: true)
    sinceSilence = 0
  }

  private mutating func take(from start: Int, _ language: MeterLanguage) -> FoundRequest {
    let request = FoundRequest(
      language: language, bytes: heard[start...].map(\.byte), quietBefore: heard[start].quietBefore, end: end)
    forget()
    return request
  }

  /// Where a DL/T 645 frame starts that the last byte ends.
  private func dlt645Start() -> Int? {
    guard heard.count >= 12 else { return nil }
    return (0...(heard.count - 12)).first { start in
      guard heard[start].byte == 0x68, heard[start + 7].byte == 0x68,
        start + 12 + Int(heard[start + 9].byte) == heard.count
      else { return false }
      let checkAt = heard.count - 2
      return heard[start..<checkAt].reduce(0) { $0 &+ $1.byte } == heard[checkAt].byte
    }
  }

  /// Where a Modbus request of eight bytes starts that the last byte ends: functions 1 to 6.
  private func shortModbusStart() -> Int? {
    let start = heard.count - 8
    guard start >= 0, (1...6).contains(heard[start + 1].byte), units.contains(heard[start].byte),
      wireChecksum(heard[start...].lazy.map(\.byte)) == 0, !isWithinDLT645()
    else { return nil }
    return start
  }

  /// Whether the last byte can still be one of a DL/T 645 frame: eight of those have a right checksum by chance
  /// once in 65,536, and then every time they are sent.
  private func isWithinDLT645() -> Bool {
    heard.indices.contains { start in
      // A master's control code has none of its upper three bits set.
      heard[start].byte == 0x68 && start + 9 < heard.count && heard[start + 7].byte == 0x68
        && heard[start + 8].byte < 0x20 && heard.count < start + 12 + Int(heard[start + 9].byte)
    }
  }
}
