public import Metering

/// What a name of the catalogue is made of: a stable dotted key, an English and a Chinese title.
///
/// A `#` in any of them stands for a number: of a record, an order, a class.
final class Term: Sendable {
  let name: String
  let title: String
  let chinese: String
  /// The named bits of a word; empty for all else.
  let bits: [BitName]

  init(_ name: String, _ title: String, _ chinese: String, bits: [BitName] = []) {
    self.name = name
    self.title = title
    self.chinese = chinese
    self.bits = bits
  }
}

extension Term: Hashable {
  static func == (a: Term, b: Term) -> Bool { a === b || a.name == b.name }
  func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// One of the freezes that a meter takes: DI2 of class 05H. 冻结
public enum Freeze: String, Hashable, Sendable, CaseIterable {
  case timed
  case instant
  case zoneSwitch = "zone-switch"
  case daySwitch = "day-switch"
  case hourly
  case daily
  /// At the switch of step prices, on State Grid meters; one tool calls it monthly.
  case stepSwitch = "step-switch"
}

/// Which of a meter's memories an item comes from.
public enum Origin: Hashable, Sendable {
  /// As it stands.
  case current
  /// The settlement so many back; 1 is the last one. 上1..12结算日
  case settlement(Int)
  /// The freeze so many back; 1 is the last one.
  case freeze(Freeze, Int)
  /// The event so many back; 1 is the last one. 上1..10次
  case event(Int)
  /// A record of a load profile, counted from 1 in the order of the answer.
  case profile(Int)

  /// The same in the terms of readings; `nil` for memories that no reading is made from.
  public var memory: Memory? {
    switch self {
    case .current: .current
    case .settlement(let back): .settlement(back)
    case .freeze(.daily, let back): .dailyFreeze(back)
    case .freeze, .event, .profile: nil
    }
  }
}

extension Origin: CustomStringConvertible {
  /// `current`, `settlement 2`, `freeze hourly 1`, `event 3`, `profile 1`.
  public var description: String {
    switch self {
    case .current: "current"
    case .settlement(let back): "settlement \(back)"
    case .freeze(let freeze, let back): "freeze \(freeze.rawValue) \(back)"
    case .event(let back): "event \(back)"
    case .profile(let record): "profile \(record)"
    }
  }
}

/// One item that an answer holds or a write carries: what it is called, how it is laid out, where it comes from.
public struct DataField: Hashable, Sendable {
  enum Label: Hashable, Sendable {
    case quantity(Quantity)
    /// When the maximum of a quantity occurred, in the 1997 edition an item of its own.
    case time(of: Quantity)
    case term(Term, Part, number: Int)
  }

  let label: Label
  public let format: ItemFormat
  let ownUnit: Unit?
  public internal(set) var origin: Origin

  init(_ quantity: Quantity, _ format: ItemFormat, from origin: Origin = .current) {
    label = .quantity(quantity)
    self.format = format
    ownUnit = nil
    self.origin = origin
  }

  init(timeOf quantity: Quantity, _ format: ItemFormat, from origin: Origin) {
    label = .time(of: quantity)
    self.format = format
    ownUnit = nil
    self.origin = origin
  }

  init(
    _ term: Term, _ format: ItemFormat, _ unit: Unit? = nil, part: Part = .single, number: Int = 0,
    from origin: Origin = .current
  ) {
    label = .term(term, part, number: number)
    self.format = format
    ownUnit = unit
    self.origin = origin
  }

  /// The same, of another memory.
  func from(_ origin: Origin) -> DataField {
    var field = self
    field.origin = origin
    return field
  }

  /// The same with `number` where the name has a `#`, and with `part`, where it is no quantity.
  func numbered(_ number: Int, part: Part? = nil) -> DataField {
    guard case .term(let term, let own, _) = label else { return self }
    return DataField(term, format, ownUnit, part: part ?? own, number: number, from: origin)
  }
}

extension DataField {
  /// What readings call it; `nil` for what is no quantity.
  public var quantity: Quantity? {
    guard case .quantity(let quantity) = label else { return nil }
    return quantity
  }

  /// `nil` for memories that no reading is made from.
  public var memory: Memory? { origin.memory }

  /// The stable name: of the quantity where there is one, or a dotted key such as `event.power-fail.count`.
  public var name: String {
    switch label {
    case .quantity(let quantity): quantity.name
    case .time(let quantity): quantity.name + ".time"
    case .term(let term, let part, let number):
      Self.fill(part.name.map { "\(term.name).\($0)" } ?? term.name, number)
    }
  }

  /// In English.
  public var title: String {
    switch label {
    case .quantity(let quantity): quantity.title
    case .time(let quantity): "Time of: " + quantity.title
    case .term(let term, let part, let number): Self.fill(part.title(term.title), number)
    }
  }

  public var chineseTitle: String {
    switch label {
    case .quantity(let quantity): quantity.chineseName
    case .time(let quantity): quantity.chineseName + "发生时间"
    case .term(let term, let part, let number): Self.fill(part.chinese(term.chinese), number)
    }
  }

  /// The unit of its numbers; `nil` for texts, times and bits.
  public var unit: Unit? { quantity?.unit ?? ownUnit }

  /// The bits that have a name, lowest first; empty where it is no word of bits.
  public var bits: [BitName] {
    switch label {
    case .quantity(let quantity):
      if case .statusWord(let number) = quantity.measurand { BitName.statusWord(Int(number)) } else { [] }
    case .time: []
    case .term(let term, _, _): term.bits
    }
  }

  private static func fill(_ text: String, _ number: Int) -> String {
    guard text.utf8.contains(UInt8(ascii: "#")) else { return text }
    return text.split(separator: "#", omittingEmptySubsequences: false).joined(separator: "\(number)")
  }
}
