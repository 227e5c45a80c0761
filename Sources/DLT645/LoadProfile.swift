import Metering

/// Records of a load profile, one after the other. 负荷记录
///
/// ```
/// A0 A0 | n | mm hh DD MM YY | class 1 AA | ... | class 6 AA | CS | E5
/// ```
/// n counts the bytes from the time to the last AA, and CS is the sum of all before it. A class that is not recorded
/// leaves only its AA. An AA can also be a byte of a value, so the classes are told apart by their sizes and AA is a
/// check.
///
/// Source: DL/T 645-2007, load records, as in wuhuangrui/C82_DL689. The sizes of the classes are unverified, and so
/// is that an answer for one class may hold that class alone.
enum LoadProfile {
  private static let start: UInt8 = 0xA0
  private static let separator: UInt8 = 0xAA
  private static let end: UInt8 = 0xE5
  private static let timeSize = 5

  /// The time and the items of a record; class 0 is all of them.
  static func fields(class kind: UInt8, record: Int) -> [DataField] {
    ([Catalogue.profileTime] + classes(kind).flatMap { Catalogue.profileClasses[$0] }).map { $0.from(.profile(record)) }
  }

  private static func classes(_ kind: UInt8) -> [Int] {
    kind == 0
      ? Array(Catalogue.profileClasses.indices) : [Int(kind) - 1].filter(Catalogue.profileClasses.indices.contains)
  }

  private static let sizes = Catalogue.profileClasses.map { $0.reduce(0) { $0 + $1.format.size } }

  /// Reads every record; one that is damaged is rejected whole, and those after it are read if its end is where its
  /// length says. No record at all is an answer too.
  static func read(_ data: Span<UInt8>, class kind: UInt8) throws(DataError) -> Decoded {
    var decoded = Decoded()
    var position = 0
    var number = 1
    while position < data.count {
      // One byte may close the answer.
      if number > 1, position == data.count - 1, data[position] == 0xAA || data[position] == 0xDD { break }
      guard data.count - position >= 5, data[position] == start, data[position + 1] == start else {
        decoded.rejected.append(.record(number, data.count - position < 5 ? .end : .start))
        break
      }
      let body = Int(data[position + 2])
      let next = position + 3 + body + 2
      guard next <= data.count, data[next - 1] == end else {
        decoded.rejected.append(.record(number, .end))
        break
      }
      do throws(RecordFault) {
        try read(data.extracting(position..<next), class: kind, number, into: &decoded)
      } catch {
        decoded.rejected.append(.record(number, error))
      }
      position = next
      number += 1
    }
    return decoded
  }

  /// Reads one record of the right length, from its first A0H to its E5H.
  private static func read(
    _ record: Span<UInt8>, class kind: UInt8, _ number: Int, into decoded: inout Decoded
  ) throws(RecordFault) {
    let checkAt = record.count - 2
    let computed = sum(record.extracting(0..<checkAt))
    guard computed == record[checkAt] else { throw .checksum(computed: computed, received: record[checkAt]) }
    let body = record.extracting(3..<checkAt)
    guard let parts = parts(body, class: kind) else { throw .parts }
    let origin = Origin.profile(number)
    decoded.take(Catalogue.profileTime.from(origin), body.extracting(0..<timeSize))
    var time: MeterTime?
    if let told = decoded.items.last, told.origin == origin, case .instant(let instant) = told.value { time = instant }
    for (index, start) in parts {
      var position = start
      for field in Catalogue.profileClasses[index] {
        decoded.take(field.from(origin), body.extracting(position..<(position + field.format.size)), occurred: time)
        position += field.format.size
      }
    }
  }

  /// Which classes are there and where they start: all six of them, or one alone where one was asked for.
  private static func parts(_ body: Span<UInt8>, class kind: UInt8) -> [(class: Int, start: Int)]? {
    var found: [(class: Int, start: Int)] = []
    if place(body, Array(sizes.indices), 0, at: timeSize, &found) { return found }
    found = []
    return place(body, classes(kind), 0, at: timeSize, &found) ? found : nil
  }

  private static func place(
    _ body: Span<UInt8>, _ classes: [Int], _ index: Int, at position: Int, _ found: inout [(class: Int, start: Int)]
  ) -> Bool {
    guard index < classes.count else { return position == body.count }
    guard position < body.count else { return false }
    let size = sizes[classes[index]]
    let end = position + size
    // A class whose first byte is AAH is likelier than one that is not recorded, if all after it still fits.
    if end < body.count, body[end] == separator {
      found.append((classes[index], position))
      if place(body, classes, index + 1, at: end + 1, &found) { return true }
      found.removeLast()
    }
    return body[position] == separator && place(body, classes, index + 1, at: position + 1, &found)
  }

  /// The records of which `find` knows an item, 1 and on; classes of which it knows none leave only their AAH.
  static func write(_ find: (DataField) -> ItemContent?) throws(PayloadError) -> [UInt8] {
    var bytes: [UInt8] = []
    var number = 1
    while let time = find(Catalogue.profileTime.from(.profile(number))) {
      let origin = Origin.profile(number)
      var body = try Catalogue.profileTime.bytes(time)
      for fields in Catalogue.profileClasses {
        let fields = fields.map { $0.from(origin) }
        if fields.contains(where: { find($0) != nil }) {
          for field in fields { body += try field.bytes(find(field)) }
        }
        body.append(separator)
      }
      var record = [start, start, UInt8(truncatingIfNeeded: body.count)] + body
      record.append(sum(record.span))
      bytes += record + [end]
      number += 1
    }
    return bytes
  }
}
