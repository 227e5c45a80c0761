internal import Host
internal import Synchronization

/// A look at all pages of a store, on a thread and by a connection of its own: it takes as long as the file is large, and
/// whoever cannot wait breaks it off.
public actor PageCheck {
  private let connection: Connection
  private let interrupter: Connection.Interrupter
  private let isStopped = Atomic<Bool>(false)
  private let thread = OwnedThread(name: "pages")
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// Opens an existing store for reading; throws as `StoreReader` does.
  public init(path: String) throws(StoreError) {
    let opened = try Connection.reading(path)
    // Each page is looked at once: nothing is gained by keeping it.
    try opened.pragma("cache_size = -256")
    interrupter = opened.interrupter
    connection = opened
  }

  deinit { thread.stop() }

  /// Breaks the look off, or keeps it from beginning. Does not wait for it.
  public nonisolated func stop() {
    isStopped.store(true, ordering: .sequentiallyConsistent)
    interrupter.interrupt()
  }

  /// Looks at all pages; false where it was broken off before it had seen them. Throws `corrupt` where one is damaged.
  public func run() throws(StoreError) -> Bool { try run {} }

  /// `begun` is called where it was seen that nobody has stopped it so far.
  func run(_ begun: @Sendable () -> Void) throws(StoreError) -> Bool {
    // SQLite forgets an interrupt that meets no statement. While this one is under way it forgets none.
    let other = try connection.prepare("SELECT 1 UNION ALL SELECT 2")
    defer { other.reset() }
    _ = try? other.step()
    guard !isStopped.load(ordering: .sequentiallyConsistent) else { return false }
    begun()
    do throws(StoreError) {
      try connection.checkPages()
    } catch {
      // What a look that was broken off says is no news of the file.
      guard isStopped.load(ordering: .sequentiallyConsistent) else { throw error }
    }
    return !isStopped.load(ordering: .sequentiallyConsistent)
  }
}
