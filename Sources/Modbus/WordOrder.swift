/// In which order a value of several registers travels. A is its most significant byte.
///
/// Modbus fixes the bytes of one register only, so makers differ: 230.2 as a 32-bit float is
/// `ABCD` 4366 3334, `CDAB` 3334 4366, `BADC` 6643 3433, `DCBA` 3433 6643.
public struct WordOrder: Hashable, Sendable {
  /// The two bytes of every register are exchanged.
  public let swapsBytes: Bool
  /// The two registers of every pair are exchanged.
  public let swapsWords: Bool
  /// The two pairs of a value of four registers are exchanged.
  public let swapsPairs: Bool

  private init(bytes: Bool, words: Bool, pairs: Bool) {
    swapsBytes = bytes
    swapsWords = words
    swapsPairs = pairs
  }

  public static let abcd = WordOrder(bytes: false, words: false, pairs: false)
  /// Low word first, all the way: `GHEFCDAB` for four registers.
  public static let cdab = WordOrder(bytes: false, words: true, pairs: true)
  public static let badc = WordOrder(bytes: true, words: false, pairs: false)
  /// Low byte first, all the way: `HGFEDCBA` for four registers.
  public static let dcba = WordOrder(bytes: true, words: true, pairs: true)

  /// The names in use: four letters for any width, eight for the orders that only four registers can have.
  public static let named: [(name: String, order: WordOrder)] = [
    ("ABCD", .abcd), ("CDAB", .cdab), ("BADC", .badc), ("DCBA", .dcba),
    ("ABCDEFGH", .abcd), ("GHEFCDAB", .cdab), ("BADCFEHG", .badc), ("HGFEDCBA", .dcba),
    ("CDABGHEF", WordOrder(bytes: false, words: true, pairs: false)),
    ("EFGHABCD", WordOrder(bytes: false, words: false, pairs: true)),
    ("DCBAHGFE", WordOrder(bytes: true, words: true, pairs: false)),
    ("FEHGBADC", WordOrder(bytes: true, words: false, pairs: true)),
  ]

  /// Puts registers in the order of their weight, or back: doing it twice changes nothing.
  ///
  /// For one, two or four registers; others keep their places.
  func arrange(_ registers: [UInt16]) -> [UInt16] {
    let isWhole = registers.count == 2 || registers.count == 4
    let mask = isWhole ? ((swapsWords ? 1 : 0) | (swapsPairs ? 2 : 0)) & (registers.count - 1) : 0
    return registers.indices.map { index in
      let register = registers[index ^ mask]
      return swapsBytes ? register.byteSwapped : register
    }
  }
}

extension WordOrder: CustomStringConvertible {
  public var description: String { Self.named.first { $0.order == self }?.name ?? "ABCD" }

  /// Reads a name such as `CDAB` or `EFGHABCD`.
  public init?(_ name: some StringProtocol) {
    guard let order = Self.named.first(where: { $0.name == name })?.order else { return nil }
    self = order
  }
}
