import Documents
import Metering
import Rating
import TOML
import Testing

/// What holds of every bill whatever its plan; the invariants of tiers and periods are in `PropertyTests`.
@Suite struct InvariantTests {
  /// Bills of every kind of plan in turn, so many in all.
  private func each(_ property: String, cases: Int = 10_000, _ holds: (Usage, Plan, inout Seeded) throws -> Bool) throws
  {
    var random = Seeded(property, cases: cases)
    for number in 0..<cases / 20 {
      let made = try PlanKind.allCases[number % PlanKind.allCases.count].plan(&random)
      let plan = try Plan(try Document(toml: made.toml, file: "random.toml"))
      for _ in 0..<20 {
        let usage = try made.bill(&random).0
        guard try holds(usage, plan, &random) else {
          Issue.record("seed \(random.seed): \(usage.canonicalText)\n\(made.toml)")
          return
        }
      }
    }
  }

  @Test func `rating again changes nothing, byte for byte, and is nothing to correct`() throws {
    try each("rating again is a no-op") { usage, plan, random in
      let (once, again) = (try rate(usage, under: plan), try rate(usage, under: plan))
      // Texts and digests take most of the time, so one in five has them compared.
      guard Int.random(in: 0..<5, using: &random) == 0 else { return once == again }
      var renamed = usage
      renamed.id = "B/2"
      let other = try rate(renamed, under: plan)
      guard once == again, once.canonicalText == again.canonicalText, once.lines == other.lines else { return false }
      do throws(CorrectionError) {
        _ = try Correction(of: once, by: other, reason: "none")
        return false
      } catch { return error == .nothingChanged }
    }
  }

  @Test func `the order in which energies are given changes no line`() throws {
    try each("order of energies") { usage, plan, random in
      var other = usage
      other.parts.shuffle(using: &random)
      return try rate(usage, under: plan).lines == rate(other, under: plan).lines
    }
  }

  @Test func `k times the multiplier and a k-th of the registers is the same bill`() throws {
    var random = Seeded("multiplier and registers")
    for _ in 0..<10_000 {
      let register = random.energy(upTo: 100_000)
      let (top, bottom) = (Int64.random(in: 1...5000, using: &random), Int64.random(in: 1...30, using: &random))
      let k = Int64.random(in: 1...2000, using: &random)
      let decimals = Bool.random(using: &random) ? 2 : 0
      guard let plain = Multiplier(top, bottom), let larger = Multiplier(top * k, bottom),
        plain.energy(Energy(millionths: register.millionths * k), decimals: decimals)
          == larger.energy(register, decimals: decimals)
      else {
        Issue.record("seed \(random.seed): \(register), \(top)/\(bottom), \(k)")
        return
      }
    }
  }

  @Test func `a shared amount is shared without loss, whatever the weights`() throws {
    var random = Seeded("days share without loss")
    let from = try #require(CivilDate("2026-01-01"))
    for _ in 0..<10_000 {
      let dates = Set((0..<Int.random(in: 1...6, using: &random)).map { _ in Int64.random(in: 1...58, using: &random) })
      let parts = (0..<3).map { PeriodEnergy("p\($0)", random.energy(upTo: 5_000)) }
      let rest = random.energy(upTo: 50)
      let usage = Usage(
        id: "B", account: "A", days: try days("2026-01-01", "2026-03-01"),
        total: parts.reduce(rest) { $0 + $1.energy }, parts: parts)
      let cut = usage.cut(
        at: dates.sorted().map { CivilDate(daysSince1970: from.daysSince1970 + $0) },
        by: Bool.random(using: &random) ? .days : .months, decimals: 2)
      guard let cut, cut.reduce(.zero, { $0 + $1.total }) == usage.total,
        parts.indices.allSatisfy({ index in
          cut.reduce(.zero) { $0 + $1.parts[index].energy } == parts[index].energy
        }), cut.allSatisfy({ $0.total >= .zero && $0.parts.allSatisfy { $0.energy >= .zero } })
      else {
        Issue.record("seed \(random.seed): \(usage.canonicalText) at \(dates)")
        return
      }
    }
  }
}

/// Whatever is given, there is a bill that adds up, or an error; nothing traps.
@Suite struct WildInputTests {
  private func wild(_ random: inout Seeded) -> Int64 {
    switch Int.random(in: 0..<60, using: &random) {
    case 0: 0
    case 1: .max
    case 2: .min
    case 3: -1
    case 4: Int64.random(in: .min ... .max, using: &random)
    case 5: 10_000_000_000_000_000
    default: Int64.random(in: 0...5_000_000, using: &random) * 10_000
    }
  }

  @Test func `the wildest supply makes a bill that adds up, or an error`() throws {
    var random = Seeded("wild supplies")
    let plan = try Mill.plan(
      Mill.periods, Mill.loss("no-load = \"0.48\"\nload = \"2.6\"\nno-load-current = \"0.02\"\nimpedance = \"0.04\""),
      Mill.capacity, Mill.component("demand", "price = \"38\"\nday-share = \"calendar\"\nfloor = { percent = 40 }"),
      Mill.energyByPeriod, Mill.fund, Mill.component("power-factor", "standard = \"by-supply\"", "base = \"exact\""),
      Mill.component("export", "price = \"1000\""), Mill.component("minimum", "least = \"10\""),
      Mill.component("late-charge", "own-year = \"0.01\"", "later = \"0.01\"", "least = \"1\""))
    var billed = 0
    for _ in 0..<10_000 {
      func energy() -> Energy { Energy(millionths: wild(&random)) }
      func power() -> Power { Power(millionths: wild(&random)) }
      func sometimes<Value>(_ value: @autoclosure () -> Value) -> Value? {
        Bool.random(using: &random) ? value() : nil
      }
      let due = CivilDate(daysSince1970: wild(&random) % 20_000)
      let supply = Supply(
        basicCharge: BasicCharge.allCases.randomElement(using: &random), running: power(),
        contracted: sometimes(power()),
        feeds: [FeedDemand(measured: power(), contract: power(), capacity: sometimes(power()))],
        monthEnergy: sometimes(energy()), reactive: ReactiveUse(forward: energy(), reverse: energy()),
        powerFactorStandard: PowerFactorStandard.allCases.randomElement(using: &random), selfUse: energy(),
        exported: sometimes(energy()),
        transformer: sometimes(Transformer(model: "S9", capacity: power(), hours: Int(wild(&random) % 1000))),
        lineLoss: sometimes(Int(wild(&random) % 6000)),
        arrears: [
          Arrears(
            bill: "B", amount: Money(fen: wild(&random)), due: due,
            paid: CivilDate(daysSince1970: due.daysSince1970 + wild(&random) % 20_000))
        ])
      let usage = Usage(
        id: "B", account: "A", days: try days("2026-10-01", "2026-11-01"), total: energy(),
        parts: [PeriodEnergy("peak", energy()), PeriodEnergy("valley", energy())], tolerance: energy(), supply: supply)
      _ = usage.cut(at: [try #require(CivilDate("2026-10-11"))], by: .days, decimals: 2)
      let plain = Usage(
        id: "B", account: "A", days: usage.days, total: Energy(millionths: 1_000_000_000),
        parts: [PeriodEnergy("peak", .zero), PeriodEnergy("valley", .zero)], supply: supply)
      for usage in [usage, plain] {
        do throws(RatingError) {
          let bill = try rate(usage, under: plan)
          billed += 1
          guard bill.lines.reduce(.zero, { $0 + $1.amount }) == bill.total, !bill.canonicalText.isEmpty else {
            Issue.record("seed \(random.seed): \(usage.canonicalText)")
            return
          }
        } catch {
          guard !"\(error)".isEmpty else {
            Issue.record("seed \(random.seed): no words for \(error)")
            return
          }
        }
      }
    }
    #expect(billed > 100)
  }
}
