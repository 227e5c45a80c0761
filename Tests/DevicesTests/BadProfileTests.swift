import Devices
import Documents
import Metering
import Modbus
import TOML
import Testing

/// One change to a good profile, and what it then says.
@Suite struct BadProfileTests {
  static let modbus = """
    name = "test-meter"
    title = "Test"
    manufacturer = "Nobody"
    protocol = "modbus"
    source = "made for a test"
    certainty = "unverified"
    serial = "9600 8N1"
    phases = 3
    nominal-voltage = "230"
    function = "input"
    max-registers = 40
    [[forbidden]]
    first = 100
    count = 10
    [[group]]
    type = "f32"
    scale = "0.001"
    [[group.register]]
    quantity = "power.active.total"
    address = 52
    [[group.register]]
    quantity = "energy.import.active.total"
    address = 72
    scale = "1"
    digits = 6
    """

  static let dlt645 = """
    name = "test-meter"
    title = "Test"
    manufacturer = "Nobody"
    protocol = "dlt645-2007"
    source = "made for a test"
    certainty = "unverified"
    phases = 1
    [[group]]
    kind = "settlement"
    [[group.item]]
    identifier = "0001FF01"
    """

  static let old = """
    name = "test-meter"
    title = "Test"
    manufacturer = "Nobody"
    protocol = "dlt645-1997"
    source = "made for a test"
    certainty = "unverified"
    phases = 1
    settlements = 2
    [[group]]
    kind = "settlement"
    [[group.item]]
    identifier = "941F"
    """

  struct BadCase: Sendable, CustomTestStringConvertible {
    var base = BadProfileTests.modbus
    let line: String
    let by: String
    let message: String
    var testDescription: String { "\(line) -> \(by)" }
  }

  static let cases = [
    BadCase(line: "title = \"Test\"", by: "", message: "test.toml: title: this key is required"),
    BadCase(line: "phases = 3", by: "phasen = 3", message: "test.toml: phases: this key is required"),
    BadCase(line: "phases = 3", by: "phases = 2", message: "test.toml:8: phases: a meter has 1 or 3 phases"),
    BadCase(line: "phases = 3", by: "phases = 4", message: "test.toml:8: phases: 4 is outside 1 to 3"),
    BadCase(
      line: "\"test-meter\"", by: "\"Test Meter\"",
      message: "test.toml:1: name: \"Test Meter\" is not 1 to 64 lower-case letters, digits and hyphens"),
    BadCase(
      line: "\"modbus\"", by: "\"dlms\"",
      message: "test.toml:4: protocol: \"dlms\" is none of modbus, dlt645-2007, dlt645-1997"),
    BadCase(
      line: "\"made for a test\"", by: "\"\"",
      message: "test.toml:5: source: say where this comes from: a manual's page, a project's file"),
    BadCase(
      line: "\"unverified\"", by: "\"sure\"",
      message: "test.toml:6: certainty: \"sure\" is none of corroborated, single-source, conflicting, unverified"),
    BadCase(
      line: "9600 8N1", by: "9600-8N1",
      message:
        "test.toml:7: serial: \"9600-8N1\" is not like \"2400 8E1\"; rates are 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600"
    ),
    BadCase(
      line: "\"230\"", by: "\"0\"",
      message: "test.toml:9: nominal-voltage: \"0\" is no decimal above 0 and up to 1000000"),
    BadCase(
      line: "\"230\"", by: "230.0",
      message: "test.toml:9: nominal-voltage: expected a string in quotes, found a number with a point"),
    BadCase(
      line: "nominal-voltage = \"230\"", by: "transformer-ratios = \"yes\"",
      message: "test.toml:9: transformer-ratios: \"yes\" is none of direct, included, not-included, unknown"),
    BadCase(
      line: "\"input\"", by: "\"coil\"",
      message:
        "test.toml:10: function: \"coil\" is neither \"holding\" (function 3) nor \"input\" (function 4)"
    ),
    BadCase(
      line: "max-registers = 40", by: "max-registers = 126",
      message: "test.toml:11: max-registers: 126 is outside 1 to 125"),
    BadCase(
      line: "max-registers = 40", by: "max-registers = 1",
      message: "test.toml:18: group[0].register[0].type: f32 takes 2 registers, and one read brings 1"),
    BadCase(
      line: "count = 10", by: "count = 65500",
      message: "test.toml:14: forbidden[0].count: 65500 registers from 100 pass 65535"),
    BadCase(
      line: "\"f32\"", by: "\"float\"",
      message:
        "test.toml:16: group[0].type: \"float\" is no register type, such as u16, i32, f32, bcd32, bits0-3, text8, datetime"
    ),
    BadCase(
      line: "\"f32\"", by: "\"text4\"",
      message: "test.toml:18: group[0].register[0].type: text4 cannot give power.active.total"),
    BadCase(
      line: "scale = \"0.001\"", by: "",
      message: "test.toml:18: group[0].register[0].scale: a decimal such as \"0.001\" is required here or above"),
    BadCase(
      line: "scale = \"1\"", by: "scale = \"0\"",
      message:
        "test.toml:24: group[0].register[1].scale: \"0\" is no decimal of at most nine places other than 0, up to 1000000"
    ),
    BadCase(
      line: "scale = \"1\"", by: "order = \"ACBD\"",
      message:
        "test.toml:24: group[0].register[1].order: \"ACBD\" is no order, such as ABCD, CDAB, BADC, DCBA or GHEFCDAB"),
    BadCase(
      line: "scale = \"1\"", by: "no-value = [\"FFFF\"]",
      message: "test.toml:24: group[0].register[1].no-value: \"FFFF\" is not 8 hex digits"),
    BadCase(
      line: "power.active.total", by: "power.activ.total",
      message: "test.toml:19: group[0].register[0].quantity: \"power.activ.total\" is no quantity"),
    BadCase(
      line: "power.active.total", by: "energy.import.active.total",
      message: "test.toml:22: group[0].register[1].quantity: energy.import.active.total is given by two registers"),
    BadCase(
      line: "energy.import.active.total", by: "power.active.l1",
      message: "test.toml:25: group[0].register[1].digits: power.active.l1 is no counter"),
    BadCase(
      line: "address = 72", by: "address = 99",
      message: "test.toml:23: group[0].register[1].address: register 99 lies in a forbidden range"),
    BadCase(
      line: "address = 72", by: "address = 65535",
      message: "test.toml:23: group[0].register[1].address: 2 registers from 65535 pass 65535"),
    BadCase(
      line: "digits = 6", by: "digit = 6",
      message:
        "test.toml:25: group[0].register[1].digit: unknown key; keys here are address, alone, certainty, digits, function, no-value, note, order, quantity, scale, scale-register, source, type"
    ),
    BadCase(
      base: dlt645, line: "\"0001FF01\"", by: "\"0001ff01\"",
      message: "test.toml:11: group[0].item[0].identifier: \"0001ff01\" is not 8 upper-case hex digits"),
    BadCase(
      line: "digits = 6", by: "digits = 6\ntype = \"i32\"\nscale-register = 112",
      message:
        "test.toml:27: group[0].register[1].scale-register: registers 72 to 112 cannot be read together, and the power may change between two reads"
    ),
    BadCase(
      line: "digits = 6", by: "digits = 6\nscale-register = 74",
      message: "test.toml:26: group[0].register[1].scale-register: f32 is no whole number, and needs no power of ten"),
    BadCase(
      line: "digits = 6", by: "type = \"i32\"\nscale-register = 73",
      message: "test.toml:26: group[0].register[1].scale-register: register 73 is one of the value's own"),
    BadCase(
      line: "digits = 6", by: "no-value = [\"sunspec\"]",
      message: "test.toml:25: group[0].register[1].no-value: SunSpec has no pattern for f32"),
    BadCase(
      line: "address = 72", by: "address = 53\nalone = true",
      message: "test.toml:15: group: power.active.total shares registers with a value that is read alone"),
    BadCase(
      line: "max-registers = 40", by: "max-registers = 40\n[[identity]]\naddress = 9\ntype = \"u16\"",
      message: "test.toml:12: identity[0].expect: say what the register holds, such as expect = [\"71\"]"),
    BadCase(
      line: "max-registers = 40",
      by: "max-registers = 40\n[[identity]]\naddress = 9\ntype = \"u16\"\nexpect = [\"70000\"]",
      message: "test.toml:15: identity[0].expect: \"70000\" does not go into u16"),
    BadCase(
      line: "max-registers = 40",
      by: "max-registers = 40\n[[identity]]\naddress = 9\ntype = \"text2\"\nexpect = [\"SunSpec\"]",
      message: "test.toml:15: identity[0].expect: \"SunSpec\" does not go into text2"),
    BadCase(
      line: "max-registers = 40",
      by: "max-registers = 40\n[[identity]]\naddress = 9\ntype = \"u16\"\nexpect = [\"7\"]\nscale = \"2\"",
      message: "test.toml:16: identity[0].scale: what identifies a meter is compared as it stands"),
    BadCase(
      line: "max-registers = 40",
      by: "max-registers = 40\n[[identity]]\naddress = 105\ntype = \"u16\"\nexpect = [\"7\"]",
      message: "test.toml:13: identity[0].address: 1 registers from 105 cannot be read"),
    BadCase(
      line: "max-registers = 40", by: "max-registers = 40\n[identification]\nvendor-name = \"\"",
      message: "test.toml:13: identification.vendor-name: \"\" is not 1 to 64 characters of printable ASCII"),
    BadCase(
      base: dlt645, line: "\"0001FF01\"", by: "\"0001FF02\"",
      message:
        "test.toml:11: group[0].item[0].identifier: \"0001FF02\" does not end in 01, the last record; earlier ones are counted from it"
    ),
    BadCase(
      base: dlt645, line: "\"settlement\"", by: "\"yearly\"",
      message: "test.toml:9: group[0].kind: \"yearly\" is none of current, settlement, daily-freeze, event"),
    BadCase(
      base: dlt645, line: "phases = 1", by: "phases = 1\nwake-ups = 9",
      message: "test.toml:8: wake-ups: 9 is outside 0 to 8"),
    BadCase(
      base: dlt645, line: "[[group.item]]\nidentifier = \"0001FF01\"", by: "",
      message: "test.toml:8: group: a DL/T 645 profile needs a [[group]] with a [[group.item]]"),
    BadCase(
      base: old, line: "\"941F\"", by: "\"981F\"",
      message:
        "test.toml:12: group[0].item[0].identifier: \"981F\" is not of last month, 94xx to 97xx, A4xx to A7xx or B4xx to B7xx"
    ),
    BadCase(
      base: old, line: "\"941F\"", by: "\"0001FF01\"",
      message: "test.toml:12: group[0].item[0].identifier: \"0001FF01\" is not 4 upper-case hex digits"),
    BadCase(
      base: old, line: "\"settlement\"", by: "\"daily-freeze\"",
      message: "test.toml:10: group[0].kind: DL/T 645-1997 has no daily freeze"),
    BadCase(
      base: old, line: "settlements = 2", by: "settlements = 3",
      message: "test.toml:8: settlements: DL/T 645-1997 keeps two months"),
  ]

  @Test(arguments: cases)
  func `a bad profile says where and why`(_ row: BadCase) throws {
    let text = try #require(replacing(row.line, by: row.by, in: row.base))
    do throws(DocumentError) {
      _ = try DeviceProfile(Document(toml: text, file: "test.toml"))
      Issue.record("it was taken")
    } catch {
      #expect(error.description == row.message)
    }
  }

  @Test func `scale registers, lone reads, identity and nameplate are taken as written`() throws {
    let text = """
      max-registers = 40
      [[identity]]
      address = 9
      type = "u16"
      expect = ["71", "72"]
      [[identity]]
      address = 0
      function = "holding"
      type = "text2"
      expect = ["SunS"]
      [identification]
      vendor-name = "Eastron"
      product-name = "SDM"
      server-id = "SDM630"
      """
    let changed = try #require(
      replacing("max-registers = 40", by: text, in: Self.modbus).flatMap {
        replacing("address = 52", by: "address = 52\nalone = true\ntype = \"i32\"\nscale-register = 56", in: $0)
      })
    let profile = try DeviceProfile(Document(toml: changed, file: "test.toml"))
    guard case .modbus(let map) = profile.language, let power = map.registers.first else {
      Issue.record("no Modbus")
      return
    }
    #expect(power.range.count == 2 && power.span.first == 52 && power.span.count == 5)
    #expect(map.limits.alone == [power.span] && map.registers.last?.scaleRegister == nil)
    #expect(map.identity.map { $0.matches([72]) } == [true, false])
    #expect(map.identity.map { $0.matches([0x5375, 0x6E53]) } == [false, true])
    #expect(map.identity.map(\.registers) == [[71], [0x5375, 0x6E53]])
    #expect(map.nameplate?.objects.map(\.id) == [0, 4] && map.nameplate?.serverID == "SDM630")

    // -91 x 10^1 W, and a power that says there is no value.
    #expect(try power.value(in: power.span, [0xFFFF, 0xFFA5, 0, 0, 1])?.description == "-0.91")
    #expect(try power.value(in: power.span, [0xFFFF, 0xFFA5, 0, 0, 0x8000]) == .absent)
    #expect(throws: RegisterError.power(11)) { try power.value(in: power.span, [0, 1, 0, 0, 11]) }
    #expect(try power.value(in: power.range, [0xFFFF, 0xFFA5]) == nil)
  }

  @Test func `the profiles that are changed here are good`() throws {
    #expect(try DeviceProfile(Document(toml: Self.modbus, file: "test.toml")).quantities.count == 2)
    #expect(try DeviceProfile(Document(toml: Self.dlt645, file: "test.toml")).dlt645Items.count == 1)
    #expect(try DeviceProfile(Document(toml: Self.old, file: "test.toml")).dlt645Items.count == 1)
  }

  private func replacing(_ old: String, by new: String, in text: String) -> String? {
    guard let range = text.firstRange(of: old) else { return nil }
    return text[..<range.lowerBound] + new + text[range.upperBound...]
  }
}
