public import Metering

/// What the catalogue says of one identifier.
public struct CatalogueEntry: Hashable, Sendable {
  /// Of its one item; of several, what they are together.
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
    let whole = members.count == 1 ? nil : row.heading?.names ?? layout.names
    (name, title, chineseTitle) = whole ?? (first.name, first.title, first.chineseTitle)
  }
}

/// A name, an English and a Chinese title.
typealias Names = (name: String, title: String, chinese: String)

extension Term {
  var names: Names { (name, title, chinese) }
}

extension Register {
  var names: Names {
    switch self {
    case .measurand(let measurand): (measurand.stem, measurand.title, measurand.chineseName)
    case .term(let term, _): term.names
    }
  }
}

extension Layout {
  /// What several items are called together, where they are one register of many parts.
  fileprivate var names: Names? {
    switch self {
    case .rates(let register, _, _): block(register.names)
    case .timesOfRates(let measurand, _):
      block((measurand.stem + ".time", "Time of: " + measurand.title, measurand.chineseName + "发生时间"))
    case .settlements(let field): block((field.name, field.title, field.chineseTitle))
    case .one, .fields, .table, .freezeBlock, .profile, .curve: nil
    }
  }

  private func block(_ names: Names) -> Names {
    ("\(names.name).block", "\(names.title), block", names.chinese + "数据块")
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
