extension CompiledPlan {
  /// Rates every row of `usages`, in order.
  ///
  /// - Parameters:
  ///   - usages: of this plan's days.
  ///   - sheet: loses what it held. Rows that cannot be billed are its `refusals`, each with the error that
  ///     `rate(_:under:)` throws for it.
  public func rate(_ usages: UsageColumns, into sheet: inout BillSheet) {
    rate(ColumnSource(usages, self), into: &sheet)
  }

  /// Rates usages one after the other, by columns where they fit, as many as there are.
  ///
  /// - Parameters:
  ///   - usages: for any days; those of other days, with a supply or with parts that need mending are rated one by one.
  ///   - sheet: loses what it held.
  public func rate(_ usages: [Usage], into sheet: inout BillSheet) {
    rate(UsageSource(usages: usages, compiled: self), into: &sheet)
  }

  private func rate(_ source: some BlockSource, into sheet: inout BillSheet) {
    sheet.begin(kinds, rows: source.count)
    guard isColumnar else {
      for row in 0..<source.count { rateAside(source.usage(at: row), into: &sheet) }
      return
    }
    var block = sheet.takeBlock(for: self)
    let written = block.written(charges)
    let step = plan.energyStep.millionths
    for start in stride(from: 0, to: source.count, by: ColumnBlock.rows) {
      block.count = min(ColumnBlock.rows, source.count - start)
      for row in 0..<block.count { block.isAside[row] = false }
      source.fill(&block, from: start)
      block.silenceAside()
      if plan.tiers != nil {
        block.split(
          block.layout.billed, widths: widths, grant: grant, earlier: source.hasEarlier, into: block.layout.tier(0))
      }
      block.charge(charges)
      var row = 0
      while row < block.count {
        var end = row
        while end < block.count, !block.isAside[end] { end += 1 }
        if end > row { block.write(row..<end, written, step: step, to: &sheet) }
        if end < block.count { rateAside(source.usage(at: start + end), into: &sheet) }
        row = end + 1
      }
    }
    sheet.keep(block)
  }

  private func rateAside(_ usage: Usage, into sheet: inout BillSheet) {
    do throws(RatingError) {
      sheet.close(try Rating.rate(usage, under: plan))
    } catch {
      sheet.close(error)
    }
  }
}

/// Where a block's rows come from.
private protocol BlockSource {
  var count: Int { get }
  /// False where every bill is the first of its window.
  var hasEarlier: Bool { get }
  /// Fills billed energy, periods, earlier use and grants; sets rows aside that these cannot hold.
  func fill(_ block: inout ColumnBlock, from start: Int)
  func usage(at row: Int) -> Usage
}

private struct ColumnSource: BlockSource {
  let usages: UsageColumns
  let compiled: CompiledPlan
  let count: Int
  let hasEarlier: Bool
  /// In the plan's order; `nil` where the column is not given.
  private let periods: [[Energy]?]
  /// False where no row can be rated as it stands: a column that is missing, unknown, or of no use.
  private let isSound: Bool

  init(_ usages: UsageColumns, _ compiled: CompiledPlan) {
    self.usages = usages
    self.compiled = compiled
    count = usages.count
    let plan = compiled.plan
    periods = plan.periods.map { usages.periods[$0.name] }
    let missing = plan.periods.indices.contains {
      usages.periods[plan.periods[$0].name] == nil && $0 != plan.residualPeriod
    }
    let known = usages.periods.keys.allSatisfy { plan.period(named: $0) != nil }
    var fits = true
    var hasEarlier = false
    if let tiers = plan.tiers {
      switch usages.earlier {
      case .nothing: break
      case .total: hasEarlier = true
      case .byTier(let rows):
        fits = rows.count == tiers.count
        hasEarlier = true
      }
    }
    self.hasEarlier = hasEarlier
    isSound = !missing && known && fits && usages.tolerance.isBillable
  }

  func fill(_ block: inout ColumnBlock, from start: Int) {
    let plan = compiled.plan
    let range = start..<start + block.count
    guard isSound else {
      for row in 0..<block.count { block.isAside[row] = true }
      return
    }
    let whole = plan.energyDecimals == 0
    func fill(_ column: Int, _ energies: [Energy], _ block: inout ColumnBlock) {
      block.fill(column, from: energies.span.extracting(range), wholeUnits: whole, most: compiled.most)
    }
    fill(block.layout.billed, usages.totals, &block)
    for (index, energies) in periods.enumerated() {
      if let energies { fill(block.layout.period(index), energies, &block) }
    }
    if let residual = plan.residualPeriod {
      block.fillResidual(
        residual, isGiven: periods[residual] != nil,
        tolerance: usages.tolerance.millionths / plan.energyStep.millionths)
    }
    block.clear(block.layout.granted)
    if !usages.grantedMonths.isEmpty {
      let most = plan.tiers?.mostGrantedMonths(over: compiled.days.months) ?? 0
      for row in 0..<block.count {
        let months = usages.grantedMonths[start + row]
        // A grant is looked at even where there is no tier to give it to.
        guard (0...most).contains(months), months == 0 || compiled.grant > 0 else {
          block.isAside[row] = true
          continue
        }
        block[block.layout.granted, row] = Int64(months)
      }
    }
    guard plan.tiers != nil else { return }
    switch usages.earlier {
    case .nothing: break
    case .total(let energies):
      fill(block.layout.before(0), energies, &block)
      for row in 0..<block.count where block[block.layout.granted, row] != 0 && block[block.layout.before(0), row] != 0
      {
        block.isAside[row] = true
      }
      block.split(block.layout.before(0), widths: compiled.widths, grant: 0, earlier: false, into: block.layout.tier(0))
      for tier in 0..<compiled.widths.count + 1 {
        for row in 0..<block.count { block[block.layout.before(tier), row] = block[block.layout.tier(tier), row] }
      }
    case .byTier(let tiers):
      for (tier, energies) in tiers.enumerated() { fill(block.layout.before(tier), energies, &block) }
    }
  }

  func usage(at row: Int) -> Usage { usages.usage(at: row, id: "", account: "", days: compiled.days) }
}

private struct UsageSource: BlockSource {
  let usages: [Usage]
  let compiled: CompiledPlan
  var count: Int { usages.count }
  var hasEarlier: Bool { true }

  func fill(_ block: inout ColumnBlock, from start: Int) {
    for row in 0..<block.count { block.isAside[row] = !fits(usages[start + row], row, &block) }
  }

  /// Writes one usage into a row; false where the columns cannot hold it.
  private func fits(_ usage: Usage, _ row: Int, _ block: inout ColumnBlock) -> Bool {
    let plan = compiled.plan
    guard usage.days == compiled.days, !usage.hasSupply else { return false }
    let step = plan.energyStep.millionths
    func put(_ energy: Energy, _ column: Int) -> Bool {
      let (steps, rest) = energy.millionths.quotientAndRemainder(dividingBy: step)
      block[column, row] = steps
      return rest == 0 && (0...compiled.most).contains(steps)
    }
    // These check what they are given; whoever is set aside meets the same error again.
    let (periods, tiers): (EnergyRow, Bill.TierUse?)
    do throws(RatingError) {
      periods = try plan.periodEnergies(of: usage)
      tiers = try plan.tierUse(of: usage, .zero)
    } catch {
      return false
    }
    guard put(usage.total, block.layout.billed) else { return false }
    for index in plan.periods.indices {
      guard put(periods[index], block.layout.period(index)) else { return false }
    }
    block[block.layout.granted, row] = Int64(usage.grantedMonths)
    guard let tiers else { return true }
    for tier in 0...compiled.widths.count {
      guard put(tiers.before[tier], block.layout.before(tier)) else { return false }
    }
    return true
  }

  func usage(at row: Int) -> Usage { usages[row] }
}
