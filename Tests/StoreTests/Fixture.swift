import Foundation
import Metering
import Testing

@testable import Store

/// A folder that goes with the test.
final class TemporaryFolder: Sendable {
  let path: String
  init() throws {
    var template = Array("/tmp/meterd-store-XXXXXX".utf8CString)
    path = String(cString: try #require(mkdtemp(&template)))
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  var database: String { path + "/meterd.db" }

  func copy(_ name: String) throws -> String {
    let target = path + "/" + name
    for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: database + suffix) {
      try FileManager.default.copyItem(atPath: database + suffix, toPath: target + suffix)
    }
    return target
  }
}

/// A store that commits only when it is told to, or when `rows` are there.
func patient(_ path: String, rows: Int = 1_000_000) throws -> Store {
  var options = Store.Options()
  options.window = 3_600_000
  options.rows = rows
  return try Store(path: path, options: options)
}

/// A store that commits each submission at once.
func eager(_ path: String) throws -> Store { try patient(path, rows: 1) }

let noon: Int64 = 1_795_320_000_000
let accepted = Verdict(status: .accepted, findings: [], ruleVersion: 1)

func judged(
  _ digits: Int64, meter: String = "M-0001", quantity: String = "energy.import.active.total",
  kind: ReadingKind = .instantaneous, at instant: Int64 = noon, verdict: Verdict = accepted
) throws -> JudgedReading {
  let key = ReadingKey(
    meter: try #require(MeterID(meter)), quantity: try #require(Quantity(name: quantity)), kind: kind, instant: instant)
  let reading = Reading(
    key: key, value: RegisterValue(millionths: digits * 10_000, resolution: 10_000), quality: .actual,
    hostTime: HostInstant(unixMilliseconds: instant + 321, clock: .synchronised),
    bootTime: BootInstant(nanoseconds: 42))
  return JudgedReading(reading, verdict)
}

func exchange(meter: String = "M-0001") throws -> Evidence {
  Evidence(
    line: "bus1", meter: try #require(MeterID(meter)), requests: [[0x68, 0x11], []], replies: [[0x68, 0x91, 0x16]],
    at: noon)
}

extension Store {
  /// Appends and gives the outcome of the only reading.
  func appendOne(_ judged: JudgedReading, evidence: Evidence? = nil) async throws -> Outcome {
    try #require(try await append(Submission([judged], evidence: evidence)).first)
  }

  func execute(_ sql: String) throws { try open().execute(sql) }
  func number(_ sql: String) throws -> Int64? { try open().prepare(sql).number() }
  func pragma(_ text: String) throws -> String { try open().pragma(text) }
  func fail(_ fault: CommitFault) { commitFault = fault }
  func refuse(_ error: StoreError) throws(StoreError) { try write { (_) throws(StoreError) in throw error } }
  var waiting: Int { queue.waiting.count }
}

/// The error that `body` throws; `nil` when it does not.
func storeError(_ body: () async throws -> Void) async -> StoreError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? StoreError
  }
}

extension StoreReader {
  func all(_ filter: ReadingFilter = ReadingFilter()) throws -> [StoredReading] {
    var readings: [StoredReading] = []
    try self.readings(filter) { readings.append($0) }
    return readings
  }
}

/// A small generator that a printed seed repeats (SplitMix64).
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
