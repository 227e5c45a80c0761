import Billing
import Foundation
import Host
import Metering
import Store
import Testing

@testable import Concentrator

/// A desk with one account by the hour, whose first two days end October.
private final class HoursBench: Sendable {
  let folder: HoursFolder
  let station: Station
  let store: Store
  let events = Guarded<[StationEvent]>([])
  let now: HostInstant

  init(extra: String = "") throws {
    folder = try HoursFolder()
    station = try Station(
      configuration(
        """
        station = "TEST"
        store = "\(folder.path)/meterd.db"
        devices = "\(root)/devices"
        tariffs = "\(folder.path)"
        [[line]]
        name = "bus1"
        port = "\(folder.path)/bus1"
          [[line.meter]]
          id = "M-1"
          profile = "dlt645-2007-three-phase"
          address = "202311110001"
          account = "A-1"
        [[task]]
        name = "profile"
        every = "1h"
        read = ["load-profile"]
        load-profile-minutes = 60
        [[account]]
        id = "A-1"
        tariff = "hours"
        from = "2026-10-30"
        settled-by = "intervals"
        [review]
        first-bills = false
        \(extra)
        """))
    store = try Store(path: station.configuration.store)
    now = try DeskBench.instant("2026-11-22T12:00")
  }

  func desk() throws -> BillingDesk {
    try BillingDesk(
      store: store, accounts: station.accounts, plans: station.plansByAccount, review: station.configuration.review,
      now: { [now] in now }
    ) { [events = self] event in events.events.withLock { $0.append(event) } }
  }

  /// Registers of times, each 1 kWh above the one of the hour before, in one submission.
  func note(_ times: [String], kind: ReadingKind) async throws {
    let first = try DeskBench.instant("2026-10-30T00:00").unixMilliseconds
    var judged: [JudgedReading] = []
    for text in times {
      let at = try DeskBench.instant(text)
      let key = ReadingKey(
        meter: try #require(MeterID("M-1")), quantity: .energyTotal(.importActive), kind: kind,
        instant: at.unixMilliseconds)
      let value = 100_000_000 + (at.unixMilliseconds - first) / 3_600_000 * 1_000_000
      let reading = Reading(
        key: key, value: RegisterValue(millionths: value, resolution: 10_000), quality: .confirmed, hostTime: at,
        bootTime: BootInstant(nanoseconds: 0))
      judged.append(JudgedReading(reading, Verdict(status: .accepted, findings: [], ruleVersion: 1)))
    }
    _ = try await store.append(Store.Submission(judged))
  }

  /// Every full hour of the two days, both ends with them.
  static let hours: [String] = {
    let days = ["2026-10-30", "2026-10-31"]
    return days.flatMap { day in (0..<24).map { "\(day)T\($0 < 10 ? "0" : "")\($0):00" } } + ["2026-11-01T00:00"]
  }()

  func reader() throws -> StoreReader { try StoreReader(path: store.path) }

  func bills() throws -> [StoredBill] {
    var all: [StoredBill] = []
    try reader().bills { all.append($0) }
    return all
  }
}

@Suite(.timeLimit(.minutes(1))) struct IntervalDeskTests {
  @Test func `a bill waits for records by name, and comes with the last of them in whatever order they arrive`()
    async throws
  {
    let bench = try HoursBench()
    let desk = try bench.desk()
    try await bench.note(["2026-10-30T00:00"], kind: .dailyFreeze)
    try await bench.note(["2026-11-01T00:00"], kind: .settlement)
    let late = ["2026-10-31T10:00", "2026-10-30T05:00"]
    try await bench.note(HoursBench.hours.filter { !late.contains($0) }.reversed(), kind: .profile)
    try await desk.pass(all: true)
    #expect(try bench.bills().isEmpty)
    let reason = try #require(try bench.reader().holds().first?.reason)
    #expect(
      reason.hasPrefix(
        "meter M-1: its load profile lacks 2 records of 60 minutes, 2026-10-30T05:00:00, 2026-10-31T10:00:00; they are read"
      )
    )
    for (index, time) in late.enumerated() {
      // Of the month that runs, which changes nothing.
      try await bench.note(["2026-11-0\(index + 2)T07:00"], kind: .profile)
      try await bench.note([time], kind: .profile)
      try await desk.pass()
      #expect(try bench.bills().count == index)
    }
    #expect(try bench.reader().holds().isEmpty)
    let stored = try #require(try bench.bills().first)
    let explanation = try BillExplanation(stored, station: bench.station, reader: try bench.reader())
    #expect(explanation.isReproduced)
    #expect(explanation.text.contains("   2026-10-31: 00:00-08:00 valley 8.00, 08:00-24:00 flat 16.00"))
    #expect(
      explanation.page.contains { $0.contains("By the intervals of the load profile, 60 分钟 minutes, 49 点 records") })
    #expect(explanation.json.text.contains(#""energies":["1.00","1.00""#))
    // 32 kWh at 0.6 and 16 at 0.3.
    #expect(stored.bill.totalFen == 2400)
    #expect(stored.bill.readings.count == 2)
    await bench.store.close()
  }

  @Test func `a record that is corrected after the bill corrects the bill, where that is allowed`() async throws {
    let bench = try HoursBench(extra: "correct-automatically = true")
    let desk = try bench.desk()
    try await bench.note(["2026-10-30T00:00"], kind: .dailyFreeze)
    try await bench.note(["2026-11-01T00:00"], kind: .settlement)
    try await bench.note(HoursBench.hours, kind: .profile)
    try await desk.pass(all: true)
    #expect(try bench.bills().map(\.bill.totalFen) == [2400])
    var eight: Int64 = 0
    try bench.reader().readings { stored in
      if stored.reading.key.kind == .profile,
        stored.reading.key.instant == (try? DeskBench.instant("2026-10-31T08:00"))?.unixMilliseconds
      {
        eight = stored.sequence
      }
    }
    // Ten hundredths were used before eight o'clock that the record had after it.
    _ = try await bench.store.revise(
      Revision(
        reading: eight, value: RegisterValue(millionths: 132_100_000, resolution: 10_000), actor: "test",
        reason: "read on site", at: bench.now.unixMilliseconds))
    try await desk.pass()
    #expect(try bench.bills().map(\.bill.kind) == ["original", "reversal", "original"])
    #expect(try bench.bills().map(\.bill.totalFen) == [2400, -2400, 2397])
    for stored in try bench.bills() {
      #expect(try BillExplanation(stored, station: bench.station, reader: try bench.reader()).isReproduced)
    }
    let steps = try BooksCheck.steps(bench.station, reader: try bench.reader(), at: bench.now)
    #expect(steps.filter { !$0.isBalanced }.map(\.name) == [])
    #expect(steps.first { $0.name == "records" }?.left == "49")
    try await desk.pass(all: true)
    #expect(try bench.bills().count == 3)
    await bench.store.close()
  }

  @Test func `only records of cycles that are over ask for another look`() throws {
    let bench = try HoursBench()
    let account = try #require(bench.station.accounts.first)
    let cases = [
      ("2026-10-31T23:00", "2026-11-22T12:00", true), ("2026-11-01T00:00", "2026-11-22T12:00", true),
      ("2026-11-01T01:00", "2026-11-22T12:00", false), ("2026-10-31T23:00", "2026-10-31T23:30", false),
      ("2026-11-01T01:00", "2026-12-01T00:00", true),
    ]
    for (record, now, expected) in cases {
      let (at, clock) = (try DeskBench.instant(record), try DeskBench.instant(now))
      #expect(
        account.awaits(recordAt: at.unixMilliseconds, now: clock.unixMilliseconds) == expected, "\(record) \(now)")
    }
  }
}
