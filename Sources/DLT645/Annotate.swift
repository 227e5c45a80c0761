/// Every frame of both editions in `bytes`, in their order, whatever lies between them; and candidates that are
/// damaged, where no sound frame covers them.
///
/// A candidate has its second `68H` in place. Only where nothing else is found does a single `68H` count, so that
/// a frame with a damaged delimiter is told about and noise is not.
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
  var found: [AnnotatedFrame] = []
  var rest = gap.lowerBound
  for whole in candidates(bytes, in: gap, wholeOnly: true) {
    found += candidates(bytes, in: rest..<whole.offset, wholeOnly: false)
    found.append(whole)
    rest = whole.offset + whole.length
  }
  return found + candidates(bytes, in: rest..<gap.upperBound, wholeOnly: false)
}

private func candidates(_ bytes: Span<UInt8>, in gap: Range<Int>, wholeOnly: Bool) -> [AnnotatedFrame] {
  var found: [AnnotatedFrame] = []
  let within = bytes.extracting(0..<gap.upperBound)
  var offset = gap.lowerBound
  while offset + 7 < gap.upperBound {
    guard within[offset] == Frame.start, within[offset + 7] == Frame.start else {
      offset += 1
      continue
    }
    do throws(FrameError) {
      // Sound frames are taken already, so this only tells what is wrong.
      offset += try Frame.decode(within, at: offset).length
    } catch {
      let length: Int
      switch error {
      case .checksum: length = Frame.overhead + Int(within[offset + 9])
      case .delimiter, .length, .truncated: length = wholeOnly ? 0 : error.examined
      }
      if length > 0 { found.append(AnnotatedFrame(damaged: error, at: offset, length: length, in: within)) }
      offset += max(1, length)
    }
  }
  return found
}

/// A frame with one delimiter hurt, in bytes that hold no candidate at all: it starts the bytes, but for wake-up
/// bytes, or it ends where its second `68H` says.
private func loneStart(_ bytes: Span<UInt8>) -> AnnotatedFrame? {
  for offset in bytes.indices where bytes[offset] == Frame.start && isWakeUp(bytes, before: offset) {
    do throws(FrameError) {
      _ = try Frame.decode(bytes, at: offset)
    } catch {
      return AnnotatedFrame(damaged: error, at: offset, length: error.examined, in: bytes)
    }
  }
  for second in bytes.indices where bytes[second] == Frame.start && second >= 7 && second + 2 < bytes.count {
    let offset = second - 7
    let length = Int(bytes[second + 2]) + Frame.overhead
    let end = offset + length - 1
    guard end < bytes.count, bytes[end] == Frame.end else { continue }
    return AnnotatedFrame(damaged: .delimiter(bytes[offset], offset: 0), at: offset, length: length, in: bytes)
  }
  return nil
}

private func isWakeUp(_ bytes: Span<UInt8>, before offset: Int) -> Bool {
  for index in 0..<offset where bytes[index] != Frame.wakeUp { return false }
  return true
}
