internal import Metering

/// A bit of a status word that has changed since the word was read before. 状态字变位
///
/// Source: DL/T 645-2007, status words, as `BitName` has them; the bits of the words of 1997 have no published names.
public struct StatusChange: Hashable, Sendable {
  /// The word that the bit is in: 04000501 to 04000507; of the 1997 edition C020 or C021.
  public let word: UInt32
  /// Counted from 0, the lowest.
  public let bit: Int
  /// True where it is 1 now.
  public let isSet: Bool
  /// All bits of the word, before and now.
  public let before: UInt32
  public let after: UInt32
  /// A stable word: `status.relay-open`, `status.l2.voltage-loss`, `status.meter.bit-3`.
  public let kind: String
  /// In English.
  public let title: String
  public let chineseTitle: String

  private init(_ word: UInt32, _ bit: Int, _ before: UInt32, _ after: UInt32) {
    (self.word, self.bit, self.before, self.after) = (word, bit, before, after)
    isSet = after >> UInt32(bit) & 1 == 1
    let number = Int(word & 0xFF)
    let state = isSet ? ("set", "置位") : ("cleared", "复位")
    guard word > 0xFFFF else {
      let isMeter = word == 0xC020
      kind = "status.\(isMeter ? "meter" : "grid").bit-\(bit)"
      title = "\(isMeter ? "Meter" : "Grid") status word, bit \(bit): \(state.0)"
      chineseTitle = "\(isMeter ? "电表运行状态字" : "电网状态字")第\(bit)位\(state.1)"
      return
    }
    let phase = (4...6).contains(number) ? number - 3 : 0
    let lead = phase > 0 ? "status.l\(phase)." : "status."
    let letter = phase > 0 ? ["A", "B", "C"][phase - 1] : ""
    guard let name = BitName.statusWord(number).first(where: { $0.bit == bit }) else {
      kind = "status.\(number).bit-\(bit)"
      title = "Status word \(number), bit \(bit): \(state.0)"
      chineseTitle = "运行状态字\(number)第\(bit)位\(state.1)"
      return
    }
    kind = lead + name.name
    title = "\(name.title)\(phase > 0 ? ", phase \(letter)" : ""): \(state.0)"
    chineseTitle = "\(phase > 0 ? letter + "相" : "")\(name.chineseTitle)\(state.1)"
  }

  /// What has changed from one look at a word to the next, the lowest bit first.
  public static func changes(of word: UInt32, from before: UInt32, to after: UInt32) -> [StatusChange] {
    (0..<32).filter { (before ^ after) >> UInt32($0) & 1 == 1 }.map { StatusChange(word, $0, before, after) }
  }

  /// The change as nine bytes: the bit, the word before and the word now, each low byte first.
  public var bytes: [UInt8] {
    [UInt8(truncatingIfNeeded: bit)]
      + [before, after].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
  }

  /// Reads what `bytes` gave; `nil` for anything else.
  public init?(_ bytes: [UInt8], of word: UInt32) {
    guard bytes.count == 9, bytes[0] < 32 else { return nil }
    let words = [1, 5].map { start in
      bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    self.init(word, Int(bytes[0]), words[0], words[1])
  }

  /// The status words that an answer tells, by the identifier of each; those that are filled are left out.
  public static func words(in payload: [UInt8], of identifier: DataIdentifier) -> [UInt32: UInt32] {
    guard identifier.rawValue >> 8 == 0x0400_05, let decoded = try? identifier.decode(payload) else { return [:] }
    var found: [UInt32: UInt32] = [:]
    for item in decoded.items {
      guard case .bits(let bits, _) = item.value, case .statusWord(let number)? = item.quantity?.measurand else {
        continue
      }
      found[0x0400_0500 | UInt32(truncatingIfNeeded: Int(number))] = bits
    }
    return found
  }

  /// Likewise for the 1997 edition.
  public static func words(in payload: [UInt8], of identifier: ShortIdentifier) -> [UInt32: UInt32] {
    guard identifier.isStatusWord, let decoded = try? identifier.decode(payload),
      case .bits(let bits, _)? = decoded.items.first?.value
    else { return [:] }
    return [UInt32(identifier.rawValue): bits]
  }
}

extension ShortIdentifier {
  /// C020 the meter's, C021 the grid's.
  public var isStatusWord: Bool { rawValue == 0xC020 || rawValue == 0xC021 }
}
