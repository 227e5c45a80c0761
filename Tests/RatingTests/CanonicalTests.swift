import Foundation
import Metering
import Rating
import Testing

/// A record that is no usage, or a usage that fits no plan, and what is said of it.
struct BadUsage: Sendable, CustomTestStringConvertible {
  let json: String
  let says: String
  var testDescription: String { says }
}

@Suite struct CanonicalTests {
  private func usage(_ json: String) throws -> Usage {
    try JSONDecoder().decode(UsageRecord.self, from: Data(json.utf8)).usage()
  }

  private let record = """
    {"id":"B-1","account":"A-1001","from":"2026-10-01","to":"2026-11-01",\
    "energy":{"total":"300","peak":"200","valley":"100"},"used_before":"2880"}
    """

  @Test func `a bill's bytes are golden`() throws {
    let bill = try rate(try usage(record), under: try Tariffs.plan("shanghai-residential-tou-2012"))
    #expect(bill.canonicalText == Self.golden)
    let again = try rate(try usage(record), under: try Tariffs.plan("shanghai-residential-tou-2012"))
    #expect(again == bill)
    #expect(try JSONSerialization.jsonObject(with: Data(bill.canonicalText.utf8)) is [String: Any])
  }

  @Test func `the digest changes with every input`() throws {
    let plan = try Tariffs.plan("shanghai-residential-tou-2012")
    let digest = try usage(record).inputDigest(under: plan)
    #expect(try usage(record.replacing("2880", with: "2881")).inputDigest(under: plan) != digest)
    #expect(try usage(record.replacing("\"100\"", with: "\"100.01\"")).inputDigest(under: plan) != digest)
    #expect(try usage(record).inputDigest(under: try Tariffs.plan("zhejiang-residential-tou-2012")) != digest)
  }

  static let bad = [
    BadUsage(json: record("from", "2026-13-01"), says: "from: \"2026-13-01\" is no date; write it as \"2026-11-22\""),
    BadUsage(json: record("to", "2026-10-01"), says: "to: 2026-10-01 is not after 2026-10-01"),
    BadUsage(
      json: record("total", "1e3"), says: "energy.total: \"1e3\" is no number of kWh, such as \"123.45\""),
    BadUsage(json: record("total", "-1"), says: "energy.total: -1 is out of range: from 0 to 10000000000 kWh"),
    BadUsage(json: record("totall", "300"), says: "energy.total: this key is required"),
    BadUsage(
      json: record("used_before", "x"), says: "used_before: \"x\" is no number of kWh, such as \"123.45\""),
    BadUsage(
      json: record("total", "300.001"),
      says: "a total of 300.001000 kWh has more than the 2 decimal places that the plan bills"),
    BadUsage(json: record("night", "1"), says: "the plan has no period night; its periods are peak, valley"),
    BadUsage(
      json: record("total", "310"),
      says: "the periods add up to 300.00 kWh, the total is 310.00 kWh: more than 0.03 kWh apart"),
    BadUsage(
      json: record("from", "2012-06-01"),
      says: "plan shanghai-residential-tou is not valid on all days of 2012-06-01 to 2026-11-01, but from 2012-07-01"
        + " on; bill these days by the version that is, each version's days by themselves"),
    BadUsage(
      json: record("from", "2020-06-01"),
      says: "2020-06-01 to 2026-11-01 is too long for one bill; 24 months are the most"),
    BadUsage(
      json: record("from", "2025-12-01"),
      says: "2025-12-01 to 2026-11-01 reaches into two tier windows of plan shanghai-residential-tou;"
        + " bill each window by itself"),
  ]

  /// A good record with one value replaced, or a period added.
  private static func record(_ key: String, _ value: String) -> String {
    var fields = ["from": "2026-10-01", "to": "2026-11-01", "used_before": "0"]
    var energy = ["total": "300", "peak": "200", "valley": "100"]
    if fields[key] != nil { fields[key] = value } else { energy[key] = value }
    if key == "totall" { energy["total"] = nil }
    let inner = energy.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
    let outer = fields.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
    return "{\"id\":\"B\",\"account\":\"A\",\"energy\":{\(inner)},\(outer)}"
  }

  @Test(arguments: bad) func `a usage that cannot be billed says why`(_ example: BadUsage) throws {
    let plan = try Tariffs.plan("shanghai-residential-tou-2012")
    do {
      _ = try rate(try usage(example.json), under: plan)
      Issue.record("it was billed")
    } catch {
      #expect("\(error)" == example.says)
    }
  }

  static let golden = """
    {"bill":"B-1","kind":"original","account":"A-1001","from":"2026-10-01","to":"2026-11-01","estimated":false,\
    "plan":{"name":"shanghai-residential-tou","title":"Shanghai residential, annual tiers and time of use",\
    "title_zh":"上海居民分时阶梯电价","valid_from":"2012-07-01",\
    "digest":"822e6888affdf037a5cd11ee044ff2a4c7836b371262c6f9ffd1d5dd998dfb63"},"energy":{"total":"300.00",\
    "peak":"200.00","valley":"100.00"},"tiers":{"window":"2026-01","used":["240.00","60.00","0.00"],\
    "used_after":["3120.00","60.00","0.00"]},"lines":[{"ordinal":1,"component":"energy","name":"Energy charge,\
     Peak","name_zh":"电度电费 峰","tier":null,"period":"peak","quantity":"200.00","unit":"kWh","price":"0.61700000",\
    "amount":"123.40","rule":"energy.period","formula":"200.00 kWh x 0.61700000 = 123.40","segments":[]},\
    {"ordinal":2,"component":"energy","name":"Energy charge, Valley","name_zh":"电度电费 谷","tier":null,\
    "period":"valley","quantity":"100.00","unit":"kWh","price":"0.30700000","amount":"30.70",\
    "rule":"energy.period","formula":"100.00 kWh x 0.30700000 = 30.70","segments":[]},{"ordinal":3,\
    "component":"tier-adders","name":"Tier adder, tier 2, Peak","name_zh":"递增电费 第2档 峰","tier":2,"period":"peak",\
    "quantity":"40.00","unit":"kWh","price":"0.06000000","amount":"2.40","rule":"tier.adder.pro-rata",\
    "formula":"40.00 kWh x 0.06000000 = 2.40","segments":[]},{"ordinal":4,"component":"tier-adders",\
    "name":"Tier adder, tier 2, Valley","name_zh":"递增电费 第2档 谷","tier":2,"period":"valley","quantity":"20.00",\
    "unit":"kWh","price":"0.03000000","amount":"0.60","rule":"tier.adder.pro-rata",\
    "formula":"20.00 kWh x 0.03000000 = 0.60","segments":[]}],"currency":"CNY","total":"157.10","segments":[],\
    "engine":2,"digest":"c58b5418f418253c8ef07f06284ee74f6a8756b4cc957996f5c58c8bbb90e54e"}
    """
}
