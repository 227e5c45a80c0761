import Acquisition
import Foundation
import Host
import Line
import Metering
import Simulator
import Store
import Testing

@testable import Concentrator

/// A running station asked from outside: how it stands, what a meter tells now, what is said on a line.
@Suite(.serialized, .timeLimit(.minutes(1))) struct StationControlTests {
  @Test func `status tells lines, rounds, meters and the store as they are`() async throws {
    let bench = try StationBench("status")
    let dead = try #require(MeterID("M-2"))
    let meters = try await bench.simulate(without: "bus2") { if $0.id == dead { $0.faults = .dead } }
    let run = try StationRun(bench.station())
    try await run.running.start()
    var isSilent = false
    _ = await run.events { counts, event in
      if case .line(.health(_, dead, isAnswering: false)) = event { isSilent = true }
      return isSilent && counts.stored == 15
    }
    let status = try await run.running.status().json(meters: true)
    #expect(status["version"]?.word == meterdVersion)
    #expect(status["station"]?.word == "TEST")
    #expect(status["clock"]?["trusted"]?.flag == true)
    let lines = status["lines"]?.items ?? []
    #expect(lines.map { $0["line"]?.word } == ["bus1", "bus2"])
    #expect(lines[0]["state"]?.word == "open" && lines[0]["since"]?.word != nil && lines[0]["reason"] == .null)
    #expect(
      lines[0]["meters"]?.text == #"{"total":2,"ok":1,"late":0,"silent":1,"set_aside":0,"unknown":0,"unreachable":0}"#)
    #expect((lines[0]["counters"]?["exchanges"]?.number ?? 0) >= 4)
    #expect(lines[0]["next"]?["task"]?.word != nil)
    #expect(lines[0]["profile_records_left"]?.number == 0)
    let list = lines[0]["list"]?.items ?? []
    #expect(list.map { $0["meter"]?.word } == ["M-1", "M-2"])
    #expect(list[0]["state"]?.word == "ok" && list[0]["last_answer"]?.word != nil)
    #expect(list[1]["last_answer"] == .null && list[1]["silent_since"]?.word != nil && list[1]["next_try"]?.word != nil)
    #expect(lines[1]["state"]?.word == "lost")
    #expect(lines[1]["reason"]?.word == "there is no port \(bench.folder)/bus2")
    #expect(status["store"]?["last"]?.number == Int64(try bench.stored().count))
    #expect(status["store"]?["last_commit"]?.word != nil && status["store"]?["failing"] == .null)
    #expect(status["readings"]?["stored"]?.number == status["store"]?["last"]?.number)

    let one = try await run.running.status(line: "bus2").json(meters: false)
    #expect(one["lines"]?.items.map { $0["line"]?.word } == ["bus2"])
    #expect(one["lines"]?.items.first?["list"] == nil)
    await #expect(throws: Complaint(.usage, "there is no line \"bus3\"", "There are: bus1, bus2.")) {
      try await run.running.status(line: "bus3")
    }
    _ = await run.stop()
    // Also one that is stopped says how it stands.
    #expect(try await run.running.status().json(meters: false)["lines"]?.items.first?["state"]?.word == "busy")
    await meters.stop()
  }

  @Test func `a start that fails leaves no trace listening`() async throws {
    let bench = try StationBench("tap")
    let text = bench.toml.replacingOccurrences(
      of: "name = \"bus1\"", with: "name = \"bus1\"\ntrace = \"\(bench.folder)/bus1.trace\"")
    let running = try RunningStation(try Station(configuration(text))) { _ in }
    try await running.start()
    #expect(await running.tap(ofLine: "bus1").listening == 1)
    await running.stop()
    #expect(await running.tap(ofLine: "bus1").listening == 0)
    await #expect(throws: Complaint.self) { try await running.start() }
    #expect(await running.tap(ofLine: "bus1").listening == 0)
  }

  @Test func `what a meter tells on demand is stored as of now, with its verdict`() async throws {
    let bench = try StationBench("read")
    let meters = try await bench.simulate()
    let run = try StationRun(bench.station())
    try await run.running.start()
    _ = await run.events { counts, _ in counts.stored == StationBench.readings }
    let meter = try #require(MeterID("M-1"))
    let before = HostClock.wall.unixMilliseconds
    let report = try await run.running.read(
      meter, ControlRequest.targets(["voltage.l1", "energy.import.active.total"]))
    let after = HostClock.wall.unixMilliseconds
    #expect(report.missing.isEmpty)
    let values = report.json["values"]?.items ?? []
    let names = Set(values.compactMap { $0["quantity"]?.word })
    #expect(names.isSuperset(of: ["voltage.l1", "energy.import.active.total"]))
    let stored = try bench.stored().dropFirst(StationBench.readings)
    let told = values.filter { $0["seq"]?.number != nil }
    #expect(!told.isEmpty && told.count == stored.count)
    for (value, row) in zip(told.sorted { ($0["seq"]?.number ?? 0) < ($1["seq"]?.number ?? 0) }, stored) {
      #expect(value["seq"]?.number == row.sequence)
      #expect(value["value"]?.word == "\(row.reading.value)")
      #expect(value["verdict"]?.word == row.verdict.status.rawValue)
      #expect(row.reading.key.kind == .instantaneous && (before...after).contains(row.reading.key.instant))
      #expect(row.evidence != nil)
    }
    _ = await run.stop()
    await meters.stop()
  }

  @Test func `where nobody would answer that is said at once, with what is known`() async throws {
    let bench = try StationBench("lost")
    let dead = try #require(MeterID("M-2"))
    let meters = try await bench.simulate(without: "bus2") { if $0.id == dead { $0.faults = .dead } }
    let run = try StationRun(bench.station())
    try await run.running.start()
    _ = await run.events { _, event in
      if case .line(.health(_, dead, isAnswering: false)) = event { true } else { false }
    }
    func complaint(_ meter: String, _ names: [String] = [], anyway: Bool = false) async throws -> Complaint? {
      let id = try #require(MeterID(meter))
      let targets = try ControlRequest.targets(names)
      do throws(Complaint) {
        _ = try await run.running.read(id, targets, anyway: anyway)
        return nil
      } catch {
        return error
      }
    }
    let silent = try #require(try await complaint("M-2"))
    #expect(silent.status == .noAnswer)
    #expect(
      silent.headline.hasPrefix("meter M-2 on bus1 is silent since ")
        && silent.headline.hasSuffix(", and was not asked"))
    #expect(silent.advice.first == "The meter has not answered yet.")
    let asked = try #require(try await complaint("M-2", anyway: true))
    #expect(asked.headline == "meter M-2 on bus1: no answer")
    let lost = try #require(try await complaint("E-1"))
    #expect(lost.status == .noAnswer)
    #expect(lost.headline.hasPrefix("line bus2 is lost since "))
    #expect(lost.headline.hasSuffix("so meter E-1 was not asked: there is no port \(bench.folder)/bus2"))
    #expect(try await complaint("M-9")?.headline == "there is no meter \"M-9\"")
    #expect(try await complaint("E-1", ["temperature"])?.headline == "meter E-1 has nothing of that")
    #expect(try await complaint("M-1") == nil)
    _ = await run.stop()
    await meters.stop()
  }

  @Test func `what is said on a line can be looked on, from its next request, and a reload does not end it`()
    async throws
  {
    let bench = try StationBench("tap")
    let meters = try await bench.simulate()
    let run = try StationRun(bench.station())
    try await run.running.start()
    _ = await run.events { counts, _ in counts.stored == StationBench.readings }
    let trace = try await run.running.listen(toLine: "bus1")
    #expect(trace.take().items.map(\.text) == [#"{"listening":"bus1"}"#])
    try await run.running.reload(
      bench.station(adding: "[[task]]\nname = \"more\"\nevery = \"24h\"\nread = [\"voltage.l1\"]\n"))
    let meter = try #require(MeterID("M-1"))
    _ = try await run.running.read(meter, ControlRequest.targets(["voltage.l1"]))
    let items = trace.take().items
    #expect(items.first?["direction"]?.word == "sent")
    #expect(items.contains { $0["direction"]?.word == "received" })
    #expect(items.contains { ($0["bytes"]?.word ?? "").contains("68 01 00 11 11 23 20 68 11 04") })
    trace.close()
    _ = try await run.running.read(meter, ControlRequest.targets(["voltage.l1"]))
    #expect(trace.take().items.isEmpty)
    await #expect(throws: Complaint.self) { try await run.running.listen(toLine: "bus9") }
    _ = await run.stop()
    await meters.stop()
  }

  @Test func `a reload does not end a read, unless it changes the meter, and then it says so`() async throws {
    let bench = try StationBench("carry")
    // Slow enough for a reload to come in between.
    let meters = try await bench.simulate { $0.delay = .milliseconds(60) }
    let run = try StationRun(bench.station())
    try await run.running.start()
    _ = await run.events { counts, _ in counts.stored == StationBench.readings }
    let meter = try #require(MeterID("M-1"))
    let wanted = try ControlRequest.targets(["instantaneous", "energy"])
    func begunRead() async throws -> Task<Result<DemandReport, Complaint>, Never> {
      let known = await run.running.counters()["bus1"]?.requests ?? 0
      let reading = Task { [running = run.running] in
        do throws(Complaint) {
          return Result<DemandReport, Complaint>.success(try await running.read(meter, wanted))
        } catch {
          return .failure(error)
        }
      }
      while await run.running.counters()["bus1"]?.requests ?? 0 < known + 2 { await Task.yield() }
      return reading
    }
    let carried = try await begunRead()
    try await run.running.reload(
      bench.station(adding: "[[task]]\nname = \"more\"\nat = \"00:00\"\nread = [\"temperature\"]\n"))
    let report = try await carried.value.get()
    #expect(report.missing.isEmpty)
    let names = Set(report.told.map(\.observation.quantity.name))
    #expect(names.isSuperset(of: ["voltage.l1", "energy.import.active.total", "power.active.total"]))

    let broken = try await begunRead()
    let changed = bench.toml.replacingOccurrences(of: "202311110001", with: "202311110009")
    try await run.running.reload(try Station(configuration(changed)))
    switch await broken.value {
    case .success(let report):
      #expect(!report.missing.isEmpty && report.missing.allSatisfy { $0.status == .tryLater })
      #expect(
        report.missing.first?.reason == "the configuration was read again, and has its meter or its line otherwise")
    case .failure(let complaint): #expect(complaint.status == .tryLater)
    }
    _ = await run.stop()
    await meters.stop()
  }

  @Test func `more reads than may wait for a line are told to come later, and other lines do not notice`() async throws
  {
    let bench = try StationBench("crowd")
    let meters = try await bench.simulate { if $0.id != MeterID("E-1") { $0.delay = .milliseconds(200) } }
    let run = try StationRun(bench.station())
    try await run.running.start()
    _ = await run.events { _, event in
      if case .line(.answered) = event { true } else { false }
    }
    let meter = try #require(MeterID("M-1")), other = try #require(MeterID("E-1"))
    let wanted = try ControlRequest.targets(["instantaneous", "energy"])
    let reads = (0...RunningStation.mostDemands).map { _ in
      Task { [running = run.running] in
        do throws(Complaint) {
          return Result<DemandReport, Complaint>.success(try await running.read(meter, wanted))
        } catch {
          return .failure(error)
        }
      }
    }
    while await run.running.demands["bus1"] ?? 0 < RunningStation.mostDemands { await Task.yield() }
    #expect(try await run.running.read(other, ControlRequest.targets(["voltage.l1"])).missing.isEmpty)
    // Those that wait are let go: nobody wants their answers.
    for read in reads { read.cancel() }
    var headlines: [String] = []
    for read in reads {
      if case .failure(let complaint) = await read.value {
        #expect(complaint.status == .tryLater)
        headlines.append(complaint.headline)
      }
    }
    #expect(
      headlines.filter { $0 == "8 requests wait for line bus1 already, so meter M-1 was not asked" }.count == 1)
    #expect(await run.running.demands["bus1"] == 0)
    _ = await run.stop()
    await meters.stop()
  }
}

@Suite struct LiveTraceTests {
  /// A write with its password, of a 2007 meter, and an answer.
  private static let write: [UInt8] = [
    0x68, 0x61, 0x01, 0x00, 0x00, 0x00, 0x00, 0x68, 0x14, 0x0C, 0x33, 0x33, 0x34, 0x33, 0x35, 0x89, 0x67, 0x45, 0x33,
    0x33, 0x33, 0x33, 0x55, 0x16,
  ]

  @Test func `passwords are masked, and nothing is shown of what began before`() throws {
    let tap = TrafficTap()
    let trace = LiveTrace(tap, ofLine: "bus1", zone: .china)
    let now = HostClock.boot
    // The tail of a frame whose head nobody saw.
    tap.note(Traffic(at: now, sent: false, bytes: Array(Self.write[12...])))
    tap.note(Traffic(at: now, sent: true, bytes: Self.write))
    tap.note(Traffic(at: now + .milliseconds(300), sent: false, bytes: [0xFE, 0x68]))
    let items = trace.take().items
    #expect(items.count == 3)
    #expect(items[0].text == #"{"listening":"bus1"}"#)
    #expect(items[1]["bytes"]?.word == "68 61 01 00 00 00 00 68 14 0C 33 33 34 33 ** ** ** ** 33 33 33 33 ** 16")
    #expect(items[2]["direction"]?.word == "received" && items[2]["bytes"]?.word == "FE 68")
  }

  @Test func `after runs were lost it goes on with the next request`() throws {
    let tap = TrafficTap()
    let trace = LiveTrace(tap, ofLine: "bus1", zone: .china)
    let now = HostClock.boot
    for index in 0..<400 {
      tap.note(Traffic(at: now + .milliseconds(Int64(index)), sent: true, bytes: [UInt8](repeating: 0x11, count: 1000)))
    }
    let first = trace.take()
    #expect(first.items.count == 263 && first.lost == 400 - 262)
    tap.note(Traffic(at: now + .seconds(1), sent: false, bytes: Array(Self.write[12...])))
    #expect(trace.take().items.isEmpty)
    tap.note(Traffic(at: now + .seconds(2), sent: true, bytes: Self.write))
    #expect(trace.take().items.count == 1)
    trace.close()
    tap.note(Traffic(at: now + .seconds(3), sent: true, bytes: Self.write))
    #expect(trace.take().items.isEmpty)
  }
}
