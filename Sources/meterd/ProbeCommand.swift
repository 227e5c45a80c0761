import Acquisition
import ArgumentParser
import Concentrator
import DLT645
import Devices
import Line
import Metering
import Modbus

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Reads one meter directly and says what it tells.",
    discussion: """
      For a meter on a port that no daemon holds. The port alone is enough for a DL/T 645 meter that is alone on its \
      line. With 12 digits it asks a DL/T 645 meter, with 1 to 247 a Modbus one; behind a Modbus TCP server also 0 and \
      255. Without --serial the usual settings are tried in turn. Without quantities it reads energies and instantaneous values. A Modbus meter without \
      --profile is read by the profile that it looks like, or as bare registers.

      EXAMPLES
        meterd probe /dev/ttyUSB0
        meterd probe /dev/ttyUSB0 --address 202311110001 --serial "2400 8E1"
        meterd probe /dev/ttyUSB0 --protocol dlt645-2007 --address AAAAAAAAAAAA clock
        meterd probe tcp://10.0.3.7:4001 --address 1 --profile eastron-sdm630 voltage.l1 --raw
        meterd probe modbus-tcp://10.0.3.9 --address 1
        meterd probe /dev/ttyUSB0 --address 1 --registers holding:0+10 --registers input:0x48+2
        meterd probe /dev/ttyUSB0 --address 1 --devices /srv/profiles
      """)

  @Argument(help: "A device such as /dev/ttyUSB0, tcp://HOST:PORT or modbus-tcp://HOST:PORT.")
  var port: String

  @Argument(help: "Quantities such as voltage.l1; all that the profile offers when left out.")
  var quantities: [String] = []

  @Option(
    name: .customLong("protocol"), help: "dlt645-2007, dlt645-1997, dlt645 or modbus; by the address when left out.")
  var wire: String?

  @Option(
    help:
      "12 digits for DL/T 645, 1 to 247 for Modbus, over modbus-tcp:// also 0 and 255; AAAAAAAAAAAA or nothing for the only DL/T 645 meter on the line."
  )
  var address: String?

  @Option(help: "Speed, data bits, parity, stop bits; the usual ones are tried when left out.")
  var serial: String?

  @Option(help: "A device profile; the one that the meter looks like when left out.")
  var profile: String?

  @OptionGroup var devices: DevicesOption

  @Option(help: "Registers to read as they are, such as holding:0+10 or input:0x48+2; without --profile nothing else.")
  var registers: [String] = []

  @Option(help: "How often a question is asked before the meter counts as silent.")
  var tries = 3

  @Flag(help: "Shows the bytes on the wire.")
  var raw = false

  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    let wish = try ProbeWish(self)
    let report: ProbeReport
    do throws(LineError) {
      report = try wish.carryOut()
    } catch {
      throw Complaint(error)
    }
    try report.show(json: json, raw: raw)
  }
}

/// What a probe is asked to do, checked.
struct ProbeWish {
  let place: PortAddress
  let languages: [ScanPlan.Language]
  /// `nil` for the only meter on the line.
  let address: MeterAddress?
  /// As the person wrote it.
  let writtenAddress: String?
  let settings: [SerialSettings]
  /// The person named the settings.
  let isSerialChosen: Bool
  let profile: DeviceProfile?
  /// The folder that the meter is recognised by; `nil` where no profile is used.
  let folders: DataFolders?
  let targets: [AcquisitionTask.Target]
  let registers: [RegisterWish]
  let tries: Int

  init(_ command: ProbeCommand) throws {
    let place = try PortAddress.wanted(command.port)
    self.place = place
    var languages = try Self.languages(command, place)
    let profile = try command.profile.map { try command.devices.folders().profile($0) }
    if let profile {
      let own = ScanPlan.Language(profile)
      guard languages.contains(own) else {
        let wanted = command.wire ?? (languages.first ?? .modbus).rawValue
        throw Complaint(
          .usage, "\(profile.name) is the profile of a \(own.rawValue) meter, not of a \(wanted) one",
          "Give the --protocol or the --profile that fits the other.")
      }
      languages = [own]
    }
    self.profile = profile
    registers = try command.registers.map { try RegisterWish($0) }
    let chosen = try command.serial.map { try ScanCommand.settings($0, for: place) }
    isSerialChosen = chosen != nil
    guard (1...10).contains(command.tries) else { throw Complaint(.usage, "--tries takes 1 to 10") }
    tries = command.tries
    targets = try Self.targets(command.quantities)
    let isWildcard = command.address.map { $0.uppercased() == "AAAAAAAAAAAA" } ?? true
    writtenAddress = command.address
    if isWildcard {
      address = nil
      languages.removeAll { $0 == .modbus }
      guard !languages.isEmpty else {
        throw Complaint(
          .usage, "a Modbus meter needs --address", "Units are \(place.unitRange); find them with: meterd scan \(place)"
        )
      }
    } else {
      address = try Self.address(command.address ?? "", languages, place)
    }
    if case .modbus = address { languages = languages.filter { $0 == .modbus } }
    guard registers.isEmpty || languages.contains(.modbus) else {
      throw Complaint(.usage, "--registers are those of a Modbus meter", "Give its --address, \(place.unitRange).")
    }
    self.languages = languages
    folders = try Self.folders(command)
    settings = Self.settings(chosen, profile, languages, place)
  }

  /// A probe needs no profile; without any it asks for what meters usually have. A folder that was named must be there.
  private static func folders(_ command: ProbeCommand) throws -> DataFolders? {
    guard command.devices.devices == nil else { return try command.devices.folders() }
    guard command.profile == nil, command.registers.isEmpty else { return nil }
    return try? command.devices.folders()
  }

  private static func languages(_ command: ProbeCommand, _ place: PortAddress) throws -> [ScanPlan.Language] {
    if place.isModbusTCP, command.wire?.hasPrefix("dlt645") != true, command.wire == nil || command.wire == "modbus" {
      return [.modbus]
    }
    let languages = try languages(command)
    guard !place.isModbusTCP else { throw ScanCommand.onlyModbus(place) }
    return languages
  }

  private static func languages(_ command: ProbeCommand) throws -> [ScanPlan.Language] {
    switch command.wire {
    case nil:
      // Twelve digits are a DL/T 645 address, and a unit has three at most.
      guard let address = command.address else { return [.dlt645of2007, .dlt645of1997] }
      let isUnit = address.utf8.count <= 3 && address.allSatisfy(\.isNumber)
      return isUnit ? [.modbus] : [.dlt645of2007, .dlt645of1997]
    case "dlt645": return [.dlt645of2007, .dlt645of1997]
    case .some(let name):
      guard let one = ScanPlan.Language(rawValue: name) else {
        throw Complaint(
          .usage, "unknown protocol \"\(name)\"", "Write dlt645-2007, dlt645-1997, dlt645 or modbus.")
      }
      return [one]
    }
  }

  private static func address(
    _ text: String, _ languages: [ScanPlan.Language], _ place: PortAddress
  ) throws -> MeterAddress {
    if languages == [.modbus] {
      if let unit = UInt8(text), place.hasUnit(unit), text == "\(unit)" { return .modbus(unit: unit) }
    } else if text.utf8.count == 12, let address = Address(text), address.isComplete {
      return .dlt645(address)
    }
    let kind = languages == [.modbus] ? "Modbus" : languages.count == 1 ? languages[0].rawValue : "DL/T 645"
    throw Complaint(
      .usage, "\"\(text)\" is no address of a \(kind) meter",
      languages == [.modbus]
        ? "A Modbus unit is \(place.unitRange)\(place.isModbusTCP ? " on a network" : "")."
        : "The address is the 12 digits on the meter, or AAAAAAAAAAAA for the only meter on the line.")
  }

  private static func targets(_ quantities: [String]) throws -> [AcquisitionTask.Target] {
    guard !quantities.isEmpty else { return [.energies, .instantaneous] }
    return try quantities.map { name in
      guard let quantity = Quantity(name: name) else {
        throw Complaint(
          .usage, "\"\(name)\" is no quantity",
          "Write a name such as energy.import.active.total or voltage.l1; meterd identifiers lists them.")
      }
      return .quantity(quantity)
    }
  }

  /// As chosen; else the profile's own and the usual ones. A serial server keeps its own, whatever is asked for.
  private static func settings(
    _ chosen: SerialSettings?, _ profile: DeviceProfile?, _ languages: [ScanPlan.Language], _ place: PortAddress
  ) -> [SerialSettings] {
    if place.isModbusTCP { return [.network] }
    if let chosen { return [chosen] }
    var all: [SerialSettings] = profile?.serial.map { [$0] } ?? []
    for language in languages {
      for settings in ScanPlan.usualSettings(for: language) where !all.contains(settings) { all.append(settings) }
    }
    if case .server = place { return Array(all.prefix(1)) }
    return all
  }
}

extension ScanPlan.Language {
  /// What a meter of `profile` speaks.
  init(_ profile: DeviceProfile) {
    switch profile.language {
    case .modbus: self = .modbus
    case .dlt645(.of2007, _): self = .dlt645of2007
    case .dlt645(.of1997, _): self = .dlt645of1997
    }
  }
}

/// Registers that a person wants to see: `holding:0+10`, `input:0x48+2`.
struct RegisterWish {
  let function: ReadFunction
  let first: UInt16
  let count: UInt16

  init(_ text: String) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let ends = parts.last?.split(separator: "+", omittingEmptySubsequences: false) ?? []
    let functions: [Substring: ReadFunction] = ["holding": .holdingRegisters, "input": .inputRegisters]
    guard parts.count == 2, let function = functions[parts[0]], (1...2).contains(ends.count),
      let first = Self.number(ends[0]), let count = ends.count == 2 ? Self.number(ends[1]) : 1,
      ReadRequest(unit: 1, function: function, register: first, count: count) != nil
    else {
      throw Complaint(
        .usage, "\"\(text)\" are no registers",
        "Write holding:0+10 or input:0x48+2: the first register as on the wire, from 0, and how many; 125 at most.")
    }
    self.function = function
    self.first = first
    self.count = count
  }

  private static func number(_ text: Substring) -> UInt16? {
    let isHex = text.hasPrefix("0x") || text.hasPrefix("0X")
    let digits = isHex ? text.dropFirst(2) : text
    guard !digits.isEmpty, digits.allSatisfy(\.isHexDigit) else { return nil }
    return UInt16(digits, radix: isHex ? 16 : 10)
  }
}
