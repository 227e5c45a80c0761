import Glibc
import Host
import Metering
import Synchronization
import Testing

private actor Worker {
  private let thread: OwnedThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
  private var count = 0
  init(_ thread: OwnedThread) { self.thread = thread }

  func step() -> pthread_t {
    count += 1
    return pthread_self()
  }
  func total() -> Int { count }
}

@Suite struct OwnedThreadTests {
  @Test func `an actor stays on its own thread, and two actors have two`() async {
    let first = OwnedThread(name: "first"), second = OwnedThread(name: "second")
    let a = Worker(first), b = Worker(second)
    var seenA: Set<pthread_t> = [], seenB: Set<pthread_t> = []
    for _ in 0..<100 {
      seenA.insert(await a.step())
      seenB.insert(await b.step())
    }
    #expect(seenA.count == 1)
    #expect(seenB.count == 1)
    #expect(seenA.isDisjoint(with: seenB))
    first.stop()
    second.stop()
  }

  @Test func `many tasks on one actor lose no job`() async {
    let thread = OwnedThread(name: "many")
    let worker = Worker(thread)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<1000 { group.addTask { _ = await worker.step() } }
    }
    #expect(await worker.total() == 1000)
    thread.stop()
  }

  @Test func `the boot clock goes forward and the wall clock is of this century`() {
    let first = HostClock.boot
    HostClock.sleep(until: first + .milliseconds(2))
    #expect(HostClock.boot - first >= .milliseconds(2))
    #expect(HostClock.wall.unixMilliseconds > 1_700_000_000_000)
  }
}

private actor Spinner {
  private let thread: OwnedThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
  private nonisolated let isBlocked: Atomic<Int>
  init(_ thread: OwnedThread) {
    self.thread = thread
    isBlocked = Atomic(0)
  }

  /// A thread of the pool is taken; the count of them.
  nonisolated func block() -> Int { isBlocked.add(1, ordering: .acquiringAndReleasing).newValue }

  /// Runs on the thread itself, so it comes only when the spinner lets it.
  func turn() { _ = block() }

  /// Yields until `count` threads are blocked and a hundred times more, then rings.
  func spin(until count: Int, then bells: [Doorbell]) async {
    var more = 100
    while more > 0 {
      if isBlocked.load(ordering: .acquiring) >= count { more -= 1 }
      await withCheckedContinuation { thread.resumeLater($0) }
    }
    for bell in bells { bell.ring() }
  }
}

@Suite struct YieldTests {
  @Test func `an actor that yields on its own thread goes on while the whole pool is blocked`() async {
    let thread = OwnedThread(name: "spin")
    let spinner = Spinner(thread)
    let width = sysconf(CInt(_SC_NPROCESSORS_ONLN))
    let bells = (0..<width).map { _ in Doorbell() }
    let spinning = Task(executorPreference: thread) { await spinner.spin(until: width, then: bells) }
    let late = await withTaskGroup(of: Bool.self) { group in
      for bell in bells {
        group.addTask {
          _ = spinner.block()
          // Another test may hold a thread of the pool for minutes, under a sanitizer: this ends only a failure.
          let limit = HostClock.boot + .seconds(600)
          bell.wait(until: limit)
          return HostClock.boot >= limit
        }
      }
      return await group.reduce(false) { $0 || $1 }
    }
    #expect(!late)
    await spinning.value
    thread.stop()
  }

  @Test func `others get their turn between two yields`() async {
    let thread = OwnedThread(name: "turns")
    let spinner = Spinner(thread)
    let bell = Doorbell()
    let spinning = Task { await spinner.spin(until: 1, then: [bell]) }
    await spinner.turn()
    await spinning.value
    thread.stop()
  }
}
