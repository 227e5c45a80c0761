import Billing
import Foundation
import Host
import Metering
import Rating
import Store
import Synchronization
import Testing

@testable import Concentrator

/// A generator whose whole run follows from one printed seed. Source: S. Vigna, "splitmix64".
private struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

@Suite(.timeLimit(.minutes(5))) struct BillingHistoryTests {
  private static let boundaries = ["2026-10", "2026-11", "2026-12", "2027-01", "2027-02"].map { "\($0)-01T00:00" }

  /// What stands for each cycle, as `2026-10 617.00`.
  private func standing(_ bench: DeskBench) throws -> [String] {
    let book = BillBook(reader: try StoreReader(path: bench.store.path))
    return BillBook.standing(try book.documents(of: "A-1")).map { "\($0.cycle) \($0.total)" }
  }

  /// What the ledger adds up to for each cycle, in the same words.
  private func ledger(_ bench: DeskBench) throws -> [String] {
    var sums: [String: Int64] = [:]
    try StoreReader(path: bench.store.path).ledger { _, account, cycle, fen in
      if account == "A-1" { sums[cycle, default: 0] += fen }
    }
    return sums.sorted { $0.key < $1.key }.map { "\($0.key) \(Money(fen: $0.value))" }
  }

  private func bench(_ form: CorrectionForm) throws -> DeskBench {
    let bench = try DeskBench(extra: "[review]\ncorrect-automatically = true\ncorrect-by = \"\(form.rawValue)\"\n")
    let late = try DeskBench.instant("2027-03-10T12:00")
    bench.host.now.withLock { $0 = late }
    return bench
  }

  @Test func `whatever comes late, twice, out of order or is revised, the books end where billing once would`()
    async throws
  {
    let seed =
      ProcessInfo.processInfo.environment["METERD_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
    print("property: histories end in the books of billing once, seed \(seed), 12 cases")
    var random = Seeded(seed: seed)
    for round in 0..<12 {
      let form: CorrectionForm = Bool.random(using: &random) ? .reversal : .difference
      let bench = try bench(form)
      var desk = try bench.desk()
      var registers = [Int64.random(in: 0...500, using: &random)]
      for _ in 1..<Self.boundaries.count {
        registers.append(registers[registers.count - 1] + Int64.random(in: 0...2500, using: &random))
      }
      var numbers: [Int: Int64] = [:]
      var order = Array(registers.indices)
      order.shuffle(using: &random)
      for index in order {
        try await bench.note("M-1", registers[index], at: Self.boundaries[index])
        numbers[index] = try StoreReader(path: bench.store.path).counts().lastSequence
        // The same again changes nothing.
        if Bool.random(using: &random) { try await bench.note("M-1", registers[index], at: Self.boundaries[index]) }
        if Bool.random(using: &random) { desk = try bench.desk() }
        if Bool.random(using: &random) { try await desk.pass(all: Bool.random(using: &random)) }
        guard Int.random(in: 0..<3, using: &random) == 0, let (which, number) = numbers.randomElement(using: &random)
        else {
          continue
        }
        let low = which > 0 ? registers[which - 1] : 0
        let high = which + 1 < registers.count ? registers[which + 1] : registers[which] + 100
        registers[which] = Int64.random(in: low...high, using: &random)
        try await bench.store.revise(
          Revision(
            reading: number, value: RegisterValue(millionths: registers[which] * 1_000_000, resolution: 10_000),
            actor: "li", reason: "site", at: 7))
      }
      try await desk.pass(all: true)
      try await desk.pass(all: true)
      let once = try self.bench(form)
      for (index, register) in registers.enumerated() {
        try await once.note("M-1", register, at: Self.boundaries[index])
      }
      try await once.desk().pass(all: true)
      let expected = try standing(once)
      let unbalanced = try BooksCheck.steps(
        bench.station, reader: try StoreReader(path: bench.store.path), at: bench.now
      )
      .filter { !$0.isBalanced }
      guard expected.count == 4, try standing(bench) == expected, try ledger(bench) == expected, unbalanced.isEmpty
      else {
        Issue.record(
          "seed \(seed), round \(round), \(form): \(try standing(bench)), \(try ledger(bench)), \(expected), \(unbalanced)"
        )
        return
      }
      await bench.store.close()
      await once.store.close()
    }
  }
}
