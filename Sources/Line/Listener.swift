internal import Host
public import Metering
internal import Synchronization

/// Listens to a line that others speak on, and never sends a byte. Works on a thread of its own.
public actor Listener {
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// What is heard.
  public enum Heard: Hashable, Sendable {
    /// The port is open; nothing that comes from now on is missed.
    case ready
    /// Bytes without a pause between them, and how many characters among them had wrong parity.
    case run(Traffic, broken: Int)
    /// Nothing for so long that no frame goes on.
    case silence
  }

  private let thread = OwnedThread(name: "listen")
  private nonisolated let stopping = Atomic(false)
  private let address: PortAddress
  private let settings: SerialSettings

  /// Pauses this long end every frame. Source: DL/T 645-2007, 500 ms between bytes at most (unverified).
  private static let longPause = BootInstant.Span.milliseconds(500)
  /// The longest run that is kept together.
  private static let longestRun = 512

  public init(_ address: PortAddress, settings: SerialSettings) {
    self.address = address
    self.settings = settings
  }

  deinit { thread.stop() }

  /// Ends `run` within a moment.
  public nonisolated func stop() { stopping.store(true, ordering: .releasing) }

  /// Opens the port and listens until `stop` is called or the boot clock reaches `until`.
  ///
  /// - Throws: `LineError` when the port cannot be used or is gone.
  public func run(until: BootInstant?, hear: @Sendable (Heard) -> Void) throws(LineError) {
    var port = try Port(address, toListen: true)
    try port.tune(settings)
    // Four characters of silence end a Modbus frame; adapters hold bytes back for up to 16 ms.
    let pause = max(settings.characterTime * 4, .milliseconds(20))
    hear(.ready)
    var buffer = [UInt8](repeating: 0, count: Self.longestRun)
    var parity = ParityFilter()
    var run: [UInt8] = []
    var broken = 0
    var began = HostClock.boot
    var last = began
    var isQuiet = true
    func end() {
      if !run.isEmpty || broken > 0 { hear(.run(Traffic(at: began, sent: false, bytes: run), broken: broken)) }
      run = []
      broken = 0
    }
    while !stopping.load(ordering: .acquiring) {
      let now = HostClock.boot
      if let until, now >= until { break }
      let wake = run.isEmpty ? now + .milliseconds(isQuiet ? 200 : 100) : last + pause
      guard try port.waitReadable(until: until.map { min($0, wake) } ?? wake) else {
        let now = HostClock.boot
        if now - last >= pause { end() }
        if !isQuiet, now - last >= Self.longPause {
          isQuiet = true
          hear(.silence)
        }
        continue
      }
      let count = try port.read(into: &buffer)
      guard count > 0 else { continue }
      last = HostClock.boot
      if run.isEmpty { began = last - settings.characterTime * Int64(count - 1) }
      isQuiet = false
      for byte in buffer[..<count] {
        guard port.marksParity else {
          run.append(byte)
          continue
        }
        switch parity.receive(byte) {
        case .none: break
        case .broken: broken += 1
        case .byte(let plain): run.append(plain)
        }
      }
      if run.count >= Self.longestRun { end() }
    }
    end()
  }
}
