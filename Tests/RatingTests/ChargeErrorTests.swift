import Documents
import Foundation
import Metering
import Rating
import TOML
import Testing

/// A table of a tariff that cannot be right, and what is said of it.
struct BadTable: Sendable, CustomTestStringConvertible {
  let name: String
  let tables: [String]
  let says: String
  var testDescription: String { name }
}

/// A supply, as JSON, that a plan cannot charge for.
struct BadSupply: Sendable, CustomTestStringConvertible {
  let json: String
  let says: String
  var testDescription: String { says }
}

@Suite struct ChargeErrorTests {
  static let tables = [
    BadTable(
      name: "demand price that cannot be doubled",
      tables: [Mill.component("demand", "price = \"600\"", "day-share = \"calendar\"")],
      says: "component[0].price: 600.00000000 yuan cannot be doubled; 500 yuan per kW are the most"),
    BadTable(
      name: "no day share", tables: [Mill.component("capacity", "price = \"28\"")],
      says: "component[0].day-share: this key is required"),
    BadTable(
      name: "unknown day share", tables: [Mill.component("capacity", "price = \"28\"", "day-share = \"half\"")],
      says: "component[0].day-share: \"half\" is none of thirtieth, calendar"),
    BadTable(
      name: "unknown excess rule",
      tables: [Mill.component("demand", "price = \"38\"", "day-share = \"calendar\"", "excess = \"none\"")],
      says: "component[0].excess: \"none\" is none of over-105-double, over-105-double-band-paid,"
        + " over-100-double-past-105"),
    BadTable(
      name: "floor of more than the capacity",
      tables: [Mill.component("demand", "price = \"38\"", "day-share = \"calendar\"", "floor = { percent = 101 }")],
      says: "component[0].floor.percent: 101 is outside 1 to 100"),
    BadTable(
      name: "unknown standard", tables: [Mill.component("power-factor", "standard = \"0.95\"")],
      says: "component[0].standard: \"0.95\" is no standard; 0.90, 0.85, 0.80 and by-supply are"),
    BadTable(
      name: "base after its power factor", tables: [Mill.powerFactor, Mill.energy],
      says: "component[1].kind: T is in the base of T, so it must stand before it"),
    BadTable(
      name: "two power factors", tables: [Mill.energy, Mill.powerFactor, Mill.powerFactor],
      says: "component[2].kind: there is already a component of kind power-factor"),
    BadTable(
      name: "minimum in a power factor's base",
      tables: [Mill.energy, Mill.component("minimum", "least = \"1\"", "in-power-factor-base = true")],
      says: "component[1].in-power-factor-base: a minimum component is never in the base of a power factor"),
    BadTable(
      name: "months with a gap",
      tables: [
        Mill.component(
          "monthly-prices", "month = [{ month = \"2026-09\", price = \"1\" }, { month = \"2026-11\", price = \"1\" }]")
      ],
      says: "component[0].month[1].month: gap: 2026-10 is next, not 2026-11"),
    BadTable(
      name: "no month that the plan is valid in",
      tables: [Mill.component("monthly-prices", "month = [{ month = \"2022-12\", price = \"1\" }]")],
      says:
        "component[0].month: none of its months is one that the plan is valid in, from 2023-01-01 on: no bill could be"
        + " made; add the prices of those months"),
    BadTable(
      name: "a component without a title",
      tables: [Mill.energy.replacing("title = \"T\"", with: "title = \" \"")],
      says: "component[0].title: this is empty; write what it is called"),
    BadTable(
      name: "a month twice",
      tables: [
        Mill.component(
          "monthly-prices", "month = [{ month = \"2026-09\", price = \"1\" }, { month = \"2026-09\", price = \"1\" }]")
      ],
      says: "component[0].month[1].month: 2026-09 comes twice or too late; 2026-10 is next"),
    BadTable(
      name: "a factor for a period that is not there",
      tables: [
        Mill.periods, Mill.component("monthly-prices", "factors = { peak = \"2\", flat = \"1\" }"),
      ],
      says: "component[0].factors.valley: this key is required"),
    BadTable(
      name: "minimum in more than fen", tables: [Mill.component("minimum", "least = \"1.005\"")],
      says: "component[0].least: \"1.005\" is no amount in yuan with at most two places, such as \"1.00\""),
    BadTable(
      name: "late charge above a hundredth a day",
      tables: [Mill.component("late-charge", "own-year = \"0.02\"", "later = \"0.003\"")],
      says: "component[0].own-year: \"0.02\" is no share of a debt for a day up to 0.01, such as \"0.002\""),
    BadTable(
      name: "loss bands with a gap",
      tables: [
        Mill.loss("band = [{ from = \"0\", to = \"10\", active = \"1\", reactive = \"1\" }, { from = \"11\" }]")
      ],
      says: "loss.transformer[0].band[1].from: gap: the band before ends at 10.00 kWh"),
    BadTable(
      name: "loss bands without an open end",
      tables: [Mill.loss("band = [{ from = \"0\", to = \"10\", active = \"1\", reactive = \"1\" }]")],
      says: "loss.transformer[0].band[0].to: the last band, and no other, is open-ended"),
    BadTable(
      name: "neither table nor nameplate", tables: [Mill.loss("")],
      says: "loss.transformer[0].band: give the loss table's bands, or no-load, load, no-load-current and impedance"),
  ]

  @Test(arguments: tables) func `a bad table of a tariff is refused word for word`(_ bad: BadTable) throws {
    let document = try Document(toml: Mill.head + bad.tables.joined(), file: "mill.toml")
    let error = #expect(throws: DocumentError.self) { _ = try Plan(document) }
    let text = error.map { "\($0)" } ?? ""
    let place = try #require(text.firstRange(of: ": "))
    #expect(text[place.upperBound...] == bad.says)
  }

  private func plan() throws -> Plan {
    try Mill.plan(Mill.capacity, Mill.demand, Mill.energy, Mill.powerFactor)
  }

  static let supplies = [
    BadSupply(
      json: "{}", says: "plan mill, component 1 (T): it needs basic_charge of the supply, which is not given"),
    BadSupply(
      json: "{\"basic_charge\":\"capacity\"}",
      says: "plan mill, component 1 (T): it needs running of the supply, which is not given"),
    BadSupply(
      json: "{\"basic_charge\":\"actual-demand\"}",
      says: "plan mill, component 2 (T): it needs feeds of the supply, which is not given"),
    BadSupply(
      json: "{\"basic_charge\":\"contract-demand\",\"feeds\":[{\"measured\":\"1\"}]}",
      says: "plan mill, component 2 (T): it needs contract of the supply, which is not given"),
    BadSupply(
      json: "{\"basic_charge\":\"actual-demand\",\"feeds\":["
        + Array(repeating: "{\"measured\":\"1\"}", count: 201).joined(separator: ",") + "]}",
      says: "plan mill, component 2 (T): the supply has 201 feeds; 200 are the most"),
    BadSupply(
      json: "{\"running\":\"-0\"}",
      says: "supply.running: -0 is out of range: from 0 to 100000000 with at most four places, without a sign"),
    BadSupply(
      json: "{\"arrears\":[{\"bill\":\"B\",\"amount\":\"-0\",\"due\":\"2026-01-01\",\"paid\":\"2026-02-01\"}]}",
      says: "supply.arrears.amount: -0 is out of range: amounts without a sign, of at most 17 digits"),
    BadSupply(
      json: "{\"basic_charge\":\"capacity\",\"running\":\"10\"}",
      says: "plan mill, component 4 (T): it needs reactive of the supply, which is not given"),
    BadSupply(
      json: "{\"basic_charge\":\"by-hope\"}",
      says: "supply.basic_charge: \"by-hope\" is none of capacity, contract-demand, actual-demand"),
    BadSupply(
      json: "{\"running\":\"-1\"}",
      says: "supply.running: -1 is out of range: from 0 to 100000000 with at most four places"),
    BadSupply(
      json: "{\"part\":{\"days\":31,\"month\":\"2026-02\"}}",
      says: "supply.part: 31 days of \"2026-02\" are no part of a month like \"2026-10\""),
    BadSupply(
      json: "{\"exported\":\"1\"}", says: "exported of the supply is given, but plan mill has nothing for it"),
    BadSupply(
      json: "{\"line_loss\":1}", says: "line_loss of the supply is given, but plan mill has nothing for it"),
    BadSupply(
      json: "{\"arrears\":[{\"bill\":\"B\",\"amount\":\"1\",\"due\":\"2026-01-01\",\"paid\":\"2026-02-01\"}]}",
      says: "arrears of the supply is given, but plan mill has nothing for it"),
    BadSupply(
      json: "{\"arrears\":[{\"bill\":\"B\",\"amount\":\"1.005\",\"due\":\"2026-01-01\",\"paid\":\"2026-02-01\"}]}",
      says: "supply.arrears.amount: \"1.005\" is no amount in yuan, such as \"120.50\""),
  ]

  @Test(arguments: supplies) func `a supply that cannot be charged says why`(_ bad: BadSupply) throws {
    let json =
      "{\"id\":\"B\",\"account\":\"A\",\"from\":\"2026-10-01\",\"to\":\"2026-11-01\",\"energy\":{\"total\":\"5\"},"
      + "\"supply\":\(bad.json)}"
    let plan = try plan()
    do {
      _ = try rate(try JSONDecoder().decode(UsageRecord.self, from: Data(json.utf8)).usage(), under: plan)
      Issue.record("it was billed")
    } catch {
      #expect("\(error)" == bad.says)
    }
  }

  @Test func `a floor asks several feeds for the capacity behind each, and one for the contracted`() throws {
    let plan = try Mill.plan(
      Mill.component(
        "demand", "price = \"38\"", "day-share = \"calendar\"", "floor = { percent = 40, on = \"contract\" }"),
      Mill.energy)
    func problem(_ feeds: [FeedDemand], contracted: Power?) throws -> String? {
      let supply = Supply(basicCharge: .contractDemand, contracted: contracted, feeds: feeds)
      let usage = try mill("5", [:], nil, supply)
      do throws(RatingError) {
        _ = try rate(usage, under: plan)
        return nil
      } catch { return "\(error)" }
    }
    let (some, all) = (try power("10"), try power("100"))
    let bare = FeedDemand(measured: some, contract: some)
    let whole = FeedDemand(measured: some, contract: some, capacity: all)
    let fine = FeedDemand(measured: some, contract: some, capacity: Power(millionths: 1))
    let place = "plan mill, component 1 (T): "
    #expect(try problem([bare], contracted: all) == nil)
    #expect(try problem([whole, whole], contracted: nil) == nil)
    #expect(
      try problem([bare], contracted: nil) == place + "it needs contracted of the supply, which is not given")
    for feeds in [[bare, bare], [whole, bare], [bare, whole]] {
      #expect(
        try problem(feeds, contracted: all)
          == place + "it needs capacity of each feed of the supply, as there are several, and one has none")
    }
    #expect(
      try problem([whole, fine], contracted: all)
        == place + "capacity of the supply is 0.000001; it must be 0 to 100000000 with at most four decimal places")
  }

  /// Days and what a charge by the month and a loss table say of them without `part`.
  static let shares = [
    ("2026-10-01", "2026-11-01", true), ("2026-01-15", "2026-02-15", true), ("2026-01-31", "2026-02-28", true),
    ("2024-01-30", "2024-02-29", true), ("2026-12-28", "2027-01-28", true), ("2026-01-01", "2026-01-16", false),
    ("2026-01-15", "2026-02-14", false), ("2026-01-01", "2026-01-31", false), ("2026-01-31", "2026-02-27", false),
    ("2026-02-02", "2026-03-01", false),
  ]

  @Test(arguments: shares)
  func `half a month is never charged as a whole one in silence`(_ from: String, _ to: String, _ isWhole: Bool) throws {
    let days = try days(from, to)
    let table = Mill.loss("band = [{ from = \"0\", active = \"31\", reactive = \"0\" }]")
    let part = "\"part\":{\"days\":\(days.count),\"month\":\"\(YearMonth(of: days.from))\"}"
    for (plan, supply) in [
      (try Mill.plan(Mill.capacity, Mill.energy), "\"basic_charge\":\"capacity\",\"running\":\"1000\""),
      (try Mill.plan(Mill.demand, Mill.energy), "\"basic_charge\":\"actual-demand\",\"feeds\":[{\"measured\":\"6\"}]"),
      (try Mill.plan(table, Mill.energy), "\"transformer\":{\"model\":\"S9\",\"capacity\":\"200\"}"),
    ] {
      func bill(_ supply: String) throws -> Bill {
        let json =
          "{\"id\":\"B\",\"account\":\"A\",\"from\":\"\(from)\",\"to\":\"\(to)\",\"energy\":{\"total\":\"0\"},"
          + "\"supply\":{\(supply)}}"
        return try rate(try UsageRecord(json: Array(json.utf8)[...]).usage(under: plan), under: plan)
      }
      if isWhole {
        #expect(try bill(supply).lines.count == 1)
      } else {
        let error = #expect(throws: UsageRecordError.self) { try bill(supply) }
        #expect(
          error.map { "\($0)" }
            == "supply.part: \(days) is no whole month, and what is charged by the month must be for a"
            + " part of it; say for which, such as \(part)")
      }
      // What the advice says is taken.
      #expect(try bill("\(supply),\(part)").lines.count == 1)
    }
  }

  @Test func `reactive energy alone is held, and neither kind of energy is no power factor`() throws {
    let plan = try Mill.plan(Mill.energy, Mill.powerFactor)
    let held = Supply(reactive: ReactiveUse(forward: try energy("7")))
    let usage = try mill("0", [:], nil, held)
    let error = #expect(throws: RatingError.self) { _ = try rate(usage, under: plan) }
    #expect(
      error.map { "\($0)" } == "plan mill, component 2 (T): 7.00 kvarh but no active energy: check the meter before"
        + " charging a power factor of 0.00")
    let none = Supply(reactive: ReactiveUse(forward: .zero))
    #expect(try rate(try mill("0", [:], nil, none), under: plan).lines.isEmpty)
  }

  @Test func `a record with every part of a supply is billed, and its digest tells one from another`() throws {
    let json = """
      {"id":"B","account":"A","from":"2026-10-01","to":"2026-11-01","energy":{"total":"20000"},"supply":{\
      "basic_charge":"contract-demand","running":"2000","contracted":"3150",\
      "feeds":[{"measured":"1200","contract":"1000","capacity":"3150"}],"month_energy":"900000",\
      "part":{"days":10,"month":"2026-10"},"reactive":{"forward":"5000","reverse":"0"},\
      "power_factor_standard":"0.90","self_use":"700","exported":"120",\
      "transformer":{"model":"S9","capacity":"200","hours":720},"line_loss":300,\
      "arrears":[{"bill":"B-0","amount":"120.50","due":"2026-09-20","paid":"2026-10-03"}]}}
      """
    let plan = try Mill.plan(
      Mill.loss("no-load = \"0.48\"\nload = \"2.6\"\nno-load-current = \"0.02\"\nimpedance = \"0.04\""), Mill.demand,
      Mill.energy, Mill.powerFactor, Mill.component("export", "price = \"0.4153\""),
      Mill.component("late-charge", "own-year = \"0.001\"", "later = \"0.001\""))
    func usage(_ text: String) throws -> Usage {
      try JSONDecoder().decode(UsageRecord.self, from: Data(text.utf8)).usage()
    }
    let bill = try rate(try usage(json), under: plan)
    #expect(
      bill.lines.map(\.rule) == [.demandContract, .demandExcess, .energy, .powerFactor, .export, .lateOwnYear])
    #expect(bill == (try rate(try usage(json), under: plan)))
    #expect(try JSONSerialization.jsonObject(with: Data(bill.canonicalText.utf8)) is [String: Any])
    for (part, other) in [
      ("\"2000\"", "\"2001\""), ("\"3150\",\"feeds", "\"3151\",\"feeds"), ("\"1200\"", "\"1201\""),
      ("900000", "900001"),
      ("\"days\":10", "\"days\":11"), ("\"reverse\":\"0\"", "\"reverse\":\"1\""), ("0.90", "0.85"),
      ("\"700\"", "\"701\""), ("\"120\"", "\"121\""), (":720", ":721"), (":300", ":301"), ("120.50", "120.51"),
    ] {
      let changed = json.replacing(part, with: other)
      #expect(try usage(changed).inputDigest(under: plan) != bill.inputDigest, "\(part)")
    }
  }
}
