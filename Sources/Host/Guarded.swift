internal import Synchronization

/// A value that threads take turns with.
///
/// A `Mutex` of the standard library that is contended is handed on by the kernel, and the thread sanitizer sees no order
/// between two such turns: it calls them a race, and whatever passes from one thread to the other with them too. The mark
/// of a turn is an order that it does see, so that what it still reports is a race.
public struct Guarded<Value: Sendable>: ~Copyable, Sendable {
  private let value: Mutex<Value>
  private let turn = Atomic<Bool>(false)

  public init(_ value: Value) { self.value = Mutex(value) }

  /// Has the value to itself while `body` runs, which must not ask for it again.
  public func withLock<Result: Sendable, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result)
    throws(Failure)
    -> Result
  {
    try value.withLock { value throws(Failure) -> Result in
      _ = turn.load(ordering: .acquiring)
      defer { turn.store(true, ordering: .releasing) }
      return try body(&value)
    }
  }
}
