internal import Metering

/// Frames as one row holds them: each led by its length in four bytes, most significant first.
func joined(_ frames: [[UInt8]]) -> [UInt8] {
  frames.flatMap { frame in
    let length = UInt32(clamping: frame.count)
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + frame
  }
}

/// The frames of a row; `nil` where the lengths do not fit.
func separated(_ bytes: [UInt8]) -> [[UInt8]]? {
  var frames: [[UInt8]] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    guard rest.count >= 4 else { return nil }
    let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    rest = rest.dropFirst(4)
    guard rest.count >= length else { return nil }
    frames.append(Array(rest.prefix(length)))
    rest = rest.dropFirst(length)
  }
  return frames
}

extension Evidence {
  static let selection = "SELECT id, line, meter, at_ms, request, reply, crc FROM evidence"

  func insert(_ id: Int64, on connection: Connection) throws(StoreError) {
    let (request, reply) = (joined(requests), joined(replies))
    try connection.statement("INSERT INTO evidence VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)").run([
      .integer(id), .text(line), .text(meter.text), .integer(at), .blob(request), .blob(reply),
      .integer(Self.checksum(id, line, meter.text, at, request, reply)),
    ])
  }

  /// The row at hand of a `selection`, after its checksum was found right.
  init(_ statement: Statement, of connection: Connection) throws(StoreError) {
    let id = try statement.integer(0), line = try statement.text(1), meter = try statement.text(2)
    let at = try statement.integer(3), request = try statement.blob(4), reply = try statement.blob(5)
    guard Self.checksum(id, line, meter, at, request, reply) == (try statement.integer(6)), let name = MeterID(meter),
      let requests = separated(request), let replies = separated(reply)
    else { throw .corrupt(path: connection.path, detail: "evidence \(id) does not match its checksum") }
    self.init(line: line, meter: name, requests: requests, replies: replies, at: at)
  }

  private static func checksum(
    _ id: Int64, _ line: String, _ meter: String, _ at: Int64, _ request: [UInt8], _ reply: [UInt8]
  ) -> Int64 {
    var sum = Checksum()
    sum.add(id)
    sum.add(line)
    sum.add(meter)
    sum.add(at)
    sum.add(request)
    sum.add(reply)
    return sum.value
  }
}
