import FuzzSupport
import Metering
import Modbus

/// A request, and a line that answers with its echo, good frames of any kind, damaged ones and noise: what is believed
/// answers what was asked.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      var script = Script(input)
      let choice = script.byte()
      guard
        let request = ReadRequest(
          unit: script.byte(), function: choice & 1 == 0 ? .holdingRegisters : .inputRegisters,
          register: script.word(), count: 1 + UInt16(script.byte() & 0x7F))
      else { return }
      if choice & 2 == 0 { serial(request, &script) } else { connection(request, &script) }
    }
  }

  private static func serial(_ request: ReadRequest, _ script: inout Script) {
    var finder = ReplyFinder(expecting: request)
    var heard: [UInt8] = []
    while !script.isEmpty {
      for byte in step(request, &script, { $0.rtu }) {
        heard.append(byte)
        guard let found = finder.receive(byte) else { continue }
        hold(heard.suffix(found.frame.count) == found.frame[...], "\(hexString(found.frame)) did not come")
        guard let message = try? Message(rtu: found.frame.span) else {
          return hold(false, "\(hexString(found.frame)) is no frame")
        }
        answers(found.reply, message, request)
      }
    }
    let skipped = finder.skipped
    hold(skipped.noise >= 0 && skipped.noise <= heard.count, "\(skipped) of \(heard.count) bytes")
    hold(!skipped.description.isEmpty, "no words")
  }

  private static func connection(_ request: ReadRequest, _ script: inout Script) {
    let transaction = script.word()
    var finder = TCPReplyFinder(expecting: request, transaction: transaction)
    var count = 0
    while !script.isEmpty {
      let number = script.byte()
      let bytes = step(request, &script) { $0.tcp(transaction: transaction &+ UInt16(number & 1)) }
      for byte in bytes {
        count += 1
        guard let found = finder.receive(byte) else { continue }
        guard let message = try? TCPMessage(tcp: found.frame.span) else {
          return hold(false, "\(hexString(found.frame)) is no frame")
        }
        hold(message.transaction == transaction, "transaction \(message.transaction), not \(transaction)")
        answers(found.reply, message.message, request)
      }
    }
    hold(finder.noise <= count && finder.stale.count <= 16, "miscounted")
  }

  private static func answers(_ reply: ReadReply, _ message: Message, _ request: ReadRequest) {
    hold(message.unit == request.unit, "unit \(message.unit) was not asked")
    hold(message.function.requested == request.function.code, "\(message.function) was not asked")
    switch reply {
    case .exception(let code):
      hold(message.function.isException && message.payload == [code.rawValue], "no exception")
    case .registers(let registers):
      hold(!message.function.isException && registers.count == Int(request.count), "\(registers.count) registers")
      let bytes = registers.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
      hold(Array(message.payload.dropFirst()) == bytes, "other registers")
    }
  }

  /// Some noise, or a frame that is sound but for the last choice.
  private static func step(
    _ request: ReadRequest, _ script: inout Script, _ framed: (Message) -> [UInt8]
  ) -> [UInt8] {
    let choice = script.byte()
    guard choice & 3 != 0 else { return script.bytes(Int(script.byte())) }
    guard choice & 3 != 1 else { return framed(request.message) }
    let unit = choice & 4 == 0 ? request.unit : script.byte()
    let function = choice & 8 == 0 ? request.function.code : FunctionCode(rawValue: script.byte())
    let message: Message
    if choice & 16 == 0 {
      let words = choice & 32 == 0 ? Int(request.count) : Int(script.byte())
      let filling = script.byte()
      let payload = [UInt8(truncatingIfNeeded: 2 * words)] + script.bytes(4)
      message = Message(
        unit: unit, function: function,
        payload: payload.prefix(1 + 2 * words) + Array(repeating: filling, count: max(0, 1 + 2 * words - payload.count))
      )
    } else {
      message = Message(unit: unit, function: function.refused, payload: script.bytes(1))
    }
    var bytes = framed(message)
    if choice & 64 != 0 { bytes[Int(script.byte()) % bytes.count] ^= script.byte() }
    if choice & 128 != 0 { bytes.removeLast(min(bytes.count, Int(script.byte()))) }
    return bytes
  }
}
