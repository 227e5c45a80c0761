import DLT645
import Metering
import Simulator
import Testing

/// What a simulated meter keeps: freezes and its load profile.
@Suite struct KeptMeterTests {
  @Test func `a freeze at once keeps what was, three deep`() throws {
    let bench = try CommandBench()
    #expect(bench.data("05010101") == [UInt8](repeating: 0xFF, count: 20))
    #expect(bench.data("05010001") == [0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    var kept: [(stamp: [UInt8], energy: [UInt8], power: [UInt8])] = []
    for _ in 0..<4 {
      let power = try #require(bench.data("0203FF00")) + (try #require(bench.data("0204FF00")))
      kept.insert((Array(bench.stamp.dropFirst()), try #require(bench.data("0001FF00")), power), at: 0)
      #expect(try bench.order(.freeze(.atOnce)).isDone)
      bench.now = bench.now.advanced(bySeconds: 7777)
    }
    for back in 1...3 {
      #expect(bench.data("0501000\(back)") == kept[back - 1].stamp)
      #expect(bench.data("0501010\(back)") == kept[back - 1].energy)
      #expect(bench.data("0501100\(back)") == kept[back - 1].power)
    }
    #expect(bench.data("05010004") == nil)
    // The whole freeze is longer than a frame: ten blocks, the time and the powers, each closed by AAH.
    let whole = try #require(bench.data("0501FF01"))
    #expect(whole.count == 6 + 8 * 21 + 2 * 41 + 25)
    #expect(whole.prefix(6) == (kept[0].stamp + [0xAA])[...])
    #expect(whole[6..<26] == kept[0].energy[...])
    #expect(whole.suffix(25) == (kept[0].power + [0xAA])[...])
  }

  struct Timed: Sendable, CustomTestStringConvertible {
    let name: String
    let pattern: FreezePattern?
    /// Clock times of the last freezes, seen from 2027-01-20T09:30, the pattern being set on 2026-11-22 at noon.
    let last: [String]
    var testDescription: String { name }
  }

  static let timed = [
    Timed(
      name: "hourly", pattern: FreezePattern(hourlyAt: 45),
      last: ["2027-01-20T08:45", "2027-01-20T07:45", "2027-01-20T06:45"]),
    Timed(
      name: "daily", pattern: FreezePattern(dailyAt: 9, 30),
      last: ["2027-01-20T09:30", "2027-01-19T09:30", "2027-01-18T09:30"]),
    Timed(
      name: "monthly", pattern: FreezePattern(monthlyOn: 21, at: 0, 5),
      last: ["2026-12-21T00:05"]),
    Timed(name: "once a year", pattern: FreezePattern(wire: [0x00, 0x00, 0x01, 0x01]), last: ["2027-01-01T00:00"]),
  ]

  @Test(arguments: timed)
  func `a freeze by the clock keeps the registers of its times`(_ row: Timed) throws {
    let bench = try CommandBench()
    let pattern = try #require(row.pattern)
    #expect(try bench.order(.freeze(pattern)).isDone)
    let later = try #require(MeterTime("2027-01-20T09:30"))
    bench.now = SimulatedInstant(later)
    for (index, text) in row.last.enumerated() {
      let time = try bench.time(text)
      #expect(bench.data("0500000\(index + 1)") == time.minuteBytes)
      let energy = bench.meter.registers.curve.energy(at: time.time.localSeconds) / 10_000
      #expect(bench.data("0500010\(index + 1)").map { Array($0.prefix(4)) } == bcd(energy, bytes: 4))
    }
    if row.last.count < 3 {
      #expect(bench.data("0500000\(row.last.count + 1)") == [0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    }
  }

  @Test func `hours freeze by themselves, days roll at midnight or as late as the make does`() throws {
    let bench = try CommandBench()
    let evening = try #require(MeterTime("2026-11-22T23:59:50"))
    bench.now = SimulatedInstant(evening)
    let hour = try bench.time("2026-11-22T23:00")
    #expect(bench.data("05040001") == hour.minuteBytes)
    let energy = bench.meter.registers.curve.energy(at: hour.time.localSeconds) / 10_000
    #expect(bench.data("05040101").map { Array($0.prefix(4)) } == bcd(energy, bytes: 4))
    #expect(bench.data("050400FE")?.count == 5)
    #expect(bench.data("050400FF") == nil)
    // A value read after midnight is not of the freeze whose time was read before.
    let yesterday = try bench.time("2026-11-22T00:00").minuteBytes
    let today = try bench.time("2026-11-23T00:00").minuteBytes
    #expect(bench.data("05060001") == yesterday)
    let value = bench.data("05060101")
    bench.now = bench.now.advanced(bySeconds: 15)
    #expect(bench.data("05060001") == today)
    #expect(bench.data("05060101") != value)
    #expect(bench.data("05060102") == value)
    #expect(bench.data("05061001")?.count == 24)
    #expect(bench.data("0506FF01")?.prefix(5) == today[...])
    bench.meter.habits.memoryLag = 60
    #expect(bench.data("05060001") == yesterday)
    #expect(bench.data("0506FF01")?.prefix(5) == yesterday[...])
    bench.now = bench.now.advanced(bySeconds: 60)
    #expect(bench.data("05060001") == today)
  }

  /// The records in an answer, taken apart as published: A0 A0, length, time, classes, sum, E5.
  private func records(_ data: [UInt8]) throws -> [(time: [UInt8], body: [UInt8])] {
    var found: [(time: [UInt8], body: [UInt8])] = []
    var rest = data[...]
    while !rest.isEmpty {
      let record = Array(rest)
      try #require(record.count > 10 && record[0] == 0xA0 && record[1] == 0xA0)
      let count = Int(record[2])
      try #require(record.count >= count + 5)
      let body = Array(record[3..<3 + count])
      #expect(record[3 + count] == record.prefix(3 + count).reduce(0, &+))
      #expect(record[4 + count] == 0xE5)
      found.append((Array(body.prefix(5)), Array(body.dropFirst(5))))
      rest = rest.dropFirst(count + 5)
    }
    return found
  }

  private func profile(_ bench: CommandBench, _ read: LoadProfileRead) throws -> [(time: [UInt8], body: [UInt8])] {
    guard case .data(let data, _, _) = bench.read(.profile(read)) else { return [] }
    return try records(data)
  }

  @Test func `the load profile has a record each interval, in follow-up frames`() throws {
    let bench = try CommandBench()
    let start = try bench.time("2026-11-22T10:50:00")
    let read = try #require(LoadProfileRead(.from(start), blocks: 9))
    let found = try profile(bench, read)
    let times = ["11:00", "11:15", "11:30", "11:45", "12:00"]
    #expect(found.map(\.time) == (try times.map { try bench.time("2026-11-22T\($0)").minuteBytes }))
    // Seventeen, 24, 8, 16, 16 and 6 bytes, each class closed.
    #expect(found.allSatisfy { $0.body.count == 87 + 6 })
    #expect(found.allSatisfy { record in [17, 42, 51, 68, 85, 92].allSatisfy { record.body[$0] == 0xAA } })
    let eleven = try bench.time("2026-11-22T11:00").time.localSeconds
    let energy = bench.meter.registers.curve.energy(at: eleven) / 10_000
    #expect(Array(found[0].body[52..<56]) == bcd(energy, bytes: 4))
    guard case .data(_, _, let frames) = bench.read(.profile(read)) else { return }
    #expect(frames.count == 3)
    #expect(frames.map { $0[8] } == [0xB1, 0xB2, 0x92])
  }

  @Test func `first, last and single classes of the load profile`() throws {
    let bench = try CommandBench()
    let last = try #require(LoadProfileRead(recordClass: 1, .latest, blocks: 2))
    let found = try profile(bench, last)
    #expect(
      found.map(\.time)
        == [try bench.time("2026-11-22T11:45").minuteBytes, try bench.time("2026-11-22T12:00").minuteBytes])
    #expect(found.allSatisfy { $0.body.count == 17 + 6 })
    let voltages = try #require(bench.data("0201FF00"))
    #expect(Array(found[1].body.prefix(6)) == voltages)
    for (recordClass, size) in [(1, 17), (2, 24), (3, 8), (4, 16), (5, 16), (6, 6)] {
      let read = try #require(LoadProfileRead(recordClass: recordClass, .latest, blocks: 1))
      #expect(try profile(bench, read).map(\.body.count) == [size + 6])
    }
    let first = try #require(LoadProfileRead(recordClass: 6, .earliest, blocks: 1))
    #expect(try profile(bench, first).map(\.time) == [bench.time("2026-09-23T12:00").minuteBytes])
    // The interval is a parameter, so it can be written.
    #expect(try bench.order(bench.parameter("04000A02", [0x60, 0x00])).isDone)
    #expect(try profile(bench, last).map(\.time).first == bench.time("2026-11-22T11:00").minuteBytes)
  }

  @Test func `a time without records is refused, or answered with the bare identifier`() throws {
    let bench = try CommandBench()
    let future = try #require(LoadProfileRead(.from(try bench.time("2026-11-22T12:01")), blocks: 1))
    guard case .refused(.noData, _, _) = bench.read(.profile(future)) else {
      Issue.record("the future has records")
      return
    }
    bench.meter.habits.answersEmptyProfile = true
    guard case .data([], _, _) = bench.read(.profile(future)) else {
      Issue.record("the bare identifier is no empty answer")
      return
    }
  }
}
