import DLT645
import Metering
import Testing

@testable import Acquisition

/// Where records of events stand among all else that is to be read.
@Suite struct RecordRankTests {
  private let start = BootInstant(nanoseconds: 5_000_000_000)
  private let wallStart: Int64 = 1_795_305_600_000

  private func wall(_ now: BootInstant) -> HostInstant {
    HostInstant(unixMilliseconds: wallStart + (now - start).milliseconds, clock: .synchronised)
  }

  /// Counts of events, records of them, and registers of three tasks.
  private func counts(_ number: UInt32) -> [Query] { (0..<number).map { item(0x0311_0000 + $0 << 16) } }
  private func records(_ number: UInt32) -> [Query] {
    (0..<number).map { item(0x0301_0001 + ($0 / 10) << 8 + $0 % 10) }
  }
  private func registers(_ number: UInt32, _ first: UInt32 = 0x0201_0000) -> [Query] {
    (0..<number).map { item(first + $0 << 8) }
  }
  private func item(_ bits: UInt32) -> Query { .identifier(DataIdentifier(rawValue: bits)) }

  private func task(_ seconds: Int64, _ targets: [AcquisitionTask.Target], _ priority: Int = 2) -> AcquisitionTask {
    AcquisitionTask(name: "t", schedule: .every(seconds: seconds), targets: targets, priority: priority)
  }

  private func plan(_ tasks: [(AcquisitionTask, [Query])]) -> LinePlan {
    LinePlan(
      tasks: tasks.map(\.0),
      meters: [LinePlan.Meter(id: id("M"), programme: tasks.map(\.1), probes: [], replyLimit: .seconds(1))],
      zone: .china, at: start, wall: wall(start))
  }

  /// So many questions, each a letter: a count, a record, or a register by its task. The first count is answered with
  /// `follow`.
  private func asks(
    _ plan: inout LinePlan, _ number: Int, from now: inout BootInstant, _ letters: [Character] = ["c", "e", "k", "l"],
    follow: [Query] = []
  ) -> String {
    var found = ""
    var follow = follow
    while found.count < number {
      guard case .ask(let ask) = plan.next(at: now, wall: wall(now)) else { return found + "." }
      let isCount = ask.query.isEventData && !ask.query.isEventRecord
      let place = ask.round?.task ?? 0
      found.append(ask.query.isEventRecord ? "r" : isCount ? "c" : letters[place])
      now = now + .seconds(1)
      plan.concluded(ask, .answered(delay: nil), at: now)
      if let round = ask.round, isCount {
        plan.add(follow, of: 0, in: round)
        follow = []
      }
    }
    return found
  }

  @Test func `records yield to all else of their priority but one question in eight, and go before what comes after`() {
    var plan = plan([
      (task(60, [.events]), counts(2)), (task(900, [.energies]), registers(10)),
      (task(300, [.energies], 1), registers(2, 0x0202_0000)),
      (task(900, [.energies], 3), registers(2, 0x0203_0000)),
    ])
    var now = start
    #expect(asks(&plan, 18, from: &now, follow: records(3)) == "kkcceeeeeereeeerrl")
  }

  @Test func `no record goes before a question of a higher priority`() {
    var plan = plan([(task(60, [.events]), counts(1)), (task(300, [.energies], 1), registers(20))])
    if let round = plan.latest[0] { plan.add(records(2), of: 0, in: round) }
    var now = start
    #expect(asks(&plan, 24, from: &now, ["c", "k"]) == String(repeating: "k", count: 20) + "crr.")
  }

  @Test func `records hold up neither the registers of their own task nor a demand`() {
    var plan = plan([(task(60, [.energies, .events]), registers(5) + counts(1))])
    var now = start
    #expect(
      asks(&plan, 61, from: &now, ["e"], follow: records(100)) == "eeeeec" + String(repeating: "r", count: 54) + "e")
    #expect(plan.overruns == [0])
    #expect(!plan.isShortOfTime(at: now))
    // A task of nothing else is finished first, so that what was begun is not begun anew.
    var alone = self.plan([(task(60, [.events]), counts(1))])
    now = start
    #expect(asks(&alone, 80, from: &now, follow: records(100)) == "c" + String(repeating: "r", count: 79))
  }
}
