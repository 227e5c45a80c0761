internal import DLT645
internal import Devices
internal import Metering

extension LineMeter {
  /// As for the 2007 edition: the time of day first, which is short.
  static let probes1997: [Query] = [
    .clockTime, .clockDate, ShortIdentifier(rawValue: 0x9010), .meterNumber, ShortIdentifier(rawValue: 0x9020),
    ShortIdentifier(rawValue: 0xB611), ShortIdentifier(rawValue: 0x9410),
  ].map(Query.shortIdentifier)

  /// What a meter of 1997 is asked for `targets`, in this order.
  func shortIdentifiers(for targets: [AcquisitionTask.Target]) -> [ShortIdentifier] {
    var found: [ShortIdentifier] = []
    func add(_ identifiers: [ShortIdentifier]) {
      for identifier in identifiers {
        // The year of a demand is that of the meter's clock: first what time it is, and of a month when it was closed.
        if identifier.isDemand { add(identifier.monthsBack == nil ? Self.clock1997 : Self.monthEnd1997) }
        if !found.contains(identifier) { found.append(identifier) }
      }
    }
    let current = shortItems(.current)
    for target in targets {
      switch target {
      case .energies: add(current.filter(\.isEnergy))
      case .instantaneous: add(current.filter { $0.isDemand || $0.di1 == 0xB6 })
      case .quantity(let quantity):
        if let listed = current.first(where: { tells($0, quantity) }) {
          add([listed])
        } else if let own = ShortIdentifier(for: quantity) {
          add([own])
        }
      case .settlements(let depth, let quantity):
        let kept = profile.dlt645Items.filter { item in
          let identifier = ShortIdentifier(item)
          return item.kind == .settlement && !identifier.isDemandTime
            && quantity.map { tells(identifier, $0) } ?? true
        }
        guard !kept.isEmpty else { continue }
        add(Self.monthEnd1997)
        for item in kept {
          for back in 1...max(1, min(depth, profile.settlements)) {
            if let bits = item.identifier(back: back) {
              add([ShortIdentifier(rawValue: UInt16(truncatingIfNeeded: bits))])
            }
          }
        }
      // The edition has none.
      case .dailyFreeze: continue
      case .syntheticFreeze: add(current.filter(\.isEnergy))
      case .clock: add(Self.clock1997)
      // The edition has none.
      case .loadProfile: continue
      case .events:
        let words = current.filter(\.isStatusWord)
        if !words.isEmpty { add(Self.clock1997 + words) }
      }
    }
    return found.filter { !isCovered(told(by: $0), by: found.map(told(by:))) }
  }

  private static let clock1997: [ShortIdentifier] = [.clockDate, .clockTime]
  private static let monthEnd1997: [ShortIdentifier] = [.readingDay, .clockDate, .clockTime]

  private func shortItems(_ kind: DLT645Item.Kind) -> [ShortIdentifier] {
    profile.dlt645Items.filter { $0.kind == kind }.map(ShortIdentifier.init)
  }

  private func tells(_ identifier: ShortIdentifier, _ quantity: Quantity) -> Bool {
    identifier.items(rates: profile.rates).contains { $0.quantity == quantity }
  }

  private func told(by identifier: ShortIdentifier) -> Set<CatalogueItem> {
    Set(identifier.items(rates: profile.rates))
  }

  /// The question for the times of the maximum demands that `query` gives.
  ///
  /// `nil` for all that is no demand of 1997, and where the profile does not list such times.
  func timesOfDemand(_ query: Query) -> Query? {
    guard case .shortIdentifier(let identifier) = query, let times = identifier.demandTime else { return nil }
    let isListed = profile.dlt645Items.contains { item in
      switch identifier.monthsBack {
      case nil: item.kind == .current && ShortIdentifier(item) == times
      case .some(let back):
        item.kind == .settlement
          && item.identifier(back: back).map { $0 == UInt32(times.rawValue) } ?? false
      }
    }
    return isListed ? .shortIdentifier(times) : nil
  }

  /// Bytes of an answer after its identifier; 4 where that is not known.
  func payloadLength(of identifier: ShortIdentifier) -> Int {
    if identifier.isDemandTime {
      return 4 * (identifier.di0 & 0x0F == 0x0F ? max(0, profile.rates) + 1 : 1)
    }
    if identifier == .readingDay { return 2 }
    return identifier.payloadLength(rates: knownRates) ?? 4
  }
}

extension ShortIdentifier {
  init(_ item: DLT645Item) { self.init(rawValue: UInt16(truncatingIfNeeded: item.identifier)) }
}

extension LineMeter {
  /// The memories among `targets` that a DL/T 645 meter of this profile does not keep, in the words of the
  /// configuration, and events and single quantities of any meter: a task that names them will never read them of it.
  public func lacking(_ targets: [AcquisitionTask.Target]) -> [String] {
    let events = targets.contains(.events) && queries(for: [.events]).isEmpty ? ["events"] : []
    let isDLT645 = profile.language.isDLT645
    let kinds = Set(profile.dlt645Items.map(\.kind))
    return events
      + targets.compactMap { target in
        switch target {
        case .dailyFreeze: kinds.contains(.dailyFreeze) || !isDLT645 ? nil : "freeze.daily"
        case .settlements(_, let quantity):
          if !isDLT645 {
            nil
          } else if !kinds.contains(.settlement) {
            "settlement"
          } else {
            quantity.flatMap { queries(for: [target]).isEmpty ? "settlement:\($0)" : nil }
          }
        case .quantity(let quantity): queries(for: [target]).isEmpty ? "\(quantity)" : nil
        case .energies, .instantaneous, .syntheticFreeze, .clock, .loadProfile, .events: nil
        }
      }
  }
}
