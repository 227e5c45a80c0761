import Modbus
import Testing

@Suite struct ReadPlanTests {
  /// 9600 8N1, a reply delay of 40 ms and 3.5 characters of silence.
  static let wire = WireCost(
    byteNanoseconds: 1_041_667, replyDelayNanoseconds: 40_000_000, silenceNanoseconds: 3_645_834)

  static func floats(_ registers: some Sequence<Int>) -> [RegisterRange] {
    registers.compactMap { RegisterRange(.inputRegisters, first: $0, count: 2) }
  }

  /// Thirty floats of an Eastron SDM630.
  static let eastron = floats(
    Array(stride(from: 0, to: 36, by: 2)) + [52, 56, 60, 62, 70, 72, 86, 342, 344, 346, 348, 350])

  func text(_ plan: ReadPlan) -> [String] { plan.blocks.map { "\($0.first)+\($0.count)" } }

  @Test func `thirty floats of an SDM630 take three reads of at most eighty registers`() throws {
    let plan = try ReadPlan(Self.eastron, limits: ReadLimits(maximumRegisters: 80), wire: Self.wire)
    #expect(Self.eastron.count == 30)
    #expect(text(plan) == ["0+36", "52+36", "342+10"])
    #expect(plan.nanoseconds == 203 * 1_041_667 + 3 * 43_645_834)
    let wider = try ReadPlan(Self.eastron, limits: ReadLimits(), wire: Self.wire)
    #expect(text(wider) == ["0+88", "342+10"])
  }

  @Test func `a hole is bridged while that is cheaper than another request`() throws {
    for hole in [26, 27, 28, 29] {
      let plan = try ReadPlan(Self.floats([0, 2 + hole]), limits: ReadLimits(), wire: Self.wire)
      #expect(plan.blocks.count == (hole <= 27 ? 1 : 2), "\(hole)")
    }
  }

  @Test func `what cannot be read says why, and nothing takes no time`() throws {
    let text = try #require(RegisterRange(.holdingRegisters, first: 10, count: 20))
    let gap = try #require(RegisterRange(.holdingRegisters, first: 29, count: 1))
    #expect(throws: ReadPlanError.tooLong(text, maximum: 16)) {
      try ReadPlan([text], limits: ReadLimits(maximumRegisters: 16), wire: Self.wire)
    }
    #expect(throws: ReadPlanError.forbidden(text)) {
      try ReadPlan([text], limits: ReadLimits(forbidden: [gap]), wire: Self.wire)
    }
    let nothing = try ReadPlan([], limits: ReadLimits(), wire: Self.wire)
    #expect(nothing.blocks.isEmpty && nothing.nanoseconds == 0)
  }

  @Test func `a value that must be read alone is, and no other read touches it`() throws {
    let lone = try #require(RegisterRange(.inputRegisters, first: 2, count: 2))
    let limits = ReadLimits(alone: [lone])
    let plan = try ReadPlan(Self.floats([0, 2, 4, 6]), limits: limits, wire: Self.wire)
    #expect(text(plan) == ["0+2", "2+2", "4+4"])
    #expect(plan.nanoseconds == plan.blocks.map { Self.wire.nanoseconds(reading: $0.count) }.reduce(0, +))
    let all = Self.floats([0, 2, 4, 6])
    #expect(try ReadPlan(all, limits: ReadLimits(alone: Set(all)), wire: Self.wire).blocks == all)
  }

  @Test func `a request that begins like its own reply is planned one register wider`() throws {
    let single = try #require(RegisterRange(.holdingRegisters, first: 688, count: 1))
    #expect(single.request(unit: 4)?.echoBeginsLikeReply == true)
    let below = try #require(RegisterRange(.holdingRegisters, first: 687, count: 2))
    let above = try #require(RegisterRange(.holdingRegisters, first: 688, count: 2))
    let next = try #require(RegisterRange(.holdingRegisters, first: 689, count: 1))
    #expect(ReadLimits().clearOfEcho(single, unit: 4) == above)
    #expect(ReadLimits(forbidden: [next]).clearOfEcho(single, unit: 4) == below)
    #expect(ReadLimits(maximumRegisters: 1).clearOfEcho(single, unit: 4) == single)
    #expect(ReadLimits().clearOfEcho(single, unit: 5) == single)
    for register in 0...65_535 {
      let range = try #require(RegisterRange(.holdingRegisters, first: register, count: 1))
      let asked = ReadLimits().clearOfEcho(range, unit: 4)
      #expect(asked.contains(range))
      if register % 16 == 0 { #expect(asked.request(unit: 4)?.echoBeginsLikeReply == false) }
    }
  }

  @Test func `parts of a reply are found by their registers`() throws {
    let block = try #require(RegisterRange(.inputRegisters, first: 52, count: 4))
    let part = try #require(RegisterRange(.inputRegisters, first: 54, count: 2))
    let other = try #require(RegisterRange(.holdingRegisters, first: 54, count: 2))
    #expect(block.registers(of: part, in: [1, 2, 3, 4]) == [3, 4])
    #expect(block.registers(of: other, in: [1, 2, 3, 4]) == nil)
    #expect(block.registers(of: part, in: [1, 2, 3]) == nil)
    #expect(block.request(unit: 9) == ReadRequest(unit: 9, function: .inputRegisters, register: 52, count: 4))
  }

  @Test func `random plans are allowed, complete and as cheap as any grouping of the values`() throws {
    var dice = Dice(seed: 80)
    for round in 0..<1500 {
      let values = (0..<dice.number(1...7)).compactMap { _ in
        RegisterRange(
          dice.number(0...5) == 0 ? .holdingRegisters : .inputRegisters, first: dice.number(0...60),
          count: [1, 2, 2, 4, 9][dice.number(0...4)])
      }
      let forbidden = (0..<dice.number(0...2)).compactMap { _ in
        RegisterRange(.inputRegisters, first: dice.number(0...60), count: dice.number(1...3))
      }
      let limits = ReadLimits(maximumRegisters: dice.number(4...40), forbidden: forbidden)
      let wire = WireCost(
        byteNanoseconds: 1_000_000, replyDelayNanoseconds: Int64(dice.number(0...40)) * 1_000_000,
        silenceNanoseconds: 3_500_000)
      let place: Comment = "seed \(dice.seed), round \(round)"
      let readable = values.allSatisfy { value in
        value.count <= limits.maximumRegisters && !forbidden.contains { $0.overlaps(value) }
      }
      guard let plan = try? ReadPlan(values, limits: limits, wire: wire) else {
        #expect(!readable, place)
        continue
      }
      #expect(readable, place)
      for block in plan.blocks {
        #expect(block.count <= limits.maximumRegisters, place)
        #expect(!forbidden.contains { $0.overlaps(block) }, place)
      }
      #expect(values.allSatisfy { plan.block(of: $0) != nil }, place)
      let cost = plan.blocks.map { wire.nanoseconds(reading: $0.count) }.reduce(0, +)
      #expect(plan.nanoseconds == cost, place)
      #expect(cost == cheapest(Array(Set(values)), [], limits, wire), place)
      #expect(try ReadPlan(values.shuffled(using: &dice), limits: limits, wire: wire) == plan, place)
    }
  }

  /// The least cost over all ways to put the values into reads.
  private func cheapest(
    _ values: [RegisterRange], _ blocks: [RegisterRange], _ limits: ReadLimits, _ wire: WireCost
  ) -> Int64? {
    guard let value = values.last else {
      let isAllowed = blocks.allSatisfy { block in
        block.count <= limits.maximumRegisters && !limits.forbidden.contains { $0.overlaps(block) }
      }
      return isAllowed ? blocks.map { wire.nanoseconds(reading: $0.count) }.reduce(0, +) : nil
    }
    let rest = Array(values.dropLast())
    var costs = [cheapest(rest, blocks + [value], limits, wire)]
    for (index, block) in blocks.enumerated() where block.function == value.function {
      let first = min(block.first, value.first)
      guard let joined = RegisterRange(block.function, first: first, count: max(block.end, value.end) - first) else {
        continue
      }
      var grown = blocks
      grown[index] = joined
      costs.append(cheapest(rest, grown, limits, wire))
    }
    return costs.compactMap { $0 }.min()
  }
}
