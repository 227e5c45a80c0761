import Acquisition
import CSerial
import Glibc
import Host
import Line
import Metering
import Simulator
import Synchronization

/// R11: a line on which bytes never end, beside one that must not notice.
enum Babble {
  static func run(_ dose: Dose) async throws -> [Outcome] {
    // A minute in the full run, 5 s at least.
    let seconds = max(5, Int64(60 * dose.scale))
    var outcomes: [Outcome] = []
    for tongue in Tongue.allCases {
      outcomes.append(try await run(tongue, .seconds(seconds)))
    }
    return outcomes
  }

  private static func run(_ tongue: Tongue, _ duration: BootInstant.Span) async throws -> Outcome {
    let quiet = try await healthy(duration / 4)
    let shape = Work.Shape(tongue: tongue, rounds: 500, speed: 1)
    let babbler = try Babbler()
    let work = try Work("babbled", shape, port: babbler.port)
    let told = Guarded<BootInstant?>(nil)
    async let other = healthy(duration + .seconds(1))
    // Threads, buffers and the other line are there before memory is looked at.
    try await Task.sleep(for: .seconds(1))
    let began = HostClock.boot
    let memoryBefore = residentBytes()
    let processorBefore = processorTime(ofThread: "babbled")
    await work.run(limit: duration) { event in
      if case .rejected(_, _, _, let reason) = event, reason.contains("babbles") {
        told.withLock { $0 = $0 ?? HostClock.boot }
      }
    } isEnough: { work in
      work.tally.most("cpu", Int(processorTime(ofThread: "babbled")))
      work.tally.most("memory", residentBytes())
      return false
    }
    let beside = try await other
    let sent = await babbler.stop()
    let took = told.withLock { $0 }.map { $0 - began }
    let share = Double(Int64(work.tally["cpu"]) - processorBefore) / Double(duration.nanoseconds)
    let growth = work.tally["memory"] - memoryBefore
    let later = beside.p99.nanoseconds - quiet.p99.nanoseconds
    let isMet =
      took.map { $0 <= .seconds(10) } ?? false && share <= 0.20 && growth <= 1_000_000 && later <= 100_000_000
      && beside.wrong == 0 && work.tally["accepted"] == 0
    let milliseconds = { (span: Int64) in decimalString(span, decimals: 1) }
    return Outcome(
      row: "R11", title: "endless bytes on a \(tongue.rawValue) line", trials: Int(duration.milliseconds / 1000),
      what: "seconds, \(sent / 1024) KiB taken", isMet: isMet,
      findings: [
        "told as babble after \(took.map { decimalString($0.nanoseconds / 1000, decimals: 2) } ?? "never, ") s (limit 10), \(work.tally["babbles"]) times; \(work.tally["accepted"]) answers accepted",
        "its thread used \(decimalString(Int64(share * 100 * 1_000_000), decimals: 1)) % of a core (limit 20), memory grew by \(growth / 1024) KiB (limit 976)",
        "a line beside it: \(beside.exchanges) exchanges, \(beside.wrong) wrong, 99 of 100 within \(milliseconds(beside.p99.nanoseconds)) ms against \(milliseconds(quiet.p99.nanoseconds)) ms alone (limit + 100)",
      ])
  }

  private struct Beside {
    var exchanges = 0
    var wrong = 0
    var p99 = BootInstant.Span.zero
  }

  /// A line that is well, for so long: how long its exchanges take.
  private static func healthy(_ duration: BootInstant.Span) async throws -> Beside {
    let relay = Relay()
    let far = try FarEnd(.terminal, relay)
    let work = try Work("beside", Work.Shape(tongue: .modbus, meters: 4, rounds: 4000, speed: 1), port: far.port)
    relay.set(SlowMeters(ledger: work.ledger))
    // Tenths of a millisecond, up to half a second.
    let times = Guarded([Int](repeating: 0, count: 5000))
    await work.run(limit: duration) { event in
      guard case .answered(let answer) = event else { return }
      let took = Int((answer.bootTime - answer.startedAt).nanoseconds / 100_000)
      times.withLock { $0[min(max(took, 0), 4999)] += 1 }
    } isEnough: { _ in
      false
    }
    await far.stop()
    let all = times.withLock { $0 }
    let count = all.reduce(0, +)
    var left = count - count / 100
    let p99 = all.firstIndex { tenths in
      left -= tenths
      return left <= 0
    }
    return Beside(
      exchanges: count, wrong: work.tally["wrong"],
      p99: count > 0 ? .microseconds(Int64(p99 ?? 5000) * 100) : .seconds(3600))
  }
}

/// Meters that answer at once.
struct PromptMeters: Behaviour {
  let ledger: Ledger
  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    return [Burst(due: now, bytes: asked.reply(ledger.number(for: asked, at: now)))]
  }
}

/// Writes into a terminal as fast as it takes bytes.
private final class Babbler: Sendable {
  let port: PortAddress
  private let task: Task<Int, Never>
  private let stopping: Stop
  private let thread: OwnedThread

  private final class Stop: Sendable {
    let flag = Atomic(false)
  }

  init() throws(FaultError) {
    var controller: CInt = -1, device: CInt = -1
    var name = [CChar](repeating: 0, count: 256)
    guard unsafe cserial_pseudo_terminal(&controller, &device, &name, name.count) == 0 else {
      throw FaultError("no pseudo-terminal")
    }
    port = .device(path: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    let stop = Stop()
    stopping = stop
    let thread = OwnedThread(name: "babbler")
    self.thread = thread
    task = Task(executorPreference: thread) { [controller, device] in
      var random = SplitMix64(seed: 11)
      let bytes = random.bytes(2048)
      var sent = 0
      while !stop.flag.load(ordering: .relaxed) {
        let count = unsafe write(controller, bytes, bytes.count)
        if count > 0 { sent += count } else { HostClock.sleep(until: HostClock.boot + .microseconds(100)) }
      }
      close(controller)
      close(device)
      return sent
    }
  }

  func stop() async -> Int {
    stopping.flag.store(true, ordering: .relaxed)
    let sent = await task.value
    thread.stop()
    return sent
  }
}

/// What is in memory of this process, in bytes.
func residentBytes() -> Int {
  guard let text = wholeFile("/proc/self/statm"), let pages = text.split(separator: " ").dropFirst().first else {
    return 0
  }
  return (Int(pages) ?? 0) * 4096
}

/// What the threads of a name have computed, in nanoseconds.
func processorTime(ofThread name: String) -> Int64 {
  var sum: Int64 = 0
  for task in namesIn("/proc/self/task") {
    guard wholeFile("/proc/self/task/\(task)/comm")?.split(separator: "\n").first.map(String.init) == name,
      let times = wholeFile("/proc/self/task/\(task)/schedstat")
    else { continue }
    sum += times.split(separator: " ").first.flatMap { Int64($0) } ?? 0
  }
  return sum
}

/// How many descriptors this process has open.
func openDescriptors() -> Int { namesIn("/proc/self/fd").count }

private func namesIn(_ folder: String) -> [String] {
  guard let open = unsafe opendir(folder) else { return [] }
  defer { unsafe closedir(open) }
  var names: [String] = []
  while let entry = unsafe readdir(open) {
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
      unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if !name.hasPrefix(".") { names.append(name) }
  }
  return names
}

private func wholeFile(_ path: String) -> String? {
  let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var buffer = [UInt8](repeating: 0, count: 4096)
  let count = unsafe Glibc.read(file, &buffer, buffer.count)
  return count >= 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
}
