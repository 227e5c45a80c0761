/// Finds frames in bytes as they come, after any noise.
///
/// Feed one byte with `append`, then call `next` until it gives `nil`. A candidate starts at a `68H`; when it
/// fails, one byte is dropped and the bytes already held are looked at again, so a good frame that lies inside a
/// false one is found. A false candidate that is not complete yet holds back what lies behind it: once the line
/// is silent, `silence` gives up on it and frees the rest.
///
/// At most `capacity` bytes are held.
public struct FrameDecoder: Sendable {
  /// What `next` found. Positions are those of `bytes(in:)` and last until the next `append`.
  public enum Event: Hashable, Sendable {
    case frame(Frame)
    /// A `68H` from which no frame starts, with the bytes that were looked at.
    case damaged(FrameError, Range<Int>)
  }

  /// The most bytes held.
  public static let capacity = 4 * Frame.maximumLength

  /// Frames found so far.
  public private(set) var frames = 0
  /// Candidates that failed so far.
  public private(set) var damaged = 0
  /// Bytes dropped so far: neither in a frame nor the start of a candidate. Wake-up bytes are among them.
  public private(set) var noise = 0

  private var buffer: [UInt8] = []
  private var head = 0
  /// Bytes that the candidate at `head` needs before it is worth another look.
  private var wanted = 0
  private var isSilent = false

  public init() { buffer.reserveCapacity(Self.capacity) }

  /// Bytes that wait for more.
  public var held: Int { buffer.count - head }

  /// The least number of bytes that must still come before `next` can give a frame.
  public var missing: Int { held == 0 ? Frame.overhead : max(1, wanted - held) }

  /// Takes a byte from the line.
  public mutating func append(_ byte: UInt8) {
    isSilent = false
    if head == buffer.count {
      buffer.removeAll(keepingCapacity: true)
      head = 0
    } else if buffer.count == Self.capacity {
      // Only an owner that never calls `next` gets here with nothing to drop in front.
      if head == 0 {
        head = 1
        noise += 1
        wanted = 0
      }
      buffer.removeFirst(head)
      head = 0
    }
    buffer.append(byte)
  }

  /// Says that no more bytes belong to those held: the next calls of `next` give up on what is incomplete.
  public mutating func silence() { isSilent = true }

  /// The next frame or failed candidate in the bytes held; `nil` when more are needed.
  public mutating func next() -> Event? {
    guard isSilent || held >= wanted else { return nil }
    wanted = 0
    while head < buffer.count {
      guard buffer[head] == Frame.start else {
        head += 1
        noise += 1
        continue
      }
      do throws(FrameError) {
        let frame = try Frame.decode(buffer.span, at: head)
        // Noise can make a header whose sum comes out right at the end of the real frame behind it. An address
        // that no meter can have gives it away, and its bytes are looked at again.
        head += frame.address.isPossible ? frame.length : 1
        frames += 1
        return .frame(frame)
      } catch {
        if case .truncated(_, let need) = error, !isSilent {
          wanted = need
          return nil
        }
        let looked = head..<(head + extent(of: error))
        head += 1
        damaged += 1
        return .damaged(error, looked)
      }
    }
    return nil
  }

  /// Forgets the bytes held; the counts stay.
  public mutating func reset() {
    buffer.removeAll(keepingCapacity: true)
    head = 0
    wanted = 0
  }

  /// A copy of the bytes of a frame, without wake-up bytes.
  public func bytes(of frame: Frame) -> [UInt8] { bytes(in: frame.offset..<(frame.offset + frame.length)) }

  /// A copy of the bytes in a range that `next` gave; empty when they are gone.
  public func bytes(in range: Range<Int>) -> [UInt8] {
    guard range.upperBound <= buffer.count else { return [] }
    return Array(buffer[range])
  }

  /// The data of a frame from `first` on, without the 33H.
  public func data(of frame: Frame, from first: Int = 0) -> [UInt8] { frame.data(from: first, in: buffer.span) }

  /// Lets `body` look at the bytes that frames from `next` point into, without a copy.
  public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(buffer.span) }

  private func extent(of error: FrameError) -> Int {
    let whole: Int
    if case .checksum = error { whole = Frame.overhead + Int(buffer[head + 9]) } else { whole = error.examined }
    return min(whole, held)
  }
}
