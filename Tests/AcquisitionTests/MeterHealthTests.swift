import DLT645
import Metering
import Modbus
import Testing

@testable import Acquisition

private let start = BootInstant(nanoseconds: 1_000_000_000_000)
private let limit = BootInstant.Span.milliseconds(1500)

private func identifier(_ bits: UInt32) -> Query { .identifier(DataIdentifier(rawValue: bits)) }
private func registers(_ start: UInt16, _ count: UInt16) -> Query {
  .registers(function: .inputRegisters, start: start, count: count)
}

@Suite struct MeterHealthTests {
  private let quick = identifier(0x0400_0102), slow = identifier(0x0201_FF00)

  @Test func `a slow item is waited for though the meter answers others quickly`() {
    var health = MeterHealth()
    for _ in 0..<20 { health.answered(quick, delay: .milliseconds(60)) }
    #expect(health.replyTimeout(for: quick, limit: limit) < .milliseconds(300))
    #expect(health.replyTimeout(for: slow, limit: limit) == limit)
    for _ in 0..<20 { health.answered(slow, delay: .milliseconds(350)) }
    #expect(health.replyTimeout(for: slow, limit: limit) >= .milliseconds(700))
  }

  @Test func `a quick answer does not take back the patience for a late one`() {
    var health = MeterHealth()
    for _ in 0..<8 { health.answered(slow, delay: .milliseconds(60)) }
    let learned = health.replyTimeout(for: slow, limit: limit)
    health.silent(slow, at: start)
    let doubled = health.replyTimeout(for: slow, limit: limit)
    #expect(doubled == learned * 2)
    health.answered(quick, delay: .milliseconds(40))
    #expect(health.replyTimeout(for: slow, limit: limit) == doubled)
    health.answered(slow, delay: .milliseconds(300))
    #expect(health.replyTimeout(for: slow, limit: limit) >= .milliseconds(700))
  }

  @Test func `memories that bills rest on always have the whole limit`() {
    var health = MeterHealth()
    let settlement = identifier(0x0001_FF01)
    for _ in 0..<20 { health.answered(settlement, delay: .milliseconds(30)) }
    #expect(health.replyTimeout(for: settlement, limit: limit) == limit)
  }

  @Test func `behind a serial server two other answers must have come before an old one is done with`() {
    var health = MeterHealth()
    health.silent(registers(0, 2), at: start)
    health.answered(registers(40, 4), delay: nil, mayOvertake: true)
    #expect(!health.mayAsk(registers(40, 2), at: start))
    // Silent again: what was overtaken by one answer is owed anew.
    health.silent(registers(80, 2), at: start)
    health.answered(registers(40, 4), delay: nil, mayOvertake: true)
    #expect(!health.mayAsk(registers(40, 2), at: start))
    health.answered(registers(40, 6), delay: nil, mayOvertake: true)
    #expect(health.mayAsk(registers(40, 2), at: start))
  }

  @Test func `a lost connection may still bring Modbus answers, and none that DL-T 645 could mistake`() {
    var health = MeterHealth()
    health.connectionLost([registers(0, 2), quick], at: start)
    #expect(!health.mayAsk(registers(40, 2), at: start))
    #expect(health.mayAsk(registers(40, 4), at: start))
    #expect(health.mayAsk(quick, at: start))
    health.answered(registers(40, 4), delay: nil)
    #expect(health.mayAsk(registers(40, 2), at: start))
  }
}
