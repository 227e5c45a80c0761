import Acquisition
import Concentrator
import DLT645
import Devices
import Foundation
import Glibc
import Host
import Line
import Metering
import Simulator
import Store
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct RunningStationTests {
  @Test func `a station reads, judges, stores with evidence, and bills once; the next start does none of it again`()
    async throws
  {
    let bench = try StationBench("start")
    let meters = try await bench.simulate()
    let first = try StationRun(bench.station())
    try await first.running.start()
    var events = await first.events { counts, _ in counts.stored == StationBench.readings && counts.billed == 2 }
    events += await first.stop()
    #expect(counts(events).rejected == 0)
    #expect(counts(events).held == 0)
    #expect(counts(events).unlabelled == 0)

    let stored = try bench.stored()
    #expect(stored.count == StationBench.readings)
    #expect(stored.map(\.sequence) == (1...Int64(StationBench.readings)).map { $0 })
    #expect(stored.allSatisfy { $0.verdict.isUsable })
    #expect(stored.allSatisfy { ($0.reading.key.kind == .settlement) == ($0.reading.quality == .confirmed) })
    let reader = try bench.reader()
    for each in stored {
      let number = try #require(each.evidence)
      let found = try reader.evidence(number)
      let evidence = try #require(found)
      #expect(evidence.meter == each.reading.key.meter)
      #expect(evidence.requests.count == 1)
      #expect(evidence.replies.count == 1)
    }
    #expect(try bench.bills().map(\.bill.account) == ["A-1", "A-2"])
    for bill in try bench.bills() { #expect(bill.bill.totalFen > 0 && !bill.bill.readings.isEmpty) }

    let second = try StationRun(bench.station())
    try await second.running.start()
    var later = await second.events { counts, _ in counts.duplicates == 20 }
    later += await second.stop()
    #expect(counts(later).stored == 0)
    #expect(counts(later).billed == 0)
    // Registers as they stood are not read twice for one slot; kept memories may be.
    #expect(
      later.allSatisfy { if case .stored(_, let reading, _, _) = $0 { reading.key.kind == .settlement } else { true } })
    #expect(try bench.stored().count == StationBench.readings)
    #expect(try bench.bills().count == 2)
    await meters.stop()
  }

  @Test func `a reload goes on with what was learned and loses nothing`() async throws {
    let bench = try StationBench("reload")
    let dead = try #require(MeterID("M-2"))
    let meters = try await bench.simulate { if $0.id == dead { $0.faults = .dead } }
    let run = try StationRun(bench.station())
    try await run.running.start()
    var events = await run.events { counts, _ in counts.stored == 16 && counts.billed == 1 }
    try await run.running.reload(
      bench.station(adding: "[[task]]\nname = \"more\"\nevery = \"24h\"\nread = [\"voltage.l1\"]\n"))
    events += await run.events { counts, _ in counts.read >= 10 + 4 }
    let counters = await run.running.counters()
    events += await run.stop()
    let silences = events.filter {
      if case .line(.health(_, dead, isAnswering: false)) = $0 { true } else { false }
    }
    #expect(silences.count == 1, "what is known to be silent is not found out again")
    #expect(counts(events).conflicts == 0)
    #expect(!events.contains { if case .storeFailed = $0 { true } else { false } })
    // The first line goes on counting: two openings.
    #expect(counters["bus1"]?.opens == 2)
    let stored = try bench.stored()
    #expect(stored.filter { $0.reading.key.quantity.name.hasPrefix("voltage") }.count == 4)
    #expect(Set(stored.map(\.reading.key)).count == stored.count)
    #expect(try bench.bills().count == 1)
    await meters.stop()
  }

  @Test func `a damaged page is told beside the lines, also where a reload comes before it is found`() async throws {
    let bench = try StationBench("pages")
    let path = "\(bench.folder)/meterd.db"
    let store = try Store(path: path)
    await store.close()
    // The first byte of a page says of which kind it is; that of this index holds nothing that a start asks for.
    let root = try offset(ofPage: "finding_of_reading", in: path)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[root] = 0x77
    try bytes.write(to: URL(fileURLWithPath: path))
    let run = try StationRun(bench.station())
    try await run.running.start()
    try await run.running.reload(bench.station())
    let events = await run.events { _, event in if case .storeDamaged = event { true } else { false } }
    #expect(!events.isEmpty)
    _ = await run.stop()
  }

  @Test func `a reload to another store is refused and the old configuration goes on`() async throws {
    let bench = try StationBench("refused")
    let other = try StationBench("other")
    let meters = try await bench.simulate()
    let run = try StationRun(bench.station())
    try await run.running.start()
    await #expect(throws: Complaint.self) { try await run.running.reload(other.station()) }
    let events = await run.events { counts, _ in counts.stored == StationBench.readings }
    #expect(counts(events).stored == StationBench.readings)
    _ = await run.stop()
    await meters.stop()
  }

  @Test(arguments: [1, 2, 3, 5, 8])
  func `what was answered before a stop is stored, and the next start reads the rest of the round`(_ answers: Int)
    async throws
  {
    let bench = try StationBench("stop")
    let meters = try await bench.simulate()
    let run = try StationRun(bench.station())
    try await run.running.start()
    var events = await run.events { counts, _ in counts.answers == answers }
    events += await run.stop()
    var told = 0
    for case .line(.answered(let answer)) in events { told += answer.readings(zone: .china).readings.count }
    #expect(counts(events).read == told)
    #expect(try bench.stored().count == counts(events).stored)
    #expect(!events.contains { if case .storeFailed = $0 { true } else { false } })

    let next = try StationRun(bench.station())
    try await next.running.start()
    let missing = StationBench.readings - counts(events).stored
    let billed = counts(events).billed
    var later = await next.events { counts, _ in counts.stored == missing && counts.billed == 2 - billed }
    later += await next.stop()
    #expect(counts(later).conflicts == 0)
    #expect(try bench.stored().count == StationBench.readings)
    #expect(try bench.bills().count == 2)
    await meters.stop()
  }

  /// What a meter with much on its registers kept at a boundary.
  private func settlement(of meter: String, at boundary: String) throws -> Store.Submission {
    let instant = ZoneOffset.china.unixMilliseconds(of: try #require(MeterTime(boundary)))
    let month: Int64 = boundary.hasPrefix("2026-10") ? 1 : 0
    let parts =
      [Quantity.energyTotal(.importActive)] + (1...4).compactMap { Quantity(.energy(.importActive), .rate($0)) }
    let readings = try parts.enumerated().map { index, quantity in
      let kilowattHours = index == 0 ? 80_000 + 400 * month : 20_000 + 100 * month
      let key = ReadingKey(
        meter: try #require(MeterID(meter)), quantity: quantity, kind: .settlement, instant: instant)
      let reading = Reading(
        key: key, value: RegisterValue(millionths: kilowattHours * 1_000_000, resolution: 10_000), quality: .confirmed,
        hostTime: HostInstant(unixMilliseconds: instant + 60_000, clock: .synchronised),
        bootTime: BootInstant(nanoseconds: 1))
      return JudgedReading(reading, Verdict(status: .accepted, findings: [], ruleVersion: 1))
    }
    return Store.Submission(readings)
  }

  @Test func `memories of meters whose clocks are two months slow are held, and nothing is billed by them`()
    async throws
  {
    let bench = try StationBench("slow")
    let meters = try await bench.simulate(daysBehind: 63)
    let run = try StationRun(bench.station())
    try await run.running.start()
    var events = await run.events { counts, _ in counts.stored == StationBench.readings }
    events += await run.stop()
    await meters.stop()
    let kept = try bench.stored().filter { $0.reading.key.kind == .settlement }
    #expect(kept.count == 20)
    #expect(
      kept.allSatisfy { $0.verdict.status == .held && $0.verdict.findings.map(\.code) == [.clockDeviation] })
    #expect(counts(events).billed == 0)
    #expect(try bench.bills() == [])
  }

  @Test func `a register that fell is held, and the bill waits and says why`() async throws {
    let bench = try StationBench("backward", daysBehind: 40)
    // Two settlements were read before, of meters that had counted much.
    let store = try Store(path: "\(bench.folder)/meterd.db")
    for boundary in ["2026-09-01T00:00", "2026-10-01T00:00"] {
      for meter in ["M-1", "M-2"] { _ = try await store.append(settlement(of: meter, at: boundary)) }
    }
    await store.close()
    let first = try StationRun(bench.station())
    try await first.running.start()
    _ = await first.events { counts, _ in counts.billed == 2 }
    _ = await first.stop()

    // Other meters stand at the same addresses, with less on their registers.
    let after = try await bench.simulate { description in
      let start = MeterTime(localSeconds: MeterDescription.firstDay.localSeconds)
      let curve = LoadCurve(seed: 1, start: start, scale: 1, initial: [0, 0, 0, 0])
      description.registers = MeterRegisters(curve: curve, rateCount: 4)
    }
    let second = try StationRun(bench.station())
    try await second.running.start()
    var events = await second.events { counts, _ in counts.billsHeld == 2 }
    events += await second.stop()
    let held = counts(events)
    #expect(held.findings[.backward, default: 0] > 0)
    #expect(held.billed == 0)
    #expect(try bench.bills().count == 2)
    let holds = try bench.reader().holds()
    #expect(holds.map(\.account) == ["A-1", "A-2"])
    for hold in holds {
      #expect(hold.reason.contains("is held (BACK"))
      #expect(hold.reason.contains("review it first"))
    }
    await after.stop()
  }

  @Test func `a serial server that does not answer keeps no other line waiting at the start`() async throws {
    // Nobody accepts here and the queue is full, so the next caller gets no answer at all.
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let callers = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(listener, generic, length)
        listen(listener, 0)
        getsockname(listener, generic, &length)
        return (0..<4).map { _ in
          let caller = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
          connect(caller, generic, length)
          return caller
        }
      }
    }
    defer { for descriptor in callers + [listener] { close(descriptor) } }
    let deaf = """
      [[line]]
      name = "deaf"
      port = "tcp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
      [[line.meter]]
      id = "L-1"
      profile = "eastron-sdm630"
      address = "1"

      """
    let bench = try StationBench("deaf", lines: [deaf] + StationBench.lines)
    let lines = try await bench.simulate(without: "deaf")
    let run = try StationRun(bench.station())
    try await run.running.start()
    var events = await run.events { counts, _ in counts.stored == StationBench.readings }
    #expect(
      !events.contains { if case .line(.portLost) = $0 { true } else { false } }, "all was read before it gave up")
    events += await run.stop()
    #expect(events.contains { if case .line(.portLost("deaf", _)) = $0 { true } else { false } })
    await lines.stop()
  }

  @Test func `a line whose port is not there does not keep the others from reading`() async throws {
    let lost = """
      [[line]]
      name = "lost"
      port = "/dev/no-such-port"
      [[line.meter]]
      id = "L-1"
      profile = "eastron-sdm630"
      address = "1"

      """
    let bench = try StationBench("lost", lines: [lost] + StationBench.lines)
    let lines = try await bench.simulate(without: "lost")
    let run = try StationRun(bench.station())
    try await run.running.start()
    var events = await run.events { counts, _ in counts.stored == StationBench.readings }
    events += await run.stop()
    let reasons = events.compactMap { event -> String? in
      if case .line(.portLost("lost", let reason)) = event { reason } else { nil }
    }
    #expect(reasons.first == "there is no port /dev/no-such-port")
    await lines.stop()
  }
}
