/// A length and direction that a frame may have, judged by its function and the bytes at its start.
struct FrameShape: Hashable {
  /// Bytes of unit, function and payload, without checksum or header.
  let length: Int
  let direction: AnnotatedFrame.Direction?

  /// The shapes that fit `body`, which starts at the unit and may end anywhere; likelier ones first.
  ///
  /// The length may lie beyond the end of `body`: the frame is then cut short.
  /// Source: "Modbus Application Protocol Specification" V1.1b3, section 6.
  ///
  /// Only refusals with codes of the specification are looked for, unless `withVendorCodes`: any byte would let too
  /// much noise pass for a damaged one.
  static func all(of body: ArraySlice<UInt8>, withVendorCodes: Bool = false) -> [FrameShape] {
    guard body.count >= 2 else { return [] }
    let function = FunctionCode(rawValue: body[body.startIndex + 1])
    guard function.name != nil else { return [] }
    let third = body.count > 2 ? Int(body[body.startIndex + 2]) : nil
    if function.isException {
      guard let third, withVendorCodes || (1...11).contains(third) || body.count <= 5 else { return [] }
      return [FrameShape(length: 3, direction: .reply)]
    }
    let counted = third.map { FrameShape(length: 3 + $0, direction: .reply) }
    switch function.rawValue {
    case 1, 2:
      let reply = third.flatMap { (1...250).contains($0) ? counted : nil }
      return [FrameShape(length: 6, direction: .request)] + (reply.map { [$0] } ?? [])
    case 3, 4:
      let reply = third.flatMap { (2...250).contains($0) && $0 & 1 == 0 ? counted : nil }
      return [FrameShape(length: 6, direction: .request)] + (reply.map { [$0] } ?? [])
    // The reply repeats the request, so the frame alone does not say which it is.
    case 5, 6, 8: return [FrameShape(length: 6, direction: nil)]
    case 15, 16:
      let written = body.count > 6 ? [FrameShape(length: 7 + Int(body[body.startIndex + 6]), direction: .request)] : []
      return [FrameShape(length: 6, direction: .reply)] + written
    case 17: return [FrameShape(length: 2, direction: .request)] + (counted.map { [$0] } ?? [])
    case 43:
      guard third == Int(IdentificationRequest.interface) else { return [] }
      let told = objectsLength(body).map { FrameShape(length: $0, direction: .reply) }
      return [FrameShape(length: 5, direction: .request)] + (told.map { [$0] } ?? [])
    default: return []
    }
  }

  /// The length of a reply with identification objects, as far as it can be told from what is there.
  private static func objectsLength(_ body: ArraySlice<UInt8>) -> Int? {
    let start = body.startIndex
    guard body.count >= 8 else { return nil }
    var place = start + 8
    for _ in 0..<body[start + 7] {
      guard place + 1 < body.endIndex, place - start <= 252 else { return nil }
      place += 2 + Int(body[place + 1])
    }
    return place - start
  }
}
