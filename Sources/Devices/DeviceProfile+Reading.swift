internal import Documents
internal import Metering

extension TableReader {
  mutating func profileName() throws(DocumentError) -> String {
    let name = try string("name")
    let isPlain = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    guard isPlain, (1...64).contains(name.count) else {
      throw error("name", "\"\(name)\" is not 1 to 64 lower-case letters, digits and hyphens")
    }
    return name
  }

  mutating func serialSettings() throws(DocumentError) -> SerialSettings? {
    guard let text = try optionalString("serial") else { return nil }
    guard let settings = SerialSettings(text) else {
      let rates = SerialSettings.rates.map(String.init).joined(separator: ", ")
      throw error("serial", "\"\(text)\" is not like \"2400 8E1\"; rates are \(rates)")
    }
    return settings
  }

  mutating func transformerRatios() throws(DocumentError) -> DeviceProfile.TransformerRatios? {
    guard let text = try optionalString("transformer-ratios") else { return nil }
    guard let ratios = DeviceProfile.TransformerRatios(rawValue: text) else {
      let names = DeviceProfile.TransformerRatios.allCases.map(\.rawValue).joined(separator: ", ")
      throw error("transformer-ratios", "\"\(text)\" is none of \(names)")
    }
    return ratios
  }

  /// A positive decimal in quotes, such as `"57.7"`.
  mutating func amount(_ key: String) throws(DocumentError) -> RegisterValue? {
    guard let text = try optionalString(key) else { return nil }
    guard let millionths = exactDecimal(text, scale: 6), millionths > 0, millionths <= 1_000_000_000_000 else {
      throw error(key, "\"\(text)\" is no decimal above 0 and up to 1000000")
    }
    let places = text.split(separator: ".", omittingEmptySubsequences: false).dropFirst().first?.count ?? 0
    return RegisterValue(millionths: millionths, resolution: RegisterValue.step(decimals: places) ?? 1)
  }

  enum TimingDefaults { case modbus, dlt645 }

  /// Defaults that suit most meters: Modbus about 1 s, since under 600 ms healthy meters are lost
  /// (stephane/libmodbus issue 776); DL/T 645 answers within 500 ms and pauses up to 500 ms within a frame
  /// (unverified: no text of the standard at hand), with room for gateways.
  mutating func timing(_ defaults: TimingDefaults) throws(DocumentError) -> DeviceProfile.Timing {
    let isModbus = defaults == .modbus
    let reply = try optionalInteger("reply-timeout-ms", in: 20...30_000) ?? (isModbus ? 1000 : 1500)
    let interByte = try optionalInteger("inter-byte-ms", in: 1...5000) ?? (isModbus ? 100 : 500)
    let quiet = try optionalInteger("quiet-after-ms", in: 0...5000) ?? (isModbus ? 0 : 30)
    let wakeUps = isModbus ? 0 : try optionalInteger("wake-ups", in: 0...8) ?? 4
    return DeviceProfile.Timing(
      replyTimeout: .milliseconds(Int64(reply)), interByteTimeout: .milliseconds(Int64(interByte)),
      quietAfter: .milliseconds(Int64(quiet)), wakeUps: wakeUps)
  }
}
