/// Finds the Modbus frames in a stream that may hold noise, echoes and damage.
///
/// Whole frames come first: a right checksum on a serial line, over TCP a header and length that fit. For functions
/// 1 to 4 eight bytes with a right checksum are a request, and a fitting byte count makes a reply. What lies
/// between is then looked over once more for frames in shape whose checksum is wrong or whose end is missing;
/// of functions other than 3 and 4 only where such a frame is all that lies there.
///
/// - Parameters:
///   - bytes: the stream, of any length; it is never refused.
///   - framings: what to look for; both unless told.
/// - Returns: the frames in the order in which they stand, none of them overlapping.
public func annotate(
  _ bytes: [UInt8], as framings: Set<AnnotatedFrame.Framing> = [.rtu, .tcp]
) -> [AnnotatedFrame] {
  var frames: [AnnotatedFrame] = []
  var gapStart = 0
  var offset = 0
  while offset < bytes.count {
    guard let frame = wholeFrame(in: bytes, at: offset, as: framings) else {
      offset += 1
      continue
    }
    frames += damagedFrames(in: bytes, within: gapStart..<offset, as: framings)
    frames.append(frame)
    offset += frame.length
    gapStart = offset
  }
  frames += damagedFrames(in: bytes, within: gapStart..<bytes.count, as: framings)
  if frames.isEmpty, let frame = cutFrame(bytes, as: framings) { frames.append(frame) }
  return frames
}

private func wholeFrame(
  in bytes: [UInt8], at offset: Int, as framings: Set<AnnotatedFrame.Framing>
) -> AnnotatedFrame? {
  let rest = bytes[offset...]
  if framings.contains(.rtu) {
    var unsure: AnnotatedFrame?
    for shape in FrameShape.all(of: rest, withVendorCodes: true) where shape.length + 2 <= min(rest.count, 256) {
      let frame = bytes.span.extracting(offset..<offset + shape.length + 2)
      guard let message = try? Message(rtu: frame) else { continue }
      let found = AnnotatedFrame(
        .rtu, offset: offset, length: frame.count, direction: shape.direction, message: message)
      // A reply with three bytes of coils is as long as a request, whose count then makes no sense.
      if isMeaningful(message, shape.direction) { return found }
      unsure = unsure ?? found
    }
    if let unsure { return unsure }
  }
  guard framings.contains(.tcp), let length = headerLength(rest), length <= rest.count,
    let frame = try? TCPMessage(tcp: bytes.span.extracting(offset..<offset + length))
  else { return nil }
  let shapes = FrameShape.all(of: rest[(offset + 6)..<(offset + length)], withVendorCodes: true)
    .filter { $0.length + 6 == length }
  guard let shape = shapes.first(where: { isMeaningful(frame.message, $0.direction) }) ?? shapes.first else {
    return nil
  }
  return AnnotatedFrame(
    .tcp, offset: offset, length: length, direction: shape.direction, message: frame.message)
}

/// The length of the TCP frame whose header `rest` starts with; `nil` when it is no header.
private func headerLength(_ rest: ArraySlice<UInt8>) -> Int? {
  let start = rest.startIndex
  guard rest.count >= 8, rest[start + 2] == 0, rest[start + 3] == 0 else { return nil }
  let announced = Int(word(rest[start + 4], rest[start + 5]))
  return (2...254).contains(announced) ? announced + 6 : nil
}

/// Serial frames with a wrong checksum between whole frames.
///
/// Nearly any bytes can be taken for a long reply, so a reply must fill its gap to one end at least.
private func damagedFrames(
  in bytes: [UInt8], within gap: Range<Int>, as framings: Set<AnnotatedFrame.Framing>
) -> [AnnotatedFrame] {
  guard framings.contains(.rtu) else { return [] }
  var frames: [AnnotatedFrame] = []
  var offset = gap.lowerBound
  while offset < gap.upperBound {
    guard let frame = damagedFrame(in: bytes, at: offset, within: gap) else {
      offset += 1
      continue
    }
    frames.append(frame)
    offset += frame.length
  }
  return frames
}

private func damagedFrame(in bytes: [UInt8], at offset: Int, within gap: Range<Int>) -> AnnotatedFrame? {
  guard (1...247).contains(bytes[offset]) else { return nil }
  let shapes = FrameShape.all(of: bytes[offset..<gap.upperBound]).filter { $0.length + 2 <= gap.upperBound - offset }
  for shape in shapes.sorted(by: { fills(gap, $0, at: offset) && !fills(gap, $1, at: offset) }) {
    let end = offset + shape.length + 2
    let message = Message(
      unit: bytes[offset], function: FunctionCode(rawValue: bytes[offset + 1]),
      payload: Array(bytes[(offset + 2)..<(end - 2)]))
    let isRequest = shape.direction == .request && (try? ReadRequest(message)) != nil
    let isReply = shape.direction == .reply && (try? ReadReply(message)) != nil
    let isAlone = offset == gap.lowerBound && end == gap.upperBound
    guard
      isRequest || isReply && (offset == gap.lowerBound || end == gap.upperBound)
        || isAlone && isMeaningful(message, shape.direction),
      let error = checksumError(bytes.span.extracting(offset..<end))
    else { continue }
    return AnnotatedFrame(
      .rtu, offset: offset, length: end - offset, direction: shape.direction, message: message, error: error)
  }
  return nil
}

/// Whether a message of any known function says what such a message can say.
private func isMeaningful(_ message: Message, _ direction: AnnotatedFrame.Direction?) -> Bool {
  if message.function.isException { return (try? message.exception()) != nil }
  switch direction {
  case .request, nil: return (try? Inquiry(message)) != nil || (try? Change(of: message)) != nil
  case .reply:
    let isWrite = message.function == .writeMultipleCoils || message.function == .writeMultipleRegisters
    return (try? InquiryReply(message)) != nil || isWrite && (try? message.firstAndCount()) != nil
  }
}

private func fills(_ gap: Range<Int>, _ shape: FrameShape, at offset: Int) -> Bool {
  offset + shape.length + 2 == gap.upperBound
}

private func checksumError(_ frame: Span<UInt8>) -> FrameError? {
  do throws(FrameError) {
    _ = try Message(rtu: frame)
    return nil
  } catch {
    return error
  }
}

/// A stream that starts like one frame and ends before it does.
private func cutFrame(_ bytes: [UInt8], as framings: Set<AnnotatedFrame.Framing>) -> AnnotatedFrame? {
  if framings.contains(.tcp), let length = headerLength(bytes[...]), length > bytes.count {
    let message = Message(unit: bytes[6], function: FunctionCode(rawValue: bytes[7]), payload: Array(bytes[8...]))
    guard message.function.name != nil else { return nil }
    return AnnotatedFrame(
      .tcp, offset: 0, length: bytes.count, direction: nil, message: message, error: .tooShort(count: bytes.count))
  }
  guard framings.contains(.rtu), bytes.count >= 3, (1...247).contains(bytes[0]),
    FrameShape.all(of: bytes[...]).contains(where: { $0.length + 2 > bytes.count })
  else { return nil }
  let message = Message(unit: bytes[0], function: FunctionCode(rawValue: bytes[1]), payload: Array(bytes[2...]))
  return AnnotatedFrame(
    .rtu, offset: 0, length: bytes.count, direction: nil, message: message, error: .tooShort(count: bytes.count))
}
