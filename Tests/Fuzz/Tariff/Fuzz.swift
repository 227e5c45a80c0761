import Documents
import FuzzSupport
import Metering
import Rating
import TOML

/// Any text, taken for a tariff: it is refused with a line of its own, or bills under it add up.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      guard let text = text(input) else { return }
      do throws(DocumentError) {
        bills(under: try Plan(try Document(toml: text, file: "tariff.toml")))
      } catch {
        hold(error.file == "tariff.toml" && !error.description.isEmpty, "\(error)")
        holdLine(error.line, of: text, "\(error)")
      }
    }
  }

  private static func bills(under plan: Plan) {
    hold(!plan.canonicalText.isEmpty && plan.digest.utf8.count == 64, "\(plan.digest) is no digest")
    guard let first = CivilDate("2026-07-01"), let end = CivilDate("2026-08-01"),
      let days = DayRange(from: first, to: end)
    else { return hold(false, "no month") }
    for kilowattHours in [0, 1, 333, 5_000_000, 10_000_000_000] as [Int64] {
      let share = kilowattHours / Int64(plan.periods.count + 1)
      let parts = plan.periods.enumerated().filter { $0.offset != plan.residualPeriod }
        .map { PeriodEnergy($0.element.name, Energy(millionths: share * 1_000_000)) }
      let usage = Usage(
        id: "B", account: "A", days: days, total: Energy(millionths: kilowattHours * 1_000_000), parts: parts)
      do throws(RatingError) {
        let bill = try rate(usage, under: plan)
        hold(bill.lines.reduce(.zero) { $0 + $1.amount } == bill.total, "the lines do not add up")
        hold(bill.totals.byPeriod.reduce(.zero, +) == usage.total || plan.periods.isEmpty, "the periods do not add up")
        hold(bill.totals.byTier.reduce(.zero, +) == usage.total || plan.tiers == nil, "the tiers do not add up")
        hold(bill.reversed().reversed() == bill && !bill.canonicalText.isEmpty, "reversed twice it is another bill")
      } catch {
        hold(!error.description.isEmpty, "no words")
      }
    }
  }
}
