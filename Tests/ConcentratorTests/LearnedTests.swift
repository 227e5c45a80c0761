import DLT645
import Foundation
import Host
import Metering
import Modbus
import Simulator
import Store
import Testing

@testable import Acquisition
@testable import Concentrator

/// What is known of meters goes on where they stay as they are.
@Suite(.serialized, .timeLimit(.minutes(1))) struct LearnedTests {
  private static let spoken = Query.identifier(DataIdentifier(rawValue: 0x0001_FF00))
  private static let registers = Query.registers(function: .inputRegisters, start: 0, count: 2)
  private static let now = BootInstant(nanoseconds: 1_000_000_000_000)

  /// A meter that answered for a while, 30 ms after each question, and is silent now.
  private static func silent(_ query: Query) -> MeterHealth {
    var health = MeterHealth()
    for _ in 0..<20 { health.answered(query, delay: .milliseconds(30)) }
    health.silent(query, at: now)
    return health
  }

  private static func learned() throws -> [MeterID: MeterHealth] {
    var found: [MeterID: MeterHealth] = [:]
    for (name, query) in [("M-1", spoken), ("M-2", spoken), ("E-1", registers)] {
      found[try #require(MeterID(name))] = silent(query)
    }
    return found
  }

  struct Change: Sendable, CustomTestStringConvertible {
    let name: String
    let old: String
    let new: String
    /// Meters that nobody has asked yet.
    let fresh: [String]
    var testDescription: String { name }
  }

  static let changes = [
    Change(name: "nothing", old: "account = \"A-1\"", new: "account = \"A-1\"", fresh: []),
    Change(name: "an address", old: "202311110001", new: "202311110009", fresh: ["M-1"]),
    Change(name: "a profile", old: "dlt645-2007-single-phase", new: "dlt645-2007-three-phase", fresh: ["M-2"]),
    Change(name: "a profile of Modbus", old: "eastron-sdm630", new: "eastron-sdm120", fresh: ["E-1"]),
    Change(name: "the speed of a line", old: "115200 8E1", new: "9600 8E1", fresh: ["M-1", "M-2"]),
    Change(name: "an id", old: "id = \"E-1\"", new: "id = \"E-2\"", fresh: ["E-2"]),
  ]

  @Test(arguments: changes)
  func `a meter that is asked otherwise than before is one that nobody has asked`(_ change: Change) throws {
    let bench = try StationBench("learned")
    let learned = Learned(try Self.learned(), of: try bench.station())
    let new = try Station(configuration(bench.toml.replacingOccurrences(of: change.old, with: change.new)))
    let health = learned.health(in: new)
    for place in new.places {
      let (id, query) = (place.meter.id, place.meter.profile.isModbus ? Self.registers : Self.spoken)
      let own = health[id] ?? MeterHealth()
      let isFresh = change.fresh.contains(id.text)
      #expect(own.isSetAside == !isFresh, "\(id)")
      #expect((own.replyTimeout(for: query, limit: .seconds(1)) == .seconds(1)) == isFresh, "\(id)")
      // Under any name or profile the unit at that place may still answer late.
      if place.meter.profile.isModbus { #expect(!own.mayAsk(query, at: Self.now)) }
    }
    #expect(new.places.count == 3)
  }
}
