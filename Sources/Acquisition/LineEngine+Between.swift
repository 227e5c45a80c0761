internal import Line
internal import Metering

/// An ask that is being carried out, of as many exchanges as it takes.
struct Course {
  let ask: LinePlan.Ask
  /// How its meter stood before it.
  var wasSetAside: Bool
  var wasKnown: Bool
  /// Questions that went out.
  var exchanges = 0
  /// What was heard in its own exchanges before another one came between, and was not looked at yet.
  var heard: [UInt8] = []
  /// What came in exchanges between, besides their answers: it may be of the question before.
  var strays: [UInt8] = []
  /// What came in this one besides its answers, where it is one between those of another.
  var besides: [UInt8] = []
  /// The rest of it must wait, and its question stays where it was.
  var isPutOff = false
}

/// Questions on demand between two exchanges of an ask: of a freeze that is looked for, a second look at a clock, a
/// record that is read twice.
///
/// A block and its follow-ups are one exchange here, for the meter would begin anew. All else that takes several
/// exchanges holds however much time lies between: two reads that must agree say so whenever they were made, and a
/// look at a clock is one exchange and its own time.
extension LineEngine {
  /// Takes in what other threads want to know, and what they do not want to know any more.
  func takeIn() {
    let (orders, withdrawn) = inbox.take()
    for order in orders { read(order.queries, of: order.meter, number: order.number, done: order.done) }
    for number in withdrawn { withdraw(number) }
  }

  /// Lets one question on demand go between two exchanges of the ask that is being carried out, before that goes on
  /// with `query`. One that is on demand itself is not held up by others.
  ///
  /// Throws where the ask cannot go on: the port was lost, the meter has fallen silent or may answer late, the line is
  /// to be closed. Then the ask is put off.
  func giveWay(before query: Query) throws(LineError) {
    guard let outer = course, !outer.ask.isOfSomebody else { return }
    guard !inbox.isClosed else { throw putOff() }
    takeIn()
    if let ask = plan.nextBetween(ofLine: outer.ask.demand != nil, at: now) {
      let index = outer.ask.meter
      let before = (state: plan.health[index].state, notes: notes[index])
      course?.heard += line.takeHeard()
      lastAsked = index
      carryOut(ask)
      notes[index].goOn(from: before.notes)
      let hasFallenSilent = plan.health[index].isSetAside && plan.health[index].state != before.state
      guard line.isOpen, now >= babblesUntil, !hasFallenSilent, plan.health[index].mayAsk(query, at: now) else {
        throw putOff()
      }
    }
    plan.wentOn()
  }

  /// Lets one question on demand go before the next exchange of what is no ask.
  func giveWay() {
    takeIn()
    if let ask = plan.nextBetween(ofLine: false, at: now) { carryOut(ask) }
    plan.wentOn()
  }

  /// What ends the ask that is being carried out; `carryOut` does not take it for an error of the port.
  private func putOff() -> LineError {
    course?.isPutOff = true
    return .closed(line.address)
  }

  /// Goes back from an ask to the one that it came between, if there is one.
  func goBack(to outer: Course?) {
    let inner = course
    course = outer
    guard let inner, let outer else { return }
    course?.strays += inner.besides
    guard inner.ask.meter == outer.ask.meter else { return }
    // What the house was told of the meter is not told again.
    course?.wasSetAside = plan.health[inner.ask.meter].isSetAside
    course?.wasKnown = plan.health[inner.ask.meter].state != .unknown
  }
}

extension LinePlan.Ask {
  /// True where somebody waits for it; the line's own demands have numbers below zero.
  var isOfSomebody: Bool { demand.map { $0 > 0 } ?? false }
}
