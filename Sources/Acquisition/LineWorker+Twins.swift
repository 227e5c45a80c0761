internal import Host
internal import Line
internal import Metering

/// An answer that is believed and not told yet.
struct HeldAnswer {
  let answer: Answer
  let meter: Int
  /// When no second answer is to be expected any more, by the boot clock.
  var until: BootInstant
}

/// Two meters at one address answer one after the other, and the second may take its time. The line does not wait for
/// it: the answer is held back while the line goes on, and all that comes meanwhile is looked at once more.
extension LineWorker {
  /// No standard lets a meter begin later.
  private static let longestHold = BootInstant.Span.milliseconds(500)

  func hold(_ answer: Answer, _ meter: Int) {
    let until = answer.bootTime + min(meters[meter].replyLimit, Self.longestHold)
    // In a run of questions of one shape an answer too many moves all that follow by one, and shows only at the end.
    for index in held.indices.reversed() {
      guard held[index].meter == meter, held[index].answer.query.shape == answer.query.shape else { break }
      held[index].until = min(until, held[index].answer.bootTime + Self.longestRun)
    }
    held.append(HeldAnswer(answer: answer, meter: meter, until: until))
  }

  private static let longestRun = BootInstant.Span.seconds(10)

  /// Looks for second answers in what the exchange brought besides its own.
  func listenBack(for said: inout MeterSpeaker.Said, _ query: Query, _ meter: Int) {
    var heard = line.takeHeard()
    if case .told(let told) = said.result {
      for frame in told.frames {
        guard let place = heard.place(of: frame) else { continue }
        heard.removeSubrange(place..<place + frame.count)
      }
      if heard.count >= Self.shortestFrame, let frame = speaker.answer(in: heard, to: query, of: meters[meter]) {
        if told.frames.contains(frame) {
          // Two meters that show the same.
          tellTwice(meter, query, disagree: false)
        } else {
          said.result = .damaged("another answer came with it")
          said.isContradicted = true
        }
      } else if isDoubtful(meter, HostClock.boot), heard.hasMoreThanFill {
        said.result = .damaged("more came than the answer of a meter that answers twice")
      }
    }
    if said.isContradicted { tellTwice(meter, query, disagree: true) }
    lookBack(heard)
  }

  /// Of both protocols: a refusal of Modbus.
  private static let shortestFrame = 5

  func lookBack(_ heard: [UInt8]) {
    // Mostly there is nothing at all.
    guard !heard.isEmpty, !held.isEmpty else { return }
    let now = HostClock.boot
    var contradicted: [Int] = []
    var doubted: Set<Int> = []
    for (index, each) in held.enumerated() {
      if isDoubtful(each.meter, now), heard.hasMoreThanFill {
        contradicted.append(index)
        doubted.insert(index)
      }
      guard heard.count >= Self.shortestFrame,
        let frame = speaker.answer(in: heard, to: each.answer.query, of: meters[each.meter])
      else { continue }
      guard !isExplained(each) else { continue }
      let disagree = !each.answer.replies.contains(frame)
      tellTwice(each.meter, each.answer.query, disagree: disagree)
      doubted.remove(index)
      if disagree, contradicted.last != index { contradicted.append(index) }
    }
    for index in contradicted.reversed() {
      let each = held.remove(at: index)
      let answer = each.answer
      let reason =
        doubted.contains(index)
        ? "more came than the answer of a meter that answers twice" : "another answer came after it"
      tell(.rejected(line: name, meter: answer.meter, query: answer.query, reason: reason))
      if let slot = answer.slot {
        tell(.missed(line: name, meter: answer.meter, queries: [answer.query], reason: .damaged, slot: slot))
      }
    }
  }

  /// True where what looks like a second answer may be the late one to another question of the same shape.
  private func isExplained(_ each: HeldAnswer) -> Bool {
    guard !isDoubtful(each.meter, HostClock.boot) else { return false }
    let query = each.answer.query
    if let unanswered, unanswered.meter == each.meter, unanswered.shape == query.shape { return true }
    return !plan.health[each.meter].mayAsk(query, at: planClock.now)
  }

  /// Two meters have answered for this one within the last hour. Their answers may garble each other, so what comes
  /// besides a whole one counts against it.
  private func isDoubtful(_ meter: Int, _ now: BootInstant) -> Bool {
    doubtedAt[meter].map { now - $0 < .seconds(3600) } ?? false
  }

  func tellTwice(_ meter: Int, _ query: Query, disagree: Bool) {
    let now = HostClock.boot
    let isNews = doubles[meter].map { now - $0 > .seconds(3600) } ?? true
    if isNews { doubles[meter] = now }
    if disagree { doubtedAt[meter] = now }
    tell(.answeredTwice(line: name, meter: meters[meter].id, query: query, disagree: disagree, isNews: isNews))
  }

  /// Hears what comes on an idle line until an instant, or what has come by now.
  func hear(since instant: BootInstant?) {
    guard line.isOpen else { return }
    do throws(LineError) {
      let count = try line.listen(until: instant ?? HostClock.boot)
      guard count > 0 else { return }
      if let last = held.last { tell(.late(line: name, meter: meters[last.meter].id, bytes: count)) }
      lookBack(line.takeHeard())
    } catch {
      if error.losesPort {
        lost(error)
        plan.portLost(at: planClock.now)
      }
    }
  }

  /// Tells the answers whose time is over.
  func release(all: Bool = false) {
    guard let first = held.first, all || first.until <= HostClock.boot else { return }
    // What came since the last exchange has not been looked at.
    if !all { hear(since: nil) }
    let now = HostClock.boot
    let count = all ? held.count : held.prefix { $0.until <= now }.count
    for each in held.prefix(count) { tell(.answered(each.answer)) }
    held.removeFirst(min(count, held.count))
  }
}

extension [UInt8] {
  /// True where there is more than wake-up bytes and what an undriven pair reads as.
  fileprivate var hasMoreThanFill: Bool { contains { $0 != 0xFE && $0 != 0xFF && $0 != 0x00 } }

  /// Where `frame` begins in these bytes, the first time.
  fileprivate func place(of frame: [UInt8]) -> Int? {
    guard !frame.isEmpty, count >= frame.count else { return nil }
    return (0...(count - frame.count)).first {
      self[$0] == frame[0] && self[$0..<$0 + frame.count].elementsEqual(frame)
    }
  }
}
