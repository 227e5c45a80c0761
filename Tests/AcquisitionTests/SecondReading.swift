import Foundation

/// A register of a profile, read from its file by these few lines and by nothing of the product.
///
/// A mistake that the product makes both when it reads and when it simulates does not show in a comparison of the two;
/// against this it does.
struct SecondReading {
  let quantity: String
  let address: Int
  /// `input` or `holding`.
  let function: String
  let type: String
  /// Which byte of the value travels where, A the most significant: `CDAB`.
  let order: String
  let scale: Decimal

  /// The registers of a profile's text, in its order.
  static func registers(of text: String) -> [SecondReading] {
    var top: [String: String] = [:]
    var group: [String: String] = [:]
    var found: [[String: String]] = []
    enum Place { case top, group, register, elsewhere }
    var place = Place.top
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      switch line {
      case "[[group]]": (place, group) = (.group, [:])
      case "[[group.register]]":
        place = .register
        found.append(top.merging(group) { $1 })
      case _ where line.hasPrefix("["): place = .elsewhere
      default:
        let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        guard parts.count == 2 else { continue }
        let value = parts[1].trimmingCharacters(in: CharacterSet(charactersIn: "\""))
        switch place {
        case .top: top[parts[0]] = value
        case .group: group[parts[0]] = value
        case .register: found[found.count - 1][parts[0]] = value
        case .elsewhere: break
        }
      }
    }
    return found.compactMap(SecondReading.init)
  }

  private init?(_ keys: [String: String]) {
    guard let quantity = keys["quantity"], let address = keys["address"], let function = keys["function"],
      let type = keys["type"],
      let number = address.hasPrefix("0x") ? Int(address.dropFirst(2), radix: 16) : Int(address)
    else { return nil }
    self.quantity = quantity
    self.address = number
    self.function = function
    self.type = type
    order = keys["order"] ?? "ABCD"
    scale = Decimal(string: keys["scale"] ?? "1") ?? 0
  }

  var isNumber: Bool { type != "datetime" }
  /// Registers of the value.
  var count: Int { type == "datetime" ? 3 : (Int(type.dropFirst()) ?? 0) / 16 }

  /// The letters of all its bytes in the order in which they travel.
  private var letters: [Character] {
    switch count {
    case 1: return Array("AB")
    case 4 where order.count == 4:
      let four: [String: String] = [
        "ABCD": "ABCDEFGH", "CDAB": "GHEFCDAB", "BADC": "BADCFEHG", "DCBA": "HGFEDCBA",
      ]
      return Array(four[order] ?? "")
    default: return Array(order)
    }
  }

  /// Millionths of the unit that `words` mean, half away from zero.
  func millionths(_ words: [UInt16]) -> Int64? {
    let bytes = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    guard bytes.count == letters.count else { return nil }
    let sorted = zip(letters, bytes).sorted { $0.0 < $1.0 }.map(\.1)
    let bits = sorted.reduce(UInt64(0)) { $0 * 256 + UInt64($1) }
    let raw: Decimal
    switch type {
    case "u16", "u32", "u64": raw = Decimal(bits)
    case "i16": raw = Decimal(Int16(truncatingIfNeeded: bits))
    case "i32": raw = Decimal(Int32(truncatingIfNeeded: bits))
    case "i64": raw = Decimal(Int64(bitPattern: bits))
    case "f32": raw = exact(Double(Float(bitPattern: UInt32(bits))))
    case "f64": raw = exact(Double(bitPattern: bits))
    default: return nil
    }
    return rounded(raw * scale * 1_000_000)
  }

  /// The registers that hold `raw`, a whole number, or quarters of one for floats.
  func words(holding raw: Int64) -> [UInt16] {
    let bits: UInt64
    switch type {
    case "f32": bits = UInt64((Float(raw) / 4).bitPattern)
    case "f64": bits = (Double(raw) / 4).bitPattern
    default: bits = UInt64(bitPattern: raw)
    }
    let width = letters.count
    let named = Dictionary(
      uniqueKeysWithValues: (0..<width).map { place in
        (Array("ABCDEFGH")[place], UInt8(truncatingIfNeeded: bits >> UInt64(8 * (width - 1 - place))))
      })
    let bytes = letters.map { named[$0] ?? 0 }
    return stride(from: 0, to: width, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
  }

  /// What `words(holding: raw)` is worth, in millionths of the unit.
  func worth(of raw: Int64) -> Int64 {
    rounded(Decimal(raw) * scale * 1_000_000 / (type.hasPrefix("f") ? 4 : 1))
  }

  /// A raw number that the type holds, other for each address.
  var sample: Int64 {
    let number = Int64(address) * 2_654_435 % 29_989 + 1
    return type.hasPrefix("u") || address % 3 > 0 ? number : -number
  }

  private func rounded(_ number: Decimal) -> Int64 {
    var (whole, from) = (Decimal(), number)
    NSDecimalRound(&whole, &from, 0, .plain)
    return (whole as NSDecimalNumber).int64Value
  }

  /// A float taken apart, so that no binary fraction is rounded on the way.
  private func exact(_ number: Double) -> Decimal {
    guard number != 0 else { return 0 }
    var mantissa = Int64(number.significand * 4_503_599_627_370_496)
    var exponent = Int(number.exponent) - 52
    while mantissa % 2 == 0 {
      mantissa /= 2
      exponent += 1
    }
    var value = Decimal(mantissa) * (number < 0 ? -1 : 1)
    for _ in 0..<abs(exponent) { value *= exponent < 0 ? Decimal(string: "0.5") ?? 0 : 2 }
    return value
  }
}
