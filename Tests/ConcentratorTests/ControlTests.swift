import Acquisition
import Concentrator
import DLT645
import Documents
import Line
import Metering
import Testing

/// What a configuration lets out on its line.
@Suite struct ControlTests {
  private static let text = """
    station = "S-1"
    store = "/tmp/s.db"
    devices = "\(root)/devices"
    tariffs = "\(root)/tariffs"
    [control]
    enabled = true
    operator = "00000042"
    [[line]]
    name = "bus1"
    port = "/dev/ttyS1"
    allow-broadcast = ["set-time"]
    [[line.meter]]
    id = "M-1"
    profile = "dlt645-2007-three-phase"
    address = "202311110001"
    allow = ["set-time", "freeze"]
    [[line.meter]]
    id = "M-2"
    profile = "eastron-sdm630"
    address = "2"
    """

  private func permissions(_ old: String = "", _ new: String = "") throws -> Permissions {
    let text = old.isEmpty ? Self.text : Self.text.replacing(old, with: new)
    if !old.isEmpty { try #require(text != Self.text) }
    return try Station(configuration(text)).permissions(line: 0)
  }

  @Test func `what lines and meters allow holds while control is enabled`() throws {
    let meter = MeterAddress.dlt645(try #require(Address("202311110001")))
    let expected = Permissions(
      [meter: [.setTime, .freeze], .modbus(unit: 2): []], broadcasts: [.setTime])
    #expect(try permissions() == expected)
    #expect(try configuration(Self.text).control?.operatorCode == "00000042")
    #expect(try permissions("enabled = true", "enabled = false") == .none)
    #expect(try permissions("[control]\nenabled = true\noperator = \"00000042\"\n", "") == .none)
  }

  @Test func `units of a server that confirm a change may be changed, and unit 0 be read`() throws {
    for (unit, functions) in [("255", "\"write-register\""), ("1", "\"write-register\""), ("0", "")] {
      let text =
        Self.text
        + "\n[[line]]\nname = \"net\"\nport = \"modbus-tcp://h:502\"\n[[line.meter]]\nid = \"N-0\"\nprofile = \"eastron-sdm630\"\naddress = \"\(unit)\"\nallow = [\(functions)]\n"
      let permissions = try Station(configuration(text)).permissions(line: 1)
      let allowed = permissions.functions[.modbus(unit: try #require(UInt8(unit)))]
      #expect(allowed == (functions.isEmpty ? [] : [.writeRegister]))
    }
  }

  private static let bad = [
    BadCase(
      "enabled = true", "", "meterd.toml:5: control.enabled: say whether meters may be changed at all: enabled = true"),
    BadCase(
      "\"00000042\"", "\"42\"",
      "meterd.toml:7: control.operator: \"42\" is no operator code; write 8 digits, as the meters shall log them"),
    BadCase(
      "[\"set-time\"]", "[\"relay\"]",
      "meterd.toml:11: line[0].allow-broadcast: \"relay\" is no function that can be allowed here; there are set-time, freeze"
    ),
    BadCase(
      "\"freeze\"", "\"trip\"",
      "meterd.toml:16: line[0].meter[0].allow: \"trip\" is no function that can be allowed here; there are write, write-address, set-time, freeze, change-rate, change-password, clear-demand, clear-meter, clear-events, relay, terminal-output, authenticate, write-coil, write-register, write-coils, write-registers"
    ),
  ]

  @Test(arguments: [
    BadCase(
      "[\"set-time\", \"freeze\"]", "[\"write-coil\"]",
      "meterd.toml:16: allow: dlt645-2007-three-phase has no function write-coil"),
    BadCase(
      "address = \"2\"", "address = \"2\"\nallow = [\"relay\"]",
      "meterd.toml:21: allow: eastron-sdm630 has no function relay"),
    BadCase(
      "address = \"2\"",
      "address = \"2\"\n[[line]]\nname = \"net\"\nport = \"modbus-tcp://h:502\"\n[[line.meter]]\nid = \"N-0\"\nprofile = \"eastron-sdm630\"\naddress = \"0\"\nallow = [\"write-register\"]",
      "meterd.toml:28: allow: unit 0 on modbus-tcp://h:502 cannot be changed"),
  ]) func `what a meter cannot be asked for cannot be allowed`(_ row: BadCase) throws {
    let text = Self.text.replacing(row.line, with: row.by)
    try #require(text != Self.text)
    let complaint = #expect(throws: Complaint.self) { try Station(configuration(text)) }
    #expect(complaint?.headline == row.message)
    #expect(complaint?.status == .configuration)
  }

  @Test(arguments: bad) func `a permission that is none is an error`(_ row: BadCase) throws {
    let text = Self.text.replacing(row.line, with: row.by)
    try #require(text != Self.text)
    #expect {
      try configuration(text)
    } throws: { error in
      guard let error = error as? DocumentError else { return false }
      if "\(error)" != row.message { print(error) }
      return "\(error)" == row.message
    }
  }
}
