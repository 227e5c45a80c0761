/// Takes apart what a UART with marked parity delivers.
///
/// With `INPCK` and `PARMRK` a bad character arrives as FF 00 xx and a good FF as FF FF (termios(3)).
struct ParityFilter {
  enum Output: Equatable {
    case byte(UInt8)
    /// A character with wrong parity or framing.
    case broken
    case none
  }

  private enum State { case plain, marked, broken }
  private var state = State.plain

  mutating func receive(_ byte: UInt8) -> Output {
    switch state {
    case .plain:
      guard byte == 0xFF else { return .byte(byte) }
      state = .marked
      return .none
    case .marked:
      if byte == 0 {
        state = .broken
        return .none
      }
      state = .plain
      // FF FF is a good FF. Anything else cannot come from the driver; the pair is not believed.
      return byte == 0xFF ? .byte(0xFF) : .broken
    case .broken:
      state = .plain
      return .broken
    }
  }
}
