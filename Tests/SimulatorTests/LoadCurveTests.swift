import Metering
import Simulator
import Testing

private func seconds(_ text: String) -> Int64 { MeterTime(text)?.localSeconds ?? 0 }

private func curve(_ seed: UInt64, initial: [Int64]? = nil) throws -> LoadCurve {
  LoadCurve(seed: seed, start: try #require(MeterTime("2024-01-01T00:00")), initial: initial)
}

@Suite struct LoadCurveTests {
  @Test(arguments: UInt64(1)...20)
  func `energy is the sum of power over every second`(_ seed: UInt64) throws {
    let curve = try curve(seed, initial: [0, 0, 0, 0])
    // Across a midnight, a change of rate and a change of power.
    let from = seconds("2026-02-28T22:40:13"), to = seconds("2026-03-01T07:20:01")
    let counted = (from..<to).reduce(Int64(0)) { $0 + curve.watts(at: $1) / 18 * 5 }
    #expect(curve.energy(at: to) - curve.energy(at: from) == counted)
  }

  @Test func `a rate counts in its own hours only`() throws {
    let curve = try curve(7)
    let before = curve.energies(at: seconds("2026-11-22T18:00")),
      after = curve.energies(at: seconds("2026-11-22T19:00"))
    let grown = after.indices.filter { after[$0] > before[$0] }
    #expect(grown == [1])
    #expect(after[1] - before[1] == curve.watts(at: seconds("2026-11-22T18:30")) * 1000)
  }

  @Test func `registers never fall, over years and cycles`() throws {
    let curve = try curve(3)
    var random = SplitMix64(seed: 3)
    var now = seconds("2023-12-30T00:00")
    var last = curve.energies(at: now)
    for _ in 0..<20_000 {
      now += Int64(random.next(below: 9000))
      let energies = curve.energies(at: now)
      #expect(zip(energies, last).allSatisfy { $0 >= $1 })
      last = energies
    }
    #expect(now > seconds("2026-06-01T00:00"))
  }

  @Test func `before its first day a register shows what it was delivered with`() throws {
    let curve = try curve(1, initial: [1, 2, 3, 4])
    #expect(curve.energies(at: seconds("2020-01-01T00:00")) == [1, 2, 3, 4])
    #expect(curve.energies(at: seconds("2024-01-01T00:00")) == [1, 2, 3, 4])
  }

  @Test func `the maximum demand is the strongest quarter and names its end`() throws {
    let curve = try curve(11)
    let from = seconds("2026-11-01T00:00"), to = seconds("2026-11-22T11:07")
    let peaks = curve.peakDemands(from: from, to: to)
    let quarters = stride(from: from, through: to - 900, by: 900).map { (curve.watts(at: $0), $0 + 900) }
    let strongest = try #require(quarters.map(\.0).max())
    #expect(peaks[0].watts == strongest)
    #expect(peaks[0].occurred == quarters.first { $0.0 == strongest }?.1)
    #expect(peaks.dropFirst().map(\.watts).max() == strongest)
  }

  @Test func `two seeds are two customers and one seed is one`() throws {
    let noon = seconds("2026-11-22T12:00")
    #expect(try curve(1).energies(at: noon) == curve(1).energies(at: noon))
    #expect(try curve(1).energies(at: noon) != curve(2).energies(at: noon))
  }
}
