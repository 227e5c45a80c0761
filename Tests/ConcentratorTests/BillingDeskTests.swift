import Foundation
import Host
import Metering
import Store
import Testing

@testable import Concentrator

/// A desk with two accounts on tariffs of its own, and a journal to write into.
final class DeskBench: Sendable {
  let folder: String
  let station: Station
  let store: Store
  let host: Host
  /// The configuration without what was added.
  let settings: String
  /// First bills wait, as the configuration says; else nobody waits for those.
  private let looksAtFirstBills: Bool
  var now: HostInstant { host.now.withLock { $0 } }

  /// What the desk sees of the machine, and what it told.
  final class Host: Sendable {
    let now: Guarded<HostInstant>
    let events = Guarded<[StationEvent]>([])

    init(_ now: HostInstant) { self.now = Guarded(now) }
  }

  /// `accounts` names the file of each account's tariff; `meter` is added to the first meter, and each of `more` is
  /// another one of the first account; `extra` stands at the end of the file.
  init(
    tariffs: [String] = ["version-2012", "version-2012"], meter: String = "", more: [String] = [], extra: String = "",
    looksAtFirstBills: Bool = false
  ) throws {
    self.looksAtFirstBills = looksAtFirstBills
    folder = "\(NSTemporaryDirectory())meterd-desk-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let plan = try String(contentsOfFile: "\(root)/tariffs/shanghai-residential-2012.toml", encoding: .utf8)
    let later = plan.replacingOccurrences(of: "price    = \"0.617\"", with: "price    = \"0.717\"")
      .replacingOccurrences(of: "\"2012-07-01\"", with: "\"2026-01-01\"")
    try plan.write(toFile: "\(folder)/version-2012.toml", atomically: true, encoding: .utf8)
    try later.write(toFile: "\(folder)/version-2026.toml", atomically: true, encoding: .utf8)
    var text = """
      station = "TEST"
      store = "\(folder)/meterd.db"
      devices = "\(root)/devices"
      tariffs = "\(folder)"
      [[line]]
      name = "bus1"
      port = "\(folder)/bus1"

      """
    for (index, times) in ([meter, ""] + more).enumerated() {
      text += """
        [[line.meter]]
        id = "M-\(index + 1)"
        profile = "dlt645-2007-three-phase"
        address = "20231111000\(index + 1)"
        account = "A-\(index == 1 ? 2 : 1)"
        \(times)

        """
    }
    for (index, tariff) in tariffs.enumerated() {
      text += """
        [[account]]
        id = "A-\(index + 1)"
        tariff = "\(tariff)"
        from = "2026-10-01"

        """
    }
    settings = text
    station = try Station(configuration(text + extra))
    store = try Store(path: station.configuration.store)
    host = Host(try Self.instant("2026-11-22T12:00"))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static func instant(_ text: String, _ state: ClockState = .synchronised) throws -> HostInstant {
    let time = try #require(MeterTime(text))
    return HostInstant(unixMilliseconds: ZoneOffset.china.unixMilliseconds(of: time), clock: state)
  }

  /// `other` takes the place of the station, and `opened` that of the store, which was closed.
  func desk(patience: Int64 = 0, of other: Station? = nil, opened: Store? = nil) throws -> BillingDesk {
    let station = other ?? station
    var review = station.configuration.review
    if !looksAtFirstBills { review.firstBills = false }
    return try BillingDesk(
      store: opened ?? store, accounts: station.accounts, plans: station.plansByAccount, patience: patience,
      review: review,
      now: { [host] in host.now.withLock { $0 } }
    ) { [host] event in host.events.withLock { $0.append(event) } }
  }

  /// Stores the total of a meter in whole kWh.
  func note(
    _ meter: String, _ energy: Int64, at text: String, kind: ReadingKind = .settlement, quality: Quality = .confirmed,
    in other: Store? = nil
  ) async throws {
    let at = try Self.instant(text)
    let key = ReadingKey(
      meter: try #require(MeterID(meter)), quantity: .energyTotal(.importActive), kind: kind,
      instant: at.unixMilliseconds)
    let reading = Reading(
      key: key, value: RegisterValue(millionths: energy * 1_000_000, resolution: 10_000), quality: quality,
      hostTime: at, bootTime: BootInstant(nanoseconds: 0))
    let judged = JudgedReading(reading, Verdict(status: .accepted, findings: [], ruleVersion: 1))
    _ = try await (other ?? store).append(Store.Submission([judged]))
  }

  func bills() throws -> [BillRecord] {
    var all: [BillRecord] = []
    try StoreReader(path: store.path).bills { all.append($0.bill) }
    return all
  }

  func holds() throws -> [Hold] { try StoreReader(path: store.path).holds() }
}

@Suite(.timeLimit(.minutes(1))) struct BillingDeskTests {
  @Test(arguments: 1...20)
  func `each account is billed by the file it names, also where two files are versions of one plan`(_ run: Int)
    async throws
  {
    let files = run.isMultiple(of: 2) ? ["version-2012", "version-2026"] : ["version-2026", "version-2012"]
    let bench = try DeskBench(tariffs: files)
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00")
    }
    try await bench.desk().pass(all: true)
    let bills = try bench.bills().sorted { $0.account < $1.account }
    #expect(bills.map(\.totalFen) == files.map { $0 == "version-2012" ? 6170 : 7170 })
    let reader = try StoreReader(path: bench.store.path)
    for number in 1...2 {
      let stored = try #require(try reader.bill(Int64(number)))
      #expect(try BillExplanation(stored, station: bench.station, reader: reader).isReproduced)
    }
    await bench.store.close()
  }

  @Test func `a cycle that lacks a reading waits in words, and is released when it is billed`() async throws {
    let bench = try DeskBench()
    let desk = try bench.desk()
    try await bench.note("M-1", 100, at: "2026-10-01T00:00")
    try await bench.note("M-1", 300, at: "2026-11-01T00:00")
    try await bench.note("M-2", 200, at: "2026-11-01T00:00")
    try await desk.pass()
    #expect(try bench.bills().map(\.account) == ["A-1"])
    let held = try bench.holds()
    #expect(held.map { "\($0.account) \($0.cycle)" } == ["A-2 2026-10"])
    #expect(
      held.map(\.reason) == [
        "meter M-2: no reading of energy.import.active.total at 2026-10-01T00:00:00; read the meter's settlement again, or enter the value: meterd review enter"
      ])
    try await desk.pass()
    #expect(bench.host.events.withLock { counts($0) }.billsHeld == 1, "it is told once")
    try await bench.note("M-2", 100, at: "2026-10-01T00:00")
    try await desk.pass()
    #expect(try bench.bills().map(\.account) == ["A-1", "A-2"])
    #expect(try bench.holds() == [])
    await bench.store.close()
  }

  @Test func `a damaged reading keeps its account waiting and no other, until the meter tells it again`() async throws {
    let bench = try DeskBench()
    for (meter, energy) in [("M-1", Int64(300)), ("M-2", 200)] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, energy, at: "2026-11-01T00:00")
    }
    await bench.store.close()
    let file = URL(fileURLWithPath: bench.store.path)
    var bytes = Array(try Data(contentsOf: file))
    // 300 kWh in millionths, as the row has it.
    let place = try #require(bytes.firstRange(of: [0x11, 0xE1, 0xA3, 0x00]))
    bytes[place.upperBound - 1] ^= 1
    try Data(bytes).write(to: file)
    let store = try Store(path: bench.store.path)
    let desk = try bench.desk(opened: store)
    try await desk.pass(all: true)
    #expect(try bench.bills().map(\.account) == ["A-2"])
    let told = bench.host.events.withLock { $0 }.compactMap { event -> String? in
      if case .storeFailed(let reason, _) = event { reason } else { nil }
    }
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix("billing of A-1: ") == true)
    #expect(told.first?.contains("does not match its checksum: M-1, settlement of energy.import.active.total") == true)
    try await bench.note("M-1", 300, at: "2026-11-01T00:00", in: store)
    try await desk.pass(all: true)
    #expect(try bench.bills().map(\.account) == ["A-2", "A-1"])
    await store.close()
  }

  @Test func `a meter that says nothing any more keeps its bill waiting in sight from a day after the cycle's end`()
    async throws
  {
    let bench = try DeskBench()
    let desk = try bench.desk()
    for meter in ["M-1", "M-2"] { try await bench.note(meter, 100, at: "2026-10-01T00:00") }
    bench.host.now.withLock { $0 = HostInstant(unixMilliseconds: 0, clock: .synchronised) }
    for (time, waiting) in [("2026-11-01T23:59", 0), ("2026-11-02T00:00", 2), ("2026-12-02T01:00", 2)] {
      let now = try DeskBench.instant(time)
      bench.host.now.withLock { $0 = now }
      try await desk.pass()
      let holds = try bench.holds()
      #expect(holds.map(\.cycle) == Array(repeating: "2026-10", count: waiting))
      #expect(
        holds.allSatisfy { $0.reason.contains("no reading of energy.import.active.total at 2026-11-01T00:00:00") })
    }
    #expect(try bench.bills().isEmpty)
    await bench.store.close()
  }

  @Test func `readings that may be on their way have some time before the bill is said to wait`() async throws {
    let bench = try DeskBench()
    let desk = try bench.desk(patience: 600)
    for (time, waiting) in [("2026-11-22T12:00", 0), ("2026-11-22T12:09", 0), ("2026-11-22T12:10", 2)] {
      let now = try DeskBench.instant(time)
      bench.host.now.withLock { $0 = now }
      try await desk.pass()
      #expect(try bench.holds().count == waiting)
    }
    // The next daemon knows of it at once.
    let next = try bench.desk(patience: 600)
    try await next.pass()
    #expect(try bench.holds().count == 2)
    await bench.store.close()
  }

  @Test func `what a meter kept from before the account's first day is not billed`() async throws {
    let bench = try DeskBench()
    for (month, energy) in [("08", 100), ("09", 200), ("10", 350), ("11", 400)] {
      try await bench.note("M-1", Int64(energy), at: "2026-\(month)-01T00:00")
    }
    try await bench.desk().pass()
    #expect(try bench.bills().map(\.cycle) == ["2026-10"])
    #expect(try bench.bills().map(\.totalFen) == [50 * 617 / 10])
    await bench.store.close()
  }

  @Test func `a meter that came in the middle of the month counts from then on, with the reading of that instant`()
    async throws
  {
    let bench = try DeskBench(meter: "to = \"2026-10-15\"", more: ["from = \"2026-10-15\""])
    let desk = try bench.desk()
    try await bench.note("M-1", 1000, at: "2026-10-01T00:00")
    try await bench.note("M-3", 60, at: "2026-11-01T00:00")
    try await desk.pass()
    #expect(try bench.holds().map(\.account) == ["A-1", "A-2"])
    try await bench.note("M-1", 1100, at: "2026-10-15T00:00", kind: .dailyFreeze)
    try await bench.note("M-3", 10, at: "2026-10-15T00:00", kind: .dailyFreeze)
    try await desk.pass()
    #expect(try bench.bills().map(\.totalFen) == [150 * 617 / 10])
    #expect(try bench.holds().map(\.account) == ["A-2"])
    await bench.store.close()
  }

  @Test func `nothing is billed before somebody has set the host's clock, and all of it after`() async throws {
    let bench = try DeskBench()
    let desk = try bench.desk()
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00")
    }
    let unset = try DeskBench.instant("2027-06-01T00:00", .unsynchronised)
    let set = try DeskBench.instant("2026-11-22T12:00", .holdover(seconds: 60))
    bench.host.now.withLock { $0 = unset }
    for _ in 1...3 { try await desk.pass() }
    #expect(try bench.bills().isEmpty)
    #expect(try bench.holds().isEmpty)
    #expect(bench.host.events.withLock { $0.map { "\($0)" } } == ["billingWaitsForClock"], "it is told once")
    bench.host.now.withLock { $0 = set }
    try await desk.pass()
    #expect(try bench.bills().map(\.issuedAt) == [set.unixMilliseconds, set.unixMilliseconds])
    await bench.store.close()
  }
}
