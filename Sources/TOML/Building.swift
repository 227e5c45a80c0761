internal import Documents

/// A table while its text is read.
final class Building {
  /// How a table came to be, which says whether more may be put into it.
  enum Origin { case implicit, header, dotted, inline }

  /// Why a name cannot be used here.
  struct Clash: Error { let detail: String }

  private enum Slot {
    case value(Entry)
    case table(Building)
    case list(List)
  }

  /// The tables of a list, which is added to in place: a station has a thousand meters.
  private final class List {
    let line: Int
    var tables: [Building]

    init(_ first: Building, line: Int) {
      self.line = line
      tables = [first]
    }
  }

  private var line: Int
  private var origin: Origin
  private var slots = NamedList<Slot>()

  init(line: Int, origin: Origin) {
    self.line = line
    self.origin = origin
  }

  /// The table of a header; a list gets a further table.
  func open(_ path: [String], asList: Bool, line: Int) throws(Clash) -> Building {
    var table = self
    for name in path.dropLast() { table = try table.inner(name, origin: .implicit, line: line) }
    guard let name = path.last else { return table }
    let opened = Building(line: line, origin: .header)
    switch (table.slots[TableKey(name)], asList) {
    case (nil, true): table.slots.put(.list(List(opened, line: line)), under: TableKey(name))
    case (nil, false): table.slots.put(.table(opened), under: TableKey(name))
    case (.list(let list), true): list.tables.append(opened)
    case (.table(let known), false) where known.origin == .implicit:
      known.origin = .header
      known.line = line
      return known
    case (.some, _): throw Clash(detail: "\(name) is there already")
    }
    return opened
  }

  /// Puts an entry under a name, which may have points in it.
  func set(_ path: [String], to entry: Entry, line: Int) throws(Clash) {
    var table = self
    for name in path.dropLast() { table = try table.inner(name, origin: .dotted, line: line) }
    guard let name = path.last else { return }
    guard table.slots[TableKey(name)] == nil else { throw Clash(detail: "\(name) is there already") }
    table.slots.put(.value(entry), under: TableKey(name))
  }

  private func inner(_ name: String, origin: Origin, line: Int) throws(Clash) -> Building {
    switch slots[TableKey(name)] {
    case nil:
      let table = Building(line: line, origin: origin)
      slots.put(.table(table), under: TableKey(name))
      return table
    case .table(let table) where origin == .implicit || table.origin == .dotted: return table
    // What only the path of a header has named is made by the first name with points, and opened by no header then.
    case .table(let table) where table.origin == .implicit:
      table.origin = .dotted
      return table
    case .list(let list) where origin == .implicit:
      if let last = list.tables.last { return last }
      fallthrough
    case .some: throw Clash(detail: "\(name) is there already and takes nothing more")
    }
  }

  func finished() -> Table {
    Table(
      line: line,
      entries: slots.mapValues { slot in
        switch slot {
        case .value(let entry): return entry
        case .table(let table): return Entry(line: table.line, value: .table(table.finished()))
        case .list(let list):
          let tables = list.tables.map { Entry(line: $0.line, value: .table($0.finished())) }
          return Entry(line: list.line, value: .array(tables))
        }
      })
  }
}
