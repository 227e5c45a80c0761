/// Every frame of both editions in `bytes`, in their order, whatever lies between them; and candidates that are
/// damaged, where no sound frame covers them.
///
/// A candidate is a header with both `68H`, or a whole frame of which one `68H` is hurt. Only where nothing else is
/// found does a single `68H` at the start of the bytes count.
public func annotate(_ bytes: [UInt8]) -> [AnnotatedFrame] {
  let span = bytes.span
  var found: [AnnotatedFrame] = []
  var gapStart = 0
  var offset = 0
  while offset < span.count {
    guard let frame = sound(span, at: offset) else {
      offset += 1
      continue
    }
    found += damaged(span, in: gapStart..<offset)
    found.append(AnnotatedFrame(frame, in: span))
    offset += frame.length
    gapStart = offset
  }
  found += damaged(span, in: gapStart..<span.count)
  if found.isEmpty, let lone = loneStart(span) { found.append(lone) }
  let secrets = secretBytes(in: bytes)
  for index in found.indices { found[index].hide(secrets) }
  return found
}

private func sound(_ bytes: Span<UInt8>, at offset: Int) -> Frame? {
  guard bytes[offset] == Frame.start, let frame = try? Frame.decode(bytes, at: offset) else { return nil }
  if frame.address.isPossible { return frame }
  // Noise with a sum that happens to be right must not hide the real frame behind it.
  for inner in (offset + 1)..<(offset + frame.length) where bytes[inner] == Frame.start {
    if let other = try? Frame.decode(bytes, at: inner), other.address.isPossible { return nil }
  }
  return frame
}

/// The damaged candidates between two sound frames, none inside another.
///
/// Those that end where they say come first: a header that noise made up could otherwise swallow them.
private func damaged(_ bytes: Span<UInt8>, in gap: Range<Int>) -> [AnnotatedFrame] {
  let within = bytes.extracting(0..<gap.upperBound)
  var found: [AnnotatedFrame] = []
  var rest = gap.lowerBound
  var offset = gap.lowerBound
  while offset < gap.upperBound {
    guard let error = fault(ofWhole: offset, in: within) else {
      offset += 1
      continue
    }
    found += headers(bytes, in: rest..<offset)
    let length = Int(within[offset + 9]) + Frame.overhead
    found.append(AnnotatedFrame(damaged: error, at: offset, length: length, in: within))
    offset += length
    rest = offset
  }
  return found + headers(bytes, in: rest..<gap.upperBound)
}

/// What is wrong where a frame of the right length ends with `16H` and only its check byte or one `68H` is hurt.
private func fault(ofWhole offset: Int, in bytes: Span<UInt8>) -> FrameError? {
  guard bytes.count - offset >= Frame.overhead else { return nil }
  let length = Int(bytes[offset + 9]) + Frame.overhead
  guard length <= Frame.maximumLength, bytes.count - offset >= length, bytes[offset + length - 1] == Frame.end
  else { return nil }
  let first = bytes[offset]
  let second = bytes[offset + 7]
  guard first == Frame.start || second == Frame.start else { return nil }
  let received = bytes[offset + length - 2]
  let computed = sum(bytes.extracting(offset..<(offset + length - 2)))
  if first == second { return computed == received ? nil : .checksum(computed: computed, received: received) }
  // The sum was made over the delimiter as it was sent.
  let hurt = first == Frame.start ? second : first
  guard computed &- hurt &+ Frame.start == received else { return nil }
  return .delimiter(hurt, offset: first == Frame.start ? 7 : 0)
}

/// Headers with both `68H` from which no frame follows.
private func headers(_ bytes: Span<UInt8>, in gap: Range<Int>) -> [AnnotatedFrame] {
  var found: [AnnotatedFrame] = []
  let within = bytes.extracting(0..<gap.upperBound)
  var offset = gap.lowerBound
  while offset + 7 < gap.upperBound {
    guard within[offset] == Frame.start, within[offset + 7] == Frame.start else {
      offset += 1
      continue
    }
    do throws(FrameError) {
      offset += try Frame.decode(within, at: offset).length
    } catch {
      let length = max(1, error.examined)
      found.append(AnnotatedFrame(damaged: error, at: offset, length: length, in: within))
      offset += length
    }
  }
  return found
}

/// A `68H` that starts the bytes, but for wake-up bytes, and from which no header follows.
private func loneStart(_ bytes: Span<UInt8>) -> AnnotatedFrame? {
  var offset = 0
  while offset < bytes.count, bytes[offset] == Frame.wakeUp { offset += 1 }
  guard offset < bytes.count, bytes[offset] == Frame.start else { return nil }
  do throws(FrameError) {
    _ = try Frame.decode(bytes, at: offset)
    return nil
  } catch {
    return AnnotatedFrame(damaged: error, at: offset, length: error.examined, in: bytes)
  }
}
