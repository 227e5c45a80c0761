import ArgumentParser
import Concentrator
import Glibc
import Host
import Metering
import Synchronization
import UnixSignals

struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Shows how the running daemon stands, again and again; q ends.",
    discussion: """
      A row for each line and one for each of its rounds, refreshed in place; q or Ctrl-C ends. Fits a terminal of 80 \
      columns and 24 rows. Where the \
      output is no terminal it is meterd status, once.

      EXAMPLE
        meterd top --interval 5
      """)

  @OptionGroup var daemon: DaemonOption

  @Option(help: "Seconds from one look to the next, 1 to 3600.")
  var interval = 2

  func run() async throws {
    guard (1...3600).contains(interval) else { throw Complaint(.usage, "--interval takes 1 to 3600 seconds") }
    let path = try daemon.path()
    guard isatty(1) == 1 else {
      let status = try ControlClient(path: path).ask("status")
      for line in StatusText(status).whole(meters: false) { print(line) }
      return
    }
    // Nobody to look at is an error at the start, and worth waiting for later on.
    var client: ControlClient? = try ControlClient(path: path)
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint, .sighup])
    let isOver = Flag()
    let interrupted = Task { for await _ in signals { isOver.raise() } }
    defer { interrupted.cancel() }
    let keys = KeyReader()
    defer { keys.restore() }
    put("\u{1B}[2J")
    while !isOver.isRaised {
      let (width, height) = Self.size
      do {
        let known = try client ?? ControlClient(path: path)
        client = known
        let status = try known.ask("status", patience: .seconds(30), saysWaiting: false)
        draw(StatusText(status).brief(width: width, height: height), height: height)
      } catch let complaint as Complaint {
        client = nil
        draw(([complaint.headline] + complaint.advice).map { String($0.prefix(width)) }, height: height)
      }
      let until = HostClock.boot + .seconds(Int64(interval))
      while !isOver.isRaised, HostClock.boot < until {
        if keys.isEnd(within: 200) { isOver.raise() }
      }
    }
    put("\n")
  }

  /// Writes over what was there, without a flicker.
  private func draw(_ lines: [String], height: Int) {
    let shown = lines.prefix(max(1, height - 1))
    put("\u{1B}[H" + shown.map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J")
  }

  private func put(_ text: String) {
    print(text, terminator: "")
    fflush(nil)
  }

  /// Columns and rows of the terminal; 80 and 24 where it does not tell.
  private static var size: (width: Int, height: Int) {
    var size = winsize()
    guard unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  private final class Flag: Sendable {
    private let flag = Atomic(false)
    var isRaised: Bool { flag.load(ordering: .acquiring) }
    func raise() { flag.store(true, ordering: .releasing) }
  }
}

/// Takes keys as they are pressed, without showing them.
private struct KeyReader {
  private let before: termios?

  init() {
    var known = termios()
    guard isatty(0) == 1, unsafe tcgetattr(0, &known) == 0 else {
      before = nil
      return
    }
    before = known
    known.c_lflag &= ~tcflag_t(ICANON | ECHO)
    unsafe tcsetattr(0, TCSANOW, &known)
  }

  func restore() {
    guard var before else { return }
    unsafe tcsetattr(0, TCSANOW, &before)
  }

  /// Waits for a key for so many milliseconds; true for one that ends the show.
  func isEnd(within milliseconds: Int32) -> Bool {
    var waiting = pollfd(fd: before == nil ? -1 : 0, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&waiting, 1, milliseconds) > 0 else { return false }
    var keys = [UInt8](repeating: 0, count: 16)
    let count = unsafe read(0, &keys, keys.count)
    // A terminal that is gone wants no more.
    guard count > 0 else { return true }
    return keys[..<count].contains { [UInt8(ascii: "q"), UInt8(ascii: "Q"), 3].contains($0) }
  }
}
