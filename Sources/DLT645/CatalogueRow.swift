public import Metering

/// Who may do what with an item.
public enum Access: String, Hashable, Sendable {
  case read
  /// Writing takes a password.
  case readWrite = "read-write"
  /// Passwords: never told.
  case write
}

/// Which values one byte of an identifier takes in a row, and what they mean.
enum Selector: Hashable {
  case exact(UInt8)
  /// 00 the total, 01...3F a rate, FF all of them.
  case rates
  /// 00 now, 01...0C the settlement so many back, FF all of them.
  case settlements
  /// 01...: so many back.
  case backs(UInt8)
  /// 01, 02, 03: phase A, B, C.
  case phases
  /// A number, which is put for the `#` of a name after taking `base` away.
  case numbers(ClosedRange<UInt8>, base: UInt8)
  /// The 1997 edition: upper half of DI0, and as lower half 0 the total, 1...E a rate, F all of them.
  case lowRates(UInt8)

  /// The values but for FF.
  var range: ClosedRange<UInt8> {
    switch self {
    case .exact(let byte): byte...byte
    case .rates: 0...63
    case .settlements: 0...12
    case .backs(let most): 1...max(1, most)
    case .phases: 1...3
    case .numbers(let range, _): range
    case .lowRates(let high): (high << 4)...(high << 4 | 0x0F)
    }
  }

  /// True where FF stands for all of them.
  var hasAll: Bool {
    switch self {
    case .rates, .settlements: true
    case .exact, .backs, .phases, .numbers, .lowRates: false
    }
  }

  /// As printed in a pattern.
  var pattern: String {
    switch self {
    case .exact(let byte): hexPair(byte)
    case .lowRates(let high): "\(String(high, radix: 16, uppercase: true))r"
    case .rates, .settlements, .backs, .phases, .numbers:
      "[\(hexPair(range.lowerBound))-\(hexPair(range.upperBound))\(hasAll ? ",FF" : "")]"
    }
  }
}

/// A register: what readings call it, or a name of the catalogue alone.
enum Register: Hashable {
  case measurand(Measurand)
  case term(Term, Unit)

  func field(_ part: Part, _ format: ItemFormat, from origin: Origin) -> DataField? {
    switch self {
    case .measurand(let measurand): Quantity(measurand, part).map { DataField($0, format, from: origin) }
    case .term(let term, let unit): DataField(term, format, unit, part: part, from: origin)
    }
  }
}

/// What the answers to the identifiers of a row hold.
enum RowContent: Hashable {
  case field(DataField)
  /// These, one after the other.
  case fields([DataField])
  /// Likewise, but that the meter's record is laid out so is unverified: of another length it is told as raw bytes.
  case record([DataField])
  /// Energies and demands: DI1 is the rate, DI0 the settlement; of one phase where `phase` says so.
  case register(Register, ItemFormat, phase: Phase?)
  /// A total and its rates, as many as the length says.
  case ratesOf(Register, ItemFormat)
  /// 1997: the time of a maximum demand.
  case demandTime(Measurand)
  /// The same entry again and again, at most so often.
  case table(DataField, most: Int)
  /// All that a freeze kept, its parts closed by AAH.
  case freezeBlock
  /// Records of a load profile; class 0 is all of them.
  case profile(UInt8)
  /// A time and then as many values as the length says.
  case curve(DataField)
}

/// Which memory the items of a row come from; how far back is DI0.
enum OriginRule: Hashable {
  case current
  case settlement
  /// 1997: the month is in DI1.
  case month(Int)
  case freeze(Freeze)
  case event
}

/// One line of the catalogue: a pattern of identifiers and what their answers hold.
public struct CatalogueRow: Hashable, Sendable {
  public let edition: Edition
  /// DI3, DI2 of the 2007 edition; 0 in that of 1997.
  let group: UInt16
  let di1: Selector
  let di0: Selector
  let content: RowContent
  let rule: OriginRule
  public let access: Access
  /// True where public sources bear out the layout; false for what is written from memory of the standard.
  public let isVerified: Bool
  /// What an answer of several items is called as a whole, where the items do not say it.
  let heading: Term?

  init(
    _ group: UInt16, _ di1: Selector, _ di0: Selector, _ content: RowContent, rule: OriginRule = .current,
    access: Access = .read, isVerified: Bool = true, heading: Term? = nil, edition: Edition = .dlt645v2007
  ) {
    self.edition = edition
    self.group = group
    self.di1 = di1
    self.di0 = di0
    self.content = content
    self.rule = rule
    self.access = access
    self.isVerified = isVerified
    self.heading = heading
  }

  /// A row of the 1997 edition.
  init(
    short di1: UInt8, _ di0: Selector, _ content: RowContent, rule: OriginRule = .current, access: Access = .read,
    isVerified: Bool = true, heading: Term? = nil
  ) {
    self.init(
      0, .exact(di1), di0, content, rule: rule, access: access, isVerified: isVerified, heading: heading,
      edition: .dlt645v1997)
  }

  /// The identifiers, printed DI3 first: `0001[00-3F,FF][00-0C,FF]`; in the 1997 edition `901r`, r being the rate.
  public var pattern: String {
    let head =
      edition == .dlt645v2007
      ? hexPair(UInt8(truncatingIfNeeded: group >> 8)) + hexPair(UInt8(truncatingIfNeeded: group)) : ""
    return head + di1.pattern + di0.pattern
  }
}

extension CatalogueRow {
  /// What the answer to an identifier of this row holds; `nil` where the row has no such combination.
  func layout(_ di1Byte: UInt8, _ di0Byte: UInt8) -> Layout? {
    switch content {
    case .field(let field):
      var field = field
      if case .numbers(_, let base) = di0 {
        field = field.numbered(Int(di0Byte &- base), part: phase(di1Byte))
      } else if case .numbers(_, let base) = di1 {
        field = field.numbered(Int(di1Byte &- base))
      }
      return .one(field.from(origin(di0Byte)))
    case .fields(let fields): return .fields(fields, origin(di0Byte), part: phase(di1Byte), isTolerant: false)
    case .record(let fields): return .fields(fields, origin(di0Byte), part: nil, isTolerant: true)
    case .register(let register, let format, let phase): return layout(register, format, phase, di1Byte, di0Byte)
    case .ratesOf(let register, let format):
      guard case .lowRates = di0 else { return .rates(register, format, origin(di0Byte)) }
      switch di0Byte & 0x0F {
      case 0x0F: return .rates(register, format, origin(di0Byte))
      case let rate:
        return register.field(rate == 0 ? .total : .rate(rate), format, from: origin(di0Byte)).map(Layout.one)
      }
    case .demandTime(let measurand):
      let rate = di0Byte & 0x0F
      if rate == 0x0F { return .timesOfRates(measurand, origin(di0Byte)) }
      return Quantity(measurand, rate == 0 ? .total : .rate(rate))
        .map { .one(DataField(timeOf: $0, .monthTime, from: origin(di0Byte))) }
    case .table(let entry, let most): return .table(entry, most: most)
    case .freezeBlock:
      guard case .freeze(let freeze, let back) = origin(di0Byte) else { return nil }
      return .freezeBlock(freeze, back)
    case .profile(let kind): return .profile(kind)
    case .curve(let field): return .curve(field)
    }
  }

  /// That a block over the settlements starts with the register now is unverified.
  private func layout(
    _ register: Register, _ format: ItemFormat, _ phase: Phase?, _ di1Byte: UInt8, _ di0Byte: UInt8
  ) -> Layout? {
    guard di1Byte != 0xFF else { return di0Byte == 0xFF ? nil : .rates(register, format, origin(di0Byte)) }
    let part: Part = phase.map(Part.phase) ?? (di1Byte == 0 ? .total : .rate(di1Byte))
    guard let field = register.field(part, format, from: origin(di0Byte)) else { return nil }
    return di0Byte == 0xFF ? .settlements(field) : .one(field)
  }

  private func phase(_ di1Byte: UInt8) -> Part? {
    guard case .phases = di1 else { return nil }
    return Phase(rawValue: di1Byte).map(Part.phase)
  }

  func origin(_ di0Byte: UInt8) -> Origin {
    switch rule {
    case .current: .current
    case .settlement: di0Byte == 0 || di0Byte == 0xFF ? .current : .settlement(Int(di0Byte))
    case .month(let back): back == 0 ? .current : .settlement(back)
    case .freeze(let freeze): .freeze(freeze, Int(di0Byte))
    case .event: .event(Int(di0Byte))
    }
  }
}

extension CatalogueRow {
  /// The stable name of what the row tells, without rate or phase where these are in the identifier; a `#` stands for
  /// the number that the identifier gives.
  public var name: String {
    switch content {
    case .register(.measurand(let measurand), _, let phase):
      Self.part(phase).name.map { "\(measurand.stem).\($0)" } ?? measurand.stem
    case .register(.term(let term, _), _, let phase): Self.part(phase).name.map { "\(term.name).\($0)" } ?? term.name
    case .ratesOf(.measurand(let measurand), _): measurand.stem
    case .ratesOf(.term(let term, _), _): term.name
    case .demandTime(let measurand): measurand.stem + ".time"
    case .field(let field): field.pattern.name
    case .fields, .record, .table, .freezeBlock, .profile, .curve: sample?.name ?? ""
    }
  }

  /// In English.
  public var title: String {
    switch content {
    case .register(.measurand(let measurand), _, let phase): Self.part(phase).title(measurand.title)
    case .register(.term(let term, _), _, let phase): Self.part(phase).title(term.title)
    case .ratesOf(.measurand(let measurand), _): measurand.title
    case .ratesOf(.term(let term, _), _): term.title
    case .demandTime(let measurand): "Time of: " + measurand.title
    case .field(let field): field.pattern.title
    case .fields, .record, .table, .freezeBlock, .profile, .curve: sample?.title ?? ""
    }
  }

  public var chineseTitle: String {
    switch content {
    case .register(.measurand(let measurand), _, let phase): Self.part(phase).chinese(measurand.chineseName)
    case .register(.term(let term, _), _, let phase): Self.part(phase).chinese(term.chinese)
    case .ratesOf(.measurand(let measurand), _): measurand.chineseName
    case .ratesOf(.term(let term, _), _): term.chinese
    case .demandTime(let measurand): measurand.chineseName + "发生时间"
    case .field(let field): field.pattern.chinese
    case .fields, .record, .table, .freezeBlock, .profile, .curve: sample?.chineseTitle ?? ""
    }
  }

  /// How each item is laid out; `nil` where they are of several kinds.
  public var format: ItemFormat? { sample?.format }
  /// The unit of each item; `nil` for texts, times and bits, and where they have several.
  public var unit: Unit? { sample?.unit }
  /// True where an item can be negative.
  public var isSigned: Bool { sample?.isSigned ?? false }
  /// Bytes of the answer to the lowest identifier of the row; `nil` where the meter decides.
  public var length: Int? { layout(di1.range.lowerBound, di0.range.lowerBound)?.length(rates: nil) }

  /// Of the lowest identifier.
  private var sample: CatalogueEntry? {
    layout(di1.range.lowerBound, di0.range.lowerBound).flatMap { CatalogueEntry(self, $0) }
  }

  private static func part(_ phase: Phase?) -> Part { phase.map(Part.phase) ?? .single }
}

extension DataField {
  /// Its names with the `#` still in them.
  fileprivate var pattern: (name: String, title: String, chinese: String) {
    guard case .term(let term, let part, _) = label else { return (name, title, chineseTitle) }
    return (part.name.map { "\(term.name).\($0)" } ?? term.name, part.title(term.title), part.chinese(term.chinese))
  }
}
