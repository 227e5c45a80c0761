public import Line
public import Metering

/// What a meter told in one exchange, with everything needed to make readings of it and to prove them.
public struct Answer: Sendable {
  public let meter: MeterID
  public let line: String
  public let query: Query
  /// The due time of the round, milliseconds since 1970; `nil` for probes and reads on demand.
  public let slot: Int64?
  /// So long after `slot`, in milliseconds, a register as it stands may bear its label.
  public var slotGrace: Int64 = Schedule.longestGrace
  public let observations: [Observation]
  /// What was sent; follow-up requests in their order.
  public let requests: [[UInt8]]
  /// What was believed, frame by frame as it came.
  public let replies: [[UInt8]]
  public let hostTime: HostInstant
  public let bootTime: BootInstant
  /// When the first byte of the question was sent.
  public let startedAt: BootInstant
  /// From the end of the request to the first byte of the reply.
  public let replyDelay: BootInstant.Span?
  /// The latest look at the meter's clock.
  public let clock: ClockSight?
  /// When the meter closes its months, as it said itself; `nil` when it did not, or closes several times a month.
  public let settlementDay: SettlementDay?
  /// Why there is no settlement day, where more is known than that it was not told.
  public var settlementDoubt: String?
  /// Read twice, and both answers were equal.
  public let isConfirmed: Bool
  /// Registers as they stood for a freeze of `slot` that the meter does not keep.
  public var isSynthetic = false
  /// The value was missed by an earlier round.
  public var fillsGap = false
  /// The task of the round; `nil` for probes and reads on demand.
  public var task: String?
  /// The bytes behind the identifier, of what an events task reads; empty of all else.
  var payload: [UInt8] = []
}

extension Answer {
  /// A value that cannot become a reading, and why.
  public struct Unlabelled: Hashable, Sendable {
    public let quantity: Quantity
    public let reason: String
  }

  /// The readings that the observations are, with those left out because their instant cannot be told.
  ///
  /// Only numbers become readings: clocks, addresses and status words serve the reading itself. `zone` is that of
  /// the meters' clocks.
  public func readings(zone: ZoneOffset) -> (readings: [Reading], unlabelled: [Unlabelled]) {
    var readings: [Reading] = []
    var unlabelled: [Unlabelled] = []
    for observation in observations {
      guard case .number(let value) = observation.value else { continue }
      switch label(of: observation, zone: zone) {
      case .success(let label):
        let key = ReadingKey(meter: meter, quantity: observation.quantity, kind: label.kind, instant: label.instant)
        readings.append(
          Reading(
            key: key, value: value, quality: quality(label.kind),
            occurred: label.kind == .profile ? nil : observation.occurred,
            meterTime: clock?.time(at: bootTime), hostTime: hostTime, bootTime: bootTime))
      case .failure(let reason):
        unlabelled.append(Unlabelled(quantity: observation.quantity, reason: reason.text))
      }
    }
    return (readings, unlabelled)
  }

  private func quality(_ kind: ReadingKind) -> Quality {
    if isSynthetic, kind == .dailyFreeze { return .synthetic }
    return isConfirmed ? .confirmed : .actual
  }

  private struct Label {
    let kind: ReadingKind
    let instant: Int64
  }

  private struct NoLabel: Error {
    let text: String
  }

  private func label(of observation: Observation, zone: ZoneOffset) -> Result<Label, NoLabel> {
    if case .profile = query {
      guard let time = observation.occurred else { return .failure(NoLabel(text: "its record has no time")) }
      return .success(Label(kind: .profile, instant: zone.unixMilliseconds(of: time)))
    }
    switch observation.memory {
    case .current:
      guard isSynthetic else { return .success(Label(kind: .instantaneous, instant: currentInstant)) }
      guard let slot, (slot...slot + slotGrace).contains(hostTime.unixMilliseconds) else {
        return .failure(NoLabel(text: "it was not read within \(slotGrace / 60_000) min after the day began"))
      }
      return .success(Label(kind: .dailyFreeze, instant: slot))
    case .settlement(let back):
      guard let clock else { return .failure(NoLabel(text: "the meter's clock is not known")) }
      guard let settlementDay else {
        return .failure(NoLabel(text: settlementDoubt ?? "the meter's settlement day is not known"))
      }
      let boundary = clock.boundary(back, of: settlementDay, answeredAt: bootTime, after: bootTime - startedAt)
      guard let boundary else {
        return .failure(NoLabel(text: "the meter may have closed a month while it was read"))
      }
      return .success(Label(kind: .settlement, instant: zone.unixMilliseconds(of: boundary)))
    case .dailyFreeze:
      // Without a look at the clock that dated it, nobody could tell that the date is wrong.
      guard clock != nil else { return .failure(NoLabel(text: "the meter's clock is not known")) }
      guard let freeze = observations.freezeTime else { return .failure(NoLabel(text: "the freeze time is not known")) }
      return .success(Label(kind: .dailyFreeze, instant: zone.unixMilliseconds(of: freeze)))
    }
  }

  /// The label of a register as it stood: the round's due time where the read was close to it, or the read itself.
  ///
  /// A round may be opened late, after a start or a step of the clock, and a dead meter may come back in the midst
  /// of one: what it shows then is not what it showed when the round was due.
  private var currentInstant: Int64 {
    let read = hostTime.unixMilliseconds
    guard let slot, (slot - 2000...slot + max(0, slotGrace)).contains(read) else { return read }
    return slot
  }
}

extension [Observation] {
  /// The time of a freeze that came with its values; `nil` where there was none.
  var freezeTime: MeterTime? {
    for observation in self {
      if case .freezeTime = observation.quantity.measurand, case .instant(let time) = observation.value { return time }
    }
    return nil
  }
}

/// What a line tells the rest of the house.
public enum LineEvent: Sendable {
  case answered(Answer)
  /// A round went by without these items.
  case missed(line: String, meter: MeterID, queries: [Query], reason: LinePlan.Missed.Reason, slot: Int64)
  /// A round that is open has not brought these, and the meter is given up for now: they may come until the next round.
  case lacking(line: String, meter: MeterID, queries: [Query], reason: LinePlan.Missed.Reason, slot: Int64)
  /// Rounds of a task that nobody began, one after the other, from the first slot through the last.
  case leftOut(
    line: String, task: String, meters: [MeterID], from: Int64, through: Int64, rounds: Int,
    reason: LinePlan.Missed.Reason)
  /// Records of a load profile in a row, from the first instant through the last, that were given up unread: they lie
  /// further back than their task goes.
  case recordsLapsed(
    line: String, meter: MeterID, subject: String, from: Int64, through: Int64, records: Int,
    reason: LinePlan.Missed.Reason)
  /// Records of a load profile that a meter refuses, one query each, and what it says: its error word.
  case recordsRefused(line: String, meter: MeterID, records: [Query], word: String)
  /// The line asks what the journal holds of its meters: the wall clock was set, or stepped far.
  case journalWanted(line: String)
  /// A meter's last freeze is of another day than the one that was asked for: `told` is when it was taken, `nil`
  /// where there is none at all. It is not stored; `query` stays missing.
  case staleFreeze(line: String, meter: MeterID, query: Query, told: MeterTime?)
  /// A freeze was not to be had from the meter's memory, for a whole day of passes, or, where it is final, at all.
  case backfillFailed(line: String, meter: MeterID, query: Query, reason: LinePlan.Missed.Reason, isFinal: Bool)
  /// A meter that answered is silent, or one that was silent answers.
  case health(line: String, meter: MeterID, isAnswering: Bool)
  /// An exchange that brought bytes and no belief.
  case rejected(line: String, meter: MeterID, query: Query, reason: String)
  /// Two answers came to one question, so two meters may have this address. Where they disagree neither is believed.
  /// `isNews` where the line has not said so of this meter within the last hour.
  case answeredTwice(line: String, meter: MeterID, query: Query, disagree: Bool, isNews: Bool)
  /// Bytes that came after their time and were thrown away.
  case late(line: String, meter: MeterID, bytes: Int)
  /// What a meter has noted of itself, with the counts to go on from: one fact.
  case events(EventReport)
  /// How far a meter's clock is off. A look that is news was looked at twice.
  case clock(line: String, meter: MeterID, ClockLook)
  /// Something that changes a meter was sent, or kept back by the guard.
  case control(line: String, ControlRecord)
  case portLost(line: String, reason: String)
  case portOpened(line: String)
}
