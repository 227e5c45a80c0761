import Documents
import Metering
import Rating
import TOML

let tariff = """
  name         = "city-homes"
  title        = "Homes, monthly tiers"
  title-zh     = "居民阶梯电价"
  currency     = "CNY"
  valid-from   = "2012-07-01"
  known-since  = "2012-07-01"
  energy-scale = 2
  sources      = ["where the price list was published"]

  [tiers]
  window  = "month"
  source  = "the same list"
  primary = true
  tier    = [{ from = "0", to = "260" }, { from = "260", to = "600" }, { from = "600" }]

  [[component]]
  kind     = "tier-prices"
  title    = "Energy"
  title-zh = "电度电费"
  source   = "the same list"
  primary  = true
  prices   = ["0.62", "0.67", "0.92"]
  """

let plan = try Plan(Document(toml: tariff, file: "city-homes.toml"))
guard let from = CivilDate("2026-10-01"), let to = CivilDate("2026-11-01"), let october = DayRange(from: from, to: to),
  let total = Energy(kilowattHours: "700")
else { throw UsageRecordError.noTotal }

// One bill, with everything that explains it.
let bill = try rate(Usage(id: "B-1", account: "A-1001", days: october, total: total), under: plan)
for line in bill.lines { print(line.ordinal, bill.name(of: line), bill.formula(of: line)) }
print(bill.total, bill.inputDigest)

// The same from a line of JSON, as `meterd rate` reads it, and the bill as such a line.
let json = #"{"id":"B-1","account":"A-1001","from":"2026-10-01","to":"2026-11-01","energy":{"total":"700"}}"#
let again = try rate(UsageRecord(json: Array(json.utf8)[...]).usage(under: plan), under: plan)
print(again == bill, again.canonicalText.utf8.count, "bytes")

// A hundred thousand at once, from columns into one flat buffer.
let many = UsageColumns(totals: (0..<100_000).map { Energy(millionths: Int64($0) * 10_000) })
var sheet = BillSheet()
try CompiledPlan(plan, for: october).rate(many, into: &sheet)
print(
  sheet.count, "bills,", sheet.lines.count, "lines,", sheet.total ?? .zero, "yuan,",
  sheet.lines(of: 70_000).map(\.amount))
