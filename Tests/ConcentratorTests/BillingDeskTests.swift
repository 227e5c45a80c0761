import Foundation
import Metering
import Store
import Synchronization
import Testing

@testable import Concentrator

/// A desk with two accounts on tariffs of its own, and a journal to write into.
final class DeskBench: Sendable {
  let folder: String
  let station: Station
  let store: Store
  let host: Host

  /// What the desk sees of the machine, and what it told.
  final class Host: Sendable {
    let now: Mutex<HostInstant>
    let events = Mutex<[StationEvent]>([])

    init(_ now: HostInstant) { self.now = Mutex(now) }
  }

  /// `accounts` names the file of each account's tariff; `meter` is added to the first meter.
  init(tariffs: [String] = ["version-2012", "version-2012"], meter: String = "") throws {
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
    for number in 1...2 {
      text += """
        [[line.meter]]
        id = "M-\(number)"
        profile = "dlt645-2007-three-phase"
        address = "20231111000\(number)"
        account = "A-\(number)"
        \(number == 1 ? meter : "")

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
    station = try Station(configuration(text))
    store = try Store(path: station.configuration.store)
    host = Host(try Self.instant("2026-11-22T12:00"))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static func instant(_ text: String, _ state: ClockState = .synchronised) throws -> HostInstant {
    let time = try #require(MeterTime(text))
    return HostInstant(unixMilliseconds: ZoneOffset.china.unixMilliseconds(of: time), clock: state)
  }

  func desk() throws -> BillingDesk {
    try BillingDesk(
      store: store, accounts: station.accounts, plans: station.plansByAccount,
      now: { [host] in host.now.withLock { $0 } }
    ) { [host] event in host.events.withLock { $0.append(event) } }
  }

  /// Stores the total of a meter in whole kWh.
  func note(_ meter: String, _ energy: Int64, at text: String, kind: ReadingKind = .settlement) async throws {
    let at = try Self.instant(text)
    let key = ReadingKey(
      meter: try #require(MeterID(meter)), quantity: .energyTotal(.importActive), kind: kind,
      instant: at.unixMilliseconds)
    let reading = Reading(
      key: key, value: RegisterValue(millionths: energy * 1_000_000, resolution: 10_000), quality: .confirmed,
      hostTime: at, bootTime: BootInstant(nanoseconds: 0))
    let judged = JudgedReading(reading, Verdict(status: .accepted, findings: [], ruleVersion: 1))
    _ = try await store.append(Store.Submission([judged]))
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
}
