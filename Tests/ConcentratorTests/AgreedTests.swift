import Concentrator
import Foundation
import Metering
import Testing

/// What is agreed for an account, and what is said of it with its tariff.
struct Agreed: Sendable, CustomTestStringConvertible {
  let tariff: String
  let account: String
  /// The complaint from its line on, and its advice; `nil` where the terms are good.
  let says: String?
  var testDescription: String { "\(tariff): \(account)" }

  init(_ tariff: String, _ account: String = "", says: String? = nil) {
    (self.tariff, self.account, self.says) = (tariff, account, says)
  }
}

@Suite struct AgreedTests {
  private static let mill = "hubei-two-part-10kv-2026"
  private static let contract = "basic-charge = \"contract-demand\"\n"
  private static let whole = contract + "contracted = \"1000\"\ncontract-demand = \"600\"\npower-factor = \"0.90\""
  private static let place =
    "account \"A-1\" cannot be billed by tariff hubei-two-part-10kv-2026 from 2026-01-01 on: plan"
    + " hubei-two-part-10kv, component"

  private static func needs(
    _ line: Int, _ key: String, _ component: String, _ input: String, _ write: String, in table: String = "[[account]]",
    from: String = "2026-01-01"
  ) -> String {
    let what = place.replacing("from 2026-01-01", with: "from \(from)")
    return "meterd.toml:\(line): \(key): \(what) \(component): it needs \(input) of the supply, which is not given\n"
      + "Write \(write) under this \(table), as it was agreed with the customer."
  }

  static let cases = [
    Agreed(
      mill,
      says: needs(
        13, "basic-charge", "1 (Capacity charge)", "basic_charge",
        "basic-charge = \"capacity\" or \"contract-demand\" or \"actual-demand\"")),
    Agreed(
      mill, "basic-charge = \"capacity\"",
      says: needs(
        13, "running", "1 (Capacity charge)", "running", "running = \"630\", the kVA in service,")),
    Agreed(
      mill, contract + "contract-demand = \"600\"",
      says: needs(
        13, "contracted", "2 (Demand charge)", "contracted", "contracted = \"1000\", the kVA of all transformers,")),
    Agreed(
      mill, contract + "contracted = \"1000\"\npower-factor = \"0.90\"",
      says: needs(
        13, "contract-demand", "2 (Demand charge)", "contract", "contract-demand = \"600\", in kW,")),
    Agreed(
      mill, contract + "contracted = \"1000\"\ncontract-demand = \"600\"",
      says: needs(
        13, "power-factor", "9 (Power factor)", "power_factor_standard",
        "power-factor = \"0.90\", \"0.85\" or \"0.80\", or \"none\" where the supply is held to none,")),
    Agreed(mill, whole),
    Agreed(mill, whole.replacing("0.90", with: "none")),
    Agreed(mill, "basic-charge = \"actual-demand\"\ncontracted = \"1000\"\npower-factor = \"0.85\""),
    Agreed(mill, "basic-charge = \"capacity\"\nrunning = \"630\"\npower-factor = \"0.90\""),
    // Terms that change are each looked at, but for those before the first day and after the last one.
    Agreed(
      mill, whole + "\n[[account.change]]\nfrom = \"2026-01-15\"\nbasic-charge = \"capacity\"",
      says: needs(
        21, "running", "1 (Capacity charge)", "running", "running = \"630\", the kVA in service,",
        in: "[[account.change]]", from: "2026-01-15")),
    Agreed(
      mill, whole + "\nto = \"2026-01-15\"\n[[account.change]]\nfrom = \"2026-01-15\"\nbasic-charge = \"capacity\""),
    Agreed(mill, "[[account.change]]\nfrom = \"2026-01-01\"\n" + whole),
    // The version of the month is not there yet; it will ask for the same.
    Agreed(
      mill, "[[account.change]]\nfrom = \"2026-03-01\"\ntariff = \"hunan-residential-2012\"",
      says: needs(
        13, "basic-charge", "1 (Capacity charge)", "basic_charge",
        "basic-charge = \"capacity\" or \"contract-demand\" or \"actual-demand\"")),
    Agreed(
      "hunan-residential-2012", "[[account.change]]\nfrom = \"2026-03-01\"\ntariff = \"\(mill)\"",
      says: needs(
        17, "basic-charge", "1 (Capacity charge)", "basic_charge",
        "basic-charge = \"capacity\" or \"contract-demand\" or \"actual-demand\"", in: "[[account.change]]",
        from: "2026-03-01")),
    Agreed(
      mill, whole + "\nline-loss-percent = \"3\"",
      says:
        "meterd.toml:21: line-loss-percent: account \"A-1\" cannot be billed by tariff hubei-two-part-10kv-2026 from"
        + " 2026-01-01 on: line_loss of the supply is given, but plan hubei-two-part-10kv has nothing for it\n"
        + "Take line-loss-percent away from this [[account]], or name a tariff that has it."),
    // What a change inherits stands in another table.
    Agreed(
      mill, whole + "\nline-loss-percent = \"3\"\n[[account.change]]\nfrom = \"2026-01-01\"\ncontracted = \"900\"",
      says:
        "meterd.toml:21: line-loss-percent: account \"A-1\" cannot be billed by tariff hubei-two-part-10kv-2026 from"
        + " 2026-01-01 on: line_loss of the supply is given, but plan hubei-two-part-10kv has nothing for it\n"
        + "Take line-loss-percent away from this [[account]], or name a tariff that has it.\n"
        + "If it ends then: let the [[account.change]] with from = \"2026-01-01\" name the tariff again, without"
        + " line-loss-percent."),
    Agreed(
      "hunan-residential-2012", "basic-charge = \"capacity\"",
      says:
        "meterd.toml:17: basic-charge: account \"A-1\" cannot be billed by tariff hunan-residential-2012 from 2026-01-01 on:"
        + " basic_charge of the supply is given, but plan hunan-residential has nothing for it\n"
        + "Take basic-charge away from this [[account]], or name a tariff that has it."),
    Agreed("hunan-residential-2012"),
    Agreed("zhejiang-residential-2012", "large-household-from = \"2026-02\""),
    Agreed(
      "hunan-residential-2012", "large-household-from = \"2026-02\"",
      says:
        "meterd.toml:17: large-household-from: account \"A-1\" has it, but no tariff of it grants large households anything:"
        + " tariff hunan-residential-2012 does not\n"
        + "It would change no bill. Take it away, or name a tariff whose [tiers] has grant-per-month."),
    Agreed(
      "hunan-residential-2012",
      "large-household-from = \"2026-02\"\n[[account.change]]\nfrom = \"2026-03-01\"\ntariff = \"zhejiang-residential-2012\""
    ),
    Agreed(
      "hunan-residential-2012",
      "moved-in = \"2026-02\"\n[[account.change]]\nfrom = \"2026-03-01\"\ntariff = \"zhejiang-residential-2012\"",
      says:
        "meterd.toml:17: moved-in: account \"A-1\" has it, but no tariff of it has limits that follow it: none of"
        + " hunan-residential-2012, zhejiang-residential-2012 does\n"
        + "It would change no bill. Take it away, or name a tariff whose [tiers] says moving = \"months\"."),
  ]

  /// A station with one account and its terms.
  static func text(_ tariff: String, _ terms: String) -> String {
    """
    station = "TEST"
    store = "meterd.db"
    devices = "\(root)/devices"
    tariffs = "\(root)/tariffs"
    [[line]]
    name = "bus1"
    port = "/dev/ttyS9"
      [[line.meter]]
      id = "M-1"
      profile = "dlt645-2007-three-phase"
      address = "202311110001"
      account = "A-1"
    [[account]]
    tariff = "\(tariff)"
    from = "2026-01-01"
    id = "A-1"
    \(terms)
    """
  }

  @Test(arguments: cases) func `what is agreed must be what its tariffs ask for`(_ each: Agreed) throws {
    let text = Self.text(each.tariff, each.account)
    // It stops no start: the account's bills wait, and its meters are read.
    let station = try Station(configuration(text))
    #expect(station.accounts.count == 1 && station.unbillable.allSatisfy { $0.status == .configuration })
    let says = station.unbillable.map { ([$0.headline] + $0.advice).joined(separator: "\n") }
    #expect(says == (each.says.map { [$0] } ?? []))
  }
}
