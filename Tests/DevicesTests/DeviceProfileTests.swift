import Devices
import Documents
import Glibc
import Metering
import Modbus
import TOML
import Testing

/// The profiles that come with meterd.
enum Shipped {
  /// The folder `devices` beside `Tests`.
  static let folder = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/devices"

  static let names: [String] = {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".toml") { names.append(String(name.dropLast(5))) }
    }
    return names.sorted()
  }()

  static func text(_ name: String) throws -> String { try contents("\(name).toml") }
  static func readme() throws -> String { try contents("README.md") }

  private static func contents(_ name: String) throws -> String {
    let file = try #require(fopen("\(folder)/\(name)", "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func profile(_ name: String) throws -> DeviceProfile {
    try DeviceProfile(Document(toml: text(name), file: "\(name).toml"))
  }
}

@Suite struct ShippedProfileTests {
  @Test(arguments: Shipped.names)
  func `every profile loads under the name of its file`(_ name: String) throws {
    let profile = try Shipped.profile(name)
    #expect(profile.name == name)
    #expect(!profile.title.isEmpty && !profile.evidence.source.isEmpty)
    switch profile.language {
    case .modbus(let map):
      #expect(Set(profile.quantities).count == profile.quantities.count)
      #expect(profile.modbusRegisters(for: profile.quantities) == map.registers)
      // A whole value each: two registers of one meter never share words here.
      for (index, register) in map.registers.enumerated() {
        for other in map.registers[(index + 1)...] {
          #expect(!register.range.overlaps(other.range), "\(register.quantity) and \(other.quantity)")
        }
        guard register.format.type.isNumber else { continue }
        let zero = [UInt16](repeating: 0, count: register.range.count)
        #expect(try register.format.decode(zero).number?.millionths == 0, "\(register.quantity)")
      }
    case .dlt645(let edition, let items):
      #expect(profile.dlt645Items == items)
      #expect(profile.capacity(of: .energyTotal(.importActive)) == 1_000_000)
      #expect(items.contains { $0.text(edition) == (edition == .of2007 ? "0001FF00" : "901F") })
    }
  }

  @Test(arguments: Shipped.names)
  func `every profile says what is easily taken for granted`(_ name: String) throws {
    let profile = try Shipped.profile(name)
    let text = try Shipped.text(name)
    #expect(profile.transformerRatios != nil)
    let required = ["phases", "transformer-ratios", "reply-timeout-ms", "inter-byte-ms", "quiet-after-ms"]
    for key in required { #expect(text.contains("\n\(key) = "), "\(key)") }
    if case .modbus = profile.language {
      for key in ["function", "order", "max-registers"] { #expect(text.contains("\n\(key) = "), "\(key)") }
    }
    // A doubt is named where it is had: the file says in words what its mark says.
    if profile.evidence.certainty == .conflicting { #expect(text.contains("conflict") || text.contains("generation")) }
  }

  @Test(arguments: Shipped.names)
  func `the list of profiles names each with its protocol and certainty`(_ name: String) throws {
    let profile = try Shipped.profile(name)
    let rows = try Shipped.readme().split(separator: "\n").filter { $0.hasPrefix("| `\(name)` |") }
    #expect(rows.count == 1)
    let cells = rows.first?.split(separator: "|").map { $0.drop { $0 == " " }.prefix { $0 != " " } } ?? []
    switch profile.language {
    case .modbus: #expect(cells.contains("modbus"))
    case .dlt645(let edition, _): #expect(cells.contains(Substring(edition.rawValue)))
    }
    #expect(cells.contains(Substring(profile.evidence.certainty.rawValue)))
  }

  @Test func `the profiles that are promised are there, and their names are unique`() throws {
    let promised = [
      "abb-a43", "abb-b23", "acrel-adl3000", "acrel-adl400-primary", "acrel-ddsy1352", "carlo-gavazzi-em24",
      "carlo-gavazzi-em340", "chint-ddsu666", "chint-dtsu666", "chint-dtsu666-401e", "dlt645-1997-single-phase",
      "dlt645-1997-three-phase", "dlt645-2007-single-phase", "dlt645-2007-three-phase", "eastron-sdm120",
      "eastron-sdm230", "eastron-sdm630", "eastron-sdm72d-v2", "hiking-dds238", "janitza-umg96rm", "orno-we-514",
      "orno-we-516", "schneider-iem3155", "siemens-pac1600", "siemens-pac2200",
    ]
    #expect(promised.allSatisfy(Shipped.names.contains))
    let profiles = try Shipped.names.map(Shipped.profile)
    #expect(Set(profiles.map(\.name)).count == profiles.count)
  }

  @Test func `an SDM630 is read by its map in three blocks`() throws {
    let profile = try Shipped.profile("eastron-sdm630")
    guard case .modbus(let map) = profile.language else {
      Issue.record("not Modbus")
      return
    }
    let stems = ["voltage", "current", "power.active", "power.apparent", "power.reactive", "power-factor"]
    let names =
      stems.flatMap { stem in (1...3).map { "\(stem).l\($0)" } }
      + [
        "power.active.total", "power.apparent.total", "power.reactive.total", "frequency", "energy.import.active.total",
        "energy.export.active.total", "demand.combined.active.total", "energy.combined.active.total",
        "energy.combined.reactive1.total", "energy.import.active.l1", "energy.import.active.l2",
        "energy.import.active.l3",
      ]
    let registers = profile.modbusRegisters(for: names.compactMap { Quantity(name: $0) })
    #expect(registers.count == 30)
    let wire = WireCost(
      byteNanoseconds: try #require(profile.serial).characterTime.nanoseconds, replyDelayNanoseconds: 40_000_000,
      silenceNanoseconds: 3_645_834)
    let plan = try ReadPlan(registers.map(\.range), limits: map.limits, wire: wire)
    #expect(plan.blocks.map { "\($0.first)+\($0.count)" } == ["0+36", "52+36", "342+10"])
    let voltage = try #require(registers.first)
    let total = try #require(Quantity(name: "power.active.total"))
    #expect(try voltage.format.decode([0x4366, 0x3334]).description == "230.200012")
    let power = try #require(profile.modbusRegisters(for: [total]).first)
    // 1500 W as a float is 1.5 kW.
    #expect(try power.format.decode([0x44BB, 0x8000]).number?.millionths == 1_500_000)
  }

  @Test func `doubtful statements are marked`() throws {
    let chint = try Shipped.profile("chint-dtsu666")
    #expect(chint.evidence.certainty == .conflicting)
    let quantity = try #require(Quantity(name: "power.reactive.total"))
    let reactive = chint.modbusRegisters(for: [quantity])
    #expect(reactive.first?.evidence.certainty == .singleSource)
    #expect(reactive.first?.format.scale.description == "0.0001")
    #expect(chint.transformerRatios == .unknown)
    let acrel = try Shipped.profile("acrel-adl3000")
    #expect(acrel.transformerRatios == .notIncluded)
    let clock = try #require(Quantity(name: "clock"))
    #expect(
      try acrel.modbusRegisters(for: [clock]).first?.format.decode([0x1A0B, 0x1608, 0x0F1E]).description
        == "2026-11-22T08:15:30")
    let abb = try Shipped.profile("abb-b23")
    let net = try #require(abb.modbusRegisters(for: [.energyTotal(.combinedActive)]).first)
    #expect(try net.format.decode([0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF]) == .absent)
    #expect(try net.format.decode([0xFFFF, 0xFFFF, 0xFFFF, 0xFF9C]).description == "-1.00")
  }

  @Test func `earlier settlements and freezes are counted from the last`() throws {
    let items = try Shipped.profile("dlt645-2007-three-phase").dlt645Items
    let settled = try #require(items.first { $0.identifier == 0x0001_FF01 })
    #expect(settled.kind == .settlement)
    #expect(settled.identifier(back: 12) == 0x0001_FF0C)
    let current = try #require(items.first { $0.identifier == 0x0001_FF00 })
    #expect(current.identifier(back: 1) == nil)
    #expect(settled.identifier(back: 0) == nil && settled.identifier(back: 255) == nil)
    let old = try Shipped.profile("dlt645-1997-three-phase").dlt645Items
    let month = try #require(old.first { $0.identifier == 0x941F })
    #expect(month.kind == .settlement)
    #expect(month.identifier(back: 1) == 0x941F && month.identifier(back: 2) == 0x981F)
    #expect(month.identifier(back: 3) == nil)
    #expect(old.first { $0.identifier == 0xB41F }?.identifier(back: 2) == 0xB81F)
  }
}
