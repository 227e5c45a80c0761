import Concentrator
import Testing

@testable import meterd

/// What `status` and `top` say to people.
@Suite struct StatusTextTests {
  private func status(_ lines: [String]) throws -> StatusText {
    StatusText(
      try JSON(
        reading: Array(
          #"{"station":"T","version":"1","process":7,"uptime_seconds":5,"lines":[\#(lines.joined(separator: ","))]}"#
            .utf8)))
  }

  private func line(_ name: String, state: String = "open", reason: String = "null", rounds: [String] = []) -> String {
    #"{"line":"\#(name)","port":"/dev/ttyS1","serial":"2400 8E1","state":"\#(state)","since":null,"reason":\#(reason),"load":"0.5","meters":{"total":32,"ok":31,"late":0,"silent":0,"set_aside":1,"unknown":0,"unreachable":0},"rounds":[\#(rounds.joined(separator: ","))],"next":{"task":"energy","due":"2026-11-22T12:15:00.000+08:00","begins":"2026-11-22T12:15:00.000+08:00"},"last":null,"overruns":{},"counters":{}}"#
  }

  private func round(
    _ task: String, isBackfill: Bool = false, lateness: String = "null", until: String = "null", left: Int, aside: Int,
    questions: Int
  ) -> String {
    #"{"task":"\#(task)","due":"2026-11-22T02:00:00.000+08:00","backfill":\#(isBackfill),"lateness":\#(lateness),"waits_until":\#(until),"meters":32,"meters_left":\#(left),"meters_set_aside":\#(aside),"questions_left":\#(questions)}"#
  }

  @Test func `a pass of back-fill, a round that waits for a dead meter and one that is late are told apart`() throws {
    let text = try status([
      line(
        "bus1",
        rounds: [
          round("daily-freeze", left: 1, aside: 1, questions: 3),
          round("energy", lateness: "\"12.5\"", left: 4, aside: 1, questions: 8),
          round("daily-freeze", isBackfill: true, left: 1, aside: 0, questions: 1),
          round("night", until: "\"2026-11-22T22:00:00.000+08:00\"", left: 32, aside: 0, questions: 64),
        ])
    ])
    let whole = text.whole(meters: false)
    #expect(
      whole.contains("  round   daily-freeze of 02:00:00: 31 of 32 meters done, 3 questions left, all of silent meters")
    )
    #expect(
      whole.contains(
        "  round   energy of 02:00:00: 28 of 32 meters done, 8 questions left, 1 of them silent, 12.5 s after it was due"
      ))
    #expect(
      whole.contains(
        "  round   night of 02:00:00: 0 of 32 meters done, 64 questions left, waits for its window at 22:00:00"))
    #expect(whole.contains("  back-fill of daily-freeze, pass of 02:00:00: 1 meter to go, 1 question left"))
  }

  @Test func `top has every column and every round in 80 columns, and the lines where there is no room for more`()
    throws
  {
    let rounds = [round("a", left: 1, aside: 0, questions: 1), round("b", left: 2, aside: 0, questions: 2)]
    let text = try status([
      line("bus1", rounds: rounds), line("bus2"), line("bus3", state: "lost", reason: #""unplugged""#),
    ])
    let brief = text.brief(width: 80, height: 24)
    #expect(brief.contains("line          state  load  meters   ok late silent aside unknown unreached"))
    #expect(brief.contains("bus1          open    50%      32   31    0      0     1       0         0"))
    #expect(brief.contains("  round   a of 02:00:00: 31 of 32 meters done, 1 question left"))
    #expect(brief.contains("  round   b of 02:00:00: 30 of 32 meters done, 2 questions left"))
    #expect(brief.contains("  next    energy at 12:15:00") && brief.contains("  unplugged"))
    let head = brief.count - 7
    let less = text.brief(width: 80, height: head + 7)
    #expect(less.contains("  round   a of 02:00:00: 31 of 32 meters done, 1 question left; 1 more"))
    let least = text.brief(width: 80, height: head + 4)
    #expect(least.suffix(3).map { String($0.prefix(4)) } == ["bus1", "bus2", "bus3"])
    #expect(text.brief(width: 80, height: head + 3).last == "... and 2 more: meterd status")
  }
}
