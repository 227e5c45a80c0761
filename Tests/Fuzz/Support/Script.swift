/// An input read from its front as the choices and bytes of a test; past its end everything is 0.
public struct Script {
  private var rest: ArraySlice<UInt8>

  public init(_ input: [UInt8]) { rest = input[...] }

  public var isEmpty: Bool { rest.isEmpty }

  public mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  public mutating func word() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }

  public mutating func number() -> UInt64 { (0..<4).reduce(0) { value, _ in value << 16 | UInt64(word()) } }

  /// The next bytes, fewer where the input ends.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    let taken = Array(rest.prefix(count))
    rest = rest.dropFirst(count)
    return taken
  }

  /// All that is left.
  public mutating func all() -> [UInt8] { bytes(rest.count) }
}
