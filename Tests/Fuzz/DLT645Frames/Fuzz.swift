import DLT645
import FuzzSupport
import Metering

/// Any bytes, taken for what a line brings.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      for offset in input.indices {
        if let frame = try? Frame.decode(input.span, at: offset) { encodesAgain(frame, in: input) }
      }
      let streamed = stream(input)
      let annotated = annotate(input)
      holdDisjoint(annotated.map { $0.offset..<$0.offset + $0.length }, within: input.count)
      for frame in annotated { describes(frame, in: input) }
      // Addresses that no meter can have make the two differ on purpose: one gives the frame and looks on inside it.
      let sound = annotated.filter(\.isValid).map { Array(input[$0.offset..<$0.offset + $0.length]) }
      if (sound + streamed).allSatisfy(isPossible) {
        hold(
          sound == streamed,
          "annotate finds \(sound.map { hexString($0) }), the decoder \(streamed.map { hexString($0) })")
      }
    }
  }

  /// The layout once more, from the frame's own parts.
  private static func encodesAgain(_ frame: Frame, in input: [UInt8]) {
    let data = frame.data(in: input.span)
    hold(data.count == frame.dataCount, "\(data.count) data bytes of \(frame.dataCount)")
    var bytes = [0x68] + frame.address.wireBytes + [0x68, frame.control.rawValue, UInt8(data.count)]
    bytes += data.map { $0 &+ 0x33 }
    bytes += [bytes.reduce(0, &+), 0x16]
    hold(bytes == Array(input[frame.offset..<frame.offset + frame.length]), "encodes as \(hexString(bytes))")
    if let request = Request(frame, in: input.span) {
      hold(request.frame(to: frame.address, wakeUps: 0) == bytes, "\(request) is another frame")
    }
    if frame.control.rawValue == 0x91, let identifier = frame.identifier(in: input.span) {
      let reply = Reply.data(identifier, Array(data.dropFirst(4)), more: false)
      hold(reply.frame(from: frame.address, wakeUps: 0) == bytes, "\(reply) is another frame")
    }
  }

  /// What the decoder finds, byte by byte; after a silence it must find a good frame whatever came before it.
  private static func stream(_ input: [UInt8]) -> [[UInt8]] {
    var decoder = FrameDecoder()
    var found: [[UInt8]] = []
    func drain() {
      while let event = decoder.next() {
        switch event {
        case .frame(let frame):
          let bytes = decoder.bytes(of: frame)
          hold((try? Frame.decode(bytes.span)) != nil, "\(hexString(bytes)) is no frame")
          found.append(bytes)
        case .damaged(let error, let range):
          hold(!decoder.bytes(in: range).isEmpty && !error.description.isEmpty, "\(error) of no bytes")
        }
      }
    }
    for byte in input {
      decoder.append(byte)
      drain()
      hold(decoder.held <= FrameDecoder.capacity && decoder.missing >= 1, "\(decoder.held) held")
    }
    decoder.silence()
    drain()
    hold(decoder.held == 0, "\(decoder.held) bytes held after a silence")
    hold(decoder.frames == found.count && decoder.noise <= input.count, "miscounted")
    let before = found
    let good = Request.address.frame(to: .wildcard, wakeUps: 2)
    for byte in good { decoder.append(byte) }
    drain()
    hold(found.last == Array(good.dropFirst(2)), "a good frame after a silence is not found")
    return before
  }

  private static func describes(_ frame: AnnotatedFrame, in input: [UInt8]) {
    let decoded = try? Frame.decode(input.span, at: frame.offset)
    if frame.isValid { hold(decoded?.length == frame.length, "a valid frame that does not decode") }
    if let error = frame.error { hold(!error.code.isEmpty && !error.detail.isEmpty, "an error without words") }
    if let text = frame.exceptionText { hold(text.code.utf8.count == 2 && !text.name.isEmpty, "\(text)") }
    for observation in frame.observations { hold(!observation.value.description.isEmpty, "\(observation)") }
  }

  private static func isPossible(_ frame: [UInt8]) -> Bool {
    frame[1...6].allSatisfy { $0 >> 4 <= 0xA && $0 & 0xF <= 0xA }
  }
}
