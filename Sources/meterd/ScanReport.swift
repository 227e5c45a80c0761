import Acquisition
import Concentrator
import DLT645
import Line
import Metering

/// What a scan found: a table, a configuration to be pasted, JSON.
struct ScanReport {
  let port: PortAddress
  let meters: [FoundMeter]

  /// One object a meter.
  static func json(_ meter: FoundMeter, port: PortAddress) -> JSON {
    .object([
      "port": .string("\(port)"), "protocol": .string(meter.language.rawValue), "address": .string(meter.plainAddress),
      "serial": .string("\(meter.settings)"), "profile": .optional(meter.guesses.first?.profile),
      "other_profiles": .array(meter.guesses.dropFirst().map { .string($0.profile) }),
      "evidence": .array((meter.guesses.first?.evidence ?? []).map(JSON.string)),
      "notes": .array(meter.notes.map(JSON.string)),
    ])
  }

  /// A table with a line of headings.
  var table: [String] {
    let rows =
      [["PROTOCOL", "ADDRESS", "SERIAL", "LIKELY PROFILE"]]
      + meters.map { meter in
        let guess =
          meter.guesses.isEmpty
          ? "none fits"
          : meter.guesses.map(\.profile).joined(separator: " or ")
            + "  (\(meter.guesses[0].evidence.joined(separator: ", ")))"
        return [meter.language.rawValue, meter.plainAddress, "\(meter.settings)", guess]
      }
    let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines: [String] = []
    for (index, row) in rows.enumerated() {
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      lines.append((cells + [row[3]]).joined(separator: "  "))
      if index > 0 { lines += meters[index - 1].notes.map { "  note: \($0)" } }
    }
    return lines
  }

  /// The line and its meters, as the daemon's configuration takes them.
  ///
  /// A meter without a likely profile stands as a comment, since the daemon needs one.
  var toml: [String] {
    var lines = ["[[line]]", "name = \"line1\"", "port = \(quoted("\(port)"))"]
    let common = commonSettings
    if let common, common != .network { lines.append("serial = \"\(common)\"") }
    var addresses: Set<String> = []
    for meter in meters {
      lines.append("")
      var block = ["[[line.meter]]", "id = \"\(meter.name)\""]
      let others = meter.guesses.dropFirst().map(\.profile)
      if let guess = meter.guesses.first {
        let doubt = others.isEmpty ? "" : "  # or \(others.joined(separator: ", ")); compare with the type plate"
        block.append("profile = \"\(guess.profile)\"\(doubt)")
      } else {
        block.append("profile = \"\"  # none fits: choose one, or write one for this model")
      }
      block.append("address = \"\(meter.plainAddress)\"")
      if meter.settings != common { block.append("serial = \"\(meter.settings)\"") }
      let isSecond = !addresses.insert(meter.plainAddress).inserted
      if isSecond { lines.append("# The same address as above; the daemon takes one meter of each address on a line.") }
      lines += meter.guesses.isEmpty || isSecond ? block.map { "# \($0)" } : block
    }
    return lines
  }

  /// The settings of most meters.
  private var commonSettings: SerialSettings? {
    var counts: [SerialSettings: Int] = [:]
    for meter in meters { counts[meter.settings, default: 0] += 1 }
    let most = counts.values.max()
    return meters.first { counts[$0.settings] == most }?.settings
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}

extension FoundMeter {
  /// As a configuration has it: twelve digits, or the number of the unit.
  var plainAddress: String {
    switch address {
    case .dlt645(let address): address.description
    case .modbus(let unit): "\(unit)"
    }
  }

  /// A name that no other meter of the scan has.
  var name: String {
    switch address {
    case .dlt645(let address): "D-\(address)"
    case .modbus(let unit): settings == .network ? "M-\(unit)" : "M-\(settings.baud)-\(unit)"
    }
  }
}
