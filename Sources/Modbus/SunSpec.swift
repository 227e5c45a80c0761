internal import Metering

/// The map that SunSpec gives to meters and inverters: blocks one after another, each with its model and length.
///
/// Source: SunSpec Alliance, "SunSpec Device Information Model Specification", chapters on the device map and on
/// data types; the base registers and the end marker are also in public drivers for such devices. The patterns for
/// 32 and 64 bits are unverified, since no text of the specification was at hand.
public enum SunSpec {
  /// Where a map may begin, in the order in which it is looked for.
  public static let bases: [UInt16] = [40_000, 50_000, 0]

  /// "SunS", the two registers at the base.
  public static let marker: [UInt16] = [0x5375, 0x6E53]

  /// The model that ends a map.
  public static let endModel: UInt16 = 0xFFFF

  /// A scale register, or a 16-bit number, that says nothing.
  public static let notImplemented: UInt16 = 0x8000

  /// The power of ten in a scale register; `nil` where it says that there is none.
  ///
  /// - Throws: `power` for one beyond -10...10.
  public static func power(_ register: UInt16) throws(RegisterError) -> Int? {
    guard register != notImplemented else { return nil }
    let power = Int16(bitPattern: register)
    guard (-10...10).contains(power) else { throw .power(power) }
    return Int(power)
  }

  /// The pattern by which a number of a type says that it is not there; `nil` for types that have none.
  ///
  /// Accumulators (counters that never go back) are `accumulates`: theirs is 0. Floats have NaN, which is no value
  /// without any pattern.
  public static func absent(_ type: RegisterType, accumulates: Bool = false) -> UInt64? {
    switch type {
    case .u16: accumulates ? 0 : 0xFFFF
    case .u32: accumulates ? 0 : 0xFFFF_FFFF
    case .u64: accumulates ? 0 : UInt64.max
    case .i16: 0x8000
    case .i32: 0x8000_0000
    case .i64: 0x8000_0000_0000_0000
    case .f32, .f64, .bcd16, .bcd32, .bcd64, .bits, .text, .dateTime: nil
    }
  }
}

/// One block of a SunSpec map.
public struct SunSpecBlock: Hashable, Sendable {
  /// What the block holds: 1 is the common block, 201...204 and 211...214 are meters.
  public let model: UInt16
  /// Its first register after model and length, as on the wire.
  public let first: UInt16
  /// Registers after model and length.
  public let length: UInt16

  public init(model: UInt16, first: UInt16, length: UInt16) {
    self.model = model
    self.first = first
    self.length = length
  }

  /// Single-phase, split-phase, wye and delta meters, with whole numbers and scale registers, or with floats.
  public var isMeter: Bool { (201...204).contains(model) || (211...214).contains(model) }
}

/// Finds the blocks of a device: registers in, the next read or the answer out.
///
/// It asks for two registers at a time: marker, then model and length of each block. Whoever carries it out hands
/// over what came, or `nil` where the device refused or was silent.
public struct SunSpecWalk: Sendable {
  public enum Step: Hashable, Sendable {
    /// Read these holding registers and call `receive`.
    case read(RegisterRange)
    /// The blocks in their order, from the base where the marker stands. The walk is over.
    case found(base: UInt16, [SunSpecBlock])
    /// No marker at any base, or a map that does not end. The walk is over.
    case none
  }

  /// Blocks of one map; real devices have about ten.
  public static let mostBlocks = 64

  private var basesLeft: ArraySlice<UInt16>
  private var base: UInt16?
  /// Where model and length of the next block stand; `nil` while the marker is looked for.
  private var next: Int?
  private var blocks: [SunSpecBlock] = []

  public init(bases: [UInt16] = SunSpec.bases) { basesLeft = bases[...] }

  public mutating func start() -> Step { nextBase() }

  /// Takes what the last read brought.
  public mutating func receive(_ registers: [UInt16]?) -> Step {
    guard let base else { return .none }
    guard let registers, registers.count == 2 else { return nextBase() }
    guard let place = next else {
      guard registers == SunSpec.marker else { return nextBase() }
      return read(Int(base) + 2)
    }
    guard registers[0] != SunSpec.endModel else { return .found(base: base, blocks) }
    let first = place + 2, end = first + Int(registers[1])
    guard end + 2 <= 65_536, blocks.count < Self.mostBlocks else { return nextBase() }
    blocks.append(
      SunSpecBlock(model: registers[0], first: UInt16(truncatingIfNeeded: first), length: registers[1]))
    return read(end)
  }

  private mutating func nextBase() -> Step {
    blocks = []
    next = nil
    base = basesLeft.popFirst()
    guard let base, let range = RegisterRange(.holdingRegisters, first: Int(base), count: 2) else { return .none }
    return .read(range)
  }

  private mutating func read(_ place: Int) -> Step {
    guard let range = RegisterRange(.holdingRegisters, first: place, count: 2) else { return nextBase() }
    next = place
    return .read(range)
  }
}

/// The common block, model 1: who made the device.
public struct SunSpecIdentity: Hashable, Sendable {
  public let manufacturer: String
  public let model: String
  public let options: String
  public let version: String
  public let serialNumber: String

  /// Reads the registers after model and length, 65 at least; `nil` for fewer, or texts that are none.
  ///
  /// Manufacturer 16 registers, model 16, options 8, version 8, serial number 16, device address 1.
  public init?(_ registers: [UInt16]) {
    guard registers.count >= 65 else { return nil }
    func text(_ range: Range<Int>) -> String? {
      switch try? RegisterFormat(.text(registers: range.count)).decode(Array(registers[range])) {
      case .some(.text(let text)): text
      case .some(.absent): ""
      case .some, .none: nil
      }
    }
    guard let manufacturer = text(0..<16), let model = text(16..<32), let options = text(32..<40),
      let version = text(40..<48), let serialNumber = text(48..<64)
    else { return nil }
    self.manufacturer = manufacturer
    self.model = model
    self.options = options
    self.version = version
    self.serialNumber = serialNumber
  }
}
