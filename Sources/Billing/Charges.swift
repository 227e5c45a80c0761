internal import Metering
public import Rating

/// What bills charge and rest on, apart from the words around it. 计费内容
///
/// Two bills with equal charges cost the same, leave the same tier window and rest on the same readings, whatever their
/// plan was called, where it was published, and by which version of this program they were rated. There is nothing
/// between them to correct.
public struct Charges: Hashable, Sendable {
  /// One line for each fact, in the order of the bills.
  let text: String

  /// Of the bills of one cycle.
  public init(_ parts: [IssuedPart]) {
    var lines: [String] = []
    for part in parts {
      lines.append("\(part.days) \(part.isEstimated) \(part.energy) \(part.metered) \(part.total)")
      lines += part.byPeriod.map { "period \($0.period) \($0.energy)" }
      if let window = part.window {
        lines.append("window \(window.plan) \(window.start) \(window.used) \(window.after)")
      }
      for line in part.lines {
        lines.append(
          "line \(line.component) \(line.rule) \(line.tier ?? 0) \(line.period ?? "-") \(line.quantity) \(line.unit)"
            + " \(line.price)\(line.dayShare) \(line.amount)")
      }
      for segment in part.segments {
        lines.append("segment \(segment.meter) \(segment.multiplier) \(segment.from) \(segment.to)")
        for register in segment.registers {
          lines.append("register \(register.quantity) \(register.energy) \(register.rolledOver)")
        }
        for (quantity, at, mark) in segment.marks {
          lines.append("mark \(quantity) \(at) \(mark.reading) \(mark.value) \(mark.quality)")
        }
        if let profile = segment.profile {
          lines.append("profile \(profile.minutes) \(profile.records) \(profile.digest) \(profile.energy)")
        }
        if let power = segment.demandPower { lines.append("demand \(power)") }
      }
    }
    text = lines.joined(separator: "\n")
  }

  /// Of a bill that is not issued yet.
  public init(_ bill: ClosedBill) { self.init(bill.parts) }

  /// SHA-256 in hex.
  public var digest: String { sha256Hex(text.utf8) }
}

extension ClosedBill {
  /// The bill as it will be read back once it is issued.
  public var parts: [IssuedPart] {
    guard let json = JSONValue(parsing: document.utf8), let parts = try? IssuedPart.all(of: json, bill: 0) else {
      return []
    }
    return parts
  }

  /// What decides the prices of each of its bills, see `Plan.pricingDigest`.
  public var pricing: [String] { bills.map(\.plan.pricingDigest) }
}

extension IssuedBill {
  /// True where a part was rated by what decides the prices of `plan`, whatever its words and dates.
  public func isPriced(like plan: Plan) -> Bool {
    parts.contains { $0.plan.digest == plan.digest }
      || (parts.contains { $0.plan.name == plan.name } && pricing.contains(plan.pricingDigest))
  }
}
