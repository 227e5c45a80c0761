import DLT645
import Testing

@Suite struct AddressTests {
  struct TextCase: Sendable, CustomTestStringConvertible {
    let text: String
    let printed: String?
    var testDescription: String { "\"\(text)\"" }
  }

  static let texts = [
    TextCase(text: "161", printed: "000000000161"), TextCase(text: "202311110001", printed: "202311110001"),
    TextCase(text: "0", printed: "000000000000"), TextCase(text: "AAAAAAAAAAAA", printed: "AAAAAAAAAAAA"),
    TextCase(text: "aaaaaaaa0161", printed: "AAAAAAAA0161"), TextCase(text: "", printed: nil),
    TextCase(text: "1234567890123", printed: nil), TextCase(text: "12B4", printed: nil),
    TextCase(text: "AAAA", printed: nil), TextCase(text: "AAAAAAAAA161", printed: nil),
    TextCase(text: "0161AAAAAAAA", printed: nil), TextCase(text: "-1", printed: nil),
    TextCase(text: "１２３", printed: nil),
  ]

  @Test(arguments: texts)
  func `an address is read as it is printed`(_ row: TextCase) {
    #expect(Address(row.text)?.description == row.printed)
  }

  @Test func `the lowest digits travel first`() throws {
    let address = try #require(Address("000102030425"))
    #expect(address.wireBytes == [0x25, 0x04, 0x03, 0x02, 0x01, 0x00])
    #expect(Address(wire: address.wireBytes) == address)
    #expect(Address(wire: [1, 2]) == nil)
    #expect(Address.wildcard.wireBytes == [UInt8](repeating: 0xAA, count: 6))
    #expect(Address.broadcast.wireBytes == [UInt8](repeating: 0x99, count: 6))
  }

  @Test func `a shortened address reaches the meters that end so, and only digits`() throws {
    let meter = try #require(Address("202311110161"))
    let short = try #require(Address("AAAAAAAA0161"))
    #expect(short.matches(meter))
    #expect(Address.wildcard.matches(meter))
    #expect(meter.matches(meter))
    #expect(!meter.matches(short))
    #expect(!short.matches(try #require(Address("202311110162"))))
    #expect(!Address.wildcard.matches(try #require(Address(wire: [0x61, 0x01, 0x0B, 0, 0, 0]))))
    #expect(meter.isComplete)
    #expect(!short.isComplete)
    #expect(!Address.wildcard.isComplete)
  }
}

@Suite struct ControlCodeTests {
  @Test func `every control code is taken apart and put together`() {
    for function in UInt8(0)...0x1F {
      let normal = ControlCode(replyTo: function)
      #expect(normal.isReply && !normal.isAbnormal && !normal.hasMore && normal.function == function)
      #expect(ControlCode(replyTo: function, abnormal: true).rawValue == function | 0xC0)
      #expect(ControlCode(replyTo: function, more: true).rawValue == function | 0xA0)
      #expect(ControlCode(rawValue: function).direction == .request)
    }
    #expect(ControlCode(rawValue: 0x9A).description == "9A")
  }

  @Test func `functions have one name in their edition`() {
    #expect(Function.find(0x11, in: .dlt645v2007)?.name == "read")
    #expect(Function.find(0x12, in: .dlt645v2007)?.name == "read-following")
    #expect(Function.find(0x13, in: .dlt645v2007)?.name == "read-address")
    #expect(Function.find(0x01, in: .dlt645v1997)?.name == "read")
    #expect(Function.find(0x11, in: .dlt645v1997) == nil)
    for table in [Function.table2007, Function.table1997] {
      #expect(Set(table.map(\.name)).count == table.count)
      #expect(Set(table.map(\.code)).count == table.count)
    }
  }

  @Test func `an error word names every bit that is set`() {
    #expect(ErrorWord.noData.description == "no requested data")
    #expect(ErrorWord(rawValue: 0x06).names() == ["no requested data", "password wrong or not authorised"])
    #expect(ErrorWord(rawValue: 0xFE).names().count == 7)
    #expect(ErrorWord(rawValue: 0).description == "no reason given")
    #expect(ErrorWord(rawValue: 0x02).names(in: .dlt645v1997) == ["wrong data identifier"])
    #expect(ErrorWord.noData.hex == "02")
  }
}
