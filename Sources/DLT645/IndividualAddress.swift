/// The address of exactly one meter: twelve digits, no wildcard and not the broadcast address.
///
/// Everything that changes a meter takes one of these, so a command to all meters of a line cannot be written down.
public struct IndividualAddress: Hashable, Sendable {
  public let address: Address

  /// `nil` for an address with a digit that is `A`, and for the one that every meter obeys.
  public init?(_ address: Address) {
    guard address.isComplete, address != .broadcast else { return nil }
    self.address = address
  }

  /// Reads exactly twelve digits; a shorter number is a slip away from another meter and gives `nil`.
  public init?(_ text: some StringProtocol) {
    guard text.utf8.count == 12, let address = Address(text) else { return nil }
    self.init(address)
  }
}

extension IndividualAddress: CustomStringConvertible {
  /// Twelve digits as printed on the meter.
  public var description: String { address.description }
}
