import Metering
import Testing

@Suite struct SerialSettingsTests {
  @Test(arguments: ["2400 8E1", "9600 8N1", "19200 8E1", "115200 7O2"])
  func `settings are written as they are read`(_ text: String) {
    #expect(SerialSettings(text)?.description == text)
  }

  @Test(arguments: [
    "", "2400", "2400 8E", "2400 8e1", "2400  8E1", "1234 8E1", "09600 8N1", "9600 9N1", "9600 8N3", "9600-8N1",
    "9600 ８N1",
  ])
  func `anything else is refused`(_ text: String) {
    #expect(SerialSettings(text) == nil)
  }

  @Test func `settings tell their times, and no silence comes out short`() {
    #expect(SerialSettings("2400 8E1") == .dlt645)
    #expect(SerialSettings("9600 8N1") == .modbus)
    #expect(SerialSettings.modbus.bitsPerCharacter == 10)
    #expect(SerialSettings.dlt645.characterTime == .init(nanoseconds: 4_583_334))
    #expect(SerialSettings.modbus.frameSilence == .init(nanoseconds: 3_645_834))
    #expect(SerialSettings("38400 8E1")?.frameSilence == .microseconds(1750))
  }
}
