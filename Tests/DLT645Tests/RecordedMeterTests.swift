import DLT645
import Metering
import Testing

/// Answers recorded from an independent implementation of a meter, PyPI dlt645 3.2.0, to reads of values that it
/// was given.
@Suite struct RecordedMeterTests {
  struct Recording: Sendable, CustomTestStringConvertible {
    let request: String
    let reply: String
    let identifier: String
    /// As in `CatalogueTests.told`.
    let told: String
    var testDescription: String { told }
  }

  static let recordings = [
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 33 34 33 E8 16",
      reply: "68 12 34 56 78 10 12 68 91 08 33 33 34 33 3C 54 76 33 A5 16", identifier: "00010000",
      told: "energy.import.active.total=4321.09"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 33 33 33 E7 16",
      reply: "68 12 34 56 78 10 12 68 91 08 33 33 33 33 67 45 33 B3 FD 16", identifier: "00000000",
      told: "energy.combined.active.total=-12.34"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 34 35 33 EA 16",
      reply: "68 12 34 56 78 10 12 68 91 08 33 34 35 33 83 33 33 33 8A 16", identifier: "00020100",
      told: "energy.export.active.rate1=0.50"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 33 48 33 FC 16",
      reply: "68 12 34 56 78 10 12 68 91 08 33 33 48 33 34 AA 33 33 C4 16", identifier: "00150000",
      told: "energy.import.active.l1=77.01"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 34 34 35 EB 16",
      reply: "68 12 34 56 78 10 12 68 91 06 33 34 34 35 34 55 F6 16", identifier: "02010100", told: "voltage.l1=220.1"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 36 35 35 EE 16",
      reply: "68 12 34 56 78 10 12 68 91 07 33 36 35 35 78 56 34 73 16", identifier: "02020300",
      told: "current.l3=12.345"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 33 36 35 EC 16",
      reply: "68 12 34 56 78 10 12 68 91 07 33 33 36 35 33 83 B3 D8 16", identifier: "02030000",
      told: "power.active.total=-0.5000"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 33 39 35 EF 16",
      reply: "68 12 34 56 78 10 12 68 91 06 33 33 39 35 BA 3C 67 16", identifier: "02060000",
      told: "power-factor.total=0.987"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 35 33 B3 35 6B 16",
      reply: "68 12 34 56 78 10 12 68 91 06 35 33 B3 35 CB 7C 34 16", identifier: "02800002", told: "frequency=49.98"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 33 33 34 34 E9 16",
      reply: "68 12 34 56 78 10 12 68 91 0C 33 33 34 34 78 56 34 33 45 34 34 56 A9 16", identifier: "01010000",
      told: "demand.import.active.total=1.2345@2023-01-01T12:00"),
    Recording(
      request: "68 12 34 56 78 10 12 68 11 04 34 33 36 34 EC 16",
      reply: "68 12 34 56 78 10 12 68 91 0C 34 33 36 34 33 83 B3 8C 56 64 45 56 BE 16", identifier: "01030001",
      told: "demand.combined.reactive1.total=-0.5000@2023-12-31T23:59"),
  ]

  @Test(arguments: recordings)
  func `a recorded answer is asked for, read and made again byte by byte`(_ row: Recording) throws {
    let identifier = try #require(DataIdentifier(hex: row.identifier))
    let meter = try #require(Address("121078563412"))
    var exchange = ReadExchange(.data(identifier), to: meter, wakeUps: 0)
    #expect(exchange.start() == .send(wire(row.request)))
    var last = ReadExchange.Action.listen
    for byte in [0xFE, 0xFE, 0xFE, 0xFE] + wire(row.reply) { last = exchange.receive(byte) }
    guard case .finish(.data(let data, from: meter, frames: [wire(row.reply)])) = last else {
      Issue.record("\(last)")
      return
    }
    let observations = try identifier.observations(in: data)
    #expect(CatalogueTests.told(observations) == [row.told])
    let payload = try identifier.payload(observations)
    #expect(Reply.data(identifier, payload, more: false).frame(from: meter, wakeUps: 0) == wire(row.reply))
    let quantity = try #require(observations.first)
    #expect(DataIdentifier(for: quantity.quantity, memory: quantity.memory) == identifier)
  }

  @Test func `an item that the recorded meter does not have is refused`() throws {
    let block = try #require(DataIdentifier(hex: "0001FF00"))
    let meter = try #require(Address("121078563412"))
    let reply = wire("68 12 34 56 78 10 12 68 D1 01 35 0D 16")
    var exchange = ReadExchange(.data(block), to: meter)
    _ = exchange.start()
    var last = ReadExchange.Action.listen
    for byte in reply { last = exchange.receive(byte) }
    #expect(last == .finish(.refused(.noData, raw: [0x02], frames: [reply])))
  }
}
