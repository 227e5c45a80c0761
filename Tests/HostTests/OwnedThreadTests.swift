import Glibc
import Host
import Metering
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
