import Host
import Testing

struct GuardedTests {
  private final class Numbers: Sendable {
    let all = Guarded<[Int]>([])
  }

  /// With the thread sanitizer, which must see the order of turns that the kernel hands over, this holds more than the sum.
  @Test func `threads that crowd at one value lose none of each other's turns`() async {
    let (numbers, turns, threads) = (Numbers(), 20_000, 4)
    let sums = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<threads {
        let thread = OwnedThread(name: "turns")
        group.addTask(executorPreference: thread) {
          defer { thread.stop() }
          var taken = 0
          for turn in 0..<turns {
            let part = numbers.all.withLock { all in
              all.append(turn)
              guard all.count > 8 else { return [Int]() }
              defer { all = [] }
              return all
            }
            taken += part.reduce(0, +)
          }
          return taken
        }
      }
      return await group.reduce(into: 0) { $0 += $1 }
    }
    let left = numbers.all.withLock { $0.reduce(0, +) }
    #expect(sums + left == threads * turns * (turns - 1) / 2)
  }

  @Test func `an error comes out, and the value is free again`() {
    struct Odd: Error {}
    let value = Guarded(1)
    #expect(throws: Odd.self) { try value.withLock { (_: inout Int) throws(Odd) in throw Odd() } }
    #expect(value.withLock { $0 } == 1)
  }
}
