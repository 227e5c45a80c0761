/// What a line brought besides the reply that was looked for.
public struct Skipped: Hashable, Sendable {
  /// Copies of our own request, as adapters without echo suppression return them.
  public var echoes = 0
  /// Units of whole frames that were not the answer; the asked unit itself where it answered something else.
  public var foreign: [UInt8] = []
  /// Frames in shape with a wrong checksum.
  public var damaged = 0
  /// Bytes that belong to no frame.
  public var noise = 0

  public init(echoes: Int = 0, foreign: [UInt8] = [], damaged: Int = 0, noise: Int = 0) {
    self.echoes = echoes
    self.foreign = foreign
    self.damaged = damaged
    self.noise = noise
  }

  /// True when the line was clean.
  public var isEmpty: Bool { self == Skipped() }

  mutating func add(_ bytes: ArraySlice<UInt8>, echo: [UInt8]) {
    guard !bytes.isEmpty else { return }
    let stretch = Array(bytes)
    noise += stretch.count
    for frame in annotate(stretch, as: [.rtu]) {
      noise -= frame.length
      if !frame.isValid {
        damaged += 1
      } else if Array(stretch[frame.offset..<frame.offset + frame.length]) == echo {
        echoes += 1
      } else {
        foreign.append(frame.unit)
      }
    }
  }
}

extension Skipped: CustomStringConvertible {
  /// `echo 1, units 7 9, damaged 1, noise 3 bytes`, or `nothing`.
  public var description: String {
    var parts: [String] = []
    if echoes > 0 { parts.append("echo \(echoes)") }
    if !foreign.isEmpty { parts.append("units \(foreign.map(String.init).joined(separator: " "))") }
    if damaged > 0 { parts.append("damaged \(damaged)") }
    if noise > 0 { parts.append("noise \(noise) \(noise == 1 ? "byte" : "bytes")") }
    return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
  }
}
