import Foundation
import Testing

/// `meterd decode --json`, word for word as scripts take it.
@Suite(.serialized) struct DecodeTests {
  struct Case: CustomTestStringConvertible {
    let name: String
    let hex: String
    let json: String
    var status: Int32 = 0
    var testDescription: String { name }
  }

  /// Source of the DL/T 645 frames: published examples, recomputed.
  static let dlt645 = [
    Case(
      name: "request of the active energy", hex: "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16",
      json:
        #"{"protocol":"dlt645-2007","offset":0,"length":16,"valid":true,"direction":"request","address":"000000000161","function":"read","control":"11","data_identifier":"00010000","values":[],"exception":null,"error":null,"fields":[]}"#
    ),
    Case(
      name: "its reply", hex: "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
      json:
        #"{"protocol":"dlt645-2007","offset":0,"length":20,"valid":true,"direction":"reply","address":"000000000161","function":"read","control":"91","data_identifier":"00010000","values":[{"quantity":"energy.import.active.total","obis":"1-0:1.8.0","value":"0.26","unit":"kWh"}],"exception":null,"error":null,"fields":[]}"#
    ),
    Case(
      name: "voltage of phase A", hex: "68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16",
      json:
        #"{"protocol":"dlt645-2007","offset":0,"length":18,"valid":true,"direction":"reply","address":"000000000161","function":"read","control":"91","data_identifier":"02010100","values":[{"quantity":"voltage.l1","obis":"1-0:32.7.0","value":"100.1","unit":"V"}],"exception":null,"error":null,"fields":[]}"#
    ),
    Case(
      name: "request of the address after a wake-up byte", hex: "FE 68 AA AA AA AA AA AA 68 13 00 DF 16",
      json:
        #"{"protocol":"dlt645-2007","offset":1,"length":12,"valid":true,"direction":"request","address":"AAAAAAAAAAAA","function":"read-address","control":"13","data_identifier":null,"values":[],"exception":null,"error":null,"fields":[]}"#
    ),
    Case(
      name: "reply with the address", hex: "68 00 36 19 00 00 00 68 93 06 33 69 4C 33 33 33 39 16",
      json:
        #"{"protocol":"dlt645-2007","offset":0,"length":18,"valid":true,"direction":"reply","address":"000000193600","function":"read-address","control":"93","data_identifier":null,"values":[{"quantity":"meter.address","obis":"0-0:96.1.0","value":"000000193600","unit":null}],"exception":null,"error":null,"fields":[]}"#
    ),
    Case(
      name: "request of 1997", hex: "68 99 99 99 99 99 99 68 01 02 43 C3 6F 16",
      json:
        #"{"protocol":"dlt645-1997","offset":0,"length":14,"valid":true,"direction":"request","address":"999999999999","function":"read","control":"01","data_identifier":"9010","values":[],"exception":null,"error":null,"fields":[]}"#
    ),
    Case(
      name: "reply of 1997", hex: "68 95 32 06 00 00 00 68 81 06 43 C3 48 33 33 33 0B 16",
      json:
        #"{"protocol":"dlt645-1997","offset":0,"length":18,"valid":true,"direction":"reply","address":"000000063295","function":"read","control":"81","data_identifier":"9010","values":[{"quantity":"energy.import.active.total","obis":"1-0:1.8.0","value":"0.15","unit":"kWh"}],"exception":null,"error":null,"fields":[]}"#
    ),
    Case(
      name: "refusal: no such data", hex: "68 61 01 00 00 00 00 68 D1 01 35 39 16",
      json:
        #"{"protocol":"dlt645-2007","offset":0,"length":13,"valid":true,"direction":"reply","address":"000000000161","function":"read","control":"D1","data_identifier":null,"values":[],"exception":{"code":"02","name":"no requested data"},"error":null,"fields":[]}"#
    ),
  ]

  static let modbus = [
    Case(
      name: "a write of two registers", hex: "11 10 00 01 00 02 04 00 0A 01 02 C6 F0",
      json:
        #"{"protocol":"modbus-rtu","offset":0,"length":13,"valid":true,"direction":"request","unit":17,"function":"write multiple registers","function_code":16,"register":null,"count":null,"registers":null,"exception":null,"error":null,"fields":[{"name":"register","value":"1 (0001H)"},{"name":"count","value":"2"},{"name":"registers","value":"000A 0102"}]}"#
    ),
    Case(
      name: "request of two registers", hex: "01 04 00 00 00 02 71 CB",
      json:
        #"{"protocol":"modbus-rtu","offset":0,"length":8,"valid":true,"direction":"request","unit":1,"function":"read input registers","function_code":4,"register":0,"count":2,"registers":null,"exception":null,"error":null,"fields":[{"name":"register","value":"0 (0000H)"},{"name":"count","value":"2"}]}"#
    ),
    Case(
      name: "its reply", hex: "01 04 04 43 66 33 34 1B 38",
      json:
        #"{"protocol":"modbus-rtu","offset":0,"length":9,"valid":true,"direction":"reply","unit":1,"function":"read input registers","function_code":4,"register":null,"count":2,"registers":[17254,13108],"exception":null,"error":null,"fields":[{"name":"count","value":"2"},{"name":"registers","value":"4366 3334"}]}"#
    ),
    Case(
      name: "exception 2", hex: "01 84 02 C2 C1",
      json:
        #"{"protocol":"modbus-rtu","offset":0,"length":5,"valid":true,"direction":"reply","unit":1,"function":"read input registers","function_code":4,"register":null,"count":null,"registers":null,"exception":{"code":"02","name":"illegal data address"},"error":null,"fields":[{"name":"exception","value":"02 illegal data address"}]}"#
    ),
    Case(
      name: "reply over TCP", hex: "00 07 00 00 00 07 01 04 04 43 66 33 34",
      json:
        #"{"protocol":"modbus-tcp","offset":0,"length":13,"valid":true,"direction":"reply","unit":1,"function":"read input registers","function_code":4,"register":null,"count":2,"registers":[17254,13108],"exception":null,"error":null,"fields":[{"name":"count","value":"2"},{"name":"registers","value":"4366 3334"}]}"#
    ),
  ]

  static let damaged = [
    Case(
      name: "check byte off by one", hex: "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8B 16",
      json:
        #"{"protocol":"dlt645-2007","offset":0,"length":20,"valid":false,"direction":"reply","address":"000000000161","function":"read","control":"91","data_identifier":null,"values":[],"exception":null,"error":{"code":"checksum","detail":"check byte is 8BH, the sum is 8AH"},"fields":[]}"#,
      status: 65),
    Case(
      name: "cut short", hex: "68 61 01 00 00 00 00 68 91 08 33 33 34",
      json:
        #"{"protocol":"dlt645-2007","offset":0,"length":13,"valid":false,"direction":"reply","address":"000000000161","function":"read","control":"91","data_identifier":null,"values":[],"exception":null,"error":{"code":"truncated","detail":"13 of at least 20 bytes"},"fields":[]}"#,
      status: 65),
    Case(
      name: "Modbus with a wrong CRC", hex: "01 04 04 43 66 33 34 1B 39",
      json:
        #"{"protocol":"modbus-rtu","offset":0,"length":9,"valid":false,"direction":"reply","unit":1,"function":"read input registers","function_code":4,"register":null,"count":2,"registers":[17254,13108],"exception":null,"error":{"code":"checksum","detail":"the checksum is 391B, and the bytes before it give 381B"},"fields":[{"name":"count","value":"2"},{"name":"registers","value":"4366 3334"}]}"#,
      status: 65),
  ]

  @Test(arguments: dlt645 + modbus + damaged)
  func `a frame is one JSON object`(_ frame: Case) async throws {
    let seen = try await Folder().run("decode", "--json", frame.hex)
    #expect(seen.outputText == frame.json + "\n")
    #expect(seen.errorText == "")
    #expect(seen.status == frame.status)
    let keys = Set(try #require(try JSONSerialization.jsonObject(with: Data(seen.output)) as? [String: Any]).keys)
    let always: Set = ["protocol", "offset", "length", "valid", "direction", "function", "exception", "error"]
    #expect(keys.isSuperset(of: always))
    let own: Set =
      frame.json.contains("modbus")
      ? ["unit", "function_code", "register", "count", "registers", "fields"]
      : ["address", "control", "data_identifier", "values", "fields"]
    #expect(keys.subtracting(always) == own)
  }

  /// Values that are no plain numbers, as the interface has them.
  static let values = [
    Case(
      name: "demand with its time", hex: reply("01 01 00 00", "45 23 01 30 18 05 10 15"),
      json:
        #"[{"quantity":"demand.import.active.total","obis":"1-0:1.6.0","value":"1.2345","unit":"kW","occurred":"2015-10-05T18:30"}]"#
    ),
    Case(
      name: "date", hex: reply("04 00 01 01", "01 11 01 16"),
      json: #"[{"quantity":"clock.date","obis":"1-0:0.9.2","value":"2016-01-11","unit":null}]"#),
    Case(
      name: "time", hex: reply("04 00 01 02", "55 53 21"),
      json: #"[{"quantity":"clock.time","obis":"1-0:0.9.1","value":"21:53:55","unit":null}]"#),
    Case(
      name: "FF fill is no value", hex: reply("02 01 02 00", "FF FF"),
      json: #"[{"quantity":"voltage.l2","obis":"1-0:52.7.0","value":null,"unit":"V"}]"#),
    Case(name: "a digit that is no BCD is no number", hex: reply("02 01 01 00", "0A 22"), json: "[]"),
  ]

  @Test(arguments: values)
  func `values are told as the interface has them`(_ frame: Case) async throws {
    let seen = try await Folder().run("decode", "--json", frame.hex)
    let text = seen.outputText
    let start = try #require(text.range(of: #""values":"#)).upperBound
    let end = try #require(text.range(of: #","exception""#)).lowerBound
    #expect(String(text[start..<end]) == frame.json)
    if frame.json == "[]" { #expect(text.contains(#""error":{"code":"#)) }
  }

  @Test func `a command is told field by field, and its password nowhere`() async throws {
    let hex = "68 61 01 00 00 00 00 68 1C 10 35 89 67 45 AB 89 67 45 4D 33 8C 8C 56 64 45 CC 0B 16"
    let json = try await Folder().run("decode", "--json", hex)
    #expect(
      json.outputText.hasSuffix(
        #""function":"relay","control":"1C","data_identifier":null,"values":[],"exception":null,"error":null,"fields":[{"name":"password-level","value":"02"},{"name":"password","value":"......"},{"name":"operator","value":"12345678"},{"name":"action","value":"trip"},{"name":"valid-until","value":"2099-12-31T23:59:59"}]}"#
          + "\n"))
    let text = try await Folder().run("decode", hex)
    #expect(
      text.outputText == """
        dlt645-2007 request at 0, 28 bytes: 68 61 01 00 00 00 00 68 1C 10 .. .. .. .. AB 89 67 45 4D 33 8C 8C 56 64 45 CC .. 16
          address     000000000161
          control     1CH  relay  跳合闸、报警、保电
          password-level  02
          password    ......
          operator    12345678
          action      trip
          valid-until  2099-12-31T23:59:59

        """)
    #expect(json.status == 0 && text.status == 0)
  }

  @Test func `frames are found in noise, from standard input`() async throws {
    let hex = "AA " + Self.dlt645[0].hex + "\n55 55 " + Self.modbus[2].hex + " 00\n"
    let seen = try await Folder().run("decode", "-", input: hex)
    #expect(
      seen.outputText == """
        dlt645-2007 request at 1, 16 bytes: 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16
          address     000000000161
          control     11H  read  读数据
          identifier  00010000  Forward active energy, total  正向有功电能总
        modbus-rtu reply at 19, 9 bytes: 01 04 04 43 66 33 34 1B 38
          unit        1
          function    4  read input registers
          count       2
          registers   4366 3334

        """)
    #expect(seen.status == 0)
  }

  @Test func `what is no hex, or no frame, is said`() async throws {
    let folder = try Folder()
    try await expect(
      folder, ["decode", "681"], fails: 64,
      """
      meterd: the hex digit at character 3 has no partner
        Bytes are pairs of digits: write 0A, not A.
      """)
    try await expect(
      folder, ["decode", "6G"], fails: 64,
      """
      meterd: "G" at character 2 is no hex digit
        Give pairs of hex digits; spaces, commas, colons and 0x between them are fine. A file is read with: meterd decode - < FILE
      """)
    try await expect(
      folder, ["decode", "AABBCC"], fails: 65,
      """
      meterd: no frame in these 3 bytes
        Neither DL/T 645 (68 ... 68 ... 16) nor Modbus (a right CRC or MBAP header) fits. Check that the capture is whole and that serial settings were right when it was made.
      """)
  }

  /// A reply of meter 000000000161: identifier from its first byte, data as they are on the wire less 33H.
  static func reply(_ identifier: String, _ data: String) -> String {
    func bytes(_ text: String) -> [UInt8] { text.split(separator: " ").compactMap { UInt8($0, radix: 16) } }
    let payload = (bytes(identifier).reversed() + bytes(data)).map { $0 &+ 0x33 }
    var frame: [UInt8] = [0x68, 0x61, 1, 0, 0, 0, 0, 0x68, 0x91, UInt8(payload.count)] + payload
    frame += [frame.reduce(0, &+), 0x16]
    return frame.map { String($0, radix: 16).count == 1 ? "0\(String($0, radix: 16))" : String($0, radix: 16) }
      .joined(separator: " ")
  }
}
