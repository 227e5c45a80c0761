import ArgumentParser
import Concentrator
import DLT645
import Metering
import Simulator

/// Faults for every line and meter of a simulation, on top of those that the configuration asks for.
struct FaultOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Replies with single bits turned over, in parts per million.", valueName: "ppm"))
  var bitFlips = 0

  @Option(help: ArgumentHelp("Replies with random bytes before them.", valueName: "ppm"))
  var noise = 0

  @Option(help: ArgumentHelp("Replies with random bytes after them.", valueName: "ppm"))
  var noiseAfter = 0

  @Option(help: ArgumentHelp("Replies that end early.", valueName: "ppm"))
  var truncate = 0

  @Option(help: ArgumentHelp("Replies that come later than they should.", valueName: "ppm"))
  var late = 0

  @Option(help: ArgumentHelp("How much later.", valueName: "ms"))
  var lateMs = 1500

  @Option(help: ArgumentHelp("Requests that get no answer.", valueName: "ppm"))
  var silent = 0

  @Option(help: ArgumentHelp("Replies whose first byte comes twice.", valueName: "ppm"))
  var doubledFirst = 0

  @Option(help: ArgumentHelp("Replies whose first byte is lost.", valueName: "ppm"))
  var lostFirst = 0

  @Option(help: ArgumentHelp("Whole replies with another meter's address.", valueName: "ppm"))
  var foreign = 0

  @Option(help: ArgumentHelp("Whole replies that answer another question.", valueName: "ppm"))
  var wrongItem = 0

  @Option(help: ArgumentHelp("Replies followed by a thousand random bytes.", valueName: "ppm"))
  var babble = 0

  @Option(help: ArgumentHelp("Requests that the master hears itself.", valueName: "ppm"))
  var echo = 0

  @Flag(help: "Puts a second meter with other values at every address.")
  var twins = false

  @Option(help: ArgumentHelp("FE bytes before a DL/T 645 reply, 0 to 7.", valueName: "count"))
  var wakeUps: Int?

  @Option(help: ArgumentHelp("FE bytes that a DL/T 645 meter must hear before a request, 0 to 4.", valueName: "count"))
  var neededWakeUps: Int?

  @Flag(help: "FF after every DL/T 645 reply.")
  var trailingFF = false

  @Flag(help: "AA at the end of DL/T 645 blocks.")
  var closingAA = false

  @Flag(help: "DL/T 645 replies to a wildcard carry the wildcard.")
  var wildcardReplies = false

  @Flag(help: "Follow-up frames are announced and then refused.")
  var refusedFollowing = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How far the meters' clocks are ahead; behind with a minus.", valueName: "seconds"))
  var clockOffset = 0

  @Option(help: "What faults are drawn from; printed, so that a run can be had again.")
  var seed: UInt64?

  func validate() throws {
    let chances = [
      "--bit-flips": bitFlips, "--noise": noise, "--noise-after": noiseAfter, "--truncate": truncate, "--late": late,
      "--silent": silent, "--doubled-first": doubledFirst, "--lost-first": lostFirst, "--foreign": foreign,
      "--wrong-item": wrongItem, "--babble": babble, "--echo": echo,
    ]
    for (name, chance) in chances.sorted(by: { $0.key < $1.key }) where !(0...1_000_000).contains(chance) {
      throw ValidationError("\(name) takes 0 to 1000000 parts per million")
    }
    guard (0...60_000).contains(lateMs) else { throw ValidationError("--late-ms takes 0 to 60000") }
    guard (0...7).contains(wakeUps ?? 0) else { throw ValidationError("--wake-ups takes 0 to 7") }
    guard (0...4).contains(neededWakeUps ?? 0) else { throw ValidationError("--needed-wake-ups takes 0 to 4") }
    guard (-864_000...864_000).contains(clockOffset) else {
      throw ValidationError("--clock-offset takes -864000 to 864000 seconds")
    }
  }

  /// True where a fault was asked for that falls by chance.
  var drawsAny: Bool {
    [bitFlips, noise, noiseAfter, truncate, late, silent, doubledFirst, lostFirst, foreign, wrongItem, babble, echo]
      .contains { $0 > 0 } || twins
  }

  /// Adds the faults to every meter and line. `seed` takes the place of their own.
  func apply(to lines: [LineDescription], seed: UInt64) -> [LineDescription] {
    lines.map { line in
      var line = line
      // Where nothing else was asked for, faults fall as the configuration alone makes them fall.
      let salt = self.seed == nil ? 0 : seed
      line.faults.seed ^= salt
      if echo > 0 { line.faults[.echo] = echo }
      line.meters = line.meters.map { meter in
        var meter = meter
        meter.faults.seed ^= salt
        misbehave(&meter)
        return meter
      }
      if twins { line.meters += line.meters.map { Self.twin(of: $0, seed: seed) } }
      return line
    }
  }

  private func misbehave(_ meter: inout MeterDescription) {
    let chances: [(LineFault, Int)] = [
      (.bitFlip, bitFlips), (.noiseBefore, noise), (.noiseAfter, noiseAfter), (.truncation, truncate), (.late, late),
      (.silence, silent), (.doubledFirst, doubledFirst), (.lostFirst, lostFirst), (.wrongAddress, foreign),
      (.wrongItem, wrongItem), (.babble, babble),
    ]
    for (fault, chance) in chances where chance > 0 { meter.faults[fault] = chance }
    if late > 0 { meter.faults.lateBy = .milliseconds(Int64(lateMs)) }
    if let wakeUps { meter.habits.wakeUps = wakeUps }
    if let neededWakeUps { meter.habits.neededWakeUps = neededWakeUps }
    if trailingFF { meter.habits.trailer = [0xFF, 0xFF] }
    if closingAA { meter.habits.closesBlocks = true }
    if wildcardReplies { meter.habits.keepsWildcard = true }
    if refusedFollowing { meter.habits.refusesFollowing = true }
    if clockOffset != 0 { meter.registers = Self.changed(meter.registers, clockOffset: Int64(clockOffset)) }
  }

  /// Another customer's meter that was given the same address.
  private static func twin(of meter: MeterDescription, seed: UInt64) -> MeterDescription {
    var twin = meter
    twin.id = MeterID("\(meter.id.text.prefix(60))-2") ?? meter.id
    twin.registers = changed(meter.registers, seed: seed ^ 0x5457_494E)
    twin.faults.seed ^= 1
    // It speaks up a little later, so that both are heard.
    twin.delay = meter.delay + .milliseconds(3)
    return twin
  }

  private static func changed(
    _ old: MeterRegisters, seed: UInt64? = nil, clockOffset: Int64? = nil
  ) -> MeterRegisters {
    let curve = seed.map {
      LoadCurve(
        seed: old.curve.seed ^ $0, start: MeterTime(localSeconds: old.curve.start), schedule: old.curve.schedule)
    }
    return MeterRegisters(
      curve: curve ?? old.curve, settlementDay: old.settlementDay, settlementHour: old.settlementHour,
      clockOffset: clockOffset ?? old.clockOffset, zone: old.zone, exportShare: old.exportShare,
      reactiveShare: old.reactiveShare, capacity: old.capacity, phases: old.phases, rateCount: old.rateCount,
      settlementsKept: old.settlementsKept, freezesKept: old.freezesKept, nominalDecivolts: old.nominalDecivolts)
  }
}
