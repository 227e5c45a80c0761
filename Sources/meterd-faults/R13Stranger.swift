import Acquisition
import Host
import Metering
import Simulator

/// Whole frames with good checks that answer another question, or come from another meter.
private struct StrangeMeter: Behaviour {
  let ledger: Ledger
  var random: SplitMix64

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    guard let asked = Asked(request) else { return [] }
    // Not noted as what the meter held, so that whatever is accepted of it is wrong.
    let number = Int64(50_000_000 + random.below(9_000_000))
    return [Burst(due: now, bytes: forged(asked, number))]
  }

  private mutating func forged(_ asked: Asked, _ number: Int64) -> [UInt8] {
    var other = asked
    switch asked.tongue {
    case .dlt645:
      let data = Array(asked.reply(number).dropFirst(10).dropLast(2).map { $0 &- 0x33 })
      switch random.below(7) {
      case 0:
        // One digit of the address.
        let digit = UInt64(1 + random.below(9)), place = UInt64(4 * random.below(12))
        let old = asked.meter >> place & 0xF
        let meter = (asked.meter & ~(0xF << place)) | (((old + digit) % 10) << place)
        return dlt645Frame(meter, control: 0x91, data)
      case 1:
        other = Asked(
          tongue: .dlt645, meter: asked.meter, item: asked.item ^ 1 << UInt32(random.below(32)), function: 0x11)
        return other.reply(number)
      case 2:
        // Any control code but the right one and the refusal; B1 promises more that never comes.
        var control = UInt8(truncatingIfNeeded: random.next())
        if control == 0x91 || control == 0xD1 { control = 0x81 }
        return dlt645Frame(asked.meter, control: control, data)
      case 3:
        return dlt645Frame(asked.meter, control: [0x11, 0x81, 0x92, 0x93, 0x94, 0xB1, 0x9F][random.below(7)], data)
      case 4: return dlt645Frame(asked.meter, control: 0x91, Array(data.prefix(random.below(8))))
      case 5: return dlt645Frame(asked.meter, control: 0x91, data + random.bytes(1 + random.below(8)))
      // The wildcards are no meter's own address.
      default: return dlt645Frame([0x9999_9999_9999, 0xAAAA_AAAA_AAAA][random.below(2)], control: 0x91, data)
      }
    case .modbus:
      let payload = Array(asked.reply(number).dropFirst(2).dropLast(2))
      let unit = UInt8(truncatingIfNeeded: asked.meter)
      switch random.below(4) {
      case 0: return checked([unit ^ 1 << UInt8(random.below(8)), asked.function] + payload)
      case 1:
        var function = UInt8(truncatingIfNeeded: random.next())
        if function == asked.function { function ^= 7 }
        return checked([unit, function] + payload)
      case 2:
        var count = payload
        count[0] = UInt8(truncatingIfNeeded: random.next())
        if count[0] == payload[0] { count[0] ^= 2 }
        return checked([unit, asked.function] + count)
      default:
        let registers = 1 + random.below(40)
        let length = registers == Int(asked.item & 0xFFFF) ? registers + 1 : registers
        return checked([unit, asked.function, UInt8(2 * length)] + random.bytes(2 * length))
      }
    }
  }
}

/// R13: another meter, item or function answers, with valid checks.
enum Strangers {
  static func run(_ dose: Dose) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for (index, tongue) in Tongue.allCases.enumerated() {
      let talk = Talk(
        tongue: tongue, trials: dose.of(10_000), lines: 24,
        seed: SplitMix64.number(seed: dose.seed, index: UInt64(1300 + index)),
        behaviour: { StrangeMeter(ledger: $0, random: $1) })
      let score = try await talk.run()
      outcomes.append(
        Outcome(
          row: "R13", title: "another meter, item or function with valid checks, \(tongue.rawValue)",
          trials: score.exchanges, what: "answers", isMet: score.accepted == 0 && score.exchanges == talk.trials,
          findings: [
            "\(score.accepted) accepted; \(score.refused) taken for refusals, \(score.damaged) damaged, \(score.silent) as if silent"
          ],
          wrong: score.wrong))
    }
    return outcomes
  }
}
