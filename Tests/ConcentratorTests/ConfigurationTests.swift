import Acquisition
import Concentrator
import Documents
import Foundation
import Line
import Metering
import TOML
import Testing

let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

func configuration(_ toml: String) throws -> Configuration {
  try Configuration(Document(toml: toml, file: "meterd.toml"))
}

/// One change to a good configuration, and what it then says.
struct BadCase: Sendable, CustomTestStringConvertible {
  let line: String
  let by: String
  let message: String
  var testDescription: String { "\(line) -> \(by)" }

  init(_ line: String, _ by: String, _ message: String) {
    self.line = line
    self.by = by
    self.message = message
  }
}

@Suite struct ConfigurationTests {
  static let good = """
    station = "S-1"
    store = "/tmp/s.db"
    time-zone = "+05:30"
    trust-host-clock = true
    devices = "devices"
    tariffs = "tariffs"
    [[line]]
    name = "bus1"
    port = "/dev/ttyS1"
    serial = "9600 8N1"
    simulate-echo-ppm = 7
    [[line.meter]]
    id = "M-1"
    profile = "eastron-sdm630"
    address = "12"
    serial = "2400 8E1"
    ct = "50/5"
    pt = "10000/100"
    account = "A-1"
    [line.meter.simulate]
    reply-delay-ms = 11
    silent = true
    late-ms = 12
    late-ppm = 13
    silent-ppm = 14
    bit-flip-ppm = 15
    noise-ppm = 16
    truncate-ppm = 17
    rate-hours = "444444443322332222233333"
    wake-ups = 3
    [[line.meter]]
    id = "M-2"
    profile = "dlt645-2007-three-phase"
    address = "202311110001"
    [[line]]
    name = "bus2"
    port = "tcp://10.0.0.7:4001"
    [[task]]
    name = "energy"
    every = "15m"
    read = ["energy", "instantaneous", "voltage.l1"]
    meters = ["M-1"]
    priority = 3
    [[task]]
    name = "month"
    at = "01:30"
    read = ["settlement", "settlement:energy.import.active.total", "freeze.daily"]
    settlements = 4
    [[account]]
    id = "A-1"
    name = "House 1"
    tariff = "shanghai-residential-2012"
    settlement-day = 25
    settlement-hour = 8
    from = "2026-09-25"
    """

  @Test func `every key is read`() throws {
    let read = try configuration(Self.good)
    #expect(read.file == "meterd.toml")
    #expect(read.station == "S-1")
    #expect(read.store == "/tmp/s.db")
    #expect(read.zone == ZoneOffset(minutes: 330))
    #expect(read.hostClockIsTrusted)
    #expect(read.devicesFolder == "devices")
    #expect(read.tariffsFolder == "tariffs")
    let bus = try #require(read.lines.first)
    #expect(bus.name == "bus1")
    #expect(bus.port == .device(path: "/dev/ttyS1"))
    #expect(bus.settings == SerialSettings("9600 8N1"))
    #expect(bus.simulatedEcho == 7)
    #expect(bus.fileLine == 7)
    let meter = try #require(bus.meters.first)
    #expect(meter.id.text == "M-1")
    #expect(meter.profile == "eastron-sdm630")
    #expect(meter.address == "12")
    #expect(meter.settings == SerialSettings("2400 8E1"))
    #expect("\(meter.multiplier)" == "1000")
    #expect(meter.account == "A-1")
    var simulation = Configuration.Simulation()
    simulation.replyDelay = 11
    simulation.silent = true
    simulation.late = 12
    simulation.lateSome = 13
    simulation.silentSome = 14
    simulation.flippedBits = 15
    simulation.noise = 16
    simulation.truncated = 17
    simulation.rateOfHour = [UInt8](repeating: 4, count: 8) + [3, 3, 2, 2, 3, 3, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]
    simulation.wakeUps = 3
    #expect(meter.simulation == simulation)
    #expect(bus.meters.last?.settings == nil)
    #expect(read.lines.last?.port == .server(host: "10.0.0.7", port: 4001))
    #expect(read.lines.last?.settings == SerialSettings("2400 8E1"))
    let total = Quantity.energyTotal(.importActive)
    #expect(
      read.tasks.map(\.task) == [
        AcquisitionTask(
          name: "energy", schedule: .every(seconds: 900),
          targets: [.energies, .instantaneous, .quantity(try #require(Quantity(name: "voltage.l1")))], priority: 3),
        AcquisitionTask(
          name: "month", schedule: .daily(try #require(TimeOfDay("01:30"))),
          targets: [.settlements(depth: 4, of: nil), .settlements(depth: 4, of: total), .dailyFreeze]),
      ])
    #expect(read.tasks.map(\.meters) == [[try #require(MeterID("M-1"))], nil])
    let account = try #require(read.accounts.first)
    #expect(account.id == "A-1")
    #expect(account.name == "House 1")
    #expect(account.tariff == "shanghai-residential-2012")
    #expect(account.settlement == SettlementDay(day: 25, hour: 8))
    #expect(account.from == CivilDate("2026-09-25"))
  }

  @Test func `a task may have days of the month, windows, key meters and a depth of back-fill`() throws {
    let text = Self.good
      .replacing("address = \"12\"", with: "address = \"12\"\nkey = true")
      .replacing("meters = [\"M-1\"]", with: "meters = \"key\"\nwindows = [\"22:00-06:00\", \"12:00-24:00\"]")
      .replacing("settlements = 4", with: "settlements = 4\ndays = [31, 1]\nbackfill-days = 62")
    let read = try configuration(text)
    #expect(read.lines[0].meters.map(\.isKey) == [true, false])
    #expect(read.tasks[0].meters == [try #require(MeterID("M-1"))])
    #expect(
      read.tasks[0].task.windows == [
        try #require(TimeWindow("22:00-06:00")), try #require(TimeWindow("12:00-00:00")),
      ])
    #expect(read.tasks[1].task.schedule == .monthly(days: [1, 31], try #require(TimeOfDay("01:30"))))
    #expect(read.tasks[1].task.backfillDays == 62)
    #expect(try configuration(Self.good).tasks.allSatisfy { $0.task.windows.isEmpty && $0.task.backfillDays == 7 })
  }

  @Test(arguments: [
    "/tmp/s.db", "/tmp/./s.db", "/tmp//x/../s.db", "/tmp/s.db-wal", "/tmp/s.db-shm", "/tmp/s.db-journal",
    "/tmp/s.db.lock",
  ])
  func `a trace does not write over the store`(_ path: String) {
    let text = Self.good.replacing("simulate-echo-ppm = 7", with: "trace = \"\(path)\"")
    #expect {
      try configuration(text)
    } throws: { error in
      "\(error)".hasSuffix("\(path) would write over the store; give the trace a file of its own")
    }
  }

  @Test func `a trace is not where another goes on`() {
    let one = Self.good.replacing("simulate-echo-ppm = 7", with: "trace = \"/var/bus1.trace\"")
    let both = one.replacing("name = \"bus2\"", with: "name = \"bus2\"\ntrace = \"/var/bus1.trace.1\"")
    #expect {
      try configuration(both)
    } throws: { error in
      "\(error)".hasSuffix("/var/bus1.trace.1 is already the trace of line \"bus1\"")
    }
  }

  @Test func `a line may have a trace, and two lines have two`() throws {
    let one = Self.good.replacing("simulate-echo-ppm = 7", with: "trace = \"/var/bus1.trace\"")
    let line = try #require(configuration(one).lines.first)
    #expect(line.trace == Configuration.TraceEntry(path: "/var/bus1.trace", megabytes: 8))
    #expect(line.moved(to: .device(path: "/dev/ttyS9")).trace == line.trace)
    let larger = one.replacing("bus1.trace\"", with: "bus1.trace\"\ntrace-megabytes = 20")
    #expect(try configuration(larger).lines.first?.trace?.megabytes == 20)
    let both = one.replacing("name = \"bus2\"", with: "name = \"bus2\"\ntrace = \"/var/bus1.trace\"")
    #expect {
      try configuration(both)
    } throws: { error in
      "\(error)".hasSuffix("line[1].trace: /var/bus1.trace is already the trace of line \"bus1\"")
    }
    #expect(try configuration(Self.good).lines.allSatisfy { $0.trace == nil })
  }

  @Test func `the control socket is beside the store unless told otherwise`() throws {
    #expect(try configuration(Self.good).controlSocket == "/tmp/control.sock")
    let plain = Self.good.replacingOccurrences(of: "/tmp/s.db", with: "s.db")
    #expect(try configuration(plain).controlSocket == "control.sock")
    let named = Self.good.replacingOccurrences(
      of: "store = \"/tmp/s.db\"", with: "store = \"/tmp/s.db\"\ncontrol-socket = \"/run/meterd/control.sock\"")
    #expect(try configuration(named).controlSocket == "/run/meterd/control.sock")
  }

  static let bad: [BadCase] = [
    BadCase("station = \"S-1\"", "", "meterd.toml: station: this key is required"),
    BadCase(
      "station = \"S-1\"", "station = 7", "meterd.toml:1: station: expected a string in quotes, found a whole number"),
    BadCase("store = \"/tmp/s.db\"", "store = \"\"", "meterd.toml:2: store: the path is empty"),
    BadCase(
      "store = \"/tmp/s.db\"", "store = \"/tmp/s.db\"\ncontrol-socket = \"/run/meterd/\"",
      "meterd.toml:3: control-socket: \"/run/meterd/\" is no file; write \"/run/meterd/control.sock\""),
    BadCase(
      "store = \"/tmp/s.db\"", "store = \"/tmp/s.db\"\ncontrol-socket = \"/run/\(String(repeating: "x", count: 103))\"",
      "meterd.toml:3: control-socket: \"/run/\(String(repeating: "x", count: 103))\" has 108 bytes; a socket takes 107, such as \"/run/meterd/control.sock\""
    ),
    BadCase(
      "\"+05:30\"", "\"Asia/Shanghai\"",
      "meterd.toml:3: time-zone: \"Asia/Shanghai\" is no offset from UTC; write \"+08:00\""),
    BadCase(
      "trust-host-clock = true", "trust-host-clock = 1",
      "meterd.toml:4: trust-host-clock: expected true or false, found a whole number"),
    BadCase("name = \"bus2\"", "name = \"bus1\"", "meterd.toml:36: line[1].name: line \"bus1\" is already on line 7"),
    BadCase("name = \"bus2\"", "name = \"\"", "meterd.toml:36: line[1].name: a name has 1 to 32 characters"),
    BadCase(
      "port = \"tcp://10.0.0.7:4001\"", "port = \"/dev/ttyS1\"",
      "meterd.toml:37: line[1].port: /dev/ttyS1 is already the port of line \"bus1\""),
    BadCase(
      "port = \"tcp://10.0.0.7:4001\"", "port = \"COM3\"",
      "meterd.toml:37: line[1].port: \"COM3\" is no port; write \"/dev/ttyS1\", \"tcp://HOST:PORT\" or \"modbus-tcp://HOST:PORT\""
    ),
    BadCase(
      "port = \"/dev/ttyS1\"", "port = \"modbus-tcp://10.0.0.7\"",
      "meterd.toml:10: line[0].serial: modbus-tcp://10.0.0.7:502 is a network; nothing there has serial settings"),
    BadCase(
      "simulate-echo-ppm = 7", "simulate-echo-ppm = -7",
      "meterd.toml:11: line[0].simulate-echo-ppm: -7 is outside 0 to 1000000"),
    BadCase(
      "simulate-echo-ppm = 7", "baud = 9600",
      "meterd.toml:11: line[0].baud: unknown key; keys here are allow-broadcast, meter, name, port, serial, simulate-echo-ppm, trace, trace-megabytes"
    ),
    BadCase(
      "simulate-echo-ppm = 7", "trace = \"bus1.trace\"",
      "meterd.toml:11: line[0].trace: \"bus1.trace\" is no file; write its whole path, such as \"/var/lib/meterd/bus1.trace\""
    ),
    BadCase(
      "simulate-echo-ppm = 7", "trace-megabytes = 4",
      "meterd.toml:11: line[0].trace-megabytes: there is no trace; name its file: trace = \"/PATH\""),
    BadCase(
      "simulate-echo-ppm = 7", "trace = \"/t\"\ntrace-megabytes = 0",
      "meterd.toml:12: line[0].trace-megabytes: 0 is outside 1 to 1024"),
    BadCase(
      "serial = \"9600 8N1\"", "serial = \"9601 8N1\"",
      "meterd.toml:10: line[0].serial: \"9601 8N1\" are no serial settings; write \"2400 8E1\", with one of \(SerialSettings.knownBauds.map(String.init).joined(separator: ", ")) baud"
    ),
    BadCase("id = \"M-2\"", "id = \"M-1\"", "meterd.toml:31: line[0].meter[1].id: meter \"M-1\" is already on line 12"),
    BadCase(
      "id = \"M-2\"", "id = \"M 2\"",
      "meterd.toml:32: line[0].meter[1].id: \"M 2\" is no name: 1 to 64 characters without spaces"),
    BadCase(
      "address = \"12\"", "address = 12",
      "meterd.toml:15: line[0].meter[0].address: expected a string in quotes, found a whole number"),
    BadCase(
      "ct = \"50/5\"", "ct = \"50:5\"", "meterd.toml:17: line[0].meter[0].ct: \"50:5\" is no ratio; write \"50/5\""),
    BadCase(
      "account = \"A-1\"\n[line.meter.simulate]", "account = \"A-9\"\n[line.meter.simulate]",
      "meterd.toml:19: account: account \"A-9\" of meter \"M-1\" is not there; add an [[account]]"),
    BadCase(
      "rate-hours = \"444444443322332222233333\"", "rate-hours = \"4444\"",
      "meterd.toml:29: line[0].meter[0].simulate.rate-hours: write 24 digits, the rate 1 to 8 of each hour"),
    BadCase("wake-ups = 3", "wake-ups = 9", "meterd.toml:30: line[0].meter[0].simulate.wake-ups: 9 is outside 0 to 8"),
    BadCase(
      "every = \"15m\"", "every = \"15\"",
      "meterd.toml:40: task[0].every: \"15\" is no interval up to a day; write \"30s\", \"15m\" or \"1h\""),
    BadCase(
      "every = \"15m\"", "every = \"25h\"",
      "meterd.toml:40: task[0].every: \"25h\" is no interval up to a day; write \"30s\", \"15m\" or \"1h\""),
    BadCase(
      "every = \"15m\"", "every = \"15m\"\nat = \"01:00\"",
      "meterd.toml:41: task[0].at: a task has either \"every\" or \"at\", not both"),
    BadCase("every = \"15m\"\n", "", "meterd.toml:38: task[0].every: say when: every = \"15m\" or at = \"00:05\""),
    BadCase(
      "at = \"01:30\"", "at = \"25:30\"", "meterd.toml:46: task[1].at: \"25:30\" is no time of day; write \"00:05\""),
    BadCase(
      "\"voltage.l1\"", "\"voltage.l9\"",
      "meterd.toml:41: task[0].read: \"voltage.l9\" is no quantity; write energy, instantaneous, settlement, settlement:NAME, freeze.daily, clock, events, load-profile, load-profile:1 to :6 or a name such as energy.import.active.total"
    ),
    BadCase(
      "read = [\"energy\", \"instantaneous\", \"voltage.l1\"]", "read = []",
      "meterd.toml:41: task[0].read: say what to read, such as [\"energy\", \"instantaneous\"]"),
    BadCase("meters = [\"M-1\"]", "meters = [\"M-7\"]", "meterd.toml:42: task[0].meters: there is no meter \"M-7\""),
    BadCase(
      "meters = [\"M-1\"]", "meters = []",
      "meterd.toml:42: task[0].meters: the list is empty; leave it out for every meter"),
    BadCase(
      "meters = [\"M-1\"]", "meters = \"all\"",
      "meterd.toml:42: task[0].meters: \"all\" is no list; write [\"M-0001\"], or \"key\" for the key meters"),
    BadCase(
      "meters = [\"M-1\"]", "meters = \"key\"",
      "meterd.toml:42: task[0].meters: there is no key meter; write key = true under one [[line.meter]] at least"),
    BadCase(
      "priority = 3", "windows = [\"05:00\"]",
      "meterd.toml:43: task[0].windows: \"05:00\" is no part of a day; write \"00:30-05:00\" or \"22:00-06:00\""),
    BadCase(
      "priority = 3", "windows = []",
      "meterd.toml:43: task[0].windows: 0 windows; a task has 1 to 24, or none of this key to be at work always"),
    BadCase(
      "priority = 3", "windows = [\"00:31-00:40\"]",
      "meterd.toml:43: task[0].windows: none of them has a time in it at which the task is due; widen one, or let \"every\" be shorter"
    ),
    BadCase(
      "priority = 3", "days = [1]",
      "meterd.toml:43: task[0].days: days of the month go with \"at\", not with \"every\""),
    BadCase("settlements = 4", "days = [32]", "meterd.toml:48: task[1].days: 32 is outside 1 to 31"),
    BadCase(
      "settlements = 4", "days = []", "meterd.toml:48: task[1].days: the list is empty; leave it out for every day"),
    BadCase("settlements = 4", "backfill-days = 63", "meterd.toml:48: task[1].backfill-days: 63 is outside 1 to 62"),
    BadCase(
      "priority = 3", "backfill-days = 3",
      "meterd.toml:43: task[0].backfill-days: only freeze.daily and load-profile are kept by meters day by day, and this task does not read them"
    ),
    BadCase("priority = 3", "priority = 5", "meterd.toml:43: task[0].priority: 5 is outside 1 to 4"),
    BadCase("settlements = 4", "settlements = 13", "meterd.toml:48: task[1].settlements: 13 is outside 1 to 12"),
    BadCase("name = \"month\"", "name = \"energy\"", "meterd.toml:45: task[1].name: task \"energy\" is there twice"),
    BadCase(
      "settlement-day = 25", "settlement-day = 29", "meterd.toml:53: account[0].settlement-day: 29 is outside 1 to 28"),
    BadCase(
      "settlement-hour = 8", "settlement-hour = 24", "meterd.toml:54: account[0].settlement-hour: 24 is outside 0 to 23"
    ),
    BadCase(
      "settlement-hour = 8", "price = 0.5",
      "meterd.toml:54: account[0].price: unknown key; keys here are basic-charge, change, contract-demand, contracted, from, id, large-household-from, line-loss-percent, moved-in, name, power-factor, proration, reconciliation, running, section, settled-by, settlement-day, settlement-hour, suspended, tariff, to, transformer, versions"
    ),
    BadCase(
      "from = \"2026-09-25\"", "",
      "meterd.toml:49: account[0].from: say which day is the first that this account is billed for, such as from = \"2026-10-01\"; meters remember months before it, perhaps another customer's, and those must not be billed"
    ),
    BadCase(
      "from = \"2026-09-25\"", "from = \"2026-09\"",
      "meterd.toml:55: account[0].from: \"2026-09\" is no day; write \"2026-10-01\""),
    BadCase(
      "address = \"202311110001\"", "address = \"202311110001\"\nfrom = \"2026-10-15\"",
      "meterd.toml:35: line[0].meter[1].from: it says when the meter counts for its account, and there is no account"),
    BadCase(
      "ct = \"50/5\"", "from = \"15.10.2026\"",
      "meterd.toml:17: line[0].meter[0].from: \"15.10.2026\" is no time; write \"2026-10-15\" or \"2026-10-15T09:30\""
    ),
    BadCase(
      "ct = \"50/5\"", "from = \"2026-10-15T09:30\"\nto = \"2026-10-15\"",
      "meterd.toml:18: line[0].meter[0].to: it is not after from, 2026-10-15T09:30"),
  ]

  @Test(arguments: bad)
  func `a mistake is told with file, line and key`(_ row: BadCase) throws {
    #expect(Self.good.contains(row.line))
    let range = try #require(
      Self.good.range(of: row.line, options: row.line.hasPrefix("name = \"energy\"") ? [] : .backwards))
    let text = Self.good.replacingCharacters(in: range, with: row.by)
    do {
      _ = try configuration(text)
      Issue.record("\(row.line) -> \(row.by) is taken")
    } catch let error as DocumentError {
      #expect("\(error)" == row.message)
    }
  }

  @Test func `two meters of a line need two addresses, and both protocols may use one number`() throws {
    func text(_ first: String, _ second: String) -> String {
      """
      station = "S"
      store = "s.db"
      [[line]]
      name = "b"
      port = "/dev/ttyS1"
      [[line.meter]]
      id = "M-1"
      profile = "p"
      address = "\(first)"
      [[line.meter]]
      id = "M-2"
      profile = "q"
      address = "\(second)"
      """
    }
    #expect(throws: DocumentError.self) { try configuration(text("1", "1")) }
    #expect(try configuration(text("1", "2")).lines[0].meters.count == 2)
    #expect(try configuration(text("1", "000000000001")).lines[0].meters.count == 2)
  }

  @Test func `a file that is not there is said with a next step`() {
    #expect {
      try Configuration.load("/no-such-folder/meterd.toml")
    } throws: { error in
      "\(error)"
        == """
        meterd: there is no configuration /no-such-folder/meterd.toml
          Check the path; it counts from the folder you are in.
        """
    }
  }
}
