extension UsageRecord {
  /// Reads a record from the bytes of one JSON object, many times as fast as a decoder for any type.
  ///
  /// Stricter, too: a key that stands there twice or is not known is an error, as are bytes that are no UTF-8.
  ///
  /// - Parameter json: the object, with nothing but space around it.
  /// - Throws: `UsageRecordError` for the first thing that does not belong.
  public init(json: ArraySlice<UInt8>) throws(UsageRecordError) {
    var reader = JSONReader(json)
    var (id, account, from, to): (String?, String?, String?, String?)
    var energy: [String: String]?
    var record = UsageRecord(id: "", account: "", from: "", to: "", energy: [:])
    var seen = SeenKeys()
    try reader.object("") { reader, key throws(UsageRecordError) in
      switch key {
      case "id": id = try seen.first(0, key).read(&reader)
      case "account": account = try seen.first(1, key).read(&reader)
      case "from": from = try seen.first(2, key).read(&reader)
      case "to": to = try seen.first(3, key).read(&reader)
      case "energy":
        try seen.mark(4, key)
        var energies: [String: String] = [:]
        try reader.object(key) { reader, period throws(UsageRecordError) in
          guard energies.updateValue(try reader.string("energy.\(period)"), forKey: period) == nil else {
            throw .twice(key: "energy.\(period)")
          }
        }
        energy = energies
      case "used_before": record.usedBefore = try seen.first(5, key).readOrNull(&reader)
      case "used_before_by_tier":
        try seen.mark(6, key)
        if try reader.isNull() { return }
        var energies: [String] = []
        try reader.list(key) { reader throws(UsageRecordError) in
          energies.append(try reader.string("used_before_by_tier"))
        }
        record.usedBeforeByTier = energies
      case "granted_months":
        try seen.mark(7, key)
        if try !reader.isNull() { record.grantedMonths = try reader.integer(key) }
      case "tolerance": record.tolerance = try seen.first(8, key).readOrNull(&reader)
      case "intervals":
        try seen.mark(9, key)
        if try !reader.isNull() { record.intervals = try IntervalsRecord(&reader) }
      case "segments":
        try seen.mark(10, key)
        if try reader.isNull() { return }
        var segments: [SegmentRecord] = []
        try reader.list(key) { reader throws(UsageRecordError) in segments.append(try SegmentRecord(&reader)) }
        record.segments = segments
      case "supply":
        try seen.mark(11, key)
        if try !reader.isNull() { record.supply = try SupplyRecord(&reader) }
      default: throw .unknown(key: key)
      }
    }
    try reader.finish()
    record.id = try required(id, "id")
    record.account = try required(account, "account")
    record.from = try required(from, "from")
    record.to = try required(to, "to")
    record.energy = try required(energy, "energy")
    self = record
  }
}

/// `value`, which must have been read.
func required<Value>(_ value: Value?, _ key: @autoclosure () -> String) throws(UsageRecordError) -> Value {
  guard let value else { throw .missing(key: key()) }
  return value
}

/// Which keys of an object have been read, by number.
struct SeenKeys {
  private var bits: UInt32 = 0

  mutating func mark(_ number: Int, _ key: @autoclosure () -> String) throws(UsageRecordError) {
    guard bits & 1 << number == 0 else { throw .twice(key: key()) }
    bits |= 1 << number
  }

  /// Marks a key whose value is a string.
  mutating func first(_ number: Int, _ key: String) throws(UsageRecordError) -> StringKey {
    try mark(number, key)
    return StringKey(key: key)
  }

  struct StringKey {
    let key: String

    func read(_ reader: inout JSONReader) throws(UsageRecordError) -> String { try reader.string(key) }

    func readOrNull(_ reader: inout JSONReader) throws(UsageRecordError) -> String? {
      try reader.isNull() ? nil : try reader.string(key)
    }
  }
}

extension IntervalsRecord {
  init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var start: String?
    var minutes: Int?
    var energies: [String?]?
    var (bound, reconciliation): (String?, String?)
    var seen = SeenKeys()
    try reader.object("intervals") { reader, key throws(UsageRecordError) in
      let path = "intervals.\(key)"
      switch key {
      case "start": start = try seen.first(0, path).read(&reader)
      case "minutes":
        try seen.mark(1, path)
        minutes = try reader.integer(path)
      case "energies":
        try seen.mark(2, path)
        var values: [String?] = []
        values.reserveCapacity(744)
        try reader.list(path) { reader throws(UsageRecordError) in
          values.append(try reader.isNull() ? nil : try reader.string("intervals.energies"))
        }
        energies = values
      case "bound": bound = try seen.first(3, path).readOrNull(&reader)
      case "reconciliation": reconciliation = try seen.first(4, path).readOrNull(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(
      start: try required(start, "intervals.start"), minutes: try required(minutes, "intervals.minutes"),
      energies: try required(energies, "intervals.energies"), bound: bound, reconciliation: reconciliation)
  }
}

extension SegmentRecord {
  init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var (meter, multiplier, from, to): (String?, String?, String?, String?)
    var registers: [Register]?
    var demand: Demand?
    var seen = SeenKeys()
    try reader.object("segments") { reader, key throws(UsageRecordError) in
      let path = "segments.\(key)"
      switch key {
      case "meter": meter = try seen.first(0, path).read(&reader)
      case "multiplier": multiplier = try seen.first(1, path).read(&reader)
      case "from": from = try seen.first(2, path).read(&reader)
      case "to": to = try seen.first(3, path).read(&reader)
      case "registers":
        try seen.mark(4, path)
        var list: [Register] = []
        try reader.list(path) { reader throws(UsageRecordError) in list.append(try Register(&reader)) }
        registers = list
      case "demand":
        try seen.mark(5, path)
        if try !reader.isNull() { demand = try Demand(&reader) }
      default: throw .unknown(key: path)
      }
    }
    self.init(
      meter: try required(meter, "segments.meter"), multiplier: try required(multiplier, "segments.multiplier"),
      from: try required(from, "segments.from"), to: try required(to, "segments.to"),
      registers: try required(registers, "segments.registers"), demand: demand)
  }
}

extension SegmentRecord.Demand {
  fileprivate init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var (reading, value, quality): (String?, String?, String?)
    var (occurred, power): (String?, String?)
    var seen = SeenKeys()
    try reader.object("segments.demand") { reader, key throws(UsageRecordError) in
      let path = "segments.demand.\(key)"
      switch key {
      case "reading": reading = try seen.first(0, path).read(&reader)
      case "value": value = try seen.first(1, path).read(&reader)
      case "quality": quality = try seen.first(2, path).read(&reader)
      case "occurred": occurred = try seen.first(3, path).readOrNull(&reader)
      case "power": power = try seen.first(4, path).read(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(
      reading: try required(reading, "segments.demand.reading"), value: try required(value, "segments.demand.value"),
      quality: try required(quality, "segments.demand.quality"), occurred: occurred,
      power: try required(power, "segments.demand.power"))
  }
}

extension SegmentRecord.Register {
  fileprivate init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var (quantity, energy, capacity): (String?, String?, String?)
    var (start, stop): (SegmentRecord.Mark?, SegmentRecord.Mark?)
    var rolledOver: Bool?
    var seen = SeenKeys()
    try reader.object("segments.registers") { reader, key throws(UsageRecordError) in
      let path = "segments.registers.\(key)"
      switch key {
      case "quantity": quantity = try seen.first(0, path).read(&reader)
      case "start":
        try seen.mark(1, path)
        start = try SegmentRecord.Mark(&reader, path)
      case "stop":
        try seen.mark(2, path)
        stop = try SegmentRecord.Mark(&reader, path)
      case "rolled_over":
        try seen.mark(3, path)
        if try !reader.isNull() { rolledOver = try reader.boolean(path) }
      case "energy": energy = try seen.first(4, path).read(&reader)
      case "capacity": capacity = try seen.first(5, path).readOrNull(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(
      quantity: try required(quantity, "segments.registers.quantity"),
      start: try required(start, "segments.registers.start"), stop: try required(stop, "segments.registers.stop"),
      rolledOver: rolledOver, capacity: capacity, energy: try required(energy, "segments.registers.energy"))
  }
}

extension SegmentRecord.Mark {
  fileprivate init(_ reader: inout JSONReader, _ path: String) throws(UsageRecordError) {
    var (reading, value, quality): (String?, String?, String?)
    var seen = SeenKeys()
    try reader.object(path) { reader, key throws(UsageRecordError) in
      let path = "\(path).\(key)"
      switch key {
      case "reading": reading = try seen.first(0, path).read(&reader)
      case "value": value = try seen.first(1, path).read(&reader)
      case "quality": quality = try seen.first(2, path).read(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(
      reading: try required(reading, "\(path).reading"), value: try required(value, "\(path).value"),
      quality: try required(quality, "\(path).quality"))
  }
}
