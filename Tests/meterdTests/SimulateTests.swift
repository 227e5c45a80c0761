import Foundation
import Testing

/// `meterd simulate` with faults for everybody.
@Suite(.serialized) struct SimulateTests {
  static let meter = ["--address", "202311110001", "--serial", "115200 8E1", "--protocol", "dlt645-2007"]

  struct Case: CustomTestStringConvertible {
    let faults: [String]
    let status: Int32
    /// In what the probe says.
    let holds: String
    var testDescription: String { faults.joined(separator: " ") }
  }

  @Test(arguments: [
    Case(faults: [], status: 0, holds: "voltage.l1  2"),
    Case(faults: ["--silent", "1000000"], status: 69, holds: "did not answer (1 try, 115200 8E1)"),
    Case(faults: ["--truncate", "1000000"], status: 65, holds: "is no sound answer of meter 202311110001"),
    Case(faults: ["--bit-flips", "1000000"], status: 65, holds: "is no sound answer of meter 202311110001"),
    Case(faults: ["--late", "1000000", "--late-ms", "60000"], status: 69, holds: "did not answer"),
    Case(faults: ["--foreign", "1000000"], status: 69, holds: "did not answer"),
    Case(faults: ["--echo", "1000000", "--noise", "1000000"], status: 0, holds: "voltage.l1  2"),
    Case(faults: ["--trailing-ff", "--wake-ups", "0", "--lost-first", "0"], status: 0, holds: "voltage.l1  2"),
    Case(faults: ["--twins"], status: 65, holds: "is no sound answer of meter 202311110001"),
  ])
  func `a probe meets the faults that were asked for`(_ fault: Case) async throws {
    let station = try TestStation()
    let meters = try station.folder.start("simulate", "--config", "station.toml", "--link", "--seed", "7", fault: fault)
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }
    try await meters.says("seed 7\n")
    let seen = try await station.folder.run(
      ["probe", station.port, "voltage.l1", "--profile", "dlt645-2007-three-phase", "--tries", "1"] + Self.meter)
    #expect(seen.status == fault.status)
    #expect((seen.outputText + seen.errorText).contains(fault.holds), "\(seen.outputText)\(seen.errorText)")
  }

  @Test func `events that were asked for are listed by the daemon, those from before it as history`() async throws {
    let station = try TestStation(
      tasks: """
        [[task]]
        name = "events"
        every = "1s"
        read = ["events"]

        """)
    let meters = try station.folder.start(
      "simulate", "--config", "station.toml", "--link", "--event", "power-fail@2026-11-01T03:10", "--event",
      "voltage-loss-l1/10s")
    defer { meters.end() }
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }
    let daemon = try await station.run()
    defer { daemon.end() }
    func listed(_ kind: String) async throws -> [Substring] {
      try await station.folder.run(
        "events", "--store", station.store, "--json", "--meter", "D-0001", "--kind", kind
      ).outputText.split(separator: "\n")
    }
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(120)
    var losses: [Substring] = []
    while clock.now < deadline, losses.count < 2 {
      losses = try await listed("voltage-loss").filter { $0.contains(#""state":"new""#) }
    }
    #expect(losses.count >= 2)
    // At each ten seconds by the meter's clock, for five.
    for loss in losses {
      #expect(loss.contains(try Regex(#""begin":"[-0-9T:]*0","end":"[-0-9T:]*5""#)), "\(loss)")
    }
    let failures = try await listed("power-fail")
    #expect(failures.count == 1)
    #expect(failures.first?.contains(#""state":"history""#) == true)
    #expect(failures.first?.contains(#""begin":"2026-11-01T03:10:00","end":"2026-11-01T03:10:30""#) == true)
    daemon.signal(SIGTERM)
    #expect(try await daemon.finish().status == 0)
  }

  @Test(arguments: [
    (["--late", "1000001"], "--late takes 0 to 1000000 parts per million"),
    (["--late-ms", "-1"], "late-ms"), (["--wake-ups", "8"], "--wake-ups takes 0 to 7"),
    (["--clock-offset", "900000"], "--clock-offset takes -864000 to 864000 seconds"),
    (["--event", "power-fail"], "--event power-fail: that is no event with its time"),
    (["--event", "power-fial/5m"], "It is one of power-fail, voltage-loss-l1"),
    (["--event", "cover-open/0s"], "EVERY is 1s to 7d"), (["--event", "cover-open@25:00"], "no event with its time"),
    (["--event", "trip@2026-02-30T01:00"], "no event with its time"),
  ])
  func `faults that cannot be`(_ arguments: [String], _ text: String) async throws {
    let seen = try await Folder().run(["simulate", "--config", "station.toml"] + arguments)
    #expect(seen.status == 64)
    #expect(seen.errorText.contains(text))
  }
}

extension Folder {
  fileprivate func start(_ arguments: String..., fault: SimulateTests.Case) throws -> Child {
    try Child(arguments + fault.faults, in: path)
  }
}
