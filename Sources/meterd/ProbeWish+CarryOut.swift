import Acquisition
import Concentrator
import DLT645
import Devices
import Documents
import Line
import Metering
import Modbus
import TOML

extension ProbeWish {
  /// Finds the meter and reads it; the report says how far that came.
  func carryOut() throws(LineError) -> ProbeReport {
    var report = ProbeReport(wish: self)
    guard let first = settings.first else { return report }
    let probe = try Probe(place, settings: first)
    try find(probe, &report)
    guard let here = report.here else { return report }
    try read(probe, here, &report)
    return report
  }

  /// Several settings are tried, so each gets less time.
  private var isHunt: Bool { settings.count > 1 }

  private var isTold: Bool { settings.count * languages.count > 1 }

  private func find(_ probe: Probe, _ report: inout ProbeReport) throws(LineError) {
    for settings in settings {
      for language in languages {
        if isTold { writeError("trying \(language.rawValue) at \(settings)\n") }
        let timeout: Int64 = language == .modbus ? (isHunt ? 600 : 1000) : (isHunt ? 1000 : 1500)
        do throws(LineError) {
          let (greeting, traffic) = try probe.greet(
            address, language, settings: settings, timeout: .milliseconds(timeout), tries: isHunt ? 1 : tries)
          report.tried(language, settings, greeting, traffic)
        } catch {
          // A port that cannot do one setting may do the next.
          guard isHunt, !error.losesPort else { throw error }
          writeError("\(error)\n")
        }
        if report.here != nil || !report.several.isEmpty { return }
      }
    }
  }

  private func read(
    _ probe: Probe, _ here: ProbeReport.Here, _ report: inout ProbeReport
  ) throws(LineError) {
    if isTold { writeError("meter \(here.name) answers: \(here.language.rawValue) at \(here.settings)\n") }
    if case .modbus(let unit) = here.address {
      if profile == nil {
        report.identity = try probe.identity(ofUnit: unit, settings: here.settings, timeout: .milliseconds(600))
      }
      for wish in registers { try read(wish, unit, probe, here, &report) }
      if !registers.isEmpty, profile == nil { return }
    }
    var chosen = profile
    if chosen == nil, let folders {
      let profiles = folders.profileNames.compactMap { try? folders.profile($0) }
      let guesses = try probe.recognise(here.address, here.language, settings: here.settings, profiles: profiles)
      report.guesses = guesses
      chosen = guesses.first.flatMap { guess in profiles.first { $0.name == guess.profile } }
    } else if chosen == nil {
      writeError("no device profiles are found: asking for what such meters usually have; see --devices\n")
    }
    switch (here.address, here.language) {
    case (.dlt645(let address), .dlt645of1997): try readOld(address, chosen, probe, here, &report)
    case (.modbus(let unit), _):
      if let chosen {
        try ask(
          probe, LineMeter(id: .unnamed, address: here.address, profile: chosen, settings: here.settings), &report)
      } else {
        for text in ["holding:0+10", "input:0+10"] {
          guard let wish = try? RegisterWish(text) else { continue }
          try read(wish, unit, probe, here, &report)
        }
      }
    case (.dlt645, _):
      guard let known = chosen ?? Self.usual2007 else { return }
      try ask(probe, LineMeter(id: .unnamed, address: here.address, profile: known, settings: here.settings), &report)
    }
  }

  private func ask(_ probe: Probe, _ meter: LineMeter, _ report: inout ProbeReport) throws(LineError) {
    for query in meter.queries(for: targets) {
      let result = try probe.ask(query, of: meter, tries: tries)
      // The registers between those that were asked for were never wanted; a DL/T 645 block is one item.
      report.results.append(report.here?.language == .modbus && !wanted.isEmpty ? result.telling(only: wanted) : result)
      if report.isSilent { break }
    }
  }

  /// The quantities that the person named; empty for none.
  private var wanted: Set<Quantity> {
    Set(targets.compactMap { if case .quantity(let quantity) = $0 { quantity } else { nil } })
  }

  private func read(
    _ wish: RegisterWish, _ unit: UInt8, _ probe: Probe, _ here: ProbeReport.Here, _ report: inout ProbeReport
  ) throws(LineError) {
    guard let request = ReadRequest(unit: unit, function: wish.function, register: wish.first, count: wish.count) else {
      return
    }
    report.results.append(
      try probe.ask(request, settings: here.settings, timeout: .milliseconds(1000), tries: tries))
  }

  /// What a 2007 meter usually has, where neither profile nor person says more; three phases, so a meter of one
  /// refuses a part of it or says FF. Sources and times as in the shipped profile of such meters.
  private static let usual2007: DeviceProfile? = {
    let identifiers = [
      "0001FF00", "0002FF00", "0003FF00", "0004FF00", "0101FF00", "0201FF00", "0202FF00", "0203FF00", "0206FF00",
      "02800002", "04000101", "04000102",
    ]
    let items = identifiers.map { "[[group.item]]\nidentifier = \"\($0)\"\n" }.joined()
    let text = """
      name = "usual"
      title = "DL/T 645-2007 meter"
      manufacturer = "any"
      protocol = "dlt645-2007"
      source = "identifiers of DL/T 645-2007 that every meter keeps"
      certainty = "corroborated"
      serial = "2400 8E1"
      phases = 3
      nominal-voltage = "220"
      max-current = "100"
      transformer-ratios = "not-included"
      reply-timeout-ms = 1500
      inter-byte-ms = 500
      quiet-after-ms = 2
      wake-ups = 4
      rates = 4
      energy-digits = 6
      [[group]]
      kind = "current"
      \(items)
      """
    return try? DeviceProfile(Document(toml: text, file: "usual"))
  }()

  /// What a 1997 meter usually has, where neither profile nor person says more.
  private static let usual1997: [UInt16] = [
    0x901F, 0x9010, 0x9020, 0x9110, 0x9120, 0xB611, 0xB612, 0xB613, 0xB621, 0xB622, 0xB623, 0xB630, 0xB640, 0xB650,
    0xC010, 0xC011,
  ]

  private func readOld(
    _ address: Address, _ profile: DeviceProfile?, _ probe: Probe, _ here: ProbeReport.Here,
    _ report: inout ProbeReport
  ) throws(LineError) {
    var identifiers: [ShortIdentifier] = []
    for target in targets {
      guard case .quantity(let quantity) = target else { continue }
      if let own = ShortIdentifier(for: quantity) { identifiers.append(own) }
    }
    if identifiers.isEmpty, targets.contains(.energies) {
      let items = (profile?.dlt645Items ?? []).filter { $0.kind == .current }.map(\.identifier)
      let listed = items.compactMap { UInt16(exactly: $0) }
      identifiers = (listed.isEmpty ? Self.usual1997 : listed).map { ShortIdentifier(rawValue: $0) }
    }
    for identifier in identifiers {
      report.results.append(try probe.ask(identifier, of: address, settings: here.settings, tries: tries))
      if report.isSilent { break }
    }
  }
}
