import Acquisition
import Foundation
import Metering
import Testing

@testable import Concentrator

/// What `meterd check` says of a plan, and that what it advises is true.
@Suite struct ForecastTests {
  /// Modbus meters on one line, with tasks behind them.
  private func station(
    _ count: Int = 8, serial: String = "9600 8N1", own: String = "", tasks: String
  ) throws -> Station {
    var text = """
      station = "T"
      store = "meterd.db"
      devices = "\(root)/devices"
      tariffs = "\(root)/tariffs"
      [[line]]
      name = "bus"
      port = "/dev/ttyS1"
      serial = "\(serial)"

      """
    for index in 1...count {
      text += "[[line.meter]]\nid = \"E-\(index)\"\nprofile = \"eastron-sdm630\"\naddress = \"\(index)\"\n\(own)\n"
    }
    return try Station(configuration(text + tasks))
  }

  private func task(_ name: String, _ when: String, _ read: String = "\"instantaneous\"", more: String = "") -> String {
    "[[task]]\nname = \"\(name)\"\n\(when)\nread = [\(read)]\n\(more)\n"
  }

  private func rounds(_ station: Station) throws -> [Forecast.Round] {
    try #require(station.forecast().lines.first).rounds
  }

  @Test func `a task that reads nothing is no good, and what single meters lack is told`() throws {
    let good = task("a", "every = \"1m\"", "\"voltage.l1\"")
    for idle in ["\"energy.reactive.q1.total\"", "\"clock\"", "\"load-profile\"", "\"settlement\"", "\"events\""] {
      let forecast = try station(2, tasks: good + task("b", "at = \"01:00\"", idle)).forecast()
      #expect(!forecast.isPossible && forecast.impossible == nil && forecast.idleTasks == ["b"], "\(idle)")
      #expect(forecast.text.contains("task b reads nothing: none of its meters offers what it names"), "\(idle)")
      #expect(forecast.json["possible"] == false && forecast.json["idle_tasks"]?.items.compactMap(\.word) == ["b"])
    }
    let both = try station(2, tasks: task("a", "every = \"1m\"", "\"voltage.l1\", \"energy.reactive.q1.total\""))
    let forecast = both.forecast()
    #expect(forecast.isPossible && forecast.idleTasks.isEmpty)
    #expect(
      both.lacking.joined().map { "\($0.meter) \($0.item)" } == [
        "E-1 energy.reactive.q1.total", "E-2 energy.reactive.q1.total",
      ])
    #expect(
      forecast.text.contains("  E-1 keeps no energy.reactive.q1.total: by its profile there is none to read"),
      "\(forecast.text)")
    // What takes the place of freezes is something to read.
    #expect(try station(2, tasks: task("f", "at = \"00:05\"", "\"freeze.daily\"")).idleTasks.isEmpty)
  }

  @Test func `a station without tasks and a trace that has no folder are worth a remark, and no more`() throws {
    #expect(try station(1, tasks: task("a", "every = \"1m\"")).remarks.isEmpty)
    let none = try station(1, tasks: "").forecast()
    #expect(none.isPossible && none.remarks.count == 1)
    #expect(none.text.contains { $0.hasPrefix("there is no [[task]]: ") })
    let traced = try station(
      1, own: "[[line]]\nname = \"b\"\nport = \"/dev/ttyS2\"\ntrace = \"/proc/none/b.trace\"",
      tasks: task("a", "every = \"1m\"")
    ).forecast()
    #expect(traced.isPossible)
    #expect(traced.text.contains { $0.hasPrefix("line b gets no trace: there is no folder /proc/none; ") })
  }

  @Test func `a round that is never done is told so, and no time`() throws {
    let first = task("first", "every = \"2s\"", "\"energy\", \"instantaneous\"", more: "priority = 1")
    let forecast = try station(60, tasks: first + task("second", "every = \"1m\"", "\"voltage.l1\"")).forecast()
    let second = try #require(forecast.lines.first?.rounds.last)
    #expect(second.fate.longest == nil)
    #expect(forecast.text.contains { $0.hasPrefix("  second: ") && $0.hasSuffix(" s every 60 s, never done") })
    let json = forecast.json["lines"]?.items.first?["rounds"]?.items.last?["beside_others"]
    #expect(json?["longest_seconds"] == .null)
  }

  @Test func `a plan with room is said to have it, with the time of each round`() throws {
    let forecast = try station(tasks: task("a", "every = \"1m\"")).forecast()
    #expect(forecast.isPossible)
    let round = try #require(forecast.lines.first?.rounds.first)
    #expect(round.fate.isKept && round.alone.isKept && round.withDead.isKept && round.remedies.isEmpty)
    #expect(round.meters == 8 && round.time > 1_000_000 && (round.fate.longest ?? 0) * 1000 >= round.time)
    #expect(!forecast.text.contains { $0.contains("would do") })
  }

  @Test func `what does not fit even alone is impossible, and the interval that is advised does fit`() throws {
    let forecast = try station(tasks: task("a", "every = \"1s\"")).forecast()
    #expect(!forecast.isPossible && forecast.impossible?.line == "bus" && forecast.impossible?.task == "a")
    let round = try #require(forecast.lines.first?.rounds.first)
    let interval = try #require(round.remedies.first { $0.change == "interval" })
    #expect(try rounds(station(tasks: task("a", interval.text)))[0].fate.isKept)
    // The next shorter one that divides a minute does not.
    let seconds = try #require(Int64(interval.value))
    #expect(seconds > round.time / 1_000_000)
    #expect(try !rounds(station(tasks: task("a", "every = \"\(round.time / 1_000_000)s\"")))[0].fate.isKept)
    let text = forecast.text.joined(separator: "\n")
    #expect(text.contains("    cannot be kept even with the line to itself: of "))
    #expect(text.contains("    would do, each by itself: \(interval.text); or "))
  }

  @Test func `each change that is advised lets the task be kept, and gives up no other`() throws {
    // Alone each of them fits.
    let first = task("first", "every = \"3s\"", more: "priority = 1")
    func second(_ when: String = "every = \"6s\"", _ read: String = "\"energy\", \"instantaneous\"") -> String {
      task("second", when, read)
    }
    let found = try rounds(station(tasks: first + second()))
    #expect(found.map(\.fate.isKept) == [true, false])
    #expect(found.map(\.alone.isKept) == [true, true])
    let remedies = Dictionary(
      found[1].remedies.map { ($0.change, $0) }, uniquingKeysWith: { first, _ in first })
    let interval = try #require(remedies["interval"])
    #expect(try rounds(station(tasks: first + second(interval.text))).allSatisfy(\.fate.isKept))
    let baud = try #require(remedies["baud"])
    #expect(try rounds(station(serial: "\(baud.value) 8N1", tasks: first + second())).allSatisfy(\.fate.isKept))
    let move = try #require(remedies["move"].flatMap { Int($0.value) })
    #expect(try rounds(station(8 - move, tasks: first + second())).allSatisfy(\.fate.isKept))
    #expect(try !rounds(station(8 - move + 1, tasks: first + second())).allSatisfy(\.fate.isKept))
    // What comes second by its priority must not push the first aside.
    #expect(remedies["priority"] == nil)
  }

  @Test func `where the order alone is wrong a priority is advised`() throws {
    let slow = task("slow", "every = \"30s\"", "\"energy\", \"instantaneous\"", more: "priority = 1")
    func quick(_ more: String = "") -> String { task("quick", "every = \"2s\"", "\"voltage.l1\"", more: more) }
    let found = try rounds(station(tasks: slow + quick()))
    #expect(found.map(\.fate.isKept) == [true, false])
    let remedy = try #require(found[1].remedies.first { $0.change == "priority" })
    #expect(try rounds(station(tasks: slow + quick(remedy.text))).allSatisfy(\.fate.isKept))
  }

  @Test func `windows that are too short are advised to be longer`() throws {
    func night(_ windows: String) -> String {
      task("night", "at = \"01:00\"", "\"energy\", \"instantaneous\"", more: windows)
    }
    let found = try rounds(station(200, serial: "1200 8N1", tasks: night("windows = [\"01:00-01:02\"]")))
    let remedy = try #require(found.first?.remedies.first { $0.change == "windows" })
    #expect(remedy.text.hasPrefix("windows = [\"01:00-0"))
    #expect(try rounds(station(200, serial: "1200 8N1", tasks: night(remedy.text)))[0].fate.isKept)
  }

  @Test func `a freeze outside of its windows is advised a second one, and named as the file names it`() throws {
    let night = task("night", "at = \"00:05\"", "\"freeze.daily\"", more: "windows = [\"01:00-06:00\"]")
    let forecast = try station(tasks: night).forecast()
    let text = forecast.text.joined(separator: "\n")
    #expect(forecast.impossible?.task == "night (registers in the place of freezes, as the day begins)")
    #expect(text.hasPrefix("meterd.toml: well written, but not to be carried out. "))
    #expect(text.contains("windows = [\"01:00-06:00\", \"00:00-00:15\"]"))
    #expect(!text.contains("synthetic") && text.contains(" s once a day, never done"))
    let both = task(
      "night", "at = \"00:05\"", "\"freeze.daily\"", more: "windows = [\"01:00-06:00\", \"00:00-00:15\"]")
    #expect(try station(tasks: both).forecast().isPossible)
  }

  @Test func `less to read is advised with what it saves, and a meter's own speed counts`() throws {
    let both = task("a", "every = \"2s\"", "\"voltage.l1\", \"instantaneous\"")
    let found = try rounds(station(tasks: both))
    let less = try #require(found.first?.remedies.first { $0.change == "less" })
    #expect(less.text.hasPrefix("without instantaneous: ") && less.text.hasSuffix(" s less a round"))
    let slow = try rounds(station(own: "serial = \"2400 8N1\"", tasks: both))
    #expect(slow[0].time > found[0].time * 2)
  }

  @Test func `one meter in ten that is dead takes its time-outs and no part of a round`() throws {
    let station = try station(40, tasks: task("a", "every = \"1m\""))
    var outlook = LineOutlook(
      meters: station.meters[0], wishes: [LineOutlook.Wish(task: station.tasks[0].task, meters: nil)])
    let (all, living) = (outlook.works()[0].cost, outlook.works(dead: true)[0].cost)
    // 36 of 40 meters, and four time-outs in 45 s.
    #expect(living > all * 36 / 40 && living < all)
    let round = try #require(station.forecast().json["lines"]?.items.first?["rounds"]?.items.first)
    #expect(round["feasible_with_dead"] == true && round["with_dead"]?["left_out"]?.number == 0)
  }

  @Test func `sixteen lines of thirty-two meters are looked at in no time`() throws {
    var text = "station = \"T\"\nstore = \"meterd.db\"\ndevices = \"\(root)/devices\"\ntariffs = \"\(root)/tariffs\"\n"
    for line in 1...16 {
      text += "[[line]]\nname = \"b\(line)\"\nport = \"/dev/ttyS\(line)\"\nserial = \"9600 8N1\"\n"
      for meter in 1...32 {
        text += "[[line.meter]]\nid = \"E-\(line)-\(meter)\"\nprofile = \"eastron-sdm630\"\naddress = \"\(meter)\"\n"
      }
    }
    text += task("a", "every = \"15s\"") + task("b", "every = \"30s\"", "\"energy\"") + task("c", "at = \"00:05\"")
    let forecast = try Station(configuration(text)).forecast()
    #expect(forecast.lines.count == 16)
    #expect(Set(forecast.lines.map { $0.rounds.map(\.fate) }).count == 1, "the same lines have the same fates")
  }
}
