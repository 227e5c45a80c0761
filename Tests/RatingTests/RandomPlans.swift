import Metering
import Rating
import Testing

/// A random decimal, as tariff files and records write it and as an exact fraction.
struct Number: Sendable {
  let text: String
  let ratio: Ratio

  init(_ units: Int64, places: Int) {
    let scale = (0..<places).reduce(Int64(1)) { power, _ in power * 10 }
    let fraction = String(units.magnitude % UInt64(scale))
    let digits = String(repeating: "0", count: max(0, places - fraction.count)) + fraction
    text = "\(units < 0 ? "-" : "")\(units.magnitude / UInt64(scale))" + (places > 0 ? ".\(digits)" : "")
    ratio = Ratio(Int128(units), Int128(scale))
  }
}

/// A plan made at random, and a way to make random bills under it with the amounts they must have.
struct RandomPlan {
  let toml: String
  /// One usage and the printed amounts in fen, in the order of the bill.
  let bill: (inout Seeded) throws -> (Usage, [Int128])
}

/// Each kind of plan that random bills are made of.
enum PlanKind: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case slices, baseAndAdders, wholeVolume, tiersByPeriod, grant
  case capacity, contractDemand, actualDemand, powerFactor, purchase, losses, credits

  var testDescription: String { rawValue }

  func plan(_ random: inout Seeded) throws -> RandomPlan {
    switch self {
    case .slices: slices(&random)
    case .baseAndAdders: baseAndAdders(&random)
    case .wholeVolume: wholeVolume(&random)
    case .tiersByPeriod: tiersByPeriod(&random)
    case .grant: grant(&random)
    case .capacity: capacity(&random)
    case .contractDemand, .actualDemand: demand(&random)
    case .powerFactor: powerFactor(&random)
    case .purchase: purchase(&random)
    case .losses: losses(&random)
    case .credits: credits(&random)
    }
  }
}

extension Seeded {
  mutating func number(_ range: ClosedRange<Int64>, places: Int) -> Number {
    Number(Int64.random(in: range, using: &self), places: places)
  }
  mutating func price() -> Number { number(0...2_0000_0000, places: 8) }
  /// kWh with two places; now and then nothing, or whole.
  mutating func kilowattHours(upTo most: Int64) -> Number {
    Number(energy(upTo: most).millionths / 10_000, places: 2)
  }
  /// Rising limits of so many tiers but the last, in whole kWh.
  mutating func limits(_ count: Int) -> [Number] {
    var sum: Int64 = 0
    return (0..<count).map { _ in
      sum += Int64.random(in: 1...400, using: &self)
      return Number(sum, places: 0)
    }
  }
}

private func tierTables(_ limits: [Number], in path: String) -> String {
  let starts = ["0"] + limits.map(\.text)
  let ends = limits.map { "\nto = \"\($0.text)\"" } + [""]
  return zip(starts, ends).map { "[[\(path).tier]]\nfrom = \"\($0)\"\($1)\n" }.joined()
}

private func tiers(_ window: String, _ limits: [Number], _ rest: String = "") -> String {
  "\n[tiers]\nwindow = \"\(window)\"\nsource = \"a test\"\nprimary = true\n\(rest)\n" + tierTables(limits, in: "tiers")
}

private func usage(
  _ total: Number, _ parts: [(String, Number)] = [], _ from: String = "2026-10-01", _ to: String = "2026-11-01",
  earlier: EarlierUse = .nothing, granted: Int = 0, _ supply: Supply? = nil
) throws -> Usage {
  Usage(
    id: "B", account: "A", days: try days(from, to), total: try energy(total.text),
    parts: try parts.map { PeriodEnergy($0.0, try energy($0.1.text)) }, earlier: earlier, grantedMonths: granted,
    supply: supply)
}

/// Amounts of energies at prices; nothing is printed for no energy.
private func amounts(_ energies: [Ratio], _ prices: [Number]) -> [Int128] {
  zip(energies, prices).filter { $0.0 > .zero }.map { PlainRules.fen($0.0 * $0.1.ratio) }
}

extension PlanKind {
  /// Monthly limits that differ by season; a bill of one to three months adds them up.
  private func slices(_ random: inout Seeded) -> RandomPlan {
    let count = Int.random(in: 1...4, using: &random)
    let (summer, winter) = (random.limits(count), random.limits(count))
    let prices = (0...count).map { _ in random.price() }
    let toml =
      Mill.head + "\n[tiers]\nwindow = \"month\"\nsource = \"a test\"\nprimary = true\n"
      + "[[tiers.season]]\nname = \"s\"\nmonths = [5, 6, 7, 8, 9, 10]\n" + tierTables(summer, in: "tiers.season")
      + "[[tiers.season]]\nname = \"w\"\nmonths = [1, 2, 3, 4, 11, 12]\n" + tierTables(winter, in: "tiers.season")
      + Mill.component("tier-prices", "prices = [\(prices.map { "\"\($0.text)\"" }.joined(separator: ", "))]")
    return RandomPlan(toml: toml) { random in
      let first = Int.random(in: 1...9, using: &random)
      let months = Int.random(in: 1...3, using: &random)
      let limits = (0..<count).map { tier in
        (first..<first + months).reduce(Ratio.zero) {
          $0 + ((5...10).contains($1) ? summer[tier].ratio : winter[tier].ratio)
        }
      }
      let use = random.kilowattHours(upTo: 2000)
      func month(_ number: Int) -> String { "2026-\(number < 10 ? "0" : "")\(number)-01" }
      return (
        try usage(use, [], month(first), month(first + months)),
        amounts(PlainRules.slices(use.ratio, after: .zero, limits: limits), prices)
      )
    }
  }

  /// A base price and adders on higher tiers, in the window of a year.
  private func baseAndAdders(_ random: inout Seeded) -> RandomPlan {
    let limits = random.limits(2)
    let (base, adders) = (random.price(), [random.price(), random.price()])
    let adderTables = adders.enumerated().map {
      "[[component.tier]]\ntier = \($0.offset + 2)\nadder = \"\($0.element.text)\"\n"
    }
    let toml =
      Mill.head + tiers("year", limits) + Mill.component("energy", "price = \"\(base.text)\"")
      + Mill.component("tier-adders", adderTables.joined())
    return RandomPlan(toml: toml) { random in
      let (use, before) = (random.kilowattHours(upTo: 1200), random.kilowattHours(upTo: 1200))
      let split = PlainRules.slices(use.ratio, after: before.ratio, limits: limits.map(\.ratio))
      return (
        try usage(use, earlier: .total(try energy(before.text))),
        amounts([use.ratio] + split.dropFirst(), [base] + adders)
      )
    }
  }

  /// All kWh at the price of the tier that the last one falls in, in a window of two months.
  private func wholeVolume(_ random: inout Seeded) -> RandomPlan {
    let limits = random.limits(2)
    let prices = (0...2).map { _ in random.price() }
    let toml =
      Mill.head + tiers("two-months", limits)
      + Mill.component("whole-volume", "prices = [\(prices.map { "\"\($0.text)\"" }.joined(separator: ", "))]")
    return RandomPlan(toml: toml) { random in
      let (use, before) = (random.kilowattHours(upTo: 900), random.kilowattHours(upTo: 900))
      let end = use.ratio + before.ratio
      let tier = limits.firstIndex { end <= $0.ratio } ?? 2
      return (
        try usage(use, earlier: .total(try energy(before.text))), amounts([use.ratio], [prices[tier]])
      )
    }
  }

  /// Prices and adders that all differ by period.
  private func tiersByPeriod(_ random: inout Seeded) -> RandomPlan {
    let limits = random.limits(2)
    let names = ["peak", "flat", "valley"]
    let rows = (0...2).map { _ in names.map { _ in random.price() } }
    func table(_ row: [Number]) -> String {
      "{ \(zip(names, row).map { "\($0) = \"\($1.text)\"" }.joined(separator: ", ")) }"
    }
    // As in Shanghai or, where one adder is for all periods, as in Guangdong.
    let areEqual = Bool.random(using: &random)
    func adders(_ row: [Number]) -> String { areEqual ? "adder = \"\(row[0].text)\"" : "adders = \(table(row))" }
    let toml =
      Mill.head + Mill.periods + tiers("year", limits) + Mill.component("energy", "prices = \(table(rows[0]))")
      + Mill.component(
        "tier-adders", "tier = [{ tier = 2, \(adders(rows[1])) }, { tier = 3, \(adders(rows[2])) }]")
    return RandomPlan(toml: toml) { random in
      let parts = names.map { _ in random.kilowattHours(upTo: 300) }
      let sum = parts.reduce(Int128(0)) { $0 + ($1.ratio * Ratio(100)).whole }
      let total = Number(Int64(sum), places: 2)
      let before = random.kilowattHours(upTo: 900)
      let split = PlainRules.slices(total.ratio, after: before.ratio, limits: limits.map(\.ratio))
      var expected = amounts(parts.map(\.ratio), rows[0])
      for tier in 1...2 {
        guard !areEqual else {
          expected += amounts([split[tier]], [rows[tier][0]])
          continue
        }
        let spread = PlainRules.proRata(split[tier], over: parts.map(\.ratio), steps: 100)
        expected += amounts(spread, rows[tier])
      }
      return (
        try usage(
          total, [("peak", parts[0]), ("valley", parts[2])], earlier: .total(try energy(before.text))), expected
      )
    }
  }

  /// A household grant that comes in the middle of a year: room, not position, is carried.
  private func grant(_ random: inout Seeded) -> RandomPlan {
    let limits = random.limits(2)
    let grant = random.number(1...150, places: 0)
    let prices = (0...2).map { _ in random.price() }
    let toml =
      Mill.head + tiers("year", limits, "grant-per-month = \"\(grant.text)\"")
      + Mill.component("tier-prices", "prices = [\(prices.map { "\"\($0.text)\"" }.joined(separator: ", "))]")
    return RandomPlan(toml: toml) { random in
      let (use, before) = (random.kilowattHours(upTo: 1200), random.kilowattHours(upTo: 1200))
      let months = Int.random(in: 0...12, using: &random)
      let used = PlainRules.slices(before.ratio, after: .zero, limits: limits.map(\.ratio))
      let energies = used.map { Energy(millionths: Int64(($0 * Ratio(1_000_000)).whole)) }
      let split = PlainRules.headroom(
        use.ratio, used: used, limits: limits.map(\.ratio), grant: grant.ratio * Ratio(Int128(months)))
      return (try usage(use, earlier: .byTier(energies), granted: months), amounts(split, prices))
    }
  }

  /// Running capacity for a month or days of it, by either rule.
  private func capacity(_ random: inout Seeded) -> RandomPlan {
    let (price, energyPrice) = (random.number(0...60_0000, places: 4), random.price())
    let thirtieth = Bool.random(using: &random)
    let toml =
      Mill.head
      + Mill.component(
        "capacity", "price = \"\(price.text)\"", "day-share = \"\(thirtieth ? "thirtieth" : "calendar")\"")
      + Mill.component("energy", "price = \"\(energyPrice.text)\"")
    return RandomPlan(toml: toml) { random in
      let month = Int.random(in: 1...11, using: &random)
      let length = CivilDate.days(inMonth: month, of: 2028)
      let running = random.number(1...500_000, places: 2)
      let use = random.kilowattHours(upTo: 100_000)
      let days = Int.random(in: 0...length, using: &random)
      let yearMonth = try #require(YearMonth(year: 2028, month: month))
      var supply = Supply(basicCharge: .capacity, running: try power(running.text))
      supply.part = PartMonth(days: days, of: yearMonth)
      let divisor = thirtieth ? 30 : length
      let share = days == 0 || days >= divisor ? Ratio(1) : Ratio(Int128(days), Int128(divisor))
      return (
        try usage(use, [], "\(yearMonth)-01", "\(yearMonth + 1)-01", supply),
        [PlainRules.fen(running.ratio * price.ratio * share)] + amounts([use.ratio], [energyPrice])
      )
    }
  }

  /// One to three feeds under one of the rules, with or without a floor and a load rate.
  private func demand(_ random: inout Seeded) -> RandomPlan {
    let rule =
      ["over-105-double", "over-105-double-band-paid", "over-100-double-past-105"]
      .randomElement(using: &random) ?? ""
    let (price, cheaper) = (random.number(20_0000...50_0000, places: 4), random.number(10_0000...20_0000, places: 4))
    let floor = Bool.random(using: &random) ? Int64.random(in: 10...60, using: &random) : nil
    let onMeasured = Bool.random(using: &random)
    let from = Bool.random(using: &random) ? random.number(100...300, places: 0) : nil
    let isActual = self == .actualDemand
    let toml =
      Mill.head
      + Mill.component(
        "demand", "price = \"\(price.text)\"\nday-share = \"calendar\"\nexcess = \"\(rule)\"",
        floor.map { "floor = { percent = \($0), on = \"\(onMeasured ? "measured" : "contract")\" }" } ?? "",
        from.map { "load-rate = { from = \"\($0.text)\", price = \"\(cheaper.text)\" }" } ?? "")
      + Mill.component("energy", "price = \"0\"")
    return RandomPlan(toml: toml) { random in
      var feeds: [FeedDemand] = []
      var expected: [Int128] = []
      let contracted = random.number(100...2000, places: 0)
      let use = random.kilowattHours(upTo: 400_000)
      let isCheap = from.map { use.ratio >= $0.ratio * contracted.ratio } ?? false
      let paid = isCheap ? cheaper.ratio : price.ratio
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let (contract, capacity) = (random.number(1...200_000, places: 2), random.number(1...2000, places: 0))
        // Around the edges as often as anywhere.
        let measured =
          Bool.random(using: &random)
          ? random.number(0...300_000, places: 2)
          : Number(
            Int64((contract.ratio * Ratio([95, 100, 105].randomElement(using: &random) ?? 100)).whole), places: 2)
        feeds.append(
          FeedDemand(
            measured: try power(measured.text), contract: try power(contract.text), capacity: try power(capacity.text)))
        let least = floor.map { capacity.ratio * Ratio(Int128($0), 100) } ?? .zero
        if isActual {
          let kilowatts = onMeasured ? max(measured.ratio, least) : measured.ratio
          if kilowatts > .zero { expected.append(PlainRules.fen(kilowatts * paid)) }
        } else {
          let kilowatts = onMeasured ? contract.ratio : max(contract.ratio, least)
          expected += PlainRules.demand(rule, c: kilowatts, m: measured.ratio, price: paid)
        }
      }
      let supply = Supply(
        basicCharge: isActual ? .actualDemand : .contractDemand, contracted: try power(contracted.text), feeds: feeds)
      return (try usage(use, supply), expected + (use.ratio > .zero ? [0] : []))
    }
  }
}

private func usage(_ total: Number, _ supply: Supply) throws -> Usage {
  try usage(total, [], "2026-10-01", "2026-11-01", supply)
}

extension PlanKind {
  /// Energy, capacity and a fund, each inside or outside the base, from printed or exact lines.
  private func powerFactor(_ random: inout Seeded) -> RandomPlan {
    let (price, fund) = (random.price(), random.number(0...10_000_000, places: 8))
    let kilovoltAmperes = random.number(0...50_00, places: 2)
    let standard = PowerFactorStandard.allCases.randomElement(using: &random) ?? .ninety
    let column = standard == .ninety ? 0 : standard == .eightyFive ? 1 : 2
    let flags = (0..<3).map { _ in Bool.random(using: &random) }
    let (isExact, forwardOnly) = (Bool.random(using: &random), Bool.random(using: &random))
    let toml =
      Mill.head
      + Mill.component(
        "capacity", "price = \"\(kilovoltAmperes.text)\"\nday-share = \"calendar\"",
        "in-power-factor-base = \(flags[0])")
      + Mill.component("energy", "price = \"\(price.text)\"", "in-power-factor-base = \(flags[1])")
      + Mill.component("fund", "price = \"\(fund.text)\"", "in-power-factor-base = \(flags[2])")
      + Mill.component(
        "power-factor", "standard = \"\(standard.name)\"", "base = \"\(isExact ? "exact" : "printed")\"",
        "reactive = \"\(forwardOnly ? "forward" : "sum")\"")
    return RandomPlan(toml: toml) { random in
      let use = random.number(1...10_000_000, places: 2)
      let (forward, reverse) = (random.kilowattHours(upTo: 150_000), random.kilowattHours(upTo: 20_000))
      let running = random.number(1...200_000, places: 2)
      let supply = Supply(
        basicCharge: .capacity, running: try power(running.text),
        reactive: ReactiveUse(forward: try energy(forward.text), reverse: try energy(reverse.text)))
      let exact = [running.ratio * kilovoltAmperes.ratio, use.ratio * price.ratio, use.ratio * fund.ratio]
      var expected = exact.map { PlainRules.fen($0) }
      let q = forwardOnly ? forward.ratio : forward.ratio + reverse.ratio
      if let factor = PlainRules.powerFactor(use.ratio, q) {
        let share = PlainRules.adjustment(factor, standard: column)
        let printed = zip(expected, flags).filter(\.1).reduce(Ratio.zero) { $0 + Ratio($1.0, 100) }
        let base = isExact ? zip(exact, flags).filter(\.1).reduce(Ratio.zero) { $0 + $1.0 } : printed
        let amount = PlainRules.fen(base * share)
        if share != .zero, printed != .zero || amount != 0 { expected.append(amount) }
      }
      return (try usage(use, supply), expected)
    }
  }

  /// Purchase by agent: a price a month that floats with the periods, and two funds.
  private func purchase(_ random: inout Seeded) -> RandomPlan {
    let names = ["peak", "flat", "valley"]
    let prices = (0..<12).map { _ in random.price() }
    let funds = [random.number(0...10_000_000, places: 8), random.number(0...10_000_000, places: 8)]
    let factors = names.map { _ in random.number(0...30_000, places: 4) }
    let floats = Bool.random(using: &random)
    let months = prices.enumerated().map { index, price in
      "{ month = \"2027-\(index < 9 ? "0" : "")\(index + 1)\", price = \"\(price.text)\" }"
    }
    let factorTable = zip(names, factors).map { "\($0) = \"\($1.text)\"" }.joined(separator: ", ")
    let toml =
      Mill.head + Mill.periods
      + Mill.component(
        "monthly-prices", floats ? "factors = { \(factorTable) }" : "", "month = [\(months.joined(separator: ", "))]")
      + funds.map { Mill.component("fund", "price = \"\($0.text)\"") }.joined()
    return RandomPlan(toml: toml) { random in
      let month = Int.random(in: 1...11, using: &random)
      let parts = names.map { _ in random.kilowattHours(upTo: 50_000) }
      let sum = parts.reduce(Int128(0)) { $0 + ($1.ratio * Ratio(100)).whole }
      let total = Number(Int64(sum), places: 2)
      let price = prices[month - 1].ratio
      var expected: [Int128] = []
      if floats {
        for (part, factor) in zip(parts, factors) where part.ratio > .zero {
          expected.append(PlainRules.fen(part.ratio * (price * factor.ratio).rounded(100_000_000)))
        }
      } else if total.ratio > .zero {
        expected.append(PlainRules.fen(total.ratio * price))
      }
      expected += amounts(funds.map { _ in total.ratio }, funds)
      let yearMonth = try #require(YearMonth(year: 2027, month: month))
      return (
        try usage(
          total, [("peak", parts[0]), ("valley", parts[2])], "\(yearMonth)-01", "\(yearMonth + 1)-01"), expected
      )
    }
  }

  /// Transformer losses by formula and line loss, spread over periods or all in the flat one.
  private func losses(_ random: inout Seeded) -> RandomPlan {
    let names = ["peak", "flat", "valley"]
    let prices = names.map { _ in random.price() }
    let capacity = Int64.random(in: 50...2000, using: &random)
    let (noLoad, load) = (random.number(100...30_000, places: 4), random.number(1000...200_000, places: 4))
    let (current, impedance) = (random.number(10...400, places: 4), random.number(300...800, places: 4))
    let shape = random.number(10_000...30_000, places: 4)
    let proRata = Bool.random(using: &random)
    let toml =
      Mill.head + Mill.periods
      + "\n[loss]\nday-share = \"calendar\"\nsource = \"a test\"\nprimary = true\nshape = \"\(shape.text)\"\n"
      + "spread = \"\(proRata ? "pro-rata" : "residual")\"\n[[loss.transformer]]\nmodel = \"S9\"\n"
      + "capacity = \"\(capacity)\"\nno-load = \"\(noLoad.text)\"\nload = \"\(load.text)\"\n"
      + "no-load-current = \"\(current.text)\"\nimpedance = \"\(impedance.text)\"\n"
      + Mill.component(
        "energy",
        "prices = { \(zip(names, prices).map { "\($0) = \"\($1.text)\"" }.joined(separator: ", ")) }",
        "in-power-factor-base = true")
      + Mill.powerFactor
    return RandomPlan(toml: toml) { random in
      let parts = names.map { _ in random.kilowattHours(upTo: 80_000) }
      let sum = parts.reduce(Int128(0)) { $0 + ($1.ratio * Ratio(100)).whole }
      let total = Number(Int64(sum), places: 2)
      let reactive = random.kilowattHours(upTo: 60_000)
      let hours = Int64.random(in: 1...744, using: &random)
      let line = Bool.random(using: &random) ? Int64.random(in: 0...1000, using: &random) : nil
      let sn = Int128(capacity)
      func lost(_ fixed: Ratio, _ variable: Ratio) -> Ratio {
        PlainRules.transformer(
          fixed: fixed, variable: variable, shape: shape.ratio, p: total.ratio, q: reactive.ratio, sn: sn,
          h: Int128(hours)
        ).rounded(100)
      }
      let active = lost(noLoad.ratio, load.ratio)
      let blind = lost(current.ratio * Ratio(sn), impedance.ratio * Ratio(sn))
      let share = Ratio(Int128(line ?? 0), 10_000)
      let extra = active + ((total.ratio + active) * share).rounded(100)
      let allReactive = reactive.ratio + blind + ((reactive.ratio + blind) * share).rounded(100)
      var billed = parts.map(\.ratio)
      if proRata, total.ratio > .zero {
        billed = zip(billed, PlainRules.proRata(extra, over: billed, steps: 100)).map { $0 + $1 }
      } else {
        billed[1] = billed[1] + extra
      }
      var expected = amounts(billed, prices)
      let supply = Supply(
        reactive: ReactiveUse(forward: try energy(reactive.text)),
        transformer: Transformer(model: "S9", capacity: try power("\(capacity)"), hours: Int(hours)),
        lineLoss: line.map { Int($0) })
      if let factor = PlainRules.powerFactor(total.ratio + extra, allReactive) {
        let percent = PlainRules.adjustment(factor, standard: 0)
        let base = expected.reduce(0, +)
        if percent != .zero, base > 0 { expected.append((Ratio(base) * percent).whole) }
      }
      return (
        try usage(
          total, [("peak", parts[0]), ("valley", parts[2])], "2026-10-01", "2026-11-01", supply), expected
      )
    }
  }

  /// A minimum, reverse energy and debts.
  private func credits(_ random: inout Seeded) -> RandomPlan {
    let (price, export) = (random.price(), random.price())
    let least = random.number(0...100_00, places: 2)
    let rates = [random.number(0...40, places: 4), random.number(0...40, places: 4)]
    let toml =
      Mill.head + Mill.component("energy", "price = \"\(price.text)\"")
      + Mill.component("minimum", "least = \"\(least.text)\"") + Mill.component("export", "price = \"\(export.text)\"")
      + Mill.component(
        "late-charge", "own-year = \"\(rates[0].text)\"\nlater = \"\(rates[1].text)\"\nleast = \"1.00\"")
    return RandomPlan(toml: toml) { random in
      let (use, exported) = (random.kilowattHours(upTo: 200), random.kilowattHours(upTo: 500))
      var expected = amounts([use.ratio], [price])
      let missing = (least.ratio * Ratio(100)).whole - expected.reduce(0, +)
      if missing > 0 { expected.append(missing) }
      expected += amounts([exported.ratio], [export]).map { -$0 }
      var debts: [Arrears] = []
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let debt = random.number(1...1_000_000, places: 2)
        let due = try #require(
          CivilDate(year: 2025, month: 12, day: Int.random(in: 1...31, using: &random)))
        let late = Int.random(in: 0...60, using: &random)
        let own = min(late, 31 - due.day)
        debts.append(
          Arrears(
            bill: "B-0", amount: Money(fen: Int64((debt.ratio * Ratio(100)).whole)), due: due,
            paid: CivilDate(daysSince1970: due.daysSince1970 + Int64(late))))
        expected += PlainRules.late(
          debt.ratio, own: Int128(own), later: Int128(late - own), rates: (rates[0].ratio, rates[1].ratio), least: 100)
      }
      return (try usage(use, Supply(exported: try energy(exported.text), arrears: debts)), expected)
    }
  }
}
