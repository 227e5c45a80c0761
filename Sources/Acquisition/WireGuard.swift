public import Line

/// What a line may change: function by function and meter by meter, as the configuration says. Nothing by default.
public struct Permissions: Hashable, Sendable {
  public private(set) var functions: [MeterAddress: Set<ControlFunction>]
  /// What may be sent to all meters of the line at once.
  public let broadcasts: Set<ControlFunction>

  /// Reads only.
  public static let none = Permissions()

  public init(
    _ functions: [MeterAddress: Set<ControlFunction>] = [:], broadcasts: Set<ControlFunction> = []
  ) {
    self.functions = functions
    self.broadcasts = broadcasts.filter(\.canBeBroadcast)
  }

  public var isReadOnly: Bool { broadcasts.isEmpty && functions.values.allSatisfy(\.isEmpty) }
}

/// Lets questions out, and of everything else what the permissions name. 写保护
public struct WireGuard: SendGuard {
  public let permissions: Permissions

  public init(_ permissions: Permissions = .none) { self.permissions = permissions }

  public func judge(_ bytes: [UInt8], to port: PortAddress) -> SendJudgement {
    switch WireAct(bytes, framings: port.isModbusTCP ? [.tcp] : [.dlt645, .rtu]) {
    case .reads: return .reads
    case .unintelligible:
      return .refused(ControlAct(function: "unknown", target: "\(port)"), reason: .unintelligible)
    case .controls(let function, let also, let name, .meter(let meter)):
      let act = ControlAct(function: name, target: "\(meter)")
      let allowed = permissions.functions[meter] ?? []
      guard let function, allowed.contains(function) else { return .refused(act, reason: .notAllowed) }
      guard let also, !allowed.contains(also) else { return .allowed(act) }
      return .refused(ControlAct(function: also.rawValue, target: "\(meter)"), reason: .notAllowed)
    case .controls(let function, _, let name, .everyone):
      let act = ControlAct(function: name, target: ControlAct.everyone)
      guard let function, function.canBeBroadcast else { return .refused(act, reason: .severalMeters) }
      return permissions.broadcasts.contains(function) ? .allowed(act) : .refused(act, reason: .notAllowed)
    case .controls(_, _, let name, .anyone(let address)):
      return .refused(ControlAct(function: name, target: "\(address)"), reason: .severalMeters)
    }
  }
}
