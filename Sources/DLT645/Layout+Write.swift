import Metering

extension Layout {
  /// The bytes of the items, taken from `find`; what it does not know is filled with FFH.
  func write(rates: Int?, _ find: (DataField) -> ItemContent?) throws(PayloadError) -> [UInt8] {
    switch self {
    case .freezeBlock(let freeze, let back): return try FreezeBlock.write(freeze, back, rates: rates, find)
    case .profile: return try LoadProfile.write(find)
    case .one, .fields, .rates, .timesOfRates, .settlements, .table, .curve:
      var bytes: [UInt8] = []
      for index in 0..<count(rates: rates, find) {
        guard let field = field(index) else { break }
        bytes += try field.bytes(find(field))
      }
      return bytes
    }
  }

  /// How many items the block needs to hold all that `find` knows.
  private func count(rates: Int?, _ find: (DataField) -> ItemContent?) -> Int {
    switch size {
    case .fixed(let items, _): return items
    case .structured: return 0
    case .repeated(let head, _, let most):
      if let rates, length(rates: rates) != nil { return min(Self.items(ofRates: rates), most) }
      let limit = head > 0 ? most + 1 : most
      let highest = (0..<limit).last { index in field(index).map { find($0) != nil } ?? false }
      // A curve has its time and at least one value.
      return max((highest ?? 0) + 1, head > 0 ? 2 : 1)
    }
  }
}

extension DataField {
  /// The bytes of the item; FFH where nothing is told.
  func bytes(_ content: ItemContent?) throws(PayloadError) -> [UInt8] {
    do throws(ItemMisfit) {
      return try format.write(content?.value ?? .absent, occurred: content?.occurred)
    } catch {
      switch error {
      case .kind: throw .kind(name)
      case .range: throw .range(name)
      }
    }
  }
}
