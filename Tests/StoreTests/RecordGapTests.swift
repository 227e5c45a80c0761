import Metering
import Testing

@testable import Store

/// Records of load profiles that are missing: each is listed once, and leaves the list when it comes.
@Suite struct RecordGapTests {
  private static let subject = "load profile class 4"
  private static let quarter: Int64 = 900_000
  private let folder: TemporaryFolder
  private let store: Store
  private let meter: MeterID

  init() throws {
    folder = try TemporaryFolder()
    store = try eager(folder.database)
    meter = try #require(MeterID("M-1"))
  }

  /// A run of records, by quarters after noon.
  private func gap(_ first: Int64, through last: Int64? = nil, _ reason: String, every: Int64? = quarter) -> Gap {
    Gap(
      meter: meter, subject: Self.subject, instant: noon + first * Self.quarter, reason: reason,
      until: last.map { noon + $0 * Self.quarter }, rounds: Int((last ?? first) - first) + 1, every: every)
  }

  /// What is listed: "FIRST-LAST REASON", with a star where it came.
  private func listed() throws -> [String] {
    var filter = GapFilter()
    filter.withFilled = true
    var found: [String] = []
    try StoreReader(path: folder.database).gaps(filter) { each in
      func place(_ instant: Int64) -> String { "\((instant - noon) / Self.quarter)" }
      let last = each.gap.until.map { "-\(place($0))" } ?? ""
      let count = each.gap.until.map { ($0 - each.gap.instant) / Self.quarter + 1 } ?? 1
      #expect(each.gap.rounds == count)
      found.append("\(place(each.gap.instant))\(last) \(each.gap.reason)\(each.filled == nil ? "" : "*")")
    }
    return found
  }

  private func fill(_ places: [Int64], at: Int64 = noon) async throws {
    let instants = places.map { noon + $0 * Self.quarter }
    try await store.fill([
      Store.Fill(.records(instants, every: Self.quarter), of: Self.subject, meter: meter, at: at)
    ])
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// First, last and reason of what is noted, in this order.
    let noted: [(Int64, Int64?, String)]
    var came: [[Int64]] = []
    let listed: [String]
    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "a run over what is listed leaves that alone",
      noted: [(4, nil, "gone"), (8, nil, "silent"), (0, 9, "outage")],
      listed: ["0-3 outage", "4 gone", "5-7 outage", "8 silent", "9 outage"]),
    Case(
      name: "a run that begins where something is listed", noted: [(0, nil, "gone"), (0, 9, "outage")],
      listed: ["0 gone", "1-9 outage"]),
    Case(
      name: "a run within a run, and over its end", noted: [(0, 9, "outage"), (3, 5, "late"), (8, 12, "silent")],
      listed: ["0-9 outage", "10-12 silent"]),
    Case(
      name: "one record of a run, for a lesser reason", noted: [(0, 9, "outage"), (4, nil, "silent")],
      listed: ["0-9 outage"]),
    Case(
      name: "one record of a run of which the meter says no",
      noted: [(0, 9, "outage"), (4, nil, "refused: no such data")],
      listed: ["0-3 outage", "4 refused: no such data", "5-9 outage"]),
    Case(
      name: "what a meter said stays",
      noted: [(4, nil, "gone"), (4, nil, "refused: no such data"), (4, nil, "silent")],
      listed: ["4 gone"]),
    Case(
      name: "a record comes that is listed alone", noted: [(4, nil, "silent"), (5, nil, "silent")], came: [[4]],
      listed: ["4 silent*", "5 silent"]),
    Case(
      name: "records come out of the middle of a run", noted: [(0, 9, "outage")], came: [[4, 5]],
      listed: ["0-3 outage", "4-5 outage*", "6-9 outage"]),
    Case(
      name: "records come at both ends, and one beside", noted: [(0, 9, "outage"), (12, nil, "gone")],
      came: [[-1, 0, 1, 8, 9, 10]], listed: ["0-1 outage*", "2-7 outage", "8-9 outage*", "12 gone"]),
    Case(
      name: "a run comes newest first, and is one again", noted: [(0, 9, "outage")],
      came: [[7, 8, 9], [4, 5, 6], [3], [0, 1, 2]], listed: ["0-9 outage*"]),
    Case(
      name: "what came stays so", noted: [(0, 9, "outage"), (0, 9, "outage")],
      came: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [4]],
      listed: ["0-9 outage*"]),
  ]

  @Test(arguments: cases)
  func `each record is listed once, with its first reason, until it comes`(_ each: Case) async throws {
    for (first, last, reason) in each.noted { try await store.record([gap(first, through: last, reason)]) }
    for places in each.came { try await fill(places) }
    #expect(try listed() == each.listed)
  }

  /// What is listed: the minutes after noon of each record and its reason, with a star where it came.
  private func records() throws -> [String] {
    var filter = GapFilter()
    filter.withFilled = true
    var found: [(Int64, String)] = []
    try StoreReader(path: folder.database).gaps(filter) { each in
      for place in 0..<Int64(each.gap.rounds) {
        let minute = (each.gap.instant - noon) / 60_000 + place * (each.gap.step ?? 0) / 60_000
        found.append((minute, "\(minute) \(each.gap.reason)\(each.filled == nil ? "" : "*")"))
      }
    }
    return found.sorted { $0.0 < $1.0 }.map(\.1)
  }

  struct Mixed: Sendable, CustomTestStringConvertible {
    let name: String
    /// Minutes after noon from the first through the last, and from one to the next; the reason.
    let noted: [(first: Int64, last: Int64, every: Int64, reason: String)]
    /// Minutes of records that came, and from one to the next.
    var came: (minutes: [Int64], every: Int64) = ([], 1)
    let listed: [String]
    var testDescription: String { name }
  }

  static let mixed = [
    Mixed(
      name: "quarters over hours", noted: [(0, 120, 60, "outage"), (0, 120, 15, "late")],
      listed: [
        "0 outage", "15 late", "30 late", "45 late", "60 outage", "75 late", "90 late", "105 late", "120 outage",
      ]),
    Mixed(
      name: "hours over quarters", noted: [(0, 60, 15, "outage"), (-60, 120, 60, "late")],
      listed: ["-60 late", "0 outage", "15 outage", "30 outage", "45 outage", "60 outage", "120 late"]),
    Mixed(
      name: "every ten minutes over quarters", noted: [(15, 60, 15, "outage"), (10, 60, 10, "late")],
      listed: ["10 late", "15 outage", "20 late", "30 outage", "40 late", "45 outage", "50 late", "60 outage"]),
    Mixed(
      name: "a meter refuses hours in a run of quarters",
      noted: [(0, 120, 15, "outage"), (0, 120, 60, "refused: no such data")],
      listed: [
        "0 refused: no such data", "15 outage", "30 outage", "45 outage", "60 refused: no such data", "75 outage",
        "90 outage", "105 outage", "120 refused: no such data",
      ]),
    Mixed(
      name: "quarters come that hours lack", noted: [(0, 180, 60, "outage")], came: ([0, 15, 30, 45, 60, 75], 15),
      listed: ["0 outage*", "60 outage*", "120 outage", "180 outage"]),
    Mixed(
      name: "hours come of both lists", noted: [(0, 120, 60, "outage"), (0, 60, 15, "late")], came: ([0, 60], 60),
      listed: ["0 outage*", "15 late", "30 late", "45 late", "60 outage*", "120 outage"]),
  ]

  @Test(arguments: mixed)
  func `records whose interval was changed at the meter are listed once each all the same`(_ each: Mixed) async throws {
    for run in each.noted {
      try await store.record([
        Gap(
          meter: meter, subject: Self.subject, instant: noon + run.first * 60_000, reason: run.reason,
          until: run.first < run.last ? noon + run.last * 60_000 : nil,
          rounds: Int((run.last - run.first) / run.every) + 1, every: run.every * 60_000)
      ])
    }
    if !each.came.minutes.isEmpty {
      try await store.fill([
        Store.Fill(
          .records(each.came.minutes.map { noon + $0 * 60_000 }, every: each.came.every * 60_000), of: Self.subject,
          meter: meter, at: noon)
      ])
    }
    #expect(try records() == each.listed)
  }

  @Test func `what is left of a run when others came between its records is as it was`() {
    let hours = Gap(
      meter: meter, subject: Self.subject, instant: noon, reason: "late", until: noon + 5 * 3_600_000, rounds: 6,
      every: 3_600_000)
    #expect(hours.without([noon + 900_000, noon + 1_800_000], every: 3_600_000) == [hours])
    let left = hours.without([noon, noon + 900_000, noon + 3_600_000], every: 3_600_000)
    #expect(left.map(\.instant) == [noon + 2 * 3_600_000] && left.map(\.rounds) == [4])
  }

  @Test func `what is news is told once`() async throws {
    #expect(try await store.record([gap(0, through: 4, "outage")]).count == 1)
    #expect(try await store.record([gap(0, through: 4, "late")]).isEmpty)
    #expect(try await store.record([gap(3, through: 6, "late")]).map(\.instant) == [noon + 5 * Self.quarter])
    #expect(try await store.record([gap(2, "gone")]).count == 1)
    #expect(try await store.record([gap(2, "gone")]).isEmpty)
  }

  @Test func `a file that lists a record twice loses neither when one of them is closed`() async throws {
    for each in [gap(0, through: 9, "outage", every: nil), gap(4, "gone", every: nil), gap(7, "silent", every: nil)] {
      try await store.record([each])
    }
    try await fill([3])
    #expect(try listed() == ["0-2 outage", "3 outage*", "4 gone", "5-6 outage", "7 silent", "8-9 outage"])
  }

  @Test func `records that come an hour apart close those of the hours in a run of quarters alone`() async throws {
    try await store.record([gap(0, through: 8, "outage")])
    try await store.fill([
      Store.Fill(
        .records([noon, noon + 4 * Self.quarter], every: 4 * Self.quarter), of: Self.subject, meter: meter, at: noon)
    ])
    #expect(try listed() == ["0 outage*", "1-3 outage", "4 outage*", "5-8 outage"])
  }

  @Test func `readings and what they fill are one fact`() async throws {
    try await store.record([gap(0, through: 9, "outage")])
    let reading = try judged(1, meter: "M-1", kind: .profile, at: noon)
    let submission = Store.Submission(
      [reading], evidence: try exchange(),
      fills: [Store.Fill(.records([noon], every: Self.quarter), of: Self.subject, meter: meter, at: noon)])
    try await store.execute(
      "CREATE TRIGGER full BEFORE DELETE ON gap BEGIN SELECT RAISE(ABORT, 'no room for this'); END")
    #expect(await storeError { _ = try await store.append(submission) } != nil)
    #expect(try listed() == ["0-9 outage"])
    #expect(try await store.number("SELECT count(*) FROM reading") == 0)
    try await store.execute("DROP TRIGGER full")
    _ = try await store.append(submission)
    #expect(try listed() == ["0 outage*", "1-9 outage"])
    #expect(try await store.number("SELECT count(*) FROM reading") == 1)
  }

  @Test func `a reason finds what a meter said behind it`() async throws {
    try await store.record([gap(0, "refused: no such data"), gap(1, "refused"), gap(2, "gone"), gap(3, "refusedly")])
    var filter = GapFilter()
    filter.reason = "refused"
    var found: [Int64] = []
    try StoreReader(path: folder.database).gaps(filter) { found.append(($0.gap.instant - noon) / Self.quarter) }
    #expect(found == [0, 1])
  }
}
