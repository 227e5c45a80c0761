import Metering

extension ItemFormat {
  /// Reads what `Value.description` prints; `-` is absent, and a demand may carry `@` and the time it occurred.
  ///
  /// `nil` for text that is no value of this format. A value that is one may still be too large for the item.
  public func content(from text: String) -> ItemContent? {
    if text == "-" { return ItemContent(.absent) }
    switch self {
    case .number(_, let decimals, _): return number(text, decimals: decimals).map { ItemContent(.number($0)) }
    case .demand:
      let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = parts.first, let value = number(first, decimals: 4) else { return nil }
      guard parts.count == 2 else { return ItemContent(.number(value)) }
      return MeterTime(parts[1]).map { ItemContent(.number(value), occurred: $0) }
    case .date: return CivilDate(text).map { ItemContent(.date($0)) }
    case .timeOfDay:
      guard let time = TimeOfDay(text), time.second != nil else { return nil }
      return ItemContent(.timeOfDay(time))
    case .dateTime, .secondTime:
      guard let time = MeterTime(text), time.time.second != nil else { return nil }
      return ItemContent(.instant(time))
    case .minuteTime:
      guard let time = MeterTime(text), time.time.second == nil else { return nil }
      return ItemContent(.instant(time))
    case .bits(let bytes):
      guard text.utf8.count == 8 * bytes, bytes <= 4, text.utf8.allSatisfy({ $0 == 0x30 || $0 == 0x31 }),
        let bits = UInt32(text, radix: 2)
      else { return nil }
      return ItemContent(.bits(bits, width: 8 * bytes))
    case .monthTime, .dayHour, .zone, .period, .holiday, .digits, .code, .characters, .raw:
      let content = ItemContent(.text(text))
      return (try? write(content.value, occurred: nil)) == nil ? nil : content
    }
  }

  private func number(_ text: some StringProtocol, decimals: Int) -> RegisterValue? {
    guard let step = RegisterValue.step(decimals: decimals), let digits = exactDecimal(text, scale: decimals) else {
      return nil
    }
    let (millionths, overflow) = digits.multipliedReportingOverflow(by: step)
    return overflow ? nil : RegisterValue(millionths: millionths, resolution: step)
  }
}
