import Acquisition
import ArgumentParser
import Concentrator
import Devices
import Glibc
import Host
import Line
import Metering
import UnixSignals

struct ScanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan",
    abstract: "Finds the meters on a line, of both protocols.",
    discussion: """
      For a port that no daemon holds; it only reads. DL/T 645 meters are asked with wildcards, and told apart by the \
      digits of their addresses where several answer at once. Modbus units are asked one after another. Without \
      --serial the usual settings are tried in turn. How long that takes is said first; Ctrl-C ends it early and \
      shows what was found. A Modbus TCP server that answers for every unit number is listed once. The profile of a meter is a guess: what spoke for it stands beside it.

      EXAMPLES
        meterd scan /dev/ttyUSB0
        meterd scan /dev/ttyUSB0 --protocol dlt645 --serial "2400 8E1"
        meterd scan /dev/ttyUSB0 --protocol modbus --units 1-32 --serial "9600 8N1" --json
        meterd scan tcp://10.0.3.7:4001 --timeout-ms 800
        meterd scan modbus-tcp://10.0.3.9 --units 1-10
        meterd scan /dev/ttyUSB0 --devices /srv/profiles
      """)

  @Argument(help: "A device such as /dev/ttyUSB0, tcp://HOST:PORT or modbus-tcp://HOST:PORT.")
  var port: String

  @Option(name: .customLong("protocol"), help: "dlt645-2007, dlt645-1997, dlt645 (both) or modbus; all when left out.")
  var wires: [String] = []

  @Option(help: "Speed, data bits, parity, stop bits; more than one may be given. The usual ones when left out.")
  var serial: [String] = []

  @Option(help: "Modbus units, such as 1-32 or 7; 1-247 when left out, over modbus-tcp:// 0-255.")
  var units: String?

  @Option(
    name: .customLong("timeout-ms"),
    help: "How long to wait for an answer; 600 for DL/T 645, 150 for Modbus, 1000 over modbus-tcp:// when left out.")
  var timeout: Int?

  @OptionGroup var devices: DevicesOption

  @Flag(help: "Also sweeps where the line stays silent, and asks units for input registers: far slower.")
  var thorough = false

  @Flag(help: "One JSON object a meter, as they are found.")
  var json = false

  func run() async throws {
    let place = try PortAddress.wanted(port)
    let settings = try serial.map { try Self.settings($0, for: place) }
    if let timeout, !(20...10_000).contains(timeout) { throw Complaint(.usage, "--timeout-ms takes 20 to 10000") }
    let plan = ScanPlan(
      try languages(on: place), on: place, settings: settings.isEmpty ? nil : settings, units: try chosenUnits(place),
      timeout: timeout.map { .milliseconds(Int64($0)) }, isThorough: thorough)
    let board = Board(port: place, plan: plan, isJSON: json)
    let folders = try devices.folders()
    let profiles = try folders.profileNames.map { try folders.profile($0) }
    board.begin()
    let scanner = Scanner(place)
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
    let interrupted = Task {
      for await _ in signals {
        scanner.stop()
        return
      }
    }
    let meters: [FoundMeter]
    do throws(LineError) {
      meters = try await scanner.run(plan, profiles: profiles) { board.note($0) }
    } catch {
      interrupted.cancel()
      board.end(isStopped: true)
      throw Complaint(error)
    }
    interrupted.cancel()
    board.end(isStopped: scanner.isStopped)
    try report(meters, place, plan, isStopped: scanner.isStopped)
  }

  private func report(_ meters: [FoundMeter], _ place: PortAddress, _ plan: ScanPlan, isStopped: Bool) throws {
    guard !meters.isEmpty else {
      let tried = Self.tried(plan)
      throw Complaint(
        .noAnswer, "no meter answered on \(place)\(isStopped ? " before the scan was stopped" : "") (\(tried))",
        advice: place.isModbusTCP
          ? [
            "The server takes the connection. Check that meters are on its line, and its own serial settings.",
            "Meters that answer slowly are found with --timeout-ms 3000, and those without holding registers with --thorough.",
          ]
          : [
            "Check that the meters have power, and the A/B wiring: swap the two wires once.",
            "Meters that answer slowly are found with --timeout-ms 1000, and several that hide each other with --thorough.",
          ])
    }
    guard !json else { return }
    let report = ScanReport(port: place, meters: meters)
    for line in report.table { print(line) }
    print("\nFor the daemon's configuration:\n")
    for line in report.toml { print(line) }
  }

  /// `dlt645-2007 at 2400 8E1, 9600 8E1; modbus at 9600 8N1`.
  static func tried(_ plan: ScanPlan) -> String {
    var parts: [String] = []
    for language in ScanPlan.Language.allCases {
      let settings = plan.steps.filter { $0.language == language }.map { "\($0.settings)" }
      if !settings.isEmpty { parts.append("\(language.rawValue) at \(settings.joined(separator: ", "))") }
    }
    return parts.joined(separator: "; ")
  }

  static func settings(_ text: String, for place: PortAddress) throws -> SerialSettings {
    guard !place.isModbusTCP else {
      throw Complaint(.usage, "\(place) is a network; nothing there has serial settings", "Leave --serial out.")
    }
    guard let settings = SerialSettings(text) else {
      let bauds = SerialSettings.knownBauds.map(String.init).joined(separator: ", ")
      throw Complaint(
        .usage, "\"\(text)\" are no serial settings", "Write \"2400 8E1\", with one of \(bauds) baud.")
    }
    return settings
  }

  static func onlyModbus(_ place: PortAddress) -> Complaint {
    Complaint(
      .usage, "\(place) speaks Modbus and nothing else",
      "DL/T 645 meters are behind a server that passes bytes through: tcp://HOST:PORT.")
  }

  private func languages(on place: PortAddress) throws -> Set<ScanPlan.Language> {
    guard !wires.isEmpty else { return place.isModbusTCP ? [.modbus] : Set(ScanPlan.Language.allCases) }
    var all: Set<ScanPlan.Language> = []
    for wire in wires {
      if wire == "dlt645" {
        all.formUnion([.dlt645of2007, .dlt645of1997])
      } else if let one = ScanPlan.Language(rawValue: wire) {
        all.insert(one)
      } else {
        throw Complaint(.usage, "unknown protocol \"\(wire)\"", "Write dlt645, dlt645-2007, dlt645-1997 or modbus.")
      }
    }
    guard !place.isModbusTCP || all == [.modbus] else { throw Self.onlyModbus(place) }
    return all
  }

  private func chosenUnits(_ place: PortAddress) throws -> ClosedRange<UInt8> {
    guard let units else { return place.isModbusTCP ? 0...255 : 1...247 }
    let ends = units.split(separator: "-", omittingEmptySubsequences: false).map { UInt8($0) }
    guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last,
      place.hasUnit(first), place.hasUnit(last)
    else {
      throw Complaint(
        .usage, "\"\(units)\" are no Modbus units",
        "Write a range such as 1-32, or one number; \(place.unitRange).")
    }
    return first...last
  }
}

extension PortAddress {
  /// The port that a person wrote.
  static func wanted(_ text: String) throws -> PortAddress {
    guard let place = PortAddress(text) else {
      throw Complaint(
        .usage, "\"\(text)\" is no port",
        "Write a device such as /dev/ttyUSB0, tcp://HOST:PORT or modbus-tcp://HOST:PORT.")
    }
    return place
  }

  /// Whether a Modbus meter can have this number here.
  func hasUnit(_ unit: UInt8) -> Bool { (1...247).contains(unit) || isModbusTCP && (unit == 0 || unit == 255) }

  var unitRange: String { isModbusTCP ? "0 to 247, or 255" : "1 to 247" }
}

/// Tells a person how a scan goes, and a program what was found.
private final class Board: Sendable {
  private struct State {
    var progress = ProgressLine()
    var what = ""
  }

  private let port: PortAddress
  private let plan: ScanPlan
  private let isJSON: Bool
  private let state = Guarded(State())
  private let started = HostClock.boot

  init(port: PortAddress, plan: ScanPlan, isJSON: Bool) {
    self.port = port
    self.plan = plan
    self.isJSON = isJSON
  }

  func begin() {
    let passes = plan.steps.count
    say(
      "scanning \(port): \(passes == 1 ? "1 pass" : "\(passes) passes"), at least \(ProgressLine.time(plan.leastTime)); Ctrl-C shows what was found"
    )
  }

  func end(isStopped: Bool) {
    state.withLock { state in
      state.progress.erase()
      if isStopped { state.progress.say("stopped; this is what was found so far") }
    }
  }

  private func say(_ text: String) { state.withLock { $0.progress.say(text) } }

  func note(_ event: ScanEvent) {
    switch event {
    case .began(let step):
      state.withLock { $0.what = "\(step.language.rawValue) at \(step.settings)" }
      say("\(step.language.rawValue) at \(step.settings)")
    case .progress(_, let left):
      let now = HostClock.boot
      state.withLock { $0.progress.show(done: now - started, left: left, $0.what, at: now) }
    case .found(let meter):
      let profile = meter.guesses.first.map { ", likely \($0.profile)" } ?? ""
      say("found \(meter.language.rawValue) \(meter.address) at \(meter.settings)\(profile)")
      if isJSON {
        print(ScanReport.json(meter, port: port).text)
        fflush(nil)
      }
    case .note(let text): say("note: \(text)")
    }
  }
}
