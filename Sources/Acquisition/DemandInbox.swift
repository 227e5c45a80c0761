internal import Host
internal import Metering

/// Where questions on demand wait for the thread of a line, which looks here between any two exchanges.
///
/// A call to the actor of the line would wait for the end of a whole question, and the freeze of a day takes four
/// exchanges or more. Any thread may put something in; only the engine takes it out.
final class DemandInbox: Sendable {
  struct Order: Sendable {
    let number: Int
    let queries: [Query]
    let meter: MeterID
    /// Told once, on any thread.
    let done: @Sendable ([DemandOutcome]) -> Void

    fileprivate func end(_ result: DemandOutcome.Result) {
      done(queries.map { DemandOutcome(query: $0, result: result) })
    }
  }

  private struct Content {
    var orders: [Order] = []
    var withdrawn: [Int] = []
    var isClosed = false
  }

  private let content = Guarded(Content())

  /// True where the line is about to be closed: nothing more is begun.
  var isClosed: Bool { content.withLock { $0.isClosed } }

  /// Has questions asked; each number once. Of a line that is being closed the order comes back at once.
  func put(_ order: Order) {
    let isTaken = content.withLock { content in
      if !content.isClosed { content.orders.append(order) }
      return !content.isClosed
    }
    if !isTaken { order.end(.closed) }
  }

  /// Says that nobody waits for an order any more. One that nobody has taken out ends here.
  func withdraw(_ number: Int) {
    let order = content.withLock { content -> Order? in
      if let place = content.orders.firstIndex(where: { $0.number == number }) {
        return content.orders.remove(at: place)
      }
      if !content.isClosed { content.withdrawn.append(number) }
      return nil
    }
    order?.end(.withdrawn)
  }

  /// Takes out what is there, in the order in which it came.
  func take() -> (orders: [Order], withdrawn: [Int]) {
    content.withLock { content in
      defer { (content.orders, content.withdrawn) = ([], []) }
      return (content.orders, content.withdrawn)
    }
  }

  /// Ends what waits here, and all that comes after it.
  func close() {
    let left = content.withLock { content in
      content.isClosed = true
      defer { content.orders = [] }
      return content.orders
    }
    for order in left { order.end(.closed) }
  }
}
