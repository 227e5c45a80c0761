internal import Acquisition
internal import Line
internal import Metering

/// What the lines have learned of meters, from one configuration to the next.
///
/// A meter keeps it where it is asked at the same place with the same words. A mended address or another profile makes it
/// one that nobody has asked yet; but what the unit at that place may still answer late it may answer under any name.
struct Learned {
  private struct Spot: Hashable {
    let port: PortAddress
    let address: MeterAddress
  }

  private var known: [MeterID: (place: RunningStation.Place, health: MeterHealth)] = [:]
  private var spots: [Spot: MeterHealth] = [:]

  init() {}

  /// What was learned of the meters of `station`.
  init(_ health: [MeterID: MeterHealth], of station: Station) {
    for place in station.places {
      guard let health = health[place.meter.id] else { continue }
      known[place.meter.id] = (place, health)
      spots[Spot(port: place.line.port, address: place.meter.address)] = health
    }
  }

  /// What of it holds for the meters of `station`.
  func health(in station: Station) -> [MeterID: MeterHealth] {
    var found: [MeterID: MeterHealth] = [:]
    for place in station.places {
      let id = place.meter.id
      if let before = known[id], before.place.isSame(as: place) {
        found[id] = before.health
      } else if let before = spots[Spot(port: place.line.port, address: place.meter.address)] {
        found[id] = MeterHealth(owingAs: before)
      }
    }
    return found
  }
}

extension Station {
  /// All meters with their lines.
  var places: [RunningStation.Place] {
    zip(configuration.lines, meters).flatMap { line, meters in
      meters.map { RunningStation.Place(line: line, meter: $0) }
    }
  }
}
