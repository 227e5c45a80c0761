import Acquisition
import DLT645
import Host
import Line
import Metering
import Simulator
import Synchronization

/// Counts every byte that reaches it and says nothing.
private struct DeafMeter: Behaviour {
  let counts: Tallies
  var hearsAll: Bool { true }

  mutating func answer(_ request: [UInt8], at now: BootInstant) -> [Burst] {
    counts.add("requests")
    counts.add("bytes", request.count)
    return []
  }
}

/// Sends bytes as they are.
private struct Shout: Conversation {
  let bytes: [UInt8]

  mutating func start() -> ConversationStep { .send(bytes, longestReply: 0) }
  mutating func receive(_ byte: UInt8) -> ConversationStep { .finished }
  mutating func interrupted() {}
  mutating func timedOut() -> ConversationStep { .finished }
}

/// R27: what changes a meter and is not allowed, on a line whose far end counts bytes.
enum ForbiddenWrites {
  static func run(_ dose: Dose) async throws -> [Outcome] {
    let counts = Tallies()
    let far = try FarEnd(.terminal, DeafMeter(counts: counts))
    let trials = dose.of(10_000)
    var random = SplitMix64(seed: SplitMix64.number(seed: dose.seed, index: 2700))
    var refused = 0
    var recorded = 0
    var escaped: [String] = []
    guard let settings = SerialSettings("921600 8N1") else { throw FaultError("no settings") }
    let timing = ExchangeTiming(silence: .zero, reply: .microseconds(100), gap: .microseconds(100))
    // Whatever else is allowed to whomever else.
    for _ in 0..<20 {
      let permissions = random.permissions()
      let line = Line(far.port, settings: settings, guardedBy: WireGuard(permissions))
      try line.open()
      line.onControl = { if $0.refusal != nil { recorded += 1 } }
      for _ in 0..<(trials / 20) {
        var talk = Shout(bytes: random.command())
        do throws(LineError) {
          _ = try line.run(&talk, timing: timing)
          escaped.append(talk.bytes.map { String($0, radix: 16) }.joined(separator: " "))
        } catch {
          guard case .forbidden = error else { throw FaultError("\(error)") }
          refused += 1
        }
      }
      line.close()
    }
    // A question goes through, so that silence at the far end is not that of a broken cable.
    let line = Line(far.port, settings: settings, guardedBy: WireGuard())
    try line.open()
    var question = Shout(bytes: dlt645Frame(0x2023_1111_0001, control: 0x11, [0, 0, 1, 0]))
    _ = try line.run(&question, timing: ExchangeTiming(silence: .zero, reply: .milliseconds(50), gap: .milliseconds(1)))
    line.close()
    await far.stop()
    let asked = refused + escaped.count
    return [
      Outcome(
        row: "R27", title: "what changes a meter and is not allowed", trials: asked, what: "commands",
        isMet: refused == asked && recorded == asked && counts["bytes"] == 16,
        findings: [
          "\(refused) refused before any byte, \(recorded) recorded, \(counts["bytes"]) bytes at the far end, 16 of them the question that was sent last"
        ], wrong: Array(escaped.prefix(3)))
    ]
  }
}

extension SplitMix64 {
  /// Permissions for meters that no command of `command` is for, and none for all.
  fileprivate mutating func permissions() -> Permissions {
    var functions: [MeterAddress: Set<ControlFunction>] = [:]
    for number in 0..<4 {
      let all = Set(ControlFunction.allCases.filter { _ in chance(70) })
      functions[.modbus(unit: UInt8(200 + number))] = all
      if let address = Address("20239999000\(number)") { functions[.dlt645(address)] = all }
    }
    return Permissions(functions)
  }

  /// A sound frame that changes a meter, to one meter, to several or to all.
  fileprivate mutating func command() -> [UInt8] {
    if chance(40) {
      let unit = UInt8([0, 1 + below(199)][below(2)])
      let place: [UInt8] = [0, UInt8(below(256))]
      switch below(7) {
      case 0: return checked([unit, 5] + place + [0xFF, 0])
      case 1: return checked([unit, 6] + place + bytes(2))
      case 2: return checked([unit, 15] + place + [0, 8, 1] + bytes(1))
      case 3: return checked([unit, 16] + place + [0, 1, 2] + bytes(2))
      case 4: return checked([unit, 22] + place + bytes(4))
      case 5: return checked([unit, 23] + place + [0, 1] + place + [0, 1, 2] + bytes(2))
      default: return checked([unit, 8, 0, UInt8(below(5)), 0, 0])
      }
    }
    let meters: [UInt64] = [0x2023_1111_0001, 0xAAAA_AAAA_AAAA, 0x9999_9999_9999, 0xAAAA_AAAA_0001]
    let codes: [UInt8] = [
      0x03, 0x04, 0x05, 0x08, 0x0A, 0x0C, 0x0F, 0x10, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E,
    ]
    let wakeUps = [UInt8](repeating: 0xFE, count: below(5))
    return wakeUps + dlt645Frame(meters[below(4)], control: codes[below(codes.count)], bytes(4 + below(16)))
  }
}
