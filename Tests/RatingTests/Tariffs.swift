import Documents
import Foundation
import Metering
import Rating
import TOML
import Testing

/// The tariff files of the repository.
enum Tariffs {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "tariffs")

  static var names: [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted()
  }

  static func plan(_ name: String) throws -> Plan {
    let text = try String(contentsOf: folder.appending(path: "\(name).toml"), encoding: .utf8)
    return try Plan(try Document(toml: text, file: "\(name).toml"))
  }
}

func energy(_ kilowattHours: String) throws -> Energy { try #require(Energy(kilowattHours: kilowattHours)) }

func days(_ from: String, _ to: String) throws -> DayRange {
  let first = try #require(CivilDate(from))
  let end = try #require(CivilDate(to))
  return try #require(DayRange(from: first, to: end))
}

/// A generator whose whole run follows from one printed seed. Source: S. Vigna, "splitmix64".
struct Seeded: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  /// The seed in `METERD_SEED`, or a new one; printed with the name of the property.
  init(_ property: String, cases: Int = 10_000) {
    seed = ProcessInfo.processInfo.environment["METERD_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
    state = seed
    print("property: \(property), seed \(seed), \(cases) cases")
  }

  /// Always the same run, for what is kept from one version to the next.
  init(kept seed: UInt64) {
    self.seed = seed
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// Up to `most` kWh, in steps of 0.01; now and then nothing or a whole number.
  mutating func energy(upTo most: Int64) -> Energy {
    let cents = Int64.random(in: 0...most * 100, using: &self)
    switch Int.random(in: 0..<10, using: &self) {
    case 0: return .zero
    case 1: return Energy(millionths: cents / 100 * 1_000_000)
    default: return Energy(millionths: cents * 10_000)
    }
  }
}
