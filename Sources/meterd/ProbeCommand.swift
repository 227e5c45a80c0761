import Acquisition
import ArgumentParser
import Concentrator
import DLT645
import Devices
import Line
import Metering

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Reads one meter directly and says what it tells.",
    discussion: """
      For a meter on a port that no daemon holds. Without quantities it reads energies and instantaneous values. A \
      DL/T 645 meter alone on its line is found with --address AAAAAAAAAAAA.

      EXAMPLES
        meterd probe /dev/ttyUSB0 --protocol dlt645-2007 --address 202311110001
        meterd probe /dev/ttyUSB0 --protocol dlt645-2007 --address AAAAAAAAAAAA clock
        meterd probe tcp://10.0.3.7:4001 --protocol modbus --address 1 --profile eastron-sdm630 voltage.l1 --raw
      """)

  @Argument(help: "A device such as /dev/ttyUSB0, or tcp://HOST:PORT.")
  var port: String

  @Argument(help: "Quantities such as voltage.l1; all that the profile offers when left out.")
  var quantities: [String] = []

  @Option(name: .customLong("protocol"), help: "dlt645-2007 or modbus.")
  var wire: String

  @Option(help: "12 digits for DL/T 645, 1 to 247 for Modbus.")
  var address: String

  @Option(help: "Speed, data bits, parity, stop bits; 2400 8E1 for DL/T 645, 9600 8N1 for Modbus when left out.")
  var serial: String?

  @Option(help: "A device profile; dlt645-2007-three-phase when left out.")
  var profile: String?

  @Option(help: "How often a question is asked before the meter counts as silent.")
  var tries = 3

  @Flag(help: "Shows the bytes on the wire.")
  var raw = false

  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    let profile = try chosenProfile()
    guard let place = PortAddress(port) else {
      throw Complaint(.usage, "\"\(port)\" is no port", "Write a device such as /dev/ttyUSB0, or tcp://HOST:PORT.")
    }
    let settings = try chosenSettings(profile)
    guard (1...10).contains(tries) else { throw Complaint(.usage, "--tries takes 1 to 10") }
    let targets = try wantedTargets(profile)
    let wildcard = wire == "dlt645-2007" && address.uppercased() == "AAAAAAAAAAAA"
    var known = MeterAddress(address, for: profile)
    guard known != nil || wildcard else {
      throw Complaint(
        .usage, "\"\(address)\" is no address of a \(wire) meter",
        wire == "modbus"
          ? "A Modbus unit is 1 to 247."
          : "The address is the 12 digits on the meter, or AAAAAAAAAAAA for the only meter on the line.")
    }
    let results: [Probe.Result]
    do throws(LineError) {
      let probe = try Probe(place, settings: settings)
      if wildcard {
        known = try probe.findAddress(settings: settings, timeout: profile.timing.replyTimeout, tries: tries)
          .map(MeterAddress.dlt645)
      }
      results =
        try known.map { found throws(LineError) in
          try ask(probe, LineMeter(id: .unnamed, address: found, profile: profile, settings: settings), targets)
        } ?? []
    } catch {
      throw Complaint(error)
    }
    guard known != nil else {
      throw Complaint(
        .noAnswer, "no meter on \(place) told its address (\(triesText(tries)), \(settings))",
        "To AAAAAAAAAAAA a meter answers soundly while it is alone on the line. Take the others off, or give the address of one; else check the A/B wiring and the speed."
      )
    }
    try report(results, known, place, settings)
  }

  private func ask(_ probe: Probe, _ meter: LineMeter, _ targets: [AcquisitionTask.Target]) throws(LineError) -> [Probe
    .Result]
  {
    var results: [Probe.Result] = []
    for query in meter.queries(for: targets) {
      let result = try probe.ask(query, of: meter, tries: tries)
      results.append(result)
      // A meter that is silent for one question is silent for all.
      if case .silent = result.outcome, results.count == 1 { break }
    }
    return results
  }

  private func chosenProfile() throws -> DeviceProfile {
    let folders = try DataFolders()
    switch wire {
    case "dlt645-2007": return try fitting(folders.profile(profile ?? "dlt645-2007-three-phase"))
    case "modbus":
      guard let profile else {
        throw Complaint(
          .usage, "a Modbus meter needs --profile: its registers say nothing of themselves",
          "There are: \(folders.profileNames.joined(separator: ", ")).")
      }
      return try fitting(folders.profile(profile))
    default:
      throw Complaint(.usage, "unknown protocol \"\(wire)\"", "Write dlt645-2007 or modbus.")
    }
  }

  /// The profile, where it is of a meter that speaks what was chosen.
  private func fitting(_ profile: DeviceProfile) throws -> DeviceProfile {
    let speaks: String
    switch profile.language {
    case .modbus: speaks = "modbus"
    case .dlt645(.of2007, _): speaks = "dlt645-2007"
    case .dlt645: speaks = "dlt645-1997"
    }
    guard speaks == wire else {
      throw Complaint(
        .usage, "\(profile.name) is the profile of a \(speaks) meter, not of a \(wire) one",
        "Give the --protocol or the --profile that fits the other.")
    }
    return profile
  }

  private func chosenSettings(_ profile: DeviceProfile) throws -> SerialSettings {
    guard let serial else { return profile.serial ?? (wire == "modbus" ? .modbus : .dlt645) }
    guard let settings = SerialSettings(serial) else {
      let bauds = SerialSettings.knownBauds.map(String.init).joined(separator: ", ")
      throw Complaint(
        .usage, "\"\(serial)\" are no serial settings", "Write \"2400 8E1\", with one of \(bauds) baud.")
    }
    return settings
  }

  private func wantedTargets(_ profile: DeviceProfile) throws -> [AcquisitionTask.Target] {
    guard !quantities.isEmpty else { return [.energies, .instantaneous] }
    var targets: [AcquisitionTask.Target] = []
    for name in quantities {
      guard let quantity = Quantity(name: name) else {
        throw Complaint(
          .usage, "\"\(name)\" is no quantity", "Write a name such as energy.import.active.total or voltage.l1.")
      }
      targets.append(.quantity(quantity))
    }
    return targets
  }

  private func report(
    _ results: [Probe.Result], _ address: MeterAddress?, _ place: PortAddress, _ settings: SerialSettings
  ) throws {
    guard !results.isEmpty else {
      throw Complaint(
        .usage, "the profile has nothing of what was asked for", "Leave the quantities out to read all it offers.")
    }
    let meter = address.map { "\($0)" } ?? self.address
    let told = results.contains { if case .told = $0.outcome { true } else { false } }
    if json {
      print(ProbeReport.json(results, meter: meter, port: place, settings: settings).text)
    } else {
      for line in ProbeReport.text(results, meter: meter, port: place, settings: settings, raw: raw) { print(line) }
    }
    if told { return }
    if case .silent = results[0].outcome { throw silence(place, settings) }
    if case .refused(let reason) = results[0].outcome {
      throw Complaint(
        .badData, "meter \(meter) on \(place) refuses: \(reason)",
        "It is there and answers. Ask for other quantities, or choose the profile of its model.")
    }
    throw Complaint(
      .badData, "what came from \(place) is no sound answer of meter \(meter)",
      "Bytes come, so the wiring works. Check speed and parity (\(settings)), and whether two meters share this address; --raw shows the bytes."
    )
  }

  private func silence(_ place: PortAddress, _ settings: SerialSettings) -> Complaint {
    Complaint(
      .noAnswer, "meter \(address) on \(place) did not answer (\(triesText(tries)), \(settings))",
      "Check the address, the A/B wiring and the speed. If other meters on this line answer, it is this meter."
        + (wire == "modbus" ? "" : " Alone on the line it answers to --address AAAAAAAAAAAA."))
  }
}

private func triesText(_ count: Int) -> String { "\(count) \(count == 1 ? "try" : "tries")" }

/// The results of a probe, for people and programs.
enum ProbeReport {
  static func text(
    _ results: [Probe.Result], meter: String, port: PortAddress, settings: SerialSettings, raw: Bool
  ) -> [String] {
    var out: [String] = ["meter \(meter) on \(port), \(settings)"]
    for result in results {
      let time = "\(result.roundTrip.milliseconds) ms, \(triesText(result.tries))"
      switch result.outcome {
      case .told(let observations):
        out.append("\(result.query)  \(time)")
        out += observations.map { "  \($0.line)" }
      case .refused(let reason): out.append("\(result.query)  refused: \(reason)  (\(time))")
      case .damaged(let reason): out.append("\(result.query)  not believed: \(reason)  (\(time))")
      case .silent: out.append("\(result.query)  no answer  (\(triesText(result.tries)))")
      }
      if raw {
        for run in result.traffic { out.append("  \(run.sent ? ">" : "<") \(hexString(run.bytes))") }
      }
    }
    return out
  }

  static func json(_ results: [Probe.Result], meter: String, port: PortAddress, settings: SerialSettings) -> JSON {
    .object([
      "meter": .string(meter), "port": .string("\(port)"), "serial": .string("\(settings)"),
      "answers": .array(
        results.map { result in
          var members: [JSON.Member] = [
            .init("query", .string("\(result.query)")),
            .init("tries", .integer(Int64(result.tries))),
            .init("round_trip_ms", .integer(result.roundTrip.milliseconds)),
          ]
          switch result.outcome {
          case .told(let observations):
            members += [.init("outcome", "told"), .init("values", .array(observations.map(\.json)))]
          case .refused(let reason): members += [.init("outcome", "refused"), .init("reason", .string(reason))]
          case .damaged(let reason): members += [.init("outcome", "damaged"), .init("reason", .string(reason))]
          case .silent: members.append(.init("outcome", "silent"))
          }
          members.append(
            .init(
              "traffic",
              .array(
                result.traffic.map {
                  .object(["direction": $0.sent ? "sent" : "received", "bytes": .string(hexString($0.bytes))])
                })))
          return .object(members)
        }),
    ])
  }
}
