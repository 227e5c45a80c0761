public import Metering

/// One item of an answer: what it is, which of the meter's memories it comes from, how it is laid out.
public struct CatalogueItem: Hashable, Sendable {
  public let quantity: Quantity
  public let memory: Memory
  public let format: ItemFormat
}

/// What the answer to an identifier holds.
enum Layout {
  case one(DataField)
  /// These items, one after the other; a tolerant layout takes another length as raw bytes.
  case fields([DataField], Origin, part: Part?, isTolerant: Bool)
  /// The total and then one item a rate, as many as the meter counts.
  case rates(Register, ItemFormat, Origin)
  /// 1997: likewise, the times of the maximum demands.
  case timesOfRates(Measurand, Origin)
  /// The register now and then at the settlements 1, 2 ... 12 back.
  case settlements(DataField)
  /// One entry after the other, as many as the length says.
  case table(DataField, most: Int)
  /// All that a freeze kept.
  case freezeBlock(Freeze, Int)
  /// Records of a load profile; class 0 is all of them.
  case profile(UInt8)
  /// A time, and then values as many as the length says.
  case curve(DataField)
}

extension Layout {
  /// How many items a layout can have, and which.
  enum Size {
    /// So many items and bytes.
    case fixed(items: Int, bytes: Int)
    /// Items of one size after so many bytes of a first one, and at most so many of them.
    case repeated(head: Int, item: Int, most: Int)
    /// By rules of its own.
    case structured
  }

  var size: Size {
    switch self {
    case .one(let field): .fixed(items: 1, bytes: field.format.size)
    case .fields(let fields, _, _, _): .fixed(items: fields.count, bytes: fields.reduce(0) { $0 + $1.format.size })
    case .rates(_, let format, _): .repeated(head: 0, item: format.size, most: 64)
    case .timesOfRates: .repeated(head: 0, item: ItemFormat.monthTime.size, most: 15)
    case .settlements(let field): .repeated(head: 0, item: field.format.size, most: Catalogue.settlements + 1)
    case .table(let entry, let most): .repeated(head: 0, item: entry.format.size, most: most)
    case .curve(let field): .repeated(head: 5, item: field.format.size, most: 63)
    case .freezeBlock, .profile: .structured
    }
  }

  /// The item at `index`, counted from 0; `nil` beyond the last and in structured layouts.
  func field(_ index: Int) -> DataField? {
    guard index >= 0 else { return nil }
    switch self {
    case .one(let field): return index == 0 ? field : nil
    case .fields(let fields, let origin, let part, _):
      guard index < fields.count else { return nil }
      guard let part, case .term(_, _, let number) = fields[index].label else { return fields[index].from(origin) }
      return fields[index].numbered(number, part: part).from(origin)
    case .rates(let register, let format, let origin):
      guard index < 64 else { return nil }
      return register.field(index == 0 ? .total : .rate(UInt8(index)), format, from: origin)
    case .timesOfRates(let measurand, let origin):
      guard index < 15 else { return nil }
      return Quantity(measurand, index == 0 ? .total : .rate(UInt8(index)))
        .map { DataField(timeOf: $0, .monthTime, from: origin) }
    case .settlements(let field):
      guard index <= Catalogue.settlements else { return nil }
      return field.from(index == 0 ? .current : .settlement(index))
    case .table(let entry, let most): return index < most ? entry.numbered(index + 1) : nil
    case .curve(let field):
      guard index < 64 else { return nil }
      return index == 0 ? Catalogue.profileTime.from(.profile(1)) : field.from(.profile(index))
    case .freezeBlock, .profile: return nil
    }
  }

  /// The items where a block over rates has `rates` of them; of a table the longest, of a load profile one record.
  func fields(rates: Int) -> [DataField] {
    switch self {
    case .freezeBlock(let freeze, let back):
      return FreezeBlock.sections(freeze, back).flatMap { $0.fields(rates: rates) }
    case .profile(let kind): return LoadProfile.fields(class: kind, record: 1)
    case .one, .fields, .rates, .timesOfRates, .settlements, .table, .curve:
      return (0..<count(rates: rates)).compactMap(field)
    }
  }

  private func count(rates: Int) -> Int {
    switch (self, size) {
    case (.rates, .repeated(_, _, let most)), (.timesOfRates, .repeated(_, _, let most)):
      min(Self.items(ofRates: rates), most)
    case (.curve, _): 2
    case (_, .fixed(let items, _)): items
    case (_, .repeated(_, _, let most)): most
    case (_, .structured): 0
    }
  }

  /// Bytes of the answer after the identifier, without a closing AAH; `nil` where it depends on how many rates the
  /// meter counts and `rates` does not tell, and where the meter decides.
  func length(rates: Int?) -> Int? {
    switch (self, size) {
    case (_, .fixed(_, let bytes)): bytes
    case (.rates, .repeated(_, let item, _)), (.timesOfRates, .repeated(_, let item, _)):
      rates.map { count(rates: $0) * item }
    case (_, .repeated), (_, .structured): nil
    }
  }

  /// The total and so many rates, held to 0...63.
  static func items(ofRates rates: Int) -> Int { min(max(rates, 0), 63) + 1 }
}
