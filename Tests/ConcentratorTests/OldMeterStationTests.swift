import Acquisition
import Concentrator
import DLT645
import Devices
import Foundation
import Host
import Metering
import Simulator
import Store
import Testing

/// Meters of DL/T 645-1997 under the whole daemon.
@Suite(.serialized, .timeLimit(.minutes(1))) struct OldMeterStationTests {
  static let lines = [
    """
    [[line]]
    name = "bus1"
    port = "FOLDER/bus1"
    serial = "115200 8E1"
    [[line.meter]]
    id = "O-1"
    profile = "dlt645-1997-three-phase"
    address = "000000063295"
    account = "A-1"
    [[line.meter]]
    id = "O-2"
    profile = "dlt645-1997-single-phase"
    address = "000000063296"
    account = "A-2"

    """
  ]
  /// What takes the place of freezes is read as a day begins, which is outside of the window: never in these tests.
  static let tail = """
    [[task]]
    name = "all"
    every = "24h"
    read = ["instantaneous", "settlement"]
    [[task]]
    name = "freeze"
    at = "00:05"
    read = ["freeze.daily"]
    windows = ["12:00-12:01"]

    """

  /// Blocks of a total and four rates: one energy now; forward, backward and reactive energy and the demand of two
  /// months of the first meter, forward and backward of the second; then demands, voltages and the rest as they stand.
  static let readings = 2 * 5 + 2 * 5 * (4 + 2) + 5 + 3 + 3 + 4 + 4 + 4 + 4

  private func kept(_ events: [StationEvent]) -> [String] {
    events.compactMap { if case .notKept(let meter, let item) = $0 { "\(meter) \(item)" } else { nil } }.sorted()
  }

  @Test func `meters of 1997 are read, stored exactly and billed from their settlements`() async throws {
    let bench = try StationBench("old", tail: Self.tail, lines: Self.lines)
    let meters = try await bench.simulate()
    let before = HostClock.wall.unixMilliseconds
    let first = try StationRun(bench.station())
    try await first.running.start()
    var events = await first.events { counts, _ in counts.stored == Self.readings && counts.billed == 2 }
    events += await first.stop()
    #expect(counts(events).rejected == 0 && counts(events).held == 0 && counts(events).flagged == 0)
    #expect(counts(events).unlabelled == 0 && counts(events).missed == 0 && counts(events).refused == 0)
    #expect(counts(events).conflicts == 0 && counts(events).damaged == 0)

    let after = HostClock.wall.unixMilliseconds
    let truths = Dictionary(
      uniqueKeysWithValues: try bench.descriptions().flatMap(\.meters).map { ($0.id, $0.meter) })
    let stored = try bench.stored()
    #expect(stored.count == Self.readings)
    for each in stored {
      let (key, value) = (each.reading.key, each.reading.value)
      let meter = try #require(truths[key.meter])
      let memories: [Memory] = key.kind == .settlement ? [.settlement(1), .settlement(2)] : [.current]
      let at = [before, after].map(SimulatedInstant.init(unixMilliseconds:))
      let found = memories.flatMap { memory in at.compactMap { meter.truth(key.quantity, memory, at: $0) } }
      let numbers = found.compactMap(\.value.number)
      if key.kind == .settlement || !key.quantity.isCumulative {
        #expect(numbers.contains(value), "\(key)")
        #expect(found.contains { $0.value.number == value && $0.occurred == each.reading.occurred }, "\(key)")
      } else {
        // It counted on while it was read.
        let range = try #require(numbers.map(\.millionths).min())...(try #require(numbers.map(\.millionths).max()))
        #expect(range.contains(value.millionths), "\(key)")
      }
      #expect((key.kind == .settlement) == (each.reading.quality == .confirmed))
    }
    let demands = stored.map(\.reading).filter { $0.key.quantity.name.hasPrefix("demand") && $0.value.millionths > 0 }
    #expect(demands.count >= 10)
    #expect(demands.allSatisfy { $0.occurred != nil })

    let bills = try bench.bills()
    #expect(bills.map(\.bill.account) == ["A-1", "A-2"])
    for bill in bills { #expect(bill.bill.totalFen > 0 && !bill.bill.readings.isEmpty) }
    #expect(kept(events) == ["O-1 freeze.daily", "O-2 freeze.daily"])

    // What no round will bring is said once, and neither again by the next start nor in any round.
    let second = try StationRun(bench.station())
    try await second.running.start()
    var later = await second.events { counts, _ in counts.duplicates >= 60 }
    later += await second.stop()
    #expect(kept(later) == [])
    #expect(counts(later).stored == 0 && counts(later).missed == 0)
    let gaps = try bench.reader().openGaps()
    #expect(gaps.map { "\($0.meter) \($0.subject)" }.sorted() == ["O-1 freeze.daily", "O-2 freeze.daily"])
    #expect(Set(gaps.map(\.reason)) == ["not kept by this meter"])
    await meters.stop()
  }

  @Test func `a check foretells their rounds and says what they do not keep`() throws {
    let bench = try StationBench("old-check", tail: Self.tail, lines: Self.lines)
    let forecast = try bench.station().forecast()
    #expect(forecast.text.contains("  O-1 keeps no freeze.daily: by its profile there is none to read"))
    #expect(!forecast.text.contains { $0.hasPrefix("  freeze:") })
    let parsed = try JSONSerialization.jsonObject(with: Data(forecast.json.text.utf8)) as? [String: Any]
    let line = try #require((parsed?["lines"] as? [[String: Any]])?.first)
    #expect((line["not_kept"] as? [[String: String]])?.map { $0["meter"] } == ["O-1", "O-2"])
    let rounds = try #require(line["rounds"] as? [[String: Any]])
    #expect(rounds.map { $0["task"] as? String } == ["settlement", "energy", "all", "freeze, synthetic"])
    // C117, C010, C011, 941F and 981F of each.
    #expect(rounds.first?["exchanges"] as? Int == 10)
  }
}
