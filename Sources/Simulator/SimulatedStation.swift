/// Simulated lines that stand and fall together.
public struct SimulatedStation: Sendable {
  public let lines: [SimulatedLine]

  private init(lines: [SimulatedLine]) { self.lines = lines }

  /// Opens every line, or none: throws for the first that cannot be opened.
  public static func open(_ descriptions: [LineDescription], clock: SimulatedClock) async throws(SimulatorError)
    -> SimulatedStation
  {
    var opened: [SimulatedLine] = []
    for description in descriptions {
      do throws(SimulatorError) {
        opened.append(
          try SimulatedLine(
            name: description.name, place: description.place, bus: description.bus(clock: clock),
            paces: description.paces))
      } catch {
        for line in opened { await line.stop() }
        throw error
      }
    }
    return SimulatedStation(lines: opened)
  }

  public subscript(name: String) -> SimulatedLine? { lines.first { $0.name == name } }

  /// Closes every line for good. What happened on each, in their order.
  @discardableResult
  public func stop() async -> [LineStatistics] {
    var all: [LineStatistics] = []
    for line in lines { all.append(await line.stop()) }
    return all
  }
}
