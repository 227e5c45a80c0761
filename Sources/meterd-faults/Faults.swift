import Concentrator
import Glibc
import Host
import Metering
import Simulator

/// Runs the rows R7 to R16 and R27 of the reliability table: whether anything wrong that a line can bring is believed.
@main
struct Faults {
  /// Parts of the full number of trials.
  var scale = 1.0
  var seed: UInt64 = 645
  var isJSON = false
  var rows: [String] = []

  static let usage = """
    usage: meterd-faults [--scale 1.0] [--seed N] [--json] [ROW...]
      Rows: R7 R7-decoder R7-parity R8 R9 R10 R11 R12 R13 R14 R15 R16 R27; all of them when none is named.
      --scale 0.1 runs a tenth of the trials. The same seed makes the same faults; the machine is not the same.
    """

  static func main() async {
    signal(SIGPIPE, SIG_IGN)
    guard let run = Faults(CommandLine.arguments.dropFirst()) else {
      complain(usage)
      exit(64)
    }
    exit(await run.run() ? 0 : 1)
  }

  init?(_ arguments: ArraySlice<String>) {
    var left = arguments
    while let first = left.popFirst() {
      switch first {
      case "--json": isJSON = true
      case "--scale":
        guard let value = left.popFirst().flatMap(Double.init), value > 0, value <= 10 else { return nil }
        scale = value
      case "--seed":
        guard let value = left.popFirst().flatMap(UInt64.init) else { return nil }
        seed = value
      default:
        guard Self.all.contains(where: { $0.name == first }) else { return nil }
        rows.append(first)
      }
    }
  }

  struct Row: Sendable {
    let name: String
    let run: @Sendable (Dose) async throws -> [Outcome]
  }

  static let all: [Row] = [
    Row(name: "R7", run: WireErrors.run), Row(name: "R7-parity", run: WireErrors.runMarked),
    Row(name: "R7-decoder", run: DecoderErrors.run), Row(name: "R8", run: Noise.run),
    Row(name: "R9", run: LateReplies.run), Row(name: "R10", run: Echoes.run), Row(name: "R11", run: Babble.run),
    Row(name: "R12", run: Twins.run), Row(name: "R13", run: Strangers.run), Row(name: "R14", run: Lies.run),
    Row(name: "R15", run: Replug.run), Row(name: "R16", run: BadPorts.run),
    Row(name: "R27", run: ForbiddenWrites.run),
  ]

  /// True when every row is met.
  func run() async -> Bool {
    var isMet = true
    for row in Self.all where rows.isEmpty || rows.contains(row.name) {
      let began = HostClock.boot
      do {
        for outcome in try await row.run(Dose(scale: scale, seed: seed)) {
          let report = Report(outcome: outcome, seed: seed, took: HostClock.boot - began)
          print(isJSON ? report.json.text : report.text)
          isMet = isMet && outcome.isMet
        }
      } catch {
        complain("meterd-faults: \(row.name): \(error)")
        isMet = false
      }
      fflush(nil)
    }
    return isMet
  }
}

/// How much of a row is run, and from which seed.
struct Dose: Sendable {
  let scale: Double
  let seed: UInt64

  /// At least one of `full` trials.
  func of(_ full: Int) -> Int { max(1, Int(Double(full) * scale)) }

  func random(_ purpose: UInt64) -> SplitMix64 { SplitMix64(seed: SplitMix64.number(seed: seed, index: purpose)) }
}

/// To standard error.
private func complain(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = unsafe write(2, bytes, bytes.count)
}
