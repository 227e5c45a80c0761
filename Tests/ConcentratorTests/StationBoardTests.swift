import Acquisition
import Host
import Metering
import Testing

@testable import Concentrator

/// What a meter and a line are said to be.
@Suite struct StationBoardTests {
  private let now = HostClock.boot

  @Test func `one late reply makes no late meter, two of them do, and eight answers in time end it`() {
    var meter = StationBoard.Meter()
    meter.cameLate(at: now)
    #expect(!meter.isLate(at: now), "as it is after a daemon that was killed")
    meter.cameLate(at: now)
    #expect(meter.isLate(at: now))
    #expect(meter.isLate(at: now + .seconds(899)))
    #expect(!meter.isLate(at: now + .seconds(900)))
    for answer in 1...8 {
      #expect(meter.isLate(at: now), "after \(answer - 1) answers")
      meter.answered(at: 0)
    }
    #expect(!meter.isLate(at: now))
  }

  struct Word: Sendable, CustomTestStringConvertible {
    let state: MeterHealth.State
    let isLate: Bool
    let isReached: Bool
    let word: String
    var testDescription: String { word }
  }

  static let soon = BootInstant(nanoseconds: 0)
  static let words = [
    Word(state: .answering, isLate: false, isReached: true, word: "ok"),
    Word(state: .answering, isLate: true, isReached: true, word: "late"),
    Word(state: .answering, isLate: true, isReached: false, word: "unreachable"),
    Word(state: .unknown, isLate: true, isReached: true, word: "unknown"),
    Word(state: .unknown, isLate: false, isReached: false, word: "unreachable"),
    Word(state: .setAside(silences: 1, probeAt: soon), isLate: true, isReached: true, word: "silent"),
    Word(state: .setAside(silences: 4, probeAt: soon), isLate: false, isReached: true, word: "set-aside"),
  ]

  @Test(arguments: words)
  func `a meter is told as it is`(_ word: Word) {
    #expect(StationStatus.MeterWord(word.state, isLate: word.isLate, isReached: word.isReached).rawValue == word.word)
  }
}
