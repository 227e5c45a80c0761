import Acquisition
import Concentrator
import Documents
import Host
import Metering
import Simulator
import Store
import Testing

/// Events under the whole daemon, over a terminal: stored once with their frames, over a restart, told and listed.
@Suite(.serialized, .timeLimit(.minutes(1))) struct EventStationTests {
  private static let tail = """
    [[task]]
    name = "events"
    every = "2s"
    read = ["events"]

    """

  /// Power failures of yesterday, a minute apart.
  private static func failures(_ count: Int) -> [SimulatedEvent] {
    let today = ZoneOffset.china.local(unixMilliseconds: HostClock.wall.unixMilliseconds).date.daysSince1970
    return (1...count).map { number in
      let begin = (today - 1) * 86_400 + Int64(number) * 60
      return SimulatedEvent(
        .powerFailure, from: MeterTime(localSeconds: begin), to: MeterTime(localSeconds: begin + 30))
    }
  }

  private func told(_ events: [StationEvent], _ state: MeterEvent.State) -> [Int64] {
    events.compactMap { event in
      guard case .event(_, let meter, let told, .new) = event, meter.text == "M-1", told.kind == "power-fail",
        told.state == state
      else { return nil }
      return told.ordinal
    }
  }

  private func run(_ bench: StationBench, history: Int, until isEnough: (StationCounts) -> Bool) async throws
    -> [StationEvent]
  {
    let meters = try await bench.simulate { description in
      if description.id.text == "M-1" { description.habits.history = Self.failures(history) }
    }
    let run = try StationRun(try bench.station())
    try await run.running.start()
    var events = await run.events { counts, _ in isEnough(counts) }
    events += await run.stop()
    await meters.stop()
    return events
  }

  private func stored(_ bench: StationBench) throws -> [StoredEvent] {
    var all: [StoredEvent] = []
    try bench.reader().events { all.append($0) }
    return all.filter { $0.meter.text == "M-1" && $0.kind == "power-fail" }
  }

  @Test func `what was there is history, what comes is new, and over a restart nothing comes twice`() async throws {
    let bench = try StationBench("events", tail: Self.tail)
    let first = try await run(bench, history: 3) { $0.pastEvents >= 3 }
    #expect(told(first, .history) == [1, 2, 3])
    #expect(told(first, .new).isEmpty)
    let second = try await run(bench, history: 5) { $0.events >= 2 }
    #expect(told(second, .new) == [4, 5])
    #expect(told(second, .history).isEmpty)
    #expect(counts(second).events == 2 && counts(second).lostEvents == 0)
    // Nothing happened: some more rounds bring nothing.
    let third = try await run(bench, history: 5) { $0.answers >= 60 }
    #expect(third.allSatisfy { if case .event = $0 { false } else { true } })

    let all = try stored(bench)
    #expect(all.map(\.ordinal) == [1, 2, 3, 4, 5])
    #expect(all.map(\.state) == [.history, .history, .history, .new, .new])
    #expect(all.map(\.begin) == Self.failures(5).map(\.begin))
    #expect(all.map(\.end) == Self.failures(5).map(\.end))
    let reader = try bench.reader()
    for event in all {
      // The record was read twice, and both answers are the proof.
      #expect(try reader.evidence(event.evidence)?.replies.isEmpty == false)
      #expect(event.title == "Power failure" && event.chineseTitle == "掉电")
      #expect(event.line.hasPrefix("Power failure, "))
    }
    let text = try #require(all.last).json(.china).text
    #expect(text.contains(#""kind":"power-fail","title":"Power failure","title_zh":"掉电""#))
    #expect(
      text.contains(#""state":"new","doubt":null,"ordinal":5,"set":null,"verified":true,"identifier":"03110001""#))
    #expect(try reader.verify().faults.isEmpty)
  }

  @Test func `a restart in the middle of a first look goes on with it`() async throws {
    let bench = try StationBench("events-first", tail: Self.tail)
    let first = try await run(bench, history: 10) { $0.pastEvents >= 6 }
    let second = try await run(bench, history: 12) { $0.events >= 2 }
    #expect(told(first, .history) + told(second, .history) == Array(1...10))
    #expect(told(second, .new) == [11, 12] && told(first, .new).isEmpty)
    #expect(try stored(bench).map(\.state.rawValue) == Array(repeating: "history", count: 10) + ["new", "new"])
    #expect(counts(second).lostEvents == 0)
  }

  @Test func `a count that was missed is no gap any more once it is read`() async throws {
    let bench = try StationBench("event-gaps", tail: Self.tail)
    let meter = try #require(MeterID("M-1"))
    let store = try Store(path: bench.station().configuration.store)
    try await store.record([
      Gap(meter: meter, subject: "DI 03110000", instant: 1_795_348_800_000, reason: "silent"),
      Gap(meter: meter, subject: "DI 0001FF00", instant: 1_795_348_800_000, reason: "silent"),
    ])
    await store.close()
    _ = try await run(bench, history: 1) { $0.pastEvents >= 1 }
    #expect(
      try bench.reader().openGaps().filter { $0.meter == meter && $0.reason == "silent" }.map(\.subject) == [
        "DI 0001FF00"
      ])
  }

  @Test func `check foresees the counts of each round and what an event more costs, and says who keeps none`() throws {
    let bench = try StationBench("event-check", tail: Self.tail.replacing("2s", with: "15m"))
    let forecast = try bench.station().forecast()
    let text = forecast.text.joined(separator: "\n")
    #expect(text.contains("  events: 2 meters, "))
    #expect(text.contains("counts in each round; records only where they grew: up to "))
    #expect(text.contains("E-1 keeps no events: by its profile there is none to read"))
    #expect(forecast.json.text.contains(#""event_seconds":"#))
    #expect(forecast.isPossible)
  }

  @Test func `a task may read events beside other things`() throws {
    let bench = try StationBench(
      "event-task", tail: Self.tail.replacing("[\"events\"]", with: "[\"clock\", \"events\"]"))
    #expect(try bench.station().configuration.tasks.last?.task.targets == [.clock, .events])
  }
}
