internal import DLT645

/// Finds the passwords in what is said on a line, run by run, so that no trace keeps them.
///
/// DL/T 645 sends them in clear, only with 33H added. Runs may cut a frame anywhere; which bytes count is said by
/// `secretBytes(in:)`.
public struct PasswordMask: Hashable, Sendable {
  /// The longest frame but its last byte.
  private static let reach = Frame.maximumLength - 1
  private var last: [UInt8] = []

  public init() {}

  /// True where the next byte of the line is one of a password or the check byte over one.
  public mutating func isSecret(_ byte: UInt8) -> Bool { hidden([byte]).first ?? true }

  /// Which of `bytes`, the next of the line, are of passwords.
  public mutating func hidden(_ bytes: [UInt8]) -> [Bool] {
    let known = last + bytes
    let hidden = Array(secretBytes(in: known).suffix(bytes.count))
    last = Array(known.suffix(Self.reach))
    return hidden
  }
}
