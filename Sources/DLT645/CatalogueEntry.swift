public import Metering

/// What the catalogue says of one identifier.
public struct CatalogueEntry: Hashable, Sendable {
  /// Of its one item; of several, what they have in common and `.block`, `.record` or `.table`.
  public let name: String
  /// In English.
  public let title: String
  public let chineseTitle: String
  public let access: Access
  /// False where the layout is written from memory of the standard and no public source bears it out.
  public let isVerified: Bool
  /// The items of the answer: of a block over rates with four of them, of a table the longest, of a load profile one
  /// record.
  public let members: [DataField]

  /// What the data of the identifier is, where all items are laid out alike; else `nil`.
  public var format: ItemFormat? {
    guard let first = members.first?.format, members.allSatisfy({ $0.format == first }) else { return nil }
    return first
  }

  /// The unit, where all items have the same; else `nil`.
  public var unit: Unit? {
    guard let first = members.first?.unit, members.allSatisfy({ $0.unit == first }) else { return nil }
    return first
  }

  /// True where an item can be negative.
  public var isSigned: Bool { members.contains { $0.format.isSigned } }

  init?(_ row: CatalogueRow, _ layout: Layout, rates: Int = 4) {
    members = layout.fields(rates: rates)
    guard let first = members.first else { return nil }
    access = row.access
    isVerified = row.isVerified
    if members.count == 1 {
      (name, title, chineseTitle) = (first.name, first.title, first.chineseTitle)
    } else {
      let kind = layout.kind
      let stem = Self.common(members.map(\.name)) ?? layout.stem
      name = "\(stem).\(kind.name)"
      title = layout.title.map { "\($0), \(kind.title)" } ?? "\(first.title), \(kind.title)"
      chineseTitle = (layout.chineseTitle ?? first.chineseTitle) + kind.chinese
    }
  }

  /// The words that all names begin with; `nil` for none.
  private static func common(_ names: [String]) -> String? {
    guard var shared = names.first?.split(separator: ".") else { return nil }
    for name in names.dropFirst() {
      let pairs = zip(shared, name.split(separator: "."))
      shared = pairs.prefix { $0 == $1 }.map { $0.0 }
    }
    return shared.isEmpty ? nil : shared.joined(separator: ".")
  }
}

extension Layout {
  fileprivate var kind: (name: String, title: String, chinese: String) {
    switch self {
    case .table: ("table", "table", "表")
    case .fields(_, .event, _, _): ("record", "record", "记录")
    case .profile: ("record", "record", "")
    case .curve: ("curve", "curve", "曲线")
    case .one, .fields, .rates, .timesOfRates, .settlements, .freezeBlock: ("block", "block", "数据块")
    }
  }

  /// What the items have in common where their names begin differently.
  fileprivate var stem: String {
    switch self {
    case .freezeBlock(let freeze, _): "freeze.\(freeze.rawValue)"
    case .profile(0): "profile"
    case .profile(let kind): "profile.class\(kind)"
    case .curve(let field): "profile.\(field.name)"
    case .fields(let fields, .freeze(let freeze, _), _, _) where !fields.isEmpty: "freeze.\(freeze.rawValue).power"
    case .one, .fields, .rates, .timesOfRates, .settlements, .table: "data"
    }
  }

  fileprivate var title: String? {
    switch self {
    case .freezeBlock(let freeze, _): "\(freeze.title) freeze"
    case .profile(0): "Load profile"
    case .profile(let kind): "Load profile of class \(kind)"
    case .curve(let field): field.title
    case .rates, .fields, .one, .timesOfRates, .settlements, .table: nil
    }
  }

  fileprivate var chineseTitle: String? {
    switch self {
    case .freezeBlock(let freeze, _): freeze.chineseTitle
    case .profile(0): "负荷记录"
    case .profile(let kind): "第\(kind)类负荷记录"
    case .curve(let field): field.chineseTitle
    case .rates, .fields, .one, .timesOfRates, .settlements, .table: nil
    }
  }
}

extension Freeze {
  /// In English.
  public var title: String {
    switch self {
    case .timed: "Timed"
    case .instant: "Instant"
    case .zoneSwitch: "Zone table switch"
    case .daySwitch: "Day table switch"
    case .hourly: "Hourly"
    case .daily: "Daily"
    case .stepSwitch: "Step price switch"
    }
  }

  public var chineseTitle: String {
    switch self {
    case .timed: "定时冻结"
    case .instant: "瞬时冻结"
    case .zoneSwitch: "两套时区表切换冻结"
    case .daySwitch: "两套日时段表切换冻结"
    case .hourly: "整点冻结"
    case .daily: "日冻结"
    case .stepSwitch: "两套阶梯切换冻结"
    }
  }
}
