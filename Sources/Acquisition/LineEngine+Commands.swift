public import Line
public import Metering

/// What came of a command's part on a running line.
public enum CommandStep<Outcome> {
  case done(Outcome)
  /// Nothing was put on the wire; why. Another time it may be.
  case notNow(String)
}

extension CommandStep: Sendable where Outcome: Sendable {}

/// Changes to meters that a person wants, between two exchanges of the line. The guard of the line has the last word.
extension LineEngine {
  /// Lets `work` speak on the line; `meter` is who is spoken to, `nil` for all of them.
  ///
  /// What is audited is the owner's: the line tells nothing of this by itself. Throws where the port is lost or a byte
  /// may not leave.
  public func command<Outcome>(
    to meter: MeterID?, _ work: (Commander) throws(LineError) -> Outcome
  ) throws(LineError) -> CommandStep<Outcome> {
    let index = meter.flatMap { id in meters.firstIndex { $0.id == id } }
    guard meter == nil || index != nil else { return .notNow("the line has no such meter") }
    guard line.isOpen else { throw .closed(line.address) }
    if mustListen {
      mustListen = false
      hearOut()
    }
    // Answers that are held back are not to be held against what a changed meter says.
    while let last = held.map(\.until).max() {
      hear(since: min(last, boot + .milliseconds(20)))
      release()
    }
    guard line.isOpen else { throw .closed(line.address) }
    // Modbus RTU answers do not say what they answer: a late one could pass for what the command reads.
    if let index, case .modbus = meters[index].address, plan.health[index].isOwed(at: now) {
      return .notNow("the meter was silent lately, and its late answer could pass for one to this")
    }
    let commander = Commander(on: line, settings: index.map { meters[$0].settings } ?? line.settings)
    let (began, tellControl) = (boot, line.onControl)
    line.onControl = nil
    defer {
      line.onControl = tellControl
      load.note(from: began, to: boot)
      _ = line.takeHeard()
      if commander.hasSetClock {
        // What their memories are of is not known until somebody has looked again.
        for each in index.map({ [$0] }) ?? Array(meters.indices) {
          notes[each].forgetClock()
          looks[each] = nil
        }
      }
      if let index {
        lastAsked = index
        unanswered = nil
        plan.asked(commander.asked, of: index, at: now, until: planned(boot + .milliseconds(500)))
      }
    }
    do throws(LineError) {
      return .done(try work(commander))
    } catch {
      if error.losesPort {
        lost(error)
        plan.portLost(at: now)
      }
      throw error
    }
  }
}

extension LinePlan {
  /// Questions were put that are none of the plan's: what is late of theirs must not pass for answers to it.
  mutating func asked(
    _ questions: [(query: Query, isAnswered: Bool)], of meter: Int, at now: BootInstant, until: BootInstant
  ) {
    for (query, isAnswered) in questions {
      if isAnswered {
        health[meter].secondMayFollow(query, from: now, until: until)
      } else {
        health[meter].damaged(query, at: now)
      }
    }
  }
}
