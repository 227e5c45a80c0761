internal import Acquisition
internal import DLT645
internal import Host
internal import Metering

/// What the words of a command mean.
extension ControlOrder {
  static func wrong(_ function: String, _ known: String) -> Complaint {
    Complaint(.usage, "\(function) takes one of \(known)", "For examples: meterd help command.")
  }

  static func foreign(_ function: ControlFunction, _ kind: String) -> Complaint {
    Complaint(.usage, "\(kind) meter has no function \(function.rawValue)", "For the functions: meterd help command.")
  }

  /// Words that would be ignored are perhaps a password: they are refused, and not repeated.
  static func nothing(_ values: [String], _ function: ControlFunction) throws(Complaint) {
    guard values.isEmpty else {
      throw Complaint(
        .usage, "\(function.rawValue) takes no value",
        "Passwords stand in the files of --password-file and --new-password-file, never on a command line.")
    }
  }

  static func missingPassword(_ function: ControlFunction) -> Complaint {
    Complaint(
      .usage,
      "\(function.rawValue) needs \(function == .changePassword ? "--password-file and --new-password-file" : "--password-file")",
      "The file holds one line: the level 0 to 9 and six digits, such as 2 123456. A password never stands on a command line, where every user of this machine could read it."
    )
  }

  static func word(_ text: String) -> UInt16? {
    text.hasPrefix("0x") ? UInt16(text.dropFirst(2), radix: 16) : UInt16(text)
  }

  static func time(_ values: [String], _ options: Options) throws(Complaint) -> WireTime {
    if let text = values.first {
      guard values.count == 1, let time = MeterTime(text).flatMap(WireTime.init) else {
        throw Complaint(.usage, "\"\(text)\" is no time", "Write 2026-11-22T12:00:00, or leave it out for the host's.")
      }
      return time
    }
    guard options.isClockKnown else {
      throw Complaint(
        .tryLater, "the host's clock is not known to be set, and a meter must not be given its time",
        "Wait for time synchronisation, say trust-host-clock = true in the configuration, or write the time.")
    }
    guard let now = WireTime(options.zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds)) else {
      throw Complaint(.software, "the host's clock is outside 2000 to 2099")
    }
    return now
  }

  static func until(_ options: Options) throws(Complaint) -> WireTime {
    if let text = options.validUntil {
      guard let time = MeterTime(text).flatMap(WireTime.init) else {
        throw Complaint(.usage, "\"\(text)\" is no time", "Write 2026-11-22T12:00:00.")
      }
      return time
    }
    let later = options.zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds + validSeconds * 1000)
    guard let time = WireTime(later) else { throw Complaint(.software, "the host's clock is outside 2000 to 2099") }
    return time
  }

  static func freeze(_ values: [String]) throws(Complaint) -> FreezePattern {
    let usage = Complaint(.usage, "freeze takes now, MM, HH:MM or DD-HH:MM", "Such as 00:00 for each midnight.")
    guard values.count == 1 else { throw usage }
    if values[0] == "now" { return .atOnce }
    let days = values[0].split(separator: "-", omittingEmptySubsequences: false)
    guard let last = days.last, days.count <= 2 else { throw usage }
    let times = last.split(separator: ":", omittingEmptySubsequences: false)
    // A day has an hour and a minute behind it.
    guard times.count <= 2, days.count == 1 || times.count == 2 else { throw usage }
    let parts = days.dropLast() + times
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let numbers = parts.compactMap { part in
      part.utf8.count <= 2 && part.utf8.allSatisfy(digits.contains) ? Int(part) : nil
    }
    guard numbers.count == parts.count else { throw usage }
    let pattern: FreezePattern? =
      switch numbers.count {
      case 1: FreezePattern(hourlyAt: numbers[0])
      case 2: FreezePattern(dailyAt: numbers[0], numbers[1])
      case 3: FreezePattern(monthlyOn: numbers[0], at: numbers[1], numbers[2])
      default: nil
      }
    guard let pattern else { throw usage }
    return pattern
  }

  static func rate(_ values: [String]) throws(Complaint) -> RateWord {
    guard values.count == 1, let rate = Int(values[0]).flatMap(RateWord.init(bitsPerSecond:)) else {
      throw wrong("change-rate", RateWord.allCases.map { "\($0.bitsPerSecond)" }.joined(separator: ", "))
    }
    return rate
  }

  static func address(_ values: [String]) throws(Complaint) -> IndividualAddress {
    guard values.count == 1, let address = IndividualAddress(values[0]) else {
      throw Complaint(.usage, "write-address takes the 12 digits of the new address", "Neither A nor twelve nines.")
    }
    return address
  }

  static func events(_ values: [String]) throws(Complaint) -> EventSelection {
    guard let text = values.first else { return .all }
    guard values.count == 1, let identifier = DataIdentifier(hex: text), let kind = EventSelection(kind: identifier)
    else {
      throw Complaint(
        .usage, "\"\(text)\" is no kind of event", "Write the identifier of its counter, such as 03300100.")
    }
    return kind
  }

  static func parameter(_ values: [String]) throws(Complaint) -> Parameter {
    guard let text = values.first, let identifier = DataIdentifier(hex: text) else {
      throw Complaint(.usage, "write takes an identifier of 8 hex digits and a value", "Such as: write 04000B01 0100.")
    }
    try refuseClock(isClock: [0x0400_0101, 0x0400_0102, 0x0400_010C].contains(identifier.rawValue), "\(identifier)")
    let data = try data(values.dropFirst(), "\(identifier)", identifier.fields()) { texts in
      guard let bytes = try? identifier.payload(texts: texts) else { return nil }
      return (bytes, (try? identifier.decode(bytes))?.items.map(\.value) ?? [])
    }
    guard let parameter = Parameter(identifier, data) else {
      throw Complaint(
        .usage, "\(identifier) cannot be written so", "1 to 50 bytes go at once; passwords have change-password.")
    }
    return parameter
  }

  static func shortParameter(_ values: [String]) throws(Complaint) -> ShortParameter {
    guard let text = values.first, let identifier = ShortIdentifier(hex: text) else {
      throw Complaint(.usage, "write takes an identifier of 4 hex digits and a value", "Such as: write C117 0100.")
    }
    try refuseClock(isClock: [0xC010, 0xC011].contains(identifier.rawValue), "\(identifier)")
    let data = try data(values.dropFirst(), "\(identifier)", identifier.fields()) { texts in
      guard let bytes = try? identifier.payload(texts: texts) else { return nil }
      return (bytes, (try? identifier.decode(bytes))?.items.map(\.value) ?? [])
    }
    guard let parameter = ShortParameter(identifier, data) else {
      throw Complaint(
        .usage, "\(identifier) cannot be written so", "1 to 50 bytes go at once; passwords have change-password.")
    }
    return parameter
  }

  private static func refuseClock(isClock: Bool, _ identifier: String) throws(Complaint) {
    guard isClock else { return }
    throw Complaint(
      .usage, "\(identifier) is the meter's clock, and a value written there is old when it is read back",
      "Set the clock with set-time; it is compared with the time that has passed.")
  }

  /// Bytes as written behind `hex:`, or of the values in the order in which the identifier has them.
  private static func data(
    _ words: ArraySlice<String>, _ identifier: String, _ fields: [DataField],
    _ encode: ([String]) -> (bytes: [UInt8], told: [Value])?
  ) throws(Complaint) -> [UInt8] {
    let text = words.joined(separator: " ")
    if text.hasPrefix("hex:") {
      guard let bytes = try? hexBytes(String(text.dropFirst(4))), !bytes.isEmpty else {
        throw Complaint(.usage, "\"\(text)\" are no bytes", "Write pairs of hex digits behind hex:, lowest byte first.")
      }
      return bytes
    }
    let each = Array(words)
    let encoded = encode(each)
    // Some tables are written as the bytes they print.
    if each.count == 1, fields.count > 1, let encoded, encoded.bytes == (try? hexBytes(text)) { return encoded.bytes }
    // A number that the register would cut, or has no room for, is told apart from what is no number.
    for (index, (word, field)) in zip(each, fields).enumerated() {
      guard case .number = field.format, let wanted = exactDecimal(word, scale: 6) else { continue }
      if let encoded, index < encoded.told.count, encoded.told[index].number?.millionths == wanted { continue }
      // Where another value is none at all, or one is missing, this one may be right.
      guard encoded != nil || (each.count == 1 && fields.count == 1) else { continue }
      throw Complaint(
        .usage, "\(identifier) cannot hold \(word)",
        "Write it with as many decimals as reading it prints, and a sign only where it has one.")
    }
    guard let bytes = encoded?.bytes ?? encode([text])?.bytes else {
      throw Complaint(
        .usage, "\"\(text)\" is no value of \(identifier)",
        "Write it as meterd decode prints it, or its bytes as hex:BYTES in wire order without the 33H.",
        "Its format: meterd identifiers \(identifier)")
    }
    return bytes
  }
}
