/// A small generator of numbers that depend on nothing but its seed.
///
/// Every choice of the simulator comes from one, so that a run can be repeated from the seed it printed.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
public struct SplitMix64: Hashable, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// The next number, uniform over all 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.scramble(state)
  }

  /// A number from 0 up to `bound`, exclusive; 0 when `bound` is 0.
  public mutating func next(below bound: UInt64) -> UInt64 { bound == 0 ? 0 : next() % bound }

  /// The number that belongs to `index` under `seed`: the same however often and in whatever order it is asked for.
  public static func number(seed: UInt64, index: UInt64) -> UInt64 {
    scramble(scramble(seed &+ 0x9E37_79B9_7F4A_7C15) ^ (index &* 0xD1B5_4A32_D192_ED03))
  }

  private static func scramble(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
