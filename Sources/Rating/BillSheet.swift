/// Bills by the million: the lines of all of them in one flat buffer, made by `CompiledPlan`.
///
/// Use one sheet again and again: it keeps its memory.
public struct BillSheet: Sendable {
  /// One printed line.
  public struct Line: Hashable, Sendable {
    /// How much of its unit the line is for, in millionths.
    public let quantityMillionths: Int64
    /// Yuan for one unit.
    public let price: Price
    /// In fen, rounded once.
    public let amount: Money
    /// Which of the sheet's `kinds`.
    public let kind: Int

    static let none = Line(quantityMillionths: 0, price: .one, amount: .zero, kind: 0)
  }

  /// A usage that was not billed.
  public struct Refusal: Hashable, Sendable {
    /// Its row.
    public let row: Int
    /// Why.
    public let error: RatingError
  }

  /// What the lines are, by number: those of the compiled plan first.
  public internal(set) var kinds: [BillLineKind] = []
  /// The sum of each row's lines; nothing where there is no bill.
  public internal(set) var totals: [Money] = []
  /// Rows without a bill, in order.
  public private(set) var refusals: [Refusal] = []
  /// The first line of each row.
  var starts: [Int] = []
  /// More room than there are lines, so that a block is written without asking each time.
  var buffer: [Line] = []
  var lineCount = 0
  /// How many rows are done while a sheet is made.
  var rowCount = 0
  /// Where the last bills were worked out, for the next ones.
  private var scratch: ColumnBlock?

  /// An empty sheet.
  public init() {}

  /// How many rows there are.
  public var count: Int { totals.count }

  /// The lines of all rows, one row after the other, each in printed order.
  public var lines: ArraySlice<Line> { buffer[..<lineCount] }

  /// Where the lines of a row stand in `lines`; empty where nothing was used, or there is no bill.
  public func lineRange(of row: Int) -> Range<Int> {
    starts[row]..<(row + 1 < starts.count ? starts[row + 1] : lineCount)
  }

  /// The lines of one row, in printed order.
  public func lines(of row: Int) -> ArraySlice<Line> { buffer[lineRange(of: row)] }

  /// The sum of all rows; `nil` beyond what 64 bits of fen hold.
  public var total: Money? {
    var sum: Int64 = 0
    for total in totals {
      let (next, overflow) = sum.addingReportingOverflow(total.fen)
      guard !overflow else { return nil }
      sum = next
    }
    return Money(fen: sum)
  }

  mutating func begin(_ kinds: [BillLineKind], rows: Int) {
    self.kinds = kinds
    refusals.removeAll(keepingCapacity: true)
    // Every row is written before anybody sees it.
    if totals.count > rows {
      totals.removeLast(totals.count - rows)
      starts.removeLast(starts.count - rows)
    } else {
      totals.append(contentsOf: repeatElement(.zero, count: rows - totals.count))
      starts.append(contentsOf: repeatElement(0, count: rows - starts.count))
    }
    (lineCount, rowCount) = (0, 0)
  }

  /// A block of the layout that `compiled` needs; the one that was used before, where it fits.
  mutating func takeBlock(for compiled: CompiledPlan) -> ColumnBlock {
    let layout = ColumnLayout(compiled)
    guard let known = scratch, known.layout == layout else { return ColumnBlock(layout) }
    scratch = nil
    return known
  }

  /// Keeps a block for the next time.
  mutating func keep(_ block: consuming ColumnBlock) { scratch = block }

  /// Room for so many lines more.
  mutating func makeRoom(_ lines: Int) {
    guard buffer.count < lineCount + lines else { return }
    buffer.append(contentsOf: repeatElement(.none, count: max(lineCount + lines - buffer.count, buffer.count / 2)))
  }

  /// The next row, its lines being those up to `end`.
  private mutating func close(_ total: Money, end: Int) {
    starts[rowCount] = lineCount
    totals[rowCount] = total
    rowCount += 1
    lineCount = end
  }

  /// The next row is a bill that was rated by itself.
  mutating func close(_ bill: Bill) {
    makeRoom(bill.lines.count)
    var end = lineCount
    for line in bill.lines {
      buffer[end] = Line(
        quantityMillionths: line.quantityMillionths, price: line.price, amount: line.amount, kind: kind(of: line.step))
      end += 1
    }
    close(bill.total, end: end)
  }

  /// The next row has no bill.
  mutating func close(_ error: RatingError) {
    refusals.append(Refusal(row: rowCount, error: error))
    close(.zero, end: lineCount)
  }

  /// The number of a kind; prices of such lines may differ from bill to bill and are no part of it.
  private mutating func kind(of step: PlanStep) -> Int {
    var step = step
    if let known = kinds.firstIndex(where: { $0.step == step }) { return known }
    step.price = .one
    let kind = BillLineKind(step: step)
    if let known = kinds.firstIndex(of: kind) { return known }
    kinds.append(kind)
    return kinds.count - 1
  }
}

extension BillSheet {
  /// One row as a bill that stands for itself, equal to the one that `rate(_:under:)` makes of `usage`.
  ///
  /// - Parameters:
  ///   - row: of this sheet.
  ///   - usage: what the row was made of, with the names that the bill is to bear; of another one it is no bill.
  ///   - plan: what the sheet was rated under.
  /// - Returns: the bill.
  /// - Throws: `RatingError` where the row was refused.
  public func bill(at row: Int, of usage: Usage, under plan: Plan) throws(RatingError) -> Bill {
    if let refusal = refusals.first(where: { $0.row == row }) { throw refusal.error }
    try plan.check(usage.total, "a total")
    var periods = try plan.periodEnergies(of: usage)
    var details: Boxed<BillDetails>?
    // What only the whole computation knows stands in no column.
    guard !usage.hasSupply else { return try rate(usage, under: plan) }
    if !plan.isPlain { details = Boxed(try plan.details(of: usage, &periods)) }
    let tierUse = try plan.tierUse(of: usage, details?.value.billed ?? usage.total)
    let lines = lines(of: row).enumerated().map { index, line in
      var step = kinds[line.kind].step
      step.price = line.price
      return BillLine(
        ordinal: index + 1, step: step, count: line.quantityMillionths, amount: line.amount,
        segments: usage.segments.indices)
    }
    return Bill(
      kind: .original, plan: plan, usage: usage, lines: lines, total: totals[row], byPeriod: periods, tierUse: tierUse,
      details: details)
  }
}
