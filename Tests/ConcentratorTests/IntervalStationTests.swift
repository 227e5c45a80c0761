import Acquisition
import Billing
import Foundation
import Host
import Metering
import Rating
import Simulator
import Store
import Testing

@testable import Concentrator

/// An account by intervals under the whole daemon: simulated meters with load profiles, the bill, every way back from it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct IntervalStationTests {
  private static let lines = [
    """
    [[line]]
    name = "bus1"
    port = "FOLDER/bus1"
    serial = "115200 8E1"
    [[line.meter]]
    id = "M-1"
    profile = "dlt645-2007-three-phase"
    address = "202311110001"
    account = "A-9"
    [[line.meter]]
    id = "M-2"
    profile = "dlt645-2007-three-phase"
    address = "202311110002"
    account = "A-1"
    [[line.meter]]
    id = "M-3"
    profile = "dlt645-2007-three-phase"
    address = "202311110003"
    account = "A-2"

    """
  ]

  /// The account's two days were over yesterday.
  private static func tail(_ today: Int64) -> String {
    func day(_ back: Int64) -> CivilDate { CivilDate(daysSince1970: today - back) }
    return """
      [[task]]
      name = "profile"
      every = "1m"
      read = ["load-profile"]
      meters = ["M-1"]
      backfill-days = 4
      [[task]]
      name = "freeze"
      at = "00:00"
      read = ["freeze.daily"]
      meters = ["M-1"]
      backfill-days = 4
      [[account]]
      id = "A-9"
      tariff = "hours"
      from = "\(day(3))"
      to = "\(day(1))"
      settled-by = "intervals"

      """
  }

  @Test func `two days become a bill by the hours, explained to the frames and the same when rated again`() async throws
  {
    let folder = try HoursFolder()
    let today = ZoneOffset.china.local(unixMilliseconds: HostClock.wall.unixMilliseconds).date.daysSince1970
    let bench = try StationBench(
      "intervals", tail: Self.tail(today), lines: Self.lines, tariffs: folder.path)
    let meters = try await bench.simulate()
    let station = try bench.station()
    let account = try #require(station.accounts.first { $0.id == "A-9" })
    // Where a month ends in the two days there are two bills.
    let last = try #require(YearMonth("\(CivilDate(daysSince1970: today - 2))".prefix(7)))
    let cycles = [last + -1, last].compactMap { account.cycle($0) }
    let run = try StationRun(station)
    try await run.running.start()
    var billed = 0
    var events = await run.events { _, event in
      if case .billed("A-9", _, _, _, _) = event { billed += 1 }
      return billed == cycles.count
    }
    events += await run.stop()
    await meters.stop()

    let bills = try bench.bills().filter { $0.bill.account == "A-9" }
    #expect(bills.map(\.bill.cycle) == cycles.map(\.label))
    let truth = try #require(try bench.descriptions().flatMap(\.meters).first { "\($0.id)" == "M-1" }?.meter)
    let reader = try bench.reader()
    for (stored, cycle) in zip(bills, cycles) {
      let issued = try IssuedBill(stored, reader.path)
      let part = try #require(issued.parts.first)
      // What the meter held at each full hour says which period its energy is of.
      func shown(_ time: MeterTime) throws -> Int64 {
        let instant = SimulatedInstant(unixMilliseconds: ZoneOffset.china.unixMilliseconds(of: time))
        guard case .number(let value)? = truth.truth(.energyTotal(.importActive), .current, at: instant)?.value else {
          Issue.record("the meter shows no number at \(time)")
          return 0
        }
        return value.millionths
      }
      var valley: Int64 = 0
      for day in part.days.from.daysSince1970..<part.days.to.daysSince1970 {
        let midnight = day * 86_400
        valley += try shown(MeterTime(localSeconds: midnight + 8 * 3600)) - shown(MeterTime(localSeconds: midnight))
      }
      let whole = try shown(cycle.to) - shown(cycle.from)
      #expect(part.energy.millionths == whole)
      #expect(
        part.byPeriod.map { "\($0.period) \($0.energy.millionths)" } == ["flat \(whole - valley)", "valley \(valley)"])
      let days = Int(part.days.to.daysSince1970 - part.days.from.daysSince1970)
      let profile = try #require(part.segments.first?.profile)
      #expect(profile.records == days * 96 + 1)

      let morning = MeterTime(localSeconds: part.days.from.daysSince1970 * 86_400 + 8 * 3600 + 60)
      let explanation = try BillExplanation(stored, station: station, reader: reader, interval: morning)
      #expect(explanation.isReproduced)
      #expect(explanation.text.contains { $0.hasPrefix("Intervals 时段曲线: \(days * 96) of 15 minutes") })
      #expect(explanation.text.count { $0.contains("00:00-08:00 valley") } == days)
      let interval = try #require(explanation.text.firstIndex { $0.hasPrefix("Interval 时段") })
      // The record's read, and the answer that has it in it.
      #expect(explanation.text[interval...].count { $0.contains("received 68") || $0.contains("received FE") } >= 2)
      #expect(throws: Complaint.self) {
        try BillExplanation(stored, station: station, reader: reader, interval: cycle.to)
      }
    }
    let steps = try BooksCheck.steps(station, reader: reader)
    #expect(steps.filter { !$0.isBalanced && $0.name != "cycles" }.map(\.name) == [])
    #expect(steps.first { $0.name == "intervals" }?.left != "0.00")
    let trial = try BillingTrial(
      reader: reader, accounts: [account], plans: station.plansByAccount, all: true,
      at: HostClock.wall.unixMilliseconds)
    #expect(trial.rows.filter { !$0.isSame }.isEmpty)

    // A record that a person corrects after that is a correction, with an hour's energy in another period.
    let at = MeterTime(localSeconds: (today - 2) * 86_400 + 8 * 3600)
    let instant = ZoneOffset.china.unixMilliseconds(of: at)
    let wrong = try #require(
      try bench.stored().first {
        $0.reading.key.kind == .profile && $0.reading.key.quantity == .energyTotal(.importActive)
          && $0.reading.key.instant == instant
      })
    let value = RegisterValue(millionths: wrong.reading.value.millionths - 10_000, resolution: 10_000)
    let store = try Store(path: station.configuration.store)
    _ = try await BillingRun.revise(
      station, store,
      Revision(
        reading: wrong.sequence, value: value, actor: "test", reason: "read on site",
        at: HostClock.wall.unixMilliseconds))
    await store.close(settled: false)
    let found = try BillingRun.findings(station, reader: try bench.reader(), accounts: ["A-9"])
    #expect(found.count == 1)
    #expect(found.first?.reasons.first?.hasPrefix("other records of the load profile of meter M-1") == true)
    let issued = try await BillingRun.correct(
      station, account: "A-9", from: try #require(found.first?.cycle), form: .reversal, actor: "test",
      reason: "read on site")
    #expect(issued.issued.map(\.record.kind) == ["reversal", "original"])
    for document in try bench.bills().filter({ $0.bill.account == "A-9" }) {
      #expect(try BillExplanation(document, station: station, reader: try bench.reader()).isReproduced)
    }
    let after = try BooksCheck.steps(station, reader: try bench.reader())
    #expect(after.filter { !$0.isBalanced && $0.name != "cycles" }.map(\.name) == [])
  }
}
