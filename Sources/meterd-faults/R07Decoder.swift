import DLT645
import Glibc
import Host
import Metering
import Modbus
import Simulator

func naturalLogarithm(_ value: Double) -> Double { log(value) }

/// R7 in the decoders alone: a hundred million frames a cell.
///
/// A frame without a wrong bit cannot be wrong, so only the hurt ones are put through the decoder; the others count.
enum DecoderErrors {
  private struct Cell {
    let name: String
    let errors: BitErrors
    /// Sum and framing; identity too; digits too; 0 to 10 kWh above the last reading too.
    let dlt645: [Double]
    let modbus: Double
  }

  /// Limits: measured on 20 to 400 million frames a cell by a model of the checks alone.
  private static let cells = [
    Cell(name: "BER 1e-2", errors: .rate(1e-2), dlt645: [1.2e-2, 9.5e-4, 4.3e-4, 8.9e-5], modbus: 2.7e-6),
    Cell(name: "BER 1e-3", errors: .rate(1e-3), dlt645: [4.4e-4, 3.8e-5, 1.7e-5, 3.8e-6], modbus: 5e-10),
    Cell(name: "BER 1e-4", errors: .rate(1e-4), dlt645: [4.9e-6, 4.6e-7, 2.0e-7, 3.5e-8], modbus: 5e-14),
    Cell(name: "bursts of 2-8 bits", errors: .burst(2...8), dlt645: [0, 0, 0, 0], modbus: 0),
    Cell(name: "bursts of 9 bits", errors: .burst(9...9), dlt645: [5.3e-3, 5.3e-3, 8.2e-4, 8.2e-5], modbus: 0),
    Cell(name: "bursts of 16 bits", errors: .burst(16...16), dlt645: [2.4e-3, 2.4e-3, 9.4e-5, 9.4e-5], modbus: 0),
    Cell(name: "bursts of 24 bits", errors: .burst(24...24), dlt645: [2.1e-3, 2.1e-3, 3.0e-5, 3.0e-5], modbus: 1.5e-5),
  ]
  private static let levels = ["sum", "identity", "digits", "plausible"]

  /// Frames of a cell in the full run: all that are sent for error rates, those that are hurt for bursts.
  private static func frames(_ cell: Cell, _ dose: Dose) -> Int {
    if case .burst = cell.errors { dose.of(10_000_000) } else { dose.of(100_000_000) }
  }

  static func run(_ dose: Dose) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for tongue in Tongue.allCases {
      var total = 0
      var isMet = true
      var findings: [String] = []
      for (index, cell) in cells.enumerated() {
        let frames = frames(cell, dose)
        let seed = SplitMix64.number(seed: dose.seed, index: UInt64(750 + index))
        let counts = await count(tongue, cell.errors, frames: frames, seed: seed)
        total += frames
        let limits = tongue == .dlt645 ? cell.dlt645 : [cell.modbus]
        var parts: [String] = []
        for (level, limit) in limits.enumerated() {
          let most = mostAt95(limit * Double(frames))
          // The table's figures are rounded to two digits.
          let allowed = most + Int(Double(most) * 0.05)
          let holds = counts[level] <= allowed
          isMet = isMet && holds
          let name = tongue == .dlt645 ? levels[level] : "CRC"
          parts.append(
            "\(name) \(counts[level]) = \(scientific(Double(counts[level]) / Double(frames))) (limit \(scientific(limit)))\(holds ? "" : " TOO MANY")"
          )
        }
        findings.append("\(cell.name), \(frames) frames: \(parts.joined(separator: ", "))")
      }
      outcomes.append(
        Outcome(
          row: "R7-decoder", title: "bit errors in the decoder alone, \(tongue.rawValue)", trials: total,
          what: "frames",
          isMet: isMet, findings: findings))
    }
    return outcomes
  }

  private static func count(_ tongue: Tongue, _ errors: BitErrors, frames: Int, seed: UInt64) async -> [Int] {
    await withTaskGroup(of: [Int].self) { group in
      let parts = 4
      for part in 0..<parts {
        let thread = OwnedThread(name: "decode-\(part)")
        let share = frames / parts + (part < frames % parts ? 1 : 0)
        let own = SplitMix64(seed: SplitMix64.number(seed: seed, index: UInt64(part)))
        group.addTask(executorPreference: thread) {
          defer { thread.stop() }
          return tongue == .dlt645 ? dlt645(errors, share, own) : modbus(errors, share, own)
        }
      }
      var sum = [0, 0, 0, 0]
      for await counts in group { for level in sum.indices { sum[level] += counts[level] } }
      return sum
    }
  }

  /// Calls `body` with each frame that is hurt, of `frames` that are sent.
  ///
  /// What the frame shows changes again and again: which errors pass depends on the digits. `body` gets the truth too.
  private static func hurt(
    _ asked: Asked, _ errors: BitErrors, _ frames: Int, _ start: SplitMix64, _ body: ([UInt8], Int64) -> Void
  ) {
    var random = start
    var truth: Int64 = 0
    var bytes: [UInt8] = []
    var uses = 0
    func renew() {
      uses -= 1
      guard uses < 0 else { return }
      uses = 32
      truth = Int64(random.below(100_000_000))
      bytes = asked.reply(truth)
    }
    renew()
    let bits = bytes.count * 8
    guard case .rate(let rate) = errors else {
      for _ in 0..<frames {
        let flips = errors.flips(bits, &random)
        for bit in flips { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
        body(bytes, truth)
        for bit in flips { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
        renew()
      }
      return
    }
    // One long run of bits: from wrong bit to wrong bit, whole frames of good ones are leapt over.
    let scale = 1 / naturalLogarithm(1 - rate)
    var place = Int(naturalLogarithm(1 - random.fraction()) * scale)
    let end = frames * bits
    while place < end {
      let next = (place / bits + 1) * bits
      var flips: [Int] = []
      while place < next {
        flips.append(place % bits)
        place += 1 + Int(naturalLogarithm(1 - random.fraction()) * scale)
      }
      for bit in flips { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
      body(bytes, truth)
      for bit in flips { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
      renew()
    }
  }

  private static func dlt645(_ errors: BitErrors, _ frames: Int, _ random: SplitMix64) -> [Int] {
    let asked = Asked(tongue: .dlt645, meter: 0x2023_1111_0001, item: 0x0001_0000, function: 0x11)
    let identifier = DataIdentifier(rawValue: asked.item)
    guard let address = Address("202311110001") else { return [.max / 8, 0, 0, 0] }
    var fresh = ReadExchange(.data(identifier), to: address, wakeUps: 0, rates: 4)
    _ = fresh.start()
    var counts = [0, 0, 0, 0]
    hurt(asked, errors, frames, random) { bytes, truth in
      if (try? Frame.decode(bytes.span, at: 0))?.length == bytes.count { counts[0] += 1 }
      var exchange = fresh
      var action = ReadExchange.Action.listen
      for byte in bytes where action == .listen { action = exchange.receive(byte) }
      if action == .listen { action = exchange.timedOut() }
      guard case .finish(.data(let payload, _, _)) = action else { return }
      counts[1] += 1
      guard let told = try? identifier.observations(in: payload), case .number(let value)? = told.first?.value else {
        return
      }
      counts[2] += 1
      // The last reading stood 0.05 kWh lower: a register never falls, and 10 kWh are more than a quarter of an hour.
      let use = value.millionths - (truth - 5) * 10_000
      if use >= 0, use <= 10_000_000 { counts[3] += 1 }
    }
    return counts
  }

  private static func modbus(_ errors: BitErrors, _ frames: Int, _ random: SplitMix64) -> [Int] {
    let asked = Asked(tongue: .modbus, meter: 17, item: 1000 << 16 | 2, function: 4)
    guard let request = ReadRequest(unit: 17, function: .inputRegisters, register: 1000, count: 2) else {
      return [.max / 8, 0, 0, 0]
    }
    let fresh = ReplyFinder(expecting: request)
    var counts = [0, 0, 0, 0]
    hurt(asked, errors, frames, random) { bytes, _ in
      var finder = fresh
      for byte in bytes {
        if let found = finder.receive(byte) {
          if case .registers = found.reply { counts[0] += 1 }
          return
        }
      }
    }
    return counts
  }
}
