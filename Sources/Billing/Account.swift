public import Metering
public import Rating

/// One customer's point of supply: which meters count for it, what is agreed, and when its month closes. 户
public struct Account: Hashable, Sendable {
  public let id: String
  /// The meters that counted, one after the other; a change of meter or multiplier is a new entry.
  public let meters: [MeterAssignment]
  /// What is agreed, in the order of the days from which on it holds; at least one.
  public let terms: [SupplyTerms]
  public let settlement: SettlementDay
  /// The station's zone: meters' own times are local to it.
  public let zone: ZoneOffset
  /// The first day that is billed; in the middle of a cycle the rest of it is the first bill. `nil` for the first
  /// settlement at hand.
  public let from: CivilDate?
  /// The first day that is not billed any more, when the last bill is made; `nil` while the account goes on. 销户
  public let to: CivilDate?
  /// The month from which on the household has its grant for many people; `nil` without one. 一户多人口
  public let grantFrom: YearMonth?
  /// The month in which the customer moved in; `nil` where that is long ago or the plan does not ask. 过户
  public let movedIn: YearMonth?
  /// How a use is cut where rules change and no register was frozen.
  public let proration: Proration

  public init(
    id: String, meters: [MeterAssignment], terms: [SupplyTerms], settlement: SettlementDay = .firstOfMonth,
    zone: ZoneOffset = .china, from: CivilDate? = nil, to: CivilDate? = nil, grantFrom: YearMonth? = nil,
    movedIn: YearMonth? = nil, proration: Proration = .days
  ) {
    self.id = id
    self.meters = meters
    self.terms = terms.sorted { SupplyTerms.isEarlier($0.from, $1.from) }
    self.settlement = settlement
    self.zone = zone
    self.from = from
    self.to = to
    self.grantFrom = grantFrom
    self.movedIn = movedIn
    self.proration = proration
  }

  /// An account for which nothing but a plan is agreed.
  public init(
    id: String, meters: [MeterAssignment], plan: String, settlement: SettlementDay = .firstOfMonth,
    zone: ZoneOffset = .china, from: CivilDate? = nil, grantFrom: YearMonth? = nil
  ) {
    self.init(
      id: id, meters: meters, terms: [SupplyTerms(plan: plan)], settlement: settlement, zone: zone, from: from,
      grantFrom: grantFrom)
  }

  /// What holds on `day`; `nil` before anything was agreed.
  public func terms(on day: CivilDate) -> SupplyTerms? { terms.last { $0.from.map { $0 <= day } ?? true } }
}

/// A meter that counts for an account for some time, with one multiplier.
public struct MeterAssignment: Hashable, Sendable {
  public let meter: MeterID
  public let multiplier: Multiplier
  /// The first instant it counts, local time; `nil` for always.
  public let from: MeterTime?
  /// The instant it stops counting; `nil` while it is in use.
  public let to: MeterTime?
  public let register: CounterRange
  /// Which of its registers count reactive energy.
  public let reactive: ReactiveRegisters
  /// False for meters that close no month by themselves: their cycles begin and end with daily freezes, which the host
  /// may have taken.
  public let keepsSettlements: Bool
  /// What an inspection found, where the multiplier mends it; `nil` elsewhere.
  public let error: MeterError?
  /// False where the meter counted before `from`, too, and only its error begins or ends there.
  public let isPutIn: Bool
  /// False where the meter counts after `to`, too, and only its error begins or ends there.
  public let isTakenAway: Bool

  public init(
    meter: MeterID, multiplier: Multiplier = .one, from: MeterTime? = nil, to: MeterTime? = nil, register: CounterRange,
    reactive: ReactiveRegisters = .combined, keepsSettlements: Bool = true, error: MeterError? = nil,
    isPutIn: Bool = true, isTakenAway: Bool = true
  ) {
    self.isPutIn = isPutIn
    self.isTakenAway = isTakenAway
    self.error = error
    self.keepsSettlements = keepsSettlements
    self.reactive = reactive
    self.meter = meter
    self.multiplier = multiplier
    self.from = from
    self.to = to
    self.register = register
  }
}

/// The registers that tell reactive energy of both directions.
public struct ReactiveRegisters: Hashable, Sendable {
  /// Taken from the grid.
  public let forward: Flow
  /// Fed back; `nil` where the meter keeps no such register.
  public let reverse: Flow?

  public init(forward: Flow, reverse: Flow?) {
    self.forward = forward
    self.reverse = reverse
  }

  /// The two combinations of DL/T 645-2007, which meters leave the factory with as quadrants I and IV, and II and III:
  /// unverified, the characteristic words 04000602 and 04000603 of a meter may say otherwise.
  public static let combined = ReactiveRegisters(forward: .combinedReactive1, reverse: .combinedReactive2)
}

/// How far a meter's energy registers count, and how fast they can.
public struct CounterRange: Hashable, Sendable {
  /// Where the registers start from zero again, in millionths of a kWh. DL/T 645 registers: 1 000 000 kWh.
  public let capacity: Int64
  /// The most that the meter can count in an hour, in millionths of a kWh, before the multiplier: nominal voltage
  /// times highest current times phases. A rollover above it is none.
  public let mostPerHour: Int64
  /// How the meter cuts registers to their last digit.
  public let cut: Cut

  public enum Cut: Hashable, Sendable {
    case truncated
    case rounded
    /// Not known: the wider bound counts.
    case unknown
  }

  /// `nil` unless both numbers are positive and the capacity is at most 10¹⁰ kWh.
  public init?(capacity: Int64, mostPerHour: Int64, cut: Cut = .unknown) {
    guard Energy(millionths: capacity).isBillable, capacity > 0, mostPerHour > 0 else { return nil }
    self.capacity = capacity
    self.mostPerHour = mostPerHour
    self.cut = cut
  }

  /// By how many steps of the registers the use by a total and by `rates` rate registers may differ.
  ///
  /// Each of the two readings of truncated registers is off by 0...rates-1 steps, of rounded ones by at most half a
  /// step for each register.
  func mostSteps(rates: Int) -> Int64 {
    switch cut {
    case .truncated: Int64(max(0, rates - 1))
    case .rounded, .unknown: Int64(rates + 1)
    }
  }
}
