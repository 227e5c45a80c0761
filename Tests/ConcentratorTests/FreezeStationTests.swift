import Acquisition
import Concentrator
import Devices
import Host
import Metering
import Simulator
import Store
import Testing

/// Daily freezes under the whole daemon: the day's own, and those that the journal lacks.
@Suite(.serialized, .timeLimit(.minutes(1))) struct FreezeStationTests {
  private static let tail = """
    [[task]]
    name = "freeze"
    at = "00:00"
    read = ["freeze.daily"]
    meters = ["M-1"]
    backfill-days = 3

    """

  @Test func `missed freezes are filled from the meter's memory, their gaps are closed, and none is read twice`()
    async throws
  {
    let bench = try StationBench("freeze", tail: Self.tail)
    let meters = try await bench.simulate()
    let station = try bench.station()
    let meter = try #require(station.meters[0].first)
    let freezes = meter.queries(for: [.dailyFreeze]).filter { !meter.frozenQuantities(of: $0).isEmpty }
    try #require(!freezes.isEmpty)
    let zone = ZoneOffset.china
    let today = zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds).date.daysSince1970
    func boundary(_ back: Int64) -> Int64 {
      zone.unixMilliseconds(of: MeterTime(localSeconds: (today - back) * 86_400))
    }
    // Yesterday's was missed by an earlier daemon.
    let store = try Store(path: station.configuration.store)
    try await store.record(
      freezes.map { Gap(meter: meter.id, subject: $0.subject, instant: boundary(1), reason: "silent") })
    await store.close()

    let first = try StationRun(station)
    try await first.running.start()
    var events = await first.events { counts, _ in counts.filled == 3 * freezes.count }
    events += await first.stop()
    #expect(counts(events).unlabelled == 0 && counts(events).conflicts == 0)
    let stored = try bench.stored().filter { $0.reading.key.kind == .dailyFreeze }
    #expect(Set(stored.map(\.reading.key.instant)) == Set((0...3).map(boundary)))
    #expect(stored.allSatisfy { $0.reading.quality == .confirmed })
    let truth = try #require(try bench.descriptions().flatMap(\.meters).first { $0.id == meter.id }?.meter)
    for each in stored {
      let taken = SimulatedInstant(unixMilliseconds: each.reading.key.instant + 1000)
      let held = truth.truth(each.reading.key.quantity, .dailyFreeze(1), at: taken)?.value
      #expect(held == .number(each.reading.value), "\(each.reading.key)")
    }
    #expect(try bench.reader().openGaps().isEmpty)

    // The journal holds all of them: the next start asks for none.
    let second = try StationRun(try bench.station())
    try await second.running.start()
    var later = await second.events { counts, _ in counts.answers >= 4 }
    later += await second.stop()
    let again = later.filter {
      if case .line(.answered(let answer)) = $0 { answer.query.freezeDay != nil } else { false }
    }
    #expect(again.isEmpty)
    #expect(counts(later).filled == 0)
    await meters.stop()
  }
}
