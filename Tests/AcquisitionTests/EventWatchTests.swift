import DLT645
import Devices
import Metering
import Testing

@testable import Acquisition

/// Which records are asked for in which round.
@Suite struct EventWatchTests {
  private let meter: LineMeter
  private static let powerFail = DataIdentifier(rawValue: 0x0311_0000)

  init() throws {
    let profile = try profile(named: "dlt645-2007-three-phase")
    meter = LineMeter(
      id: id("M"), address: try #require(MeterAddress("202311110001", for: profile)), profile: profile,
      settings: try settings("9600 8E1"))
  }

  /// A watch that knows of no event of any kind.
  private var watch: EventWatch {
    let none = meter.profile.eventKinds.map { ($0.name, KnownEvents(count: 0)) }
    return EventWatch([meter], known: [meter.id: Dictionary(none, uniquingKeysWith: { first, _ in first })])
  }

  private func answer(_ query: Query, _ payload: [UInt8], _ slot: Int64) -> Answer {
    Answer(
      meter: meter.id, line: "bus", query: query, slot: slot, observations: [], requests: [], replies: [],
      hostTime: HostInstant(unixMilliseconds: slot, clock: .synchronised), bootTime: BootInstant(nanoseconds: slot),
      startedAt: BootInstant(nanoseconds: slot), replyDelay: nil, clock: nil, settlementDay: nil, isConfirmed: true,
      payload: payload)
  }

  /// A count, three bytes of packed digits.
  private func count(_ number: Int64) -> [UInt8] {
    [number % 100, number / 100 % 100, number / 10_000].map { UInt8($0 / 10 * 16 + $0 % 10) }
  }

  /// Half a minute of a morning, told by its minute.
  private func failure(_ minute: UInt8) -> [UInt8] {
    [0, minute, 6, 0x22, 0x11, 0x26, 0x30, minute, 6, 0x22, 0x11, 0x26]
  }

  @Test func `no kind waits for ever for others that have something to tell in each round`() throws {
    var counters: [DataIdentifier] = []
    for kind in meter.profile.eventKinds where kind.counter.di3 == 0x03 && kind.counter.di2 >= 0x11 {
      if !counters.contains(kind.counter) { counters.append(kind.counter) }
    }
    var watch = watch
    var turns: Set<DataIdentifier> = []
    // All counts grow by twenty in each round, and no record is ever read.
    for round in 1...Int64(2 * counters.count) {
      var records = 0
      for counter in counters {
        let asked = watch.take(answer(.identifier(counter), count(round * 20), round), of: 0, clock: nil).ask
        let now = asked.count { $0.isEventRecord }
        records += now
        if now > 0 { turns.insert(counter) }
      }
      #expect((1...EventWatch.recordsInRound).contains(records), "round \(round)")
    }
    #expect(counters.count > 5 && turns == Set(counters))
  }

  @Test func `a record that comes damaged is asked for in two rounds, and then told as unread`() throws {
    var watch = watch
    /// A round in which the record of the second of three is given up.
    func round(_ slot: Int64) throws -> EventReport? {
      var asked = [Query.identifier(Self.powerFail)]
      while !asked.isEmpty {
        let next = asked.removeFirst()
        guard case .identifier(let identifier) = next else { continue }
        if identifier.di0 == 2 {
          asked += watch.gaveUp(next, of: 0, isRefused: false)
          continue
        }
        let payload = identifier.di0 == 0 ? count(3) : failure(4 - identifier.di0)
        let outcome = watch.take(answer(next, payload, slot), of: 0, clock: nil)
        if !outcome.report.isEmpty { return outcome.report }
        asked += outcome.ask
      }
      return nil
    }
    let first = try #require(try round(1))
    #expect(first.events.map(\.ordinal) == [1] && first.notices.isEmpty)
    #expect(first.counts.map(\.now) == [KnownEvents(count: 1)])
    let second = try #require(try round(2))
    #expect(second.events.map(\.ordinal) == [3])
    #expect(second.notices == [.unread(kind: "power-fail", records: 1)])
    #expect(second.counts.map(\.now) == [KnownEvents(count: 3)])
    #expect(try round(3) == nil)
  }

  @Test func `while a count does not come to rest nothing is told`() throws {
    var watch = watch
    var number: Int64 = 1
    for slot in 1...3 as ClosedRange<Int64> {
      var asked = [Query.identifier(Self.powerFail)]
      while !asked.isEmpty {
        let next = asked.removeFirst()
        let isRecord = next.isEventRecord
        let outcome = watch.take(answer(next, isRecord ? failure(1) : count(number), slot), of: 0, clock: nil)
        if !isRecord { number += 1 }
        #expect(outcome.report.isEmpty)
        asked += outcome.ask
      }
    }
    #expect(watch.known(of: meter.id)["power-fail"] == KnownEvents(count: 0))
    // Nothing before this was made known, so all of it is told once it rests.
    var told: [Int64] = []
    for slot in 4...8 as ClosedRange<Int64> {
      var asked = [Query.identifier(Self.powerFail)]
      while !asked.isEmpty {
        let next = asked.removeFirst()
        let outcome = watch.take(
          answer(next, next.isEventRecord ? failure(1) : count(9), slot), of: 0, clock: nil)
        told += outcome.report.events.map(\.ordinal)
        asked += outcome.ask
      }
    }
    #expect(told == Array(1...9))
  }
}
