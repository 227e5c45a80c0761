import Foundation
import Metering
import Rating
import Testing

@Suite struct CorrectionTests {
  @Test func `only lines that differ are in the difference`() throws {
    let plan = try Mill.plan(Mill.periods, Mill.energyByPeriod, Mill.fund)
    func bill(_ id: String, _ total: String, _ peak: String) throws -> Bill {
      var usage = try mill(total, ["peak": peak, "valley": "10"])
      usage.id = id
      return try rate(usage, under: plan)
    }
    let correction = try Correction(
      of: try bill("B-1", "1000", "100"), by: try bill("B-2", "1100", "200"), reason: "multiplier of 10, not 20")
    #expect(
      correction.differences.map { "\($0.name): \($0.millionths) \($0.amount)" } == [
        "T, T: 100000000 90.00", "T: 100000000 0.20",
      ])
    #expect(correction.amount == Money(fen: 9_020))
    let back = try Correction(of: try bill("B-1", "1000", "100"), by: nil, reason: "billed twice")
    #expect(back.amount == back.reversal.total)
    #expect(back.differences.count == 4)
    let data = Data(correction.canonicalText.utf8)
    #expect(try JSONSerialization.jsonObject(with: data) is [String: Any])
  }

  @Test func `bills that make no correction are refused`() throws {
    let plan = try Tariffs.plan("guangdong-residential-2012")
    func bill(_ id: String, _ total: String, account: String = "A", to: String = "2026-11-01") throws -> Bill {
      var usage = try mill(total, [:], try days("2026-10-01", to))
      (usage.id, usage.account) = (id, account)
      return try rate(usage, under: plan)
    }
    func says(_ old: Bill, _ new: Bill, _ reason: String = "r") -> CorrectionError? {
      do throws(CorrectionError) {
        _ = try Correction(of: old, by: new, reason: reason)
        return nil
      } catch { return error }
    }
    let old = try bill("B-1", "100")
    #expect(says(old, try bill("B-2", "100")) == .nothingChanged)
    #expect(says(old, try bill("B-1", "101")) == .sameName("B-1"))
    #expect(says(old, try bill("B-2", "101", account: "X")) == .otherAccount("A", "X"))
    #expect(
      says(old, try bill("B-2", "101", to: "2026-12-01"))
        == .otherDays(try days("2026-10-01", "2026-11-01"), try days("2026-10-01", "2026-12-01")))
    #expect(says(old.reversed(), try bill("B-2", "101")) == .notOriginal("B-1"))
    #expect(says(old, try bill("B-2", "101").reversed()) == .notOriginal("B-2"))
    #expect(says(old, try bill("B-2", "101"), " ") == .noReason)
    #expect(says(old, try bill("B-2", "101")) == nil)
  }

  @Test func `an estimate and the actual read that follows settle to what was used`() throws {
    var random = Seeded("estimates settle", cases: 10_000)
    let plan = try Tariffs.plan("guangdong-residential-2012")
    for number in 0..<10_000 {
      let (estimate, actual) = (random.energy(upTo: 900), random.energy(upTo: 900))
      guard estimate != actual else { continue }
      let days = try days("2026-10-01", "2026-11-01")
      let old = try rate(Usage(id: "B-\(number)", account: "A", days: days, total: estimate), under: plan)
      let new = try rate(Usage(id: "B-\(number)/2", account: "A", days: days, total: actual), under: plan)
      let correction = try Correction(of: old, by: new, reason: "actual read")
      guard old.total + correction.amount == new.total,
        correction.differences.reduce(.zero, { $0 + $1.amount }) == correction.amount
      else {
        Issue.record("seed \(random.seed): \(estimate) and \(actual)")
        return
      }
    }
  }

  @Test func `a meter in error is divided out, not multiplied`() throws {
    #expect(try energy("9700").corrected(forError: -300, decimals: 2) == (try energy("10000")))
    #expect(try energy("10300").corrected(forError: 300, decimals: 0) == (try energy("10000")))
    #expect(try energy("100").corrected(forError: -333, decimals: 2)?.description == "103.44")
    #expect(try energy("1").corrected(forError: -10_000, decimals: 2) == nil)
    // One of three current circuits reversed: a third is counted, K = 2.
    #expect(try energy("500").corrected(true: 3, recorded: 1, decimals: 2)?.description == "1500.00")
    #expect(try energy("500").corrected(true: 3, recorded: 0, decimals: 2) == nil)
  }
}
