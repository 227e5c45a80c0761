import DLT645
import FuzzSupport
import Metering

/// A read, and a line that answers with good frames of any kind, damaged ones and noise: what is believed answers what
/// was asked.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      var script = Script(input)
      var run = Run(&script)
      while !script.isEmpty, run.sends < 80 { run.step(&script) }
      run.end()
    }
  }
}

/// One exchange as its owner sees it.
private struct Run {
  let request: ReadExchange.Request
  let asked: Address
  var exchange: ReadExchange
  var sends = 0
  var outcome: ReadExchange.Outcome?
  /// The follow-up that is waited for, 0 for the first reply.
  var part: Int { sends - 1 }

  init(_ script: inout Script) {
    let choice = script.byte()
    let identifier = DataIdentifier(rawValue: UInt32(script.word()) << 16 | UInt32(script.word()))
    switch choice % 3 {
    case 0: request = .data(identifier)
    case 1: request = .data1997(ShortIdentifier(rawValue: UInt16(truncatingIfNeeded: identifier.rawValue)))
    default: request = .address
    }
    switch choice >> 2 & 3 {
    case 0: asked = .wildcard
    case 1: asked = .broadcast
    default: asked = Address(wire: script.bytes(6)) ?? .wildcard
    }
    exchange = ReadExchange(request, to: asked, wakeUps: Int(choice >> 4))
    hold(exchange.expectedReplyBytes >= 12 && exchange.missingBytes >= 1, "no reply fits")
    take(exchange.start())
  }

  mutating func step(_ script: inout Script) {
    let choice = script.byte()
    switch choice & 7 {
    case 0: feed(script.bytes(Int(script.byte())))
    case 1: exchange.interrupted()
    case 2: take(exchange.timedOut())
    default: feed(frame(choice, &script))
    }
  }

  mutating func end() {
    for _ in 0...ReadExchange.maximumFrames where outcome == nil { take(exchange.timedOut()) }
    hold(outcome != nil, "time is up and there is no outcome")
  }

  private mutating func feed(_ bytes: [UInt8]) {
    for byte in bytes { take(exchange.receive(byte)) }
  }

  /// A frame that is sound but for the last choice, from the asked meter or another, to the question or another.
  private func frame(_ choice: UInt8, _ script: inout Script) -> [UInt8] {
    let address = choice & 8 == 0 ? meter.wireBytes : script.bytes(6)
    guard address.count == 6 else { return [] }
    var data: [UInt8] = []
    if choice & 16 == 0 {
      switch request {
      case .data(let identifier): data = identifier.wireBytes
      case .profile(let read): data = read.identifier.wireBytes
      case .data1997(let identifier), .again1997(let identifier): data = identifier.wireBytes
      case .address: data = meter.wireBytes
      }
    }
    data += script.bytes(Int(script.byte() & 0x3F))
    if choice & 32 == 0, part > 0 { data.append(UInt8(truncatingIfNeeded: part)) }
    let control = choice & 64 == 0 ? function(of: part) | 0x80 | script.byte() & 0x60 : script.byte()
    var bytes: [UInt8] = [0x68] + address + [0x68, control, UInt8(truncatingIfNeeded: data.count)]
    bytes += data.map { $0 &+ 0x33 }
    bytes += [bytes.reduce(0, &+), 0x16]
    if choice & 128 != 0 {
      let index = Int(script.byte()) % bytes.count
      bytes[index] ^= script.byte()
    }
    return bytes
  }

  /// One that the question reaches.
  private var meter: Address {
    asked == .broadcast || asked == .wildcard ? Address(wire: [0x12, 0x90, 0x78, 0x56, 0x34, 0x12]) ?? asked : asked
  }

  private func function(of part: Int) -> UInt8 {
    switch request {
    case .data, .profile: part == 0 ? 0x11 : 0x12
    case .data1997: part == 0 ? 0x01 : 0x02
    case .again1997: part == 0 ? 0x03 : 0x02
    case .address: 0x13
    }
  }

  private mutating func take(_ action: ReadExchange.Action) {
    hold(exchange.frames.count <= ReadExchange.maximumFrames, "\(exchange.frames.count) frames")
    hold(exchange.ignored.count <= ReadExchange.maximumIgnored, "\(exchange.ignored.count) ignored")
    hold(exchange.ignored.count <= exchange.ignoredCount, "\(exchange.ignoredCount) ignored")
    switch action {
    case .listen: hold(outcome == nil, "listens on after \(String(describing: outcome))")
    case .send(let bytes):
      hold(outcome == nil, "asks on after \(String(describing: outcome))")
      isRead(bytes)
      sends += 1
    case .finish(let found):
      if let outcome, found != outcome {
        hold(found == .failed(.contradicted), "\(outcome) became \(found)")
      }
      guard found != outcome else { return }
      outcome = found
      isBelieved(found)
    }
  }

  /// Whatever happens, nothing but a read leaves here.
  private func isRead(_ bytes: [UInt8]) {
    let body = Array(bytes.drop { $0 == 0xFE })
    hold(bytes.count - body.count <= 4, "\(bytes.count - body.count) wake-up bytes")
    guard let frame = try? Frame.decode(body.span), Request(frame, in: body.span) != nil else {
      return hold(false, "sends \(hexString(bytes))")
    }
  }

  /// Judges the frames of an outcome by their bytes alone.
  private func isBelieved(_ outcome: ReadExchange.Outcome) {
    let frames: [[UInt8]]
    var payload: [UInt8]?
    switch outcome {
    case .data(let bytes, _, let evidence): (payload, frames) = (bytes, evidence)
    case .address(let found, let evidence):
      frames = evidence
      hold(evidence.last.map { Array($0[10..<16]).map { $0 &- 0x33 } } == found.wireBytes, "another address")
      hold(found.isComplete && asked.matches(found), "\(found) was not asked for")
    case .refused(_, let raw, let evidence):
      frames = evidence
      hold(!raw.isEmpty && evidence.last.map { $0[8] & 0x40 != 0 } == true, "a refusal that is none")
    case .silent, .failed: return
    }
    hold(!frames.isEmpty, "\(outcome) without evidence")
    var told: [UInt8] = []
    for (index, bytes) in frames.enumerated() {
      guard let frame = try? Frame.decode(bytes.span), frame.length == bytes.count else {
        return hold(false, "\(hexString(bytes)) is no frame")
      }
      hold(frame.control.rawValue & 0x9F == 0x80 | function(of: index), "\(hexString(bytes)) answers another function")
      let toAll = asked == .broadcast && frame.address.isComplete
      hold(
        frame.address == asked || asked.matches(frame.address) || toAll || request == .address,
        "\(frame.address) was not asked")
      guard payload != nil else { continue }
      let data = frame.data(in: bytes.span)
      let identifier: [UInt8]
      switch request {
      case .data(let wanted): identifier = wanted.wireBytes
      case .profile(let wanted): identifier = wanted.identifier.wireBytes
      case .data1997(let wanted), .again1997(let wanted): identifier = wanted.wireBytes
      case .address: identifier = []
      }
      hold(data.starts(with: identifier), "\(hexString(bytes)) answers another identifier")
      hold(frame.control.hasMore == (index < frames.count - 1), "a part is missing")
      told += data.dropFirst(identifier.count).dropLast(index == 0 ? 0 : 1)
      if index > 0 { hold(data.last == UInt8(truncatingIfNeeded: index), "part \(index) has another number") }
    }
    if let payload { hold(payload == told, "\(hexString(payload)) is not what came, \(hexString(told))") }
  }
}
