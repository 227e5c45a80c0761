import FuzzSupport
import Metering
import Modbus

/// Any bytes, taken for a message and for what a line or a connection brings.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      if let message = try? Message(rtu: input.span) {
        hold(message.rtu == input, "encodes as \(hexString(message.rtu))")
        encodesAgain(message)
      }
      if let message = try? TCPMessage(tcp: input.span) {
        hold(message.tcp == input, "encodes as \(hexString(message.tcp))")
        encodesAgain(message.message)
      }
      for framings in [Set([AnnotatedFrame.Framing.rtu]), [.tcp], [.rtu, .tcp]] {
        let found = annotate(input, as: framings)
        holdDisjoint(found.map { $0.offset..<$0.offset + $0.length }, within: input.count)
        for frame in found { describes(frame, framings, in: input) }
      }
    }
  }

  private static func encodesAgain(_ message: Message) {
    if let request = try? ReadRequest(message) {
      hold(request.message == message, "\(request) is another message")
      hold(request.replyLength <= 256, "a reply of \(request.replyLength) bytes")
    }
    if let reply = try? ReadReply(message), let function = ReadFunction(rawValue: message.function.requested.rawValue) {
      hold(reply.message(unit: message.unit, function: function) == message, "\(reply) is another message")
    }
  }

  private static func describes(
    _ frame: AnnotatedFrame, _ framings: Set<AnnotatedFrame.Framing>, in input: [UInt8]
  ) {
    hold(framings.contains(frame.framing), "\(frame.framing) was not looked for")
    guard frame.isValid else { return }
    let bytes = Array(input[frame.offset..<frame.offset + frame.length])
    let message: Message?
    switch frame.framing {
    case .rtu: message = try? Message(rtu: bytes.span)
    case .tcp: message = (try? TCPMessage(tcp: bytes.span))?.message
    }
    hold(message?.unit == frame.unit, "\(hexString(bytes)) is not of unit \(frame.unit)")
    hold(message?.function.requested == frame.function, "\(hexString(bytes)) is not \(frame.function)")
    if let registers = frame.registers { hold(registers.count == frame.count.map(Int.init), "miscounted") }
  }
}
