import Metering

/// What one line of a capture holds: plain hex, a log line with its time and direction, or a row of a hex dump.
///
/// | form | example |
/// |---|---|
/// | hex | `68 61 01 00`, `68610100`, `0x68,0x61` |
/// | log | `12:00:01.123 > 68 61`, `[2026-01-02 03:04:05.678] TX: 68 61`, `RX 01 04` |
/// | candump | `(1436509052.249713) can0 044#6861`, `can0 044 [2] 68 61` |
/// | hexdump -C | `00000000  68 61 01 00  \|ha..\|` |
/// | xxd | `00000000: 6861 0100  ha..` |
enum CaptureLine: Equatable {
  /// Nothing but hex: bytes of a stream that goes on from line to line.
  case stream([UInt8])
  /// A row of a dump: bytes of a stream.
  case dump([UInt8])
  case log(LogRun)
  /// Nothing, or a comment.
  case empty
  /// No bytes in it.
  case other

  /// Bytes that one line of a log tells.
  struct LogRun: Equatable {
    var bytes: [UInt8]
    /// Which of them stand as `**`; empty for none.
    var hidden: Set<Int> = []
    /// As written.
    var time: String?
    /// From the one who kept the log.
    var isSent: Bool?
  }

  /// `afterDump` is true where the line before was a row of a dump: a lone offset ends it.
  init(_ line: some StringProtocol, afterDump: Bool = false) {
    let text = line.trimmed
    guard let first = text.first, first != "#" else {
      self = .empty
      return
    }
    if afterDump, text == "*" || (text.utf8.count >= 7 && text.allSatisfy(\.isHexDigit)) {
      self = .empty
      return
    }
    if let row = Self.hexdumpRow(text) ?? Self.xxdRow(text) {
      self = .dump(row)
      return
    }
    var rest = text[...]
    let time = Self.takeTime(&rest)
    if time == nil, let bytes = try? hexBytes(text) {
      self = .stream(bytes)
      return
    }
    guard var run = Self.run(rest, isTimed: time != nil) else {
      self = .other
      return
    }
    run.time = time
    self = .log(run)
  }
}

extension CaptureLine {
  /// `00000010  68 61 ...  |ha|`: an offset of eight digits, two spaces, pairs.
  private static func hexdumpRow(_ text: String) -> [UInt8]? {
    guard text.utf8.count > 10, text.prefix(8).allSatisfy(\.isHexDigit), text.dropFirst(8).hasPrefix("  "),
      text.contains("|")
    else { return nil }
    let pairs = text.dropFirst(10).prefix { $0 != "|" }
    guard pairs.split(separator: " ").allSatisfy({ $0.utf8.count == 2 }) else { return nil }
    return try? hexBytes(pairs)
  }

  /// `00000010: 6861 0100  ha`: an offset of eight digits, a colon, groups up to two spaces.
  private static func xxdRow(_ text: String) -> [UInt8]? {
    guard text.utf8.count > 10, text.prefix(8).allSatisfy(\.isHexDigit), text.dropFirst(8).hasPrefix(": ") else {
      return nil
    }
    let groups = text.dropFirst(10)
    var end = groups.endIndex
    for index in groups.indices where groups[index] == " " {
      let next = groups.index(after: index)
      guard next < groups.endIndex, groups[next] == " " else { continue }
      end = index
      break
    }
    guard end > groups.startIndex else { return nil }
    return try? hexBytes(groups[..<end])
  }

  /// Takes a leading time, as a date, a time of day, both, RFC 3339 or seconds since 1970, in brackets or not.
  private static func takeTime(_ rest: inout Substring) -> String? {
    if let open = rest.first, open == "[" || open == "(", let end = rest.firstIndex(of: open == "[" ? "]" : ")") {
      let inner = rest[rest.index(after: rest.startIndex)..<end]
      guard inner.contains(":") || inner.contains("."), inner.allSatisfy({ $0.isNumber || "-:.,/TZ+ ".contains($0) })
      else { return nil }
      rest = rest[rest.index(after: end)...].drop(while: \.isWhitespace)
      return String(inner)
    }
    let words = rest.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
    guard words.count > 1 else { return nil }
    var taken: [Substring] = []
    if isDate(words[0]) {
      taken.append(words[0])
      if isClock(words[1]) { taken.append(words[1]) }
    } else if isInstant(words[0]) || isEpoch(words[0]) || isClock(words[0]) {
      taken.append(words[0])
    }
    guard let last = taken.last, last.endIndex < rest.endIndex else { return nil }
    rest = rest[last.endIndex...].drop(while: \.isWhitespace)
    return taken.joined(separator: " ")
  }

  /// `2026-01-02` or `2026/01/02`.
  private static func isDate(_ word: Substring) -> Bool {
    let parts = word.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "/" }
    return parts.map(\.utf8.count) == [4, 2, 2] && parts.allSatisfy { $0.allSatisfy(\.isNumber) }
  }

  /// `12:00:01` with or without a fraction, a comma or colon after it.
  private static func isClock(_ word: Substring) -> Bool {
    let parts = word.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "." || $0 == "," }
      .filter { !$0.isEmpty }
    guard (3...4).contains(parts.count), parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }),
      parts.prefix(3).allSatisfy({ $0.utf8.count == 2 }), let hour = Int(parts[0]), let minute = Int(parts[1]),
      let second = Int(parts[2])
    else { return false }
    // Four pairs between colons are bytes.
    guard parts.count == 3 || word.contains(".") || word.contains(",") else { return false }
    return hour < 24 && minute < 60 && second < 61
  }

  /// `2026-01-02T03:04:05.678+08:00`.
  private static func isInstant(_ word: Substring) -> Bool {
    guard let separator = word.firstIndex(of: "T"), isDate(word[..<separator]) else { return false }
    return isClock(word[word.index(after: separator)...].prefix(8))
  }

  /// `1436509052.249713`.
  private static func isEpoch(_ word: Substring) -> Bool {
    let parts = word.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 2 && parts[0].utf8.count >= 9 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
  }
}

extension CaptureLine {
  /// The bytes in the words of a log line: the longest row of hex pairs, and the mark of direction before it.
  private static func run(_ text: Substring, isTimed: Bool) -> LogRun? {
    if let can = canFrame(text) { return can }
    var direction: Bool?
    var best: LogRun?
    var current = LogRun(bytes: [])
    var foreignWords = 0
    func close() {
      if !current.bytes.isEmpty, current.bytes.count > best?.bytes.count ?? 0 { best = current }
      current = LogRun(bytes: [])
    }
    for word in text.split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
      if word == "**" {
        current.hidden.insert(current.bytes.count)
        current.bytes.append(0)
      } else if word.first?.isHexDigit == true, let bytes = try? hexBytes(word), !bytes.isEmpty {
        current.bytes += bytes
      } else {
        close()
        if best == nil, let mark = mark(word) { direction = mark } else { foreignWords += 1 }
      }
    }
    close()
    guard var run = best else { return nil }
    // Among words "be" and "dead" are words; bytes come in rows with digits.
    let isPlain = foreignWords == 0 && (isTimed || direction != nil)
    guard isPlain || run.bytes.count >= 4 else { return nil }
    run.isSent = direction
    return run
  }

  /// `can0 044#6861` and `can0 044 [2] 68 61`.
  private static func canFrame(_ text: Substring) -> LogRun? {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count >= 2 else { return nil }
    if words.count == 2, let hash = words[1].firstIndex(of: "#"), words[1][..<hash].allSatisfy(\.isHexDigit),
      let bytes = try? hexBytes(words[1][words[1].index(after: hash)...]), !bytes.isEmpty
    {
      return LogRun(bytes: bytes)
    }
    guard words.count >= 4, words[1].allSatisfy(\.isHexDigit), words[2].hasPrefix("["), words[2].hasSuffix("]"),
      let count = Int(words[2].dropFirst().dropLast()), count == words.count - 3,
      let bytes = try? hexBytes(words[3...].joined(separator: " ")), bytes.count == count
    else { return nil }
    return LogRun(bytes: bytes)
  }

  /// What a word says of the direction: true for sent, false for received, `nil` for other words.
  private static func mark(_ word: Substring) -> Bool? {
    let bare = word.lowercased().filter { !":;[]()".contains($0) }
    switch bare {
    case ">", ">>", "->", "-->", "=>", "tx", "t", "send", "sent", "sending", "out", "write", "req", "request", "发送",
      "发":
      return true
    case "<", "<<", "<-", "<--", "<=", "rx", "r", "recv", "received", "receive", "in", "read", "resp", "response",
      "reply", "接收", "收":
      return false
    default: return nil
    }
  }
}

extension StringProtocol {
  /// Without white space at either end.
  var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
