@testable import Acquisition
import Line
import Metering
import Modbus
import Testing

/// What a scan asks, how long that takes, and what it makes of the answers.
@Suite struct ScanPlanTests {
  private func port(_ text: String = "/dev/ttyS1") throws -> PortAddress { try #require(PortAddress(text)) }

  @Test func `the usual settings begin with the likely ones`() throws {
    let plan = ScanPlan(Set(ScanPlan.Language.allCases), on: try port())
    #expect(plan.steps.first.map { "\($0.language.rawValue) \($0.settings)" } == "dlt645-2007 2400 8E1")
    #expect(plan.steps.first { $0.language == .modbus }.map { "\($0.settings)" } == "9600 8N1")
    #expect(plan.steps.count == 6 + 5 + 8)
  }

  @Test func `a serial server has one setting`() throws {
    let plan = ScanPlan([.dlt645of2007, .modbus], on: try port("tcp://10.0.0.1:4001"))
    #expect(plan.steps.map(\.language) == [.dlt645of2007, .modbus])
  }

  @Test func `a Modbus TCP server has units beyond 247 and nothing else to be tried`() throws {
    let all = Set(ScanPlan.Language.allCases)
    let plan = ScanPlan(
      all, on: try port("modbus-tcp://10.0.0.1"), settings: [try settings("2400 8E1")], units: 0...255)
    #expect(plan.steps.map(\.settings) == [.network] && plan.steps.map(\.language) == [.modbus])
    #expect(plan.addressableUnits == Array(0...247) + [255])
    #expect(plan.leastTime == .seconds(249))
  }

  @Test func `the least time is that of questions without answers`() throws {
    let modbus = try settings("9600 8N1")
    let plan = ScanPlan([.modbus], on: try port(), settings: [modbus], units: 1...100)
    // 8 characters of 1.04167 ms, 3.5 of silence, 150 ms of waiting.
    #expect((16_190...16_205).contains(plan.leastTime.milliseconds))
    let dlt645 = ScanPlan([.dlt645of2007, .dlt645of1997], on: try port(), settings: [try settings("2400 8E1")])
    #expect((3400...3600).contains(dlt645.leastTime.milliseconds))
    let thorough = ScanPlan([.dlt645of2007], on: try port(), settings: [modbus], isThorough: true)
    #expect(thorough.questions(of: thorough.steps[0]) == 102)
  }

  struct Told: CustomTestStringConvertible {
    let name: String
    let values: [(String, Int64)]
    let points: Int
    var testDescription: String { name }
  }

  @Test(arguments: [
    Told(name: "a living grid", values: [("voltage.l1", 230_200_000), ("frequency", 50_010_000)], points: 6),
    Told(
      name: "three phases",
      values: [("voltage.l1", 229_000_000), ("voltage.l2", 231_000_000), ("frequency", 50_000_000)],
      points: 8),
    Told(name: "a phase that is not there", values: [("voltage.l1", 229_000_000), ("voltage.l2", 0)], points: 2),
    Told(name: "another scale", values: [("voltage.l1", 23_020_000), ("frequency", 5_001_000_000)], points: -6),
    Told(name: "nothing", values: [], points: 0),
    Told(name: "a dead meter", values: [("voltage.l1", 0), ("frequency", 0)], points: -4),
  ])
  func `registers that hold what a grid has speak for a profile`(_ told: Told) throws {
    let profile = try profile(named: "eastron-sdm630")
    let observations = try told.values.map { name, millionths in
      Observation(
        quantity: try quantity(name), value: .number(RegisterValue(millionths: millionths, resolution: 100_000)))
    }
    #expect(Recognition.judge(observations, profile).points == told.points)
  }

  @Test func `the best profiles are those with the most points, if these are enough`() {
    let guesses = [("b", 6), ("a", 6), ("c", 4), ("d", -3)].map {
      Recognition.Guess(profile: $0.0, points: $0.1, evidence: [])
    }
    #expect(Recognition.best(guesses).map(\.profile) == ["a", "b"])
    #expect(Recognition.best(guesses.suffix(1)).isEmpty)
    #expect(Recognition.best([]).isEmpty)
  }
}
