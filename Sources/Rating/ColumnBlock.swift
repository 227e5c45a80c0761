/// A few hundred bills at a time, column by column, in whole billed steps.
///
/// Every column is one stretch of `values`; a pass over one or two columns at a time is what keeps the processor busy.
/// A row that no column can hold, or that is no usage, is marked and stands as nothing in every column.
struct ColumnBlock {
  /// So many that the columns of a usual plan stay in the processor's nearest memory.
  static let rows = 256

  let layout: ColumnLayout
  /// How many rows are filled.
  var count = 0
  /// True for rows that are rated by themselves.
  var isAside: [Bool]
  private var values: [Int64]

  init(_ layout: ColumnLayout) {
    self.layout = layout
    isAside = Array(repeating: false, count: Self.rows)
    values = Array(repeating: 0, count: layout.end)
  }

  subscript(column: Int, row: Int) -> Int64 {
    get { values[column + row] }
    set { values[column + row] = newValue }
  }

  mutating func clear(_ column: Int) { for row in 0..<count { values[column + row] = 0 } }

  /// Takes energies over in billed steps; sets rows aside that are negative, too fine, or too much.
  mutating func fill(_ column: Int, from energies: Span<Energy>, wholeUnits: Bool, most: Int64) {
    wholeUnits
      ? Self.fill(column, energies, step: 1_000_000, most, &values, &isAside)
      : Self.fill(column, energies, step: 10_000, most, &values, &isAside)
  }

  @inline(__always)
  private static func fill(
    _ column: Int, _ energies: Span<Energy>, step: UInt64, _ most: Int64, _ values: inout [Int64], _ aside: inout [Bool]
  ) {
    var values = values.mutableSpan
    var aside = aside.mutableSpan
    for row in energies.indices {
      let millionths = UInt64(bitPattern: energies[row].millionths)
      let steps = millionths / step
      values[column + row] = Int64(truncatingIfNeeded: steps)
      if steps &* step != millionths || steps > UInt64(most) { aside[row] = true }
    }
  }

  /// The residual period: the total less the others.
  ///
  /// - Parameters:
  ///   - residual: its column.
  ///   - isGiven: whether the column holds it already.
  ///   - tolerance: in steps; by how much a residual that is given may disagree. A residual that would be nothing and
  ///     less is for the whole computation.
  mutating func fillResidual(_ residual: Int, isGiven: Bool, tolerance: Int64) {
    Self.fillResidual(residual, isGiven, tolerance, count, layout, &values, &isAside)
  }

  private static func fillResidual(
    _ residual: Int, _ isGiven: Bool, _ tolerance: Int64, _ count: Int, _ layout: ColumnLayout,
    _ values: inout [Int64], _ aside: inout [Bool]
  ) {
    var values = values.mutableSpan
    var aside = aside.mutableSpan
    let column = layout.period(residual)
    for row in 0..<count {
      var rest = values[row]
      for index in 0..<layout.periods where index != residual { rest &-= values[layout.period(index) + row] }
      if isGiven {
        let difference = rest &- values[column + row]
        if difference > tolerance || difference < -tolerance { aside[row] = true }
      }
      values[column + row] = rest
      if rest < 0 { aside[row] = true }
    }
  }

  /// Rows aside stand as nothing, so that no pass can leave its range.
  mutating func silenceAside() {
    for row in 0..<count where isAside[row] {
      for column in stride(from: 0, to: layout.tier(0), by: Self.rows) { values[column + row] = 0 }
    }
  }

  /// Cuts `column` into the room that earlier use has left: see `Tiers.split`.
  mutating func split(_ column: Int, widths: [Int64], grant: Int64, earlier: Bool, into first: Int) {
    let (layout, count) = (layout, count)
    var values = values.mutableSpan
    for row in 0..<count {
      var rest = values[column + row]
      for index in widths.indices {
        var width = widths[index]
        if index == 0, grant > 0 { width &+= grant &* values[layout.granted + row] }
        let room = earlier ? max(0, width &- values[layout.before(index) + row]) : max(0, width)
        let part = min(rest, room)
        values[first + index * Self.rows + row] = part
        rest &-= part
      }
      values[first + widths.count * Self.rows + row] = rest
    }
  }

  /// The column of a charge's energy; worked out first where it is of no column that there is.
  private mutating func quantities(of charge: ColumnCharge, _ number: Int) -> Int {
    switch charge.source {
    case .billed: return layout.billed
    case .period(let index): return layout.period(index)
    case .tier(let index): return layout.tier(index)
    case .whole(let index):
      for row in 0..<count {
        var isLast = values[layout.tier(index) + row] > 0
        for higher in index + 1..<max(index + 1, layout.tiers) where values[layout.tier(higher) + row] > 0 {
          isLast = false
        }
        values[layout.own(number) + row] = isLast ? values[layout.billed + row] : 0
      }
      return layout.own(number)
    case .spread, .minimum: return layout.own(number)
    }
  }

  /// Spreads a tier over the periods for the charges from `number` on: see `Plan.allocated`.
  private mutating func spread(_ tierNumber: Int, _ charges: [ColumnCharge], from number: Int) {
    let (layout, count) = (layout, count)
    var values = values.mutableSpan
    for row in 0..<count {
      let whole = values[row]
      let energy = values[layout.tier(tierNumber) + row]
      var rest = energy
      for index in (1..<max(1, layout.periods)).reversed() {
        let shares = values[layout.period(index) + row]
        let part = whole > 0 ? min(rest, (energy &* shares &+ whole / 2) / whole) : 0
        values[layout.own(number + index) + row] = part
        rest &-= part
      }
      values[layout.own(number) + row] = rest
    }
  }

  /// The amounts of every charge.
  mutating func charge(_ charges: [ColumnCharge]) {
    for (number, charge) in charges.enumerated() {
      if case .spread(let tier, period: 0) = charge.source { spread(tier, charges, from: number) }
      if case .minimum = charge.source {
        // Written with the lines where it asks for anything; what another plan left here must not count.
        clear(layout.amount(number))
        continue
      }
      let column = quantities(of: charge, number)
      amounts(number, of: column, charge)
    }
  }

  private mutating func amounts(_ number: Int, of column: Int, _ charge: ColumnCharge) {
    // A division by a number that the compiler knows costs a multiplication.
    switch charge.tens {
    case 0: amounts(number, column, charge, divisor: 1)
    case 1: amounts(number, column, charge, divisor: 10)
    case 2: amounts(number, column, charge, divisor: 100)
    case 3: amounts(number, column, charge, divisor: 1000)
    case 4: amounts(number, column, charge, divisor: 10_000)
    case 5: amounts(number, column, charge, divisor: 100_000)
    case 6: amounts(number, column, charge, divisor: 1_000_000)
    case 7: amounts(number, column, charge, divisor: 10_000_000)
    default: amounts(number, column, charge, divisor: 100_000_000)
    }
  }

  @inline(__always)
  private mutating func amounts(_ number: Int, _ column: Int, _ charge: ColumnCharge, divisor: UInt64) {
    let (first, count) = (layout.amount(number), count)
    var values = values.mutableSpan
    let (multiplier, half) = (charge.multiplier, charge.isCut ? 0 : divisor / 2)
    let sign: Int64 = charge.isNegative ? -1 : 1
    for row in 0..<count {
      let product = UInt64(bitPattern: values[column &+ row]) &* multiplier &+ half
      values[first &+ row] = Int64(truncatingIfNeeded: product / divisor) &* sign
    }
  }

  /// Writes the lines of some rows; those of nothing are not printed.
  func write(_ rows: Range<Int>, _ charges: [WrittenCharge], step: Int64, to sheet: inout BillSheet) {
    sheet.makeRoom(rows.count * charges.count + 1)
    let first = sheet.rowCount
    sheet.lineCount =
      charges.contains { $0.least > 0 }
      ? Self.write(
        rows, first, sheet.lineCount, charges, step, values, hasLeast: true, &sheet.buffer, &sheet.starts,
        &sheet.totals)
      : Self.write(
        rows, first, sheet.lineCount, charges, step, values, hasLeast: false, &sheet.buffer, &sheet.starts,
        &sheet.totals)
    sheet.rowCount += rows.count
  }

  /// The number of lines when all are written.
  @inline(__always)
  private static func write(
    _ rows: Range<Int>, _ first: Int, _ lineCount: Int, _ charges: [WrittenCharge], _ step: Int64, _ values: [Int64],
    hasLeast: Bool, _ buffer: inout [BillSheet.Line], _ starts: inout [Int],
    _ totals: inout [Money]
  ) -> Int {
    let charges = charges.span
    let values = values.span
    var lines = buffer.mutableSpan
    var starts = starts.mutableSpan
    var totals = totals.mutableSpan
    var end = lineCount
    var place = first
    for row in rows {
      starts[place] = end
      var total: Int64 = 0
      for number in charges.indices {
        let charge = charges[number]
        var quantity = values[charge.column &+ row] &* step
        var amount = values[charge.amounts &+ row]
        if hasLeast, charge.least > 0 {
          amount = max(0, charge.least &- total)
          quantity = amount &* 10_000
        }
        lines[end] = BillSheet.Line(
          quantityMillionths: quantity, price: charge.price, amount: Money(fen: amount), kind: number)
        end &+= quantity > 0 ? 1 : 0
        total &+= amount
      }
      totals[place] = Money(fen: total)
      place &+= 1
    }
    return end
  }

  /// What the last pass needs of each charge.
  func written(_ charges: [ColumnCharge]) -> [WrittenCharge] {
    charges.enumerated().map { number, charge in
      var column = layout.own(number)
      var least: Int64 = 0
      switch charge.source {
      case .billed: column = layout.billed
      case .period(let index): column = layout.period(index)
      case .tier(let index): column = layout.tier(index)
      case .minimum(let money): least = money.fen
      case .whole, .spread: break
      }
      return WrittenCharge(
        column: column, amounts: layout.amount(number), least: least, price: charge.step.price)
    }
  }
}

/// A charge as the last pass over a block sees it.
struct WrittenCharge {
  /// Where its energy stands.
  let column: Int
  /// Where its amounts stand.
  let amounts: Int
  /// Fen that the lines so far must reach; 0 for every other line.
  let least: Int64
  let price: Price
}

/// Where the columns of a block begin.
struct ColumnLayout: Equatable {
  let periods: Int
  let tiers: Int
  let charges: Int

  init(_ compiled: CompiledPlan) {
    periods = compiled.plan.periods.count
    tiers = compiled.plan.tiers?.count ?? 0
    charges = compiled.charges.count
  }

  var billed: Int { 0 }
  var granted: Int { ColumnBlock.rows }
  func period(_ index: Int) -> Int { (2 + index) * ColumnBlock.rows }
  func before(_ tier: Int) -> Int { (2 + periods + tier) * ColumnBlock.rows }
  func tier(_ index: Int) -> Int { (2 + periods + tiers + index) * ColumnBlock.rows }
  /// Energy that is worked out for one charge alone.
  func own(_ charge: Int) -> Int { (2 + periods + 2 * tiers + charge) * ColumnBlock.rows }
  /// Amounts of a charge, in fen.
  func amount(_ charge: Int) -> Int { own(charges + charge) }
  var end: Int { own(2 * charges) }
}
