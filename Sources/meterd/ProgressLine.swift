import Concentrator
import Glibc
import Metering

/// How far a long piece of work is, on standard error: a bar that is drawn over itself on a terminal, else a plain
/// line now and then.
struct ProgressLine {
  private let isTerminal: Bool
  private var isDrawn = false
  private var lastShown = BootInstant(nanoseconds: -1_000_000_000)

  init() { isTerminal = isatty(2) == 1 }

  /// A whole line, above the bar.
  mutating func say(_ text: String) {
    erase()
    writeError(text + "\n")
  }

  /// Draws the bar, several times a second at most; where nobody can see it move, says twice a minute what is left.
  mutating func show(done: BootInstant.Span, left: BootInstant.Span, _ what: String, at now: BootInstant) {
    guard isTerminal else {
      if lastShown.nanoseconds < 0 { lastShown = now }
      guard now - lastShown > .seconds(30) else { return }
      lastShown = now
      return writeError("\(what): \(Self.time(left)) left\n")
    }
    guard now - lastShown > .milliseconds(100) else { return }
    lastShown = now
    let bar = Self.bar(done: done, left: left)
    writeError("\r\u{1B}[K\(bar) \(Self.time(left)) left  \(what)")
    isDrawn = true
  }

  /// Takes the bar away.
  mutating func erase() {
    guard isDrawn else { return }
    writeError("\r\u{1B}[K")
    isDrawn = false
  }

  /// `[#####               ]  25 %`.
  static func bar(done: BootInstant.Span, left: BootInstant.Span, width: Int = 24) -> String {
    let all = max(1, (done + left).milliseconds)
    let share = min(max(done.milliseconds, 0), all)
    let filled = Int(share * Int64(width) / all)
    let percent = "\(share * 100 / all)"
    return "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled) + "] "
      + String(repeating: " ", count: max(0, 3 - percent.count)) + percent + " %"
  }

  /// `45 s`, `3 min 20 s`, `2 h 5 min`; never 0.
  static func time(_ span: BootInstant.Span) -> String {
    let seconds = max(1, (span.milliseconds + 999) / 1000)
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
    return "\(seconds / 3600) h \(seconds / 60 % 60) min"
  }
}
