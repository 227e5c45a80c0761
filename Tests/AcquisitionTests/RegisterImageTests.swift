@testable import Acquisition
import Devices
import Line
import Metering
import Modbus
import Simulator
import Testing

/// Registers of one value as they stand on the wire, and what they mean, worked out by hand.
struct ImageCase: Sendable, CustomTestStringConvertible {
  let profile: String
  let quantity: String
  let function: ReadFunction
  let address: UInt16
  let words: String
  /// In the unit of the quantity, with six places.
  let expected: String
  var testDescription: String { "\(profile) \(quantity)" }

  init(
    _ profile: String, _ quantity: String, _ function: ReadFunction, _ address: UInt16, _ words: String,
    _ expected: String
  ) {
    self.profile = profile
    self.quantity = quantity
    self.function = function
    self.address = address
    self.words = words
    self.expected = expected
  }

  var registers: [UInt16] { words.split(separator: " ").compactMap { UInt16($0, radix: 16) } }
}

private let modbusNames = profileNames.filter { !$0.hasPrefix("dlt645") }

private func modbusMeter(_ name: String) throws -> LineMeter {
  let profile = try profile(named: name)
  return LineMeter(
    id: id("M"), address: .modbus(unit: 17), profile: profile, settings: try settings(quickSettings))
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct RegisterImageTests {
  static let cases = [
    ImageCase(
      "abb-a43", "energy.import.active.total", .holdingRegisters, 0x5000, "0000 0000 0012 D687", "12345.670000"),
    ImageCase("abb-a43", "power.active.total", .holdingRegisters, 0x5B14, "FFFD B5F7", "-1.500250"),
    ImageCase("abb-b23", "voltage.l2", .holdingRegisters, 0x5B02, "0000 08FE", "230.200000"),
    ImageCase("abb-b23", "energy.combined.active.total", .holdingRegisters, 0x5008, "FFFF FFFF FFFF FF9C", "-1.000000"),
    ImageCase("acrel-adl3000", "energy.import.active.total", .holdingRegisters, 0x000A, "0074 CBB1", "76543.210000"),
    ImageCase("acrel-adl3000", "power.active.l1", .holdingRegisters, 0x0067, "FB2E", "-1.234000"),
    ImageCase("acrel-adl400-primary", "voltage.l1", .holdingRegisters, 0x0800, "4366 3333", "230.199997"),
    ImageCase(
      "acrel-adl400-primary", "energy.import.active.rate2", .holdingRegisters, 0x0850, "0001 E240", "12345.600000"),
    ImageCase("acrel-ddsy1352", "energy.combined.active.rate4", .holdingRegisters, 0x0008, "0001 81CD", "987.650000"),
    ImageCase("acrel-ddsy1352", "voltage.l1", .holdingRegisters, 0x000B, "0896", "219.800000"),
    ImageCase(
      "carlo-gavazzi-em24", "energy.import.active.total", .inputRegisters, 0x003E, "D687 0012", "123456.700000"),
    ImageCase("carlo-gavazzi-em24", "power.active.total", .inputRegisters, 0x0028, "C566 FFFF", "-1.500200"),
    ImageCase("carlo-gavazzi-em340", "voltage.l1", .inputRegisters, 0x0000, "08FE 0000", "230.200000"),
    ImageCase("carlo-gavazzi-em340", "energy.export.active.total", .inputRegisters, 0x004E, "1171 0001", "7000.100000"),
    ImageCase("chint-ddsu666", "power.active.total", .holdingRegisters, 0x2004, "BF00 0000", "-0.500000"),
    ImageCase("chint-ddsu666", "energy.import.active.total", .holdingRegisters, 0x4000, "449A 51EC", "1234.560059"),
    ImageCase("chint-dtsu666", "voltage.l1", .holdingRegisters, 0x2006, "450F E000", "230.200000"),
    ImageCase("chint-dtsu666", "energy.import.active.total", .holdingRegisters, 0x101E, "449A 51EC", "1234.560059"),
    ImageCase("chint-dtsu666-401e", "power.active.total", .holdingRegisters, 0x2012, "C66A 6000", "-1.500000"),
    ImageCase(
      "chint-dtsu666-401e", "energy.export.active.total", .holdingRegisters, 0x4028, "462A 7500", "10909.250000"),
    ImageCase("eastron-sdm120", "power.active.total", .inputRegisters, 0x000C, "44BB 8000", "1.500000"),
    ImageCase("eastron-sdm120", "energy.import.active.total", .inputRegisters, 0x0048, "4708 EE9A", "35054.601563"),
    ImageCase("eastron-sdm230", "voltage.l1", .inputRegisters, 0x0000, "4366 3333", "230.199997"),
    ImageCase("eastron-sdm230", "energy.export.active.total", .inputRegisters, 0x004A, "3E00 0000", "0.125000"),
    ImageCase("eastron-sdm630", "voltage.l3", .inputRegisters, 0x0004, "4366 3334", "230.200012"),
    ImageCase("eastron-sdm630", "energy.import.active.l3", .inputRegisters, 0x015E, "4800 0001", "131072.015625"),
    ImageCase("eastron-sdm72d-v2", "power.active.total", .inputRegisters, 0x0034, "C43B 8000", "-0.750000"),
    ImageCase("eastron-sdm72d-v2", "frequency", .inputRegisters, 0x0046, "4247 EB85", "49.980000"),
    ImageCase("hiking-dds238", "energy.import.active.total", .holdingRegisters, 0x000A, "0001 E240", "1234.560000"),
    ImageCase("hiking-dds238", "power.active.total", .holdingRegisters, 0x000E, "FA24", "-1.500000"),
    ImageCase("janitza-umg96rm", "voltage.l1", .holdingRegisters, 0x4A38, "4366 3333", "230.199997"),
    ImageCase("janitza-umg96rm", "energy.import.active.total", .holdingRegisters, 0x4A7C, "4996 B438", "1234.567000"),
    ImageCase("orno-we-514", "voltage.l1", .holdingRegisters, 0x0131, "59EC", "230.200000"),
    ImageCase("orno-we-514", "energy.combined.active.rate1", .holdingRegisters, 0xA002, "0000 10E1", "43.210000"),
    ImageCase("orno-we-516", "power.active.total", .holdingRegisters, 0x001C, "3FC0 0000", "1.500000"),
    ImageCase("orno-we-516", "energy.export.active.rate4", .holdingRegisters, 0x0158, "4144 0000", "12.250000"),
    ImageCase("schneider-iem3155", "voltage.l1", .holdingRegisters, 0x0BD3, "4366 3333", "230.199997"),
    ImageCase(
      "schneider-iem3155", "energy.import.active.total", .holdingRegisters, 0x0C83, "0000 0000 00A6 75C3",
      "10909.123000"),
    ImageCase("siemens-pac1600", "current.l1", .holdingRegisters, 0x0007, "0000 CD14", "5.250000"),
    ImageCase("siemens-pac1600", "power.active.total", .holdingRegisters, 0x0039, "FFFF FFA5", "-0.000910"),
    ImageCase("siemens-pac2200", "voltage.l1", .holdingRegisters, 0x0001, "4366 3333", "230.199997"),
    ImageCase(
      "siemens-pac2200", "energy.import.active.rate2", .holdingRegisters, 0x0325, "41CF 4000 3EC0 0000",
      "1048576.125500"),
  ]

  @Test(arguments: cases)
  func `registers worked out by hand mean what the meter's maker says`(_ row: ImageCase) throws {
    let meter = try modbusMeter(row.profile)
    let (told, faults) = meter.observations(in: row.registers, from: row.address, function: row.function)
    #expect(faults == [])
    #expect(told.map(\.quantity) == [try quantity(row.quantity)])
    #expect(told.first?.value.number.map { decimalString($0.millionths) } == row.expected)
  }

  @Test func `every Modbus profile has two registers in that table`() {
    for name in modbusNames { #expect(Self.cases.count { $0.profile == name } >= 2, "\(name)") }
  }

  /// An image built here, read in the blocks that the daemon reads.
  @Test(arguments: modbusNames)
  func `every register of a profile is read from its own place, in its own order and scale`(_ name: String) throws {
    let meter = try modbusMeter(name)
    let rows = SecondReading.registers(of: try profileText(name))
    #expect(rows.count == meter.profile.quantities.count)
    var image: [String: [Int: UInt16]] = [:]
    for row in rows where row.isNumber {
      for (offset, word) in row.words(holding: row.sample).enumerated() {
        image[row.function, default: [:]][row.address + offset] = word
      }
    }
    for row in rows where !row.isNumber {
      for (offset, word) in ([0x1A0B, 0x1608, 0x0F1E] as [UInt16]).enumerated() {
        image[row.function, default: [:]][row.address + offset] = word
      }
    }
    var told: [String: Value] = [:]
    for query in meter.queries(for: [.energies, .instantaneous]) {
      guard case .registers(let function, let start, let count) = query else { continue }
      let words = (0..<Int(count)).map {
        image[function == .inputRegisters ? "input" : "holding"]?[Int(start) + $0] ?? 0
      }
      let (observed, faults) = meter.observations(in: words, from: start, function: function)
      #expect(faults == [])
      for observation in observed { told["\(observation.quantity)"] = observation.value }
    }
    for row in rows {
      if row.isNumber {
        #expect(told[row.quantity]?.number?.millionths == row.worth(of: row.sample), "\(row)")
      } else {
        #expect(told[row.quantity] == .instant(try #require(MeterTime("2026-11-22T08:15:30"))))
      }
    }
  }

  /// The bytes that came over the line, read a second time.
  @Test(arguments: modbusNames)
  func `what the daemon tells of a simulated meter is what the bytes on its line say`(_ name: String) async throws {
    let pair = try Pair("M", profile(named: name), address: "17", on: settings(quickSettings))
    let rows = SecondReading.registers(of: try profileText(name))
    let rig = try Rig([pair], tasks: [once("all", [.energies, .instantaneous])])
    let tally = await rig.runToTheEnd()
    var compared = 0
    for answer in tally.all {
      guard case .registers(let function, let start, let count) = answer.query, let reply = answer.replies.first
      else { continue }
      #expect(reply.count == 5 + 2 * Int(count))
      let words = stride(from: 3, to: reply.count - 2, by: 2).map { UInt16(reply[$0]) << 8 | UInt16(reply[$0 + 1]) }
      for observation in answer.observations {
        let row = try #require(rows.first { $0.quantity == "\(observation.quantity)" })
        #expect(row.function == (function == .inputRegisters ? "input" : "holding"))
        let place = row.address - Int(start)
        guard row.isNumber, let number = observation.value.number else { continue }
        #expect(row.millionths(Array(words[place..<place + row.count])) == number.millionths, "\(row)")
        compared += 1
      }
    }
    #expect(compared == rows.count { $0.isNumber })
  }
}
