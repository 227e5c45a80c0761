public import Devices
internal import Host
public import Line
internal import Synchronization

/// Looks for meters on a port that no daemon holds, on a thread of its own.
public actor Scanner {
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  private let thread = OwnedThread(name: "scan")
  private nonisolated let stopping = Atomic(false)
  private let port: PortAddress

  public init(_ port: PortAddress) { self.port = port }

  deinit { thread.stop() }

  /// Ends `run` after the question that is on the wire, with what was found so far.
  public nonisolated func stop() { stopping.store(true, ordering: .releasing) }

  public nonisolated var isStopped: Bool { stopping.load(ordering: .acquiring) }

  /// Works through the plan. `profiles` are those that a meter may be recognised by.
  /// - Returns: all meters that answered, as they were found.
  /// - Throws: `LineError` when the port cannot be used.
  public func run(
    _ plan: ScanPlan, profiles: [DeviceProfile], tell: @escaping @Sendable (ScanEvent) -> Void
  ) throws(LineError) -> [FoundMeter] {
    guard let first = plan.steps.first else { return [] }
    let line = Line(port, settings: first.settings, guardedBy: WireGuard())
    try line.open()
    defer { line.close() }
    var survey = Survey(line, plan, profiles: profiles, isStopped: { self.isStopped }, tell: tell)
    return try survey.run()
  }
}
