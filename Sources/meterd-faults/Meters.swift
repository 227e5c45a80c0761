import Acquisition
import DLT645
import Devices
import Documents
internal import Host
import Metering
import Modbus
import TOML

/// Which of the two languages a line of a row speaks.
enum Tongue: String, CaseIterable {
  case dlt645, modbus
}

/// A request as a meter understands it, read apart from the codec.
struct Asked: Hashable {
  let tongue: Tongue
  /// Unit, or the address bytes as on the wire, lowest first.
  let meter: UInt64
  /// Data identifier, or first register and count.
  let item: UInt32
  let function: UInt8
  /// The number of a Modbus TCP frame; `nil` on serial lines.
  let transaction: UInt16?

  init(tongue: Tongue, meter: UInt64, item: UInt32, function: UInt8, transaction: UInt16? = nil) {
    self.transaction = transaction
    self.tongue = tongue
    self.meter = meter
    self.item = item
    self.function = function
  }

  /// `nil` for what no sound meter would answer.
  init?(_ request: [UInt8]) {
    let frame = Array(request.drop { $0 == 0xFE })
    if frame.first == 0x68 {
      guard frame.count == 16, frame[7] == 0x68, frame[8] == 0x11, frame[9] == 4, frame[15] == 0x16,
        frame[..<14].reduce(0, &+) == frame[14]
      else { return nil }
      let meter = frame[1...6].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let item = frame[10...13].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1 &- 0x33) }
      self.init(tongue: .dlt645, meter: meter, item: item, function: 0x11)
    } else if request.count == 12 {
      guard request[2...5] == [0, 0, 0, 6], request[7] == 3 || request[7] == 4 else { return nil }
      let item = request[8...11].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      self.init(
        tongue: .modbus, meter: UInt64(request[6]), item: item, function: request[7],
        transaction: UInt16(request[0]) << 8 | UInt16(request[1]))
    } else {
      guard request.count == 8, crc(request) == 0, request[1] == 3 || request[1] == 4 else { return nil }
      let item = request[2...5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      self.init(tongue: .modbus, meter: UInt64(request[0]), item: item, function: request[1])
    }
  }

  /// The reply that shows `number`: eight digits, or 32 bits in each pair of registers.
  func reply(_ number: Int64) -> [UInt8] {
    switch tongue {
    case .dlt645:
      var data = (0..<4).map { UInt8(truncatingIfNeeded: item >> (8 * $0)) }
      // The time of day, by which a line finds out whether a meter is there: noon.
      if item == 0x0400_0102 { return dlt645Frame(meter, control: 0x91, data + [0, 0, 0x12]) }
      var left = number
      for _ in 0..<4 {
        data.append(UInt8(left / 10 % 10) << 4 | UInt8(left % 10))
        left /= 100
      }
      return dlt645Frame(meter, control: 0x91, data)
    case .modbus:
      let count = Int(item & 0xFFFF)
      var frame = [UInt8(truncatingIfNeeded: meter), function, UInt8(truncatingIfNeeded: 2 * count)]
      for index in 0..<count {
        let shown = number * 4 + Int64(index / 2)
        let word = index % 2 == 0 ? shown >> 16 : shown
        frame += [UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word)]
      }
      guard let transaction else { return checked(frame) }
      let head = [transaction, 0, UInt16(truncatingIfNeeded: frame.count)]
      return head.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } + frame
    }
  }
}

/// A frame with its sum and end.
func dlt645Frame(_ meter: UInt64, control: UInt8, _ data: [UInt8]) -> [UInt8] {
  var frame: [UInt8] = [0x68]
  for index in 0..<6 { frame.append(UInt8(truncatingIfNeeded: meter >> (8 * UInt64(index)))) }
  frame += [0x68, control, UInt8(truncatingIfNeeded: data.count)] + data.map { $0 &+ 0x33 }
  return frame + [frame.reduce(0, &+), 0x16]
}

/// The bytes with their CRC.
func checked(_ bytes: [UInt8]) -> [UInt8] {
  let sum = crc(bytes)
  return bytes + [UInt8(truncatingIfNeeded: sum), UInt8(truncatingIfNeeded: sum >> 8)]
}

/// CRC-16 of Modbus RTU; 0 over a frame with its check. Apart from the codec's.
func crc(_ bytes: [UInt8]) -> UInt16 {
  bytes.reduce(0xFFFF) { sum, byte in
    (0..<8).reduce(sum ^ UInt16(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xA001 : value >> 1 }
  }
}

/// What each meter of a line has shown, and when it was asked: every reply shows a number of its own.
final class Ledger: Sendable {
  struct Entry {
    let asked: Asked
    let heardAt: BootInstant
  }

  /// The newest of them; so many that a line of hundreds of questions a second remembers half a minute.
  private let entries: Guarded<(ring: [Entry], count: Int)>
  private static let kept = 8192

  init() {
    let nobody = Entry(
      asked: Asked(tongue: .dlt645, meter: 0, item: 0, function: 0), heardAt: BootInstant(nanoseconds: 0))
    // Its memory is taken at once, so that it does not grow while that of the line is measured.
    entries = Guarded((Array(repeating: nobody, count: Self.kept), 0))
  }

  private let words = Guarded<(isWhole: Bool, bytes: [[UInt8]])>((false, []))

  /// Keeps what was last said, and whether a sound answer is in it.
  func note(isWhole: Bool, _ bursts: [Burst]) { words.withLock { $0 = (isWhole, bursts.map(\.bytes)) } }
  var lastSaid: (isWhole: Bool, bytes: [[UInt8]]) { words.withLock { $0 } }

  /// The number that answers a question heard now: counted up by one, as a register is.
  func number(for asked: Asked, at now: BootInstant) -> Int64 {
    entries.withLock {
      $0.count += 1
      $0.ring[$0.count % Self.kept] = Entry(asked: asked, heardAt: now)
      return Int64($0.count)
    }
  }

  func entry(_ number: Int64) -> Entry? {
    entries.withLock { all in
      guard number > 0, number <= Int64(all.count), number > Int64(all.count - Self.kept) else { return nil }
      return all.ring[Int(number) % Self.kept]
    }
  }

  /// Whether every value is what `meter` answered to `query` as it was put after `startedAt`.
  ///
  /// With `allowingLate` a value that the meter did say, but to an earlier question, will do: a machine with much else
  /// to do lets an answer come after the time-out of these rows, which is shorter than any of the daemon's.
  func isTrue(
    _ told: [Observation], to query: Query, of meter: LineMeter, since startedAt: BootInstant, allowingLate: Bool
  ) -> Bool {
    guard !told.isEmpty else { return false }
    return told.allSatisfy { observation in
      guard case .number(let value) = observation.value else { return false }
      switch query {
      case .identifier(let identifier):
        guard value.millionths % 10_000 == 0, let entry = entry(value.millionths / 10_000) else { return false }
        return entry.asked.item == identifier.rawValue && (allowingLate || entry.heardAt >= startedAt)
          && entry.asked.meter == meter.wireAddress
          && identifier.items(rates: 4).first?.quantity == observation.quantity
      // No meter of the rows speaks the 1997 edition, or is asked for memories.
      case .shortIdentifier, .frozen, .profile: return false
      case .registers(let function, let start, let count):
        let shown = value.millionths / 1000
        guard value.millionths % 1000 == 0, let entry = entry(shown / 4),
          let place = TestMeter.register(of: observation.quantity),
          place == Int(start) + 2 * Int(shown % 4), entry.asked.meter == meter.wireAddress,
          entry.asked.function == function.rawValue
        else { return false }
        // Nothing in an answer says which registers it is of, but for their count.
        guard entry.heardAt >= startedAt else { return allowingLate && entry.asked.item & 0xFFFF == UInt32(count) }
        return entry.asked.item == UInt32(start) << 16 | UInt32(count)
      }
    }
  }

  /// The number an accepted answer shows; `nil` where it is none.
  static func shown(_ told: [Observation], in tongue: Tongue) -> Int64? {
    guard case .number(let value)? = told.first?.value else { return nil }
    return tongue == .dlt645 ? value.millionths / 10_000 : value.millionths / 4000
  }
}

extension LineMeter {
  /// As `Asked` has it.
  var wireAddress: UInt64 {
    switch address {
    case .modbus(let unit): UInt64(unit)
    case .dlt645(let address): address.description.reduce(UInt64(0)) { $0 << 4 | UInt64($1.hexDigitValue ?? 0) }
    }
  }
}

/// The meters of all rows: profiles with short time-outs, and questions of few shapes.
enum TestMeter {
  /// Function 4, two registers each, all alike; then function 3, and blocks of 4 and 6 for other shapes.
  static let names = [
    "voltage.l1", "voltage.l2", "voltage.l3", "current.l1", "current.l2", "current.l3", "power.active.l1",
    "power.active.l2",
  ]
  static let otherNames = ["power.active.l3", "power.active.total"]
  static let blockNames = ["angle.l1", "angle.l2", "angle.l3"]

  static let identifiers: [UInt32] = [
    0x0001_0000, 0x0002_0000, 0x0003_0000, 0x0004_0000, 0x0005_0000, 0x0006_0000, 0x0007_0000, 0x0008_0000,
  ]

  private static let places: [Quantity: Int] = {
    var places: [Quantity: Int] = [:]
    for (index, name) in names.enumerated() { places[named(name)] = 1000 + 200 * index }
    for (index, name) in otherNames.enumerated() { places[named(name)] = 6000 + 200 * index }
    for (index, name) in blockNames.enumerated() { places[named(name)] = 2 * index }
    return places
  }()

  static func register(of quantity: Quantity) -> Int? { places[quantity] }

  private static func named(_ name: String) -> Quantity { Quantity(name: name) ?? .energyTotal(.importActive) }

  static func profile(_ tongue: Tongue, timeout: Int, gap: Int = 5) throws(FaultError) -> DeviceProfile {
    do {
      return try DeviceProfile(
        Document(toml: text(tongue, timeout: timeout, gap: gap), file: "faults.toml"))
    } catch {
      throw FaultError("the profile of the tests: \(error)")
    }
  }

  private static func text(_ tongue: Tongue, timeout: Int, gap: Int) -> String {
    var text = """
      name = "faults"
      title = "Test"
      manufacturer = "Nobody"
      source = "made for a test"
      certainty = "unverified"
      phases = 3
      nominal-voltage = "220"
      reply-timeout-ms = \(max(20, timeout))
      inter-byte-ms = \(gap)

      """
    switch tongue {
    case .dlt645:
      text += """
        protocol = "dlt645-2007"
        rates = 4
        settlements = 12
        energy-digits = 6
        quiet-after-ms = 0
        [[group]]

        """
      for item in identifiers {
        let hex = String(item, radix: 16, uppercase: true)
        text += "[[group.item]]\nidentifier = \"\(String(repeating: "0", count: 8 - hex.count))\(hex)\"\n"
      }
    case .modbus:
      text += "protocol = \"modbus\"\n"
      for (function, all) in [("input", names + blockNames), ("holding", otherNames)] {
        text += "[[group]]\ntype = \"u32\"\nscale = \"0.001\"\nfunction = \"\(function)\"\n"
        for name in all {
          text += "[[group.register]]\nquantity = \"\(name)\"\naddress = \(places[named(name)] ?? 0)\n"
        }
      }
    }
    return text
  }

  /// The meter with a number from 1 on its line.
  static func meter(
    _ tongue: Tongue, _ number: Int, profile: DeviceProfile, settings: SerialSettings
  ) throws(FaultError) -> LineMeter {
    let address = tongue == .modbus ? "\(number)" : "\(202_311_110_000 + number)"
    guard let found = MeterAddress(address, for: profile), let id = MeterID("\(tongue.rawValue)-\(number)") else {
      throw FaultError("no meter \(number)")
    }
    return LineMeter(id: id, address: found, profile: profile, settings: settings)
  }

  /// Questions that are put in turn, two of one shape never in a row.
  static func questions(_ tongue: Tongue) -> [Query] {
    switch tongue {
    case .dlt645: return identifiers.map { .identifier(DataIdentifier(rawValue: $0)) }
    case .modbus:
      var all: [Query] = []
      for index in names.indices {
        all.append(.registers(function: .inputRegisters, start: UInt16(1000 + 200 * index), count: 2))
        all.append(
          .registers(function: .holdingRegisters, start: UInt16(6000 + 200 * (index % 2)), count: 2))
        // Two that are longer: a reply that the machine has held up is then not taken for another.
        all.append(.registers(function: .inputRegisters, start: 0, count: 4))
        all.append(.registers(function: .inputRegisters, start: 0, count: 6))
      }
      return all
    }
  }
}
