/// Takes out our own request where the adapter hears itself.
///
/// Bytes are held while they repeat the request from its start; the whole of it is an echo and is dropped, and
/// at the first difference everything held goes on as it came. No reply of either protocol begins with the
/// whole of its request, so nothing real is ever lost.
struct EchoFilter {
  private var request: [UInt8] = []
  private var matched = 0
  private var watching = false
  private(set) var echoed = false

  /// A request is on its way; its echo may follow.
  mutating func sent(_ bytes: [UInt8]) {
    request = bytes
    matched = 0
    watching = !bytes.isEmpty
  }

  /// Passes on what is not an echo.
  mutating func receive(_ byte: UInt8, _ pass: (UInt8) -> Void) {
    guard watching else { return pass(byte) }
    if byte == request[matched] {
      matched += 1
      if matched == request.count {
        watching = false
        echoed = true
      }
      return
    }
    watching = false
    for held in request[..<matched] { pass(held) }
    pass(byte)
  }

  /// Nothing more came: what was held is no whole echo.
  mutating func release(_ pass: (UInt8) -> Void) {
    guard watching else { return }
    watching = false
    for held in request[..<matched] { pass(held) }
  }
}
