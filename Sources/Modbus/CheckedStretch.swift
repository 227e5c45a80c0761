/// Tells in constant time whether a stretch of one length within a stream ends in its own checksum.
///
/// The checksum is linear, so what it is over a stretch follows from the running registers before and after it.
/// With Z(x) for x moved on by one stretch of zero bytes, the stretch from register a to register b is a whole
/// frame when b = Z(a xor FFFFH). Z is linear too: the images of its sixteen bits say all of it.
struct CheckedStretch: Sendable {
  let length: Int
  private let images: [UInt16]

  /// The images for every length that a frame can have: 8 KB, made once.
  private static let known: [[UInt16]] = {
    var images: [[UInt16]] = [(0..<16).map { 1 << UInt16($0) }]
    for _ in 1...longest {
      images.append(
        (images.last ?? []).map { image in
          var sum = Checksum(register: image)
          sum.add(0)
          return sum.register
        })
    }
    return images
  }()

  private static let longest = 256

  /// For lengths up to those of the longest frame.
  init(length: Int) {
    self.length = min(max(length, 0), Self.longest)
    images = Self.known[self.length]
  }

  /// True when bytes that took the running register from `before` to `after` end in their own checksum.
  func isWhole(from before: UInt16, to after: UInt16) -> Bool {
    var moved: UInt16 = 0
    for bit in 0..<16 where (before ^ 0xFFFF) >> UInt16(bit) & 1 == 1 { moved ^= images[bit] }
    return moved == after
  }
}
