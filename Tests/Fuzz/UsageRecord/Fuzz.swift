import Documents
import FoundationEssentials
import FuzzSupport
import Metering
import Rating
import TOML

/// Any bytes, taken for usage records, one a line: a record that is read is the one that a decoder for any type reads,
/// and its bill by columns is its bill.
@main struct Fuzz {
  static func main() {
    guard let plan = try? Plan(try Document(toml: toml, file: "tariff.toml")) else { return hold(false, "no plan") }
    let decoder = JSONDecoder()
    fuzz { input in
      for line in input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        do throws(UsageRecordError) {
          let record = try UsageRecord(json: line)
          let same = try? decoder.decode(UsageRecord.self, from: Data(line))
          hold(same == record, "JSONDecoder reads \(String(describing: same)), not \(record)")
          bill(try record.usage(under: plan), plan)
        } catch {
          hold(!error.description.isEmpty, "no words")
          if case .notJSON(let offset) = error { hold((0...line.count).contains(offset), "byte \(offset)") }
          if case .notUTF8(let offset) = error { hold((0...line.count).contains(offset), "byte \(offset)") }
        }
      }
    }
  }

  private static func bill(_ usage: Usage, _ plan: Plan) {
    var sheet = BillSheet()
    guard let compiled = try? CompiledPlan(plan, for: usage.days) else { return }
    compiled.rate([usage], into: &sheet)
    do throws(RatingError) {
      let bill = try rate(usage, under: plan)
      hold(bill.lines.reduce(.zero) { $0 + $1.amount } == bill.total, "the lines do not add up")
      hold(try sheet.bill(at: 0, of: usage, under: plan) == bill, "by columns it is another bill")
      hold(!bill.canonicalText.isEmpty, "no text")
    } catch {
      hold(sheet.refusals.first?.error == error, "by columns it is \(sheet.refusals), not \(error)")
    }
  }

  private static let toml = """
    name = "homes"
    title = "Homes"
    title-zh = "居民"
    currency = "CNY"
    valid-from = "2012-07-01"
    known-since = "2012-07-01"
    energy-scale = 2
    sources = ["a test"]
    [[period]]
    name = "peak"
    title = "Peak"
    title-zh = "峰"
    rates = [1]
    residual = true
    [[period]]
    name = "valley"
    title = "Valley"
    title-zh = "谷"
    rates = [2]
    [calendar]
    source = "a test"
    primary = true
    [[calendar.season]]
    name = "all"
    months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    [[calendar.season.day]]
    types = ["weekday", "weekend", "holiday"]
    slots = ["00:00-06:00 valley", "06:00-22:00 peak", "22:00-24:00 valley"]
    [tiers]
    window = "year"
    source = "a test"
    primary = true
    grant-per-month = "100"
    tier = [{ from = "0", to = "2760" }, { from = "2760", to = "4800" }, { from = "4800" }]
    [[component]]
    kind = "energy"
    title = "Energy"
    title-zh = "电度电费"
    source = "a test"
    primary = true
    prices = { peak = "0.568", valley = "0.288" }
    [[component]]
    kind = "tier-adders"
    title = "Adder"
    title-zh = "加价"
    source = "a test"
    primary = true
    tier = [{ tier = 2, adders = { peak = "0.06", valley = "0.03" } }, { tier = 3, adder = "0.3" }]
    """
}
