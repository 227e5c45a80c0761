internal import Line
internal import Metering
internal import Modbus

/// An answer that is believed and not told yet.
struct HeldAnswer {
  let answer: Answer
  /// What was asked: of a freeze, which record.
  let asked: Query
  let meter: Int
  /// The round that it serves, or the demand.
  let round: LinePlan.Round?
  let demand: Int?
  /// When no second answer is to be expected any more, by the boot clock.
  var until: BootInstant
}

/// An answer that was believed, as long as a second one to its question may still be told from others.
struct BelievedAnswer {
  let query: Query
  let meter: Int
  let frames: [[UInt8]]
  let at: BootInstant
}

/// Two meters at one address answer one after the other, and the second may take its time. The line does not wait for
/// it: the answer is held back while the line goes on, and all that comes meanwhile is looked at once more.
extension LineEngine {
  /// No standard lets a meter begin later.
  private static let longestHold = BootInstant.Span.milliseconds(500)

  func hold(_ answer: Answer, to asked: Query, _ meter: Int, _ round: LinePlan.Round?, _ demand: Int? = nil) {
    let until = answer.bootTime + min(meters[meter].replyLimit, Self.longestHold)
    // In a run of questions of one shape an answer too many moves all that follow by one, and shows only at the end.
    for index in held.indices.reversed() {
      guard held[index].meter == meter, held[index].asked.shape == asked.shape else {
        // DL/T 645 answers say what they answer: only question after question of one item is such a run.
        guard case .registers = answer.query else { break }
        continue
      }
      // All that was to be expected of an earlier one had come before this question was put.
      guard held[index].until > answer.startedAt else { break }
      held[index].until = max(held[index].until, min(until, held[index].answer.bootTime + Self.longestRun))
    }
    held.append(HeldAnswer(answer: answer, asked: asked, meter: meter, round: round, demand: demand, until: until))
  }

  private static let longestRun = BootInstant.Span.seconds(10)

  /// Keeps what a second answer to this question is told by, and the plan from asking what it may be taken for.
  private func expectSecond(_ said: MeterSpeaker.Said, _ query: Query, _ meter: Int) {
    if case .told(let told) = said.result {
      if believed.count >= 256 { believed.removeFirst(128) }
      believed.append(BelievedAnswer(query: query, meter: meter, frames: told.frames, at: said.record.endedAt))
    }
    let until = boot + min(meters[meter].replyLimit, Self.longestHold)
    plan.secondMayFollow(query, of: meter, from: now, until: planned(until))
  }

  /// Looks for second answers in what the exchange brought besides its own.
  func listenBack(for said: inout MeterSpeaker.Said, _ query: Query, _ meter: Int) {
    defer { expectSecond(said, query, meter) }
    let heardBefore = course?.heard ?? []
    var heard = heardBefore + line.takeHeard()
    course?.heard = []
    // Modbus RTU answers do not say which question they answer: what came may be of an earlier one.
    let isContested = plan.health[meter].contested(query, at: now) != nil
    var unsure: [Doubt] = []
    if case .told(let told) = said.result {
      for frame in told.frames {
        guard let place = heard.place(of: frame) else { continue }
        heard.removeSubrange(place..<place + frame.count)
      }
      let all = (course?.strays ?? []) + heard
      course?.strays = []
      if all.count >= Self.shortestFrame, let frame = speaker.answer(in: all, to: query, of: meters[meter]) {
        if told.frames.contains(frame) {
          // Two meters that show the same.
          tellTwice(meter, query, disagree: false)
        } else {
          said.result = .damaged("another answer came with it")
          said.isContradicted = true
        }
      } else if isDoubtful(meter), all.hasMoreThanFill {
        said.result = .damaged(Self.moreCame)
      } else if case .registers = query, !line.address.isModbusTCP, !heard.isEmpty {
        let rest = heard.withoutSoundFrames
        if rest.hasMoreThanPulses, isContested || rest.count > Self.longestGlitch {
          said.result = .damaged("more came than the answer")
          unsure.append(Doubt(meter: meter, shape: query.shape))
        }
        // It began before this question was put, or is of the meter that was asked before.
        if rest.count > Self.longestGlitch, let before = held.last, before.meter == lastAsked, before.meter != meter,
          case .registers = before.answer.query
        {
          unsure.append(Doubt(meter: before.meter, shape: before.asked.shape))
        }
      }
    } else if isContested, !said.isContradicted, heard.hasMoreThanPulses {
      if case .refused = said.result {} else { unsure.append(Doubt(meter: meter, shape: query.shape)) }
    }
    if said.isContradicted { tellTwice(meter, query, disagree: true) }
    course?.besides += heard
    lookBack(heard, unsure, told: said.isContradicted ? Doubt(meter: meter, shape: query.shape) : nil)
  }

  /// A meter and a shape of which something came that no answer explains.
  struct Doubt: Hashable {
    let meter: Int
    let shape: Query.Shape
  }

  private static let moreCame = "more came than the answer of a meter that answers twice"

  /// Of both protocols: a refusal of Modbus.
  private static let shortestFrame = 5

  /// Characters that a driver makes when it takes and leaves the pair.
  private static let longestGlitch = 2

  /// Holds what came besides the answers against those that are held.
  ///
  /// `unsure` are shapes of which more came than an answer; of `told` two answers were told already.
  func lookBack(_ heard: [UInt8], _ unsure: [Doubt] = [], told: Doubt? = nil) {
    // Mostly there is nothing at all.
    guard !heard.isEmpty || !unsure.isEmpty else { return }
    if let late = hurried, boot < late.until, heard.hasMoreThanPulses { plan.mayBeSlow(late.meter, at: now) }
    let isFrame = heard.count >= Self.shortestFrame
    var contradicted: [Int: String] = [:]
    var seen: Set<Doubt> = told.map { [$0] } ?? []
    for (index, each) in held.enumerated() {
      let doubt = Doubt(meter: each.meter, shape: each.asked.shape)
      if isDoubtful(each.meter), heard.hasMoreThanFill { contradicted[index] = Self.moreCame }
      if unsure.contains(doubt) { contradicted[index] = "more came than the answer to the next question" }
      guard isFrame, let frame = speaker.answer(in: heard, to: each.asked, of: meters[each.meter]) else {
        continue
      }
      seen.insert(doubt)
      let disagree = !each.answer.replies.contains(frame)
      guard !isExplained(each.asked, each.meter) else {
        // Nobody knows whether it is the late answer to the next question, or a second one to this.
        if disagree, case .registers = each.answer.query {
          contradicted[index] = "an answer came after it that may be of the next question"
        }
        continue
      }
      tellTwice(each.meter, each.answer.query, disagree: disagree)
      if disagree { contradicted[index] = "another answer came after it" }
    }
    if isFrame { lookFurtherBack(heard, seen) }
    for (index, reason) in contradicted.sorted(by: { $0.key > $1.key }) {
      let each = held.remove(at: index)
      tell(.rejected(line: name, meter: each.answer.meter, query: each.answer.query, reason: reason))
      if let round = each.round {
        plan.takenBack(each.answer.query, of: each.meter, in: round)
        noteUnreadEvents(each.answer.query, of: each.meter, in: round, isRefused: false)
      }
      if let number = each.demand { takeBackDemand(each.answer.query, number, reason) }
      if case .profile(let span) = each.answer.query { profiles?.takenBack(span, of: each.meter) }
    }
  }

  /// A second answer that comes when the first is told already is a finding, and the meter is not trusted any more.
  private func lookFurtherBack(_ heard: [UInt8], _ seen: Set<Doubt>) {
    guard !line.address.isModbusTCP else { return }
    let now = boot
    var seen = seen
    for each in believed.reversed() {
      guard now - each.at < Self.longestRun else { return }
      guard seen.insert(Doubt(meter: each.meter, shape: each.query.shape)).inserted else { continue }
      guard let frame = speaker.answer(in: heard, to: each.query, of: meters[each.meter]),
        !isExplained(each.query, each.meter)
      else { continue }
      tellTwice(each.meter, each.query, disagree: !each.frames.contains(frame))
    }
  }

  /// True where what looks like a second answer may be the late one to another question of the same shape.
  private func isExplained(_ query: Query, _ meter: Int) -> Bool {
    guard !isDoubtful(meter) else { return false }
    if let unanswered, unanswered.meter == meter, unanswered.shape == query.shape { return true }
    return !plan.health[meter].mayAsk(query, at: now)
  }

  /// Two meters have answered for this one within the last hour.
  private func isDoubtful(_ meter: Int) -> Bool { plan.health[meter].isDoubtful(at: now) }

  func tellTwice(_ meter: Int, _ query: Query, disagree: Bool) {
    let now = boot
    let isNews = doubles[meter].map { now - $0 > .seconds(3600) } ?? true
    if isNews { doubles[meter] = now }
    if disagree { plan.doubt(meter, until: planned(now + .seconds(3600))) }
    tell(.answeredTwice(line: name, meter: meters[meter].id, query: query, disagree: disagree, isNews: isNews))
  }

  /// Hears what comes on an idle line until an instant, or what has come by now.
  func hear(since instant: BootInstant?) {
    guard line.isOpen else { return }
    do throws(LineError) {
      var count = try line.listen(until: instant ?? boot)
      guard count > 0 else { return }
      // What has begun is heard to its end: of a frame cut in two neither half is one.
      let pause = max(held.last.map { meters[$0.meter].settings.characterTime * 10 } ?? .zero, .milliseconds(2))
      let end = boot + Self.longestHold
      while boot < end {
        let more = try line.listen(until: boot + pause)
        guard more > 0 else { break }
        count += more
      }
      if let last = held.last { tell(.late(line: name, meter: meters[last.meter].id, bytes: count)) }
      lookBack(line.takeHeard())
    } catch {
      if error.losesPort {
        lost(error)
        plan.portLost(at: now)
      }
    }
  }

  /// Tells the answers whose time is over.
  func release(all: Bool = false) {
    guard let first = held.first, all || first.until <= boot else { return }
    // What came since the last exchange has not been looked at.
    if !all { hear(since: nil) }
    let now = boot
    let count = all ? held.count : held.prefix { $0.until <= now }.count
    let released = held.prefix(count)
    held.removeFirst(min(count, held.count))
    for each in released {
      tell(.answered(each.answer))
      if let round = each.round { noteEvents(each.answer, each.meter, round) }
      if let number = each.demand { settle(each.answer.query, of: number, .answered(each.answer)) }
    }
  }
}

extension [UInt8] {
  /// True where there is more than wake-up bytes and what an undriven pair reads as.
  fileprivate var hasMoreThanFill: Bool { contains { $0 != 0xFE && $0 != 0xFF && $0 != 0x00 } }

  /// True where there is more than a driver makes when it takes and leaves the pair: pulses, which read as a character
  /// whose first bits are 0 and all others 1.
  fileprivate var hasMoreThanPulses: Bool {
    hasMoreThanFill && (count > 2 || contains { ~$0 & (~$0 &+ 1) != 0 })
  }

  /// These bytes without the answers of Modbus RTU in them, whoever gave them.
  fileprivate var withoutSoundFrames: [UInt8] {
    var rest: [UInt8] = []
    var place = 0
    while place < count {
      if let length = soundFrame(at: place) {
        place += length
      } else {
        rest.append(self[place])
        place += 1
      }
    }
    return rest
  }

  /// The length of the whole answer with a right checksum that begins there.
  private func soundFrame(at place: Int) -> Int? {
    guard count - place >= 5 else { return nil }
    let length: Int
    switch self[place + 1] {
    case 3, 4: length = 5 + Int(self[place + 2])
    case 0x83, 0x84: length = 5
    default: return nil
    }
    guard count - place >= length else { return nil }
    var sum = Checksum()
    for byte in self[place..<place + length - 2] { sum.add(byte) }
    let told = UInt16(self[place + length - 2]) | UInt16(self[place + length - 1]) << 8
    return sum.register == told ? length : nil
  }

  /// Where `frame` begins in these bytes, the first time.
  fileprivate func place(of frame: [UInt8]) -> Int? {
    guard !frame.isEmpty, count >= frame.count else { return nil }
    return (0...(count - frame.count)).first {
      self[$0] == frame[0] && self[$0..<$0 + frame.count].elementsEqual(frame)
    }
  }
}
