import Acquisition
import ArgumentParser
import Concentrator
import Glibc
import Host
import Line
import Metering
import UnixSignals

struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Shows what is said on a line: live from the daemon, by listening, or from a file.",
    discussion: """
      Shows each frame in a line: its time, protocol, who, what, values. With the name of a line it shows what the \
      running daemon says and hears there from now on, without holding it up; what comes faster than it is read is \
      left out and counted. A port is opened to listen only, and no byte is ever sent: for an adapter of its own on \
      the bus. What a daemon has said is in its trace file, which the configuration names: \
      trace = "/var/lib/meterd/bus1.trace" under [[line]]. Passwords stand as ** in all of them but a port's. --pcap writes packets for Wireshark: link type 147 \
      (USER0), one byte of direction (0 not known, 1 from the master, 2 from a meter), then the raw bytes. With --from \
      the packets have the times of the log: a date without an offset counts as UTC; a time of day alone counts from \
      1970-01-01 and goes on to the next day where it falls back; a line without a time has that of the line before.

      EXAMPLES
        meterd trace bus1
        meterd trace bus1 --raw --seconds 60
        meterd trace /dev/ttyUSB1 --serial "2400 8E1"
        meterd trace /dev/ttyUSB1 --seconds 60 --pcap bus1.pcap
        meterd trace --from /var/lib/meterd/bus1.trace
        meterd trace --from /var/lib/meterd/bus1.trace --json --protocol dlt645
      """)

  @Argument(help: "A line of the running daemon, or a device such as /dev/ttyUSB1, or tcp://HOST:PORT.")
  var port: String?

  @OptionGroup var daemon: DaemonOption

  @Option(help: ArgumentHelp("Shows this trace or log instead of listening.", valueName: "file"))
  var from: String?

  @Option(help: "Speed, data bits, parity, stop bits.")
  var serial = "2400 8E1"

  @Option(name: .customLong("protocol"), help: "dlt645, modbus-rtu or modbus-tcp; all of them when left out.")
  var wire: String?

  @Option(help: "Ends after so many seconds.")
  var seconds: Int?

  @Option(help: "Ends after so many frames; with --raw, runs of bytes.")
  var frames: Int?

  @Option(help: ArgumentHelp("Also writes everything that is heard to this file.", valueName: "file"))
  var pcap: String?

  @Flag(help: "Only the bytes, a line for each run without a pause; passwords as **.")
  var raw = false

  @Flag(help: "One JSON object a frame.")
  var json = false

  func run() async throws {
    let protocols = try FrameReport.protocols(named: wire)
    if let frames, frames < 1 { throw Complaint(.usage, "--frames takes 1 or more") }
    if let seconds, !(1...86_400).contains(seconds) { throw Complaint(.usage, "--seconds takes 1 to 86400") }
    switch (port, from) {
    case (nil, let file?): try show(file, protocols)
    case (let port?, nil) where port.hasPrefix("/") || port.contains("://"): try await listen(port, protocols)
    case (let line?, nil): try await follow(line, protocols)
    case (nil, nil), (.some, .some):
      throw Complaint(
        .usage, "say either a line, a port or --from a file",
        "meterd trace bus1 shows what a daemon says there; meterd trace /dev/ttyUSB1 listens; meterd trace --from FILE shows what a daemon wrote."
      )
    }
  }

  private func show(_ file: String, _ protocols: Set<FrameReport.Wire>) throws {
    var input = try InputLines(path: file)
    defer { input.close() }
    var desk = TraceDesk(protocols, json: json, raw: raw, most: frames, pcap: try pcap.map { try Pcap(path: $0) })
    defer { desk.finish() }
    var clock = LogClock()
    let skipped = try CaptureReader.runs(&input) { run in
      try desk.take(
        run, at: clock.microseconds(run.time), direction: run.isSent.map { $0 ? "request" : "reply" })
      return !desk.isFull
    }
    try desk.flush()
    if skipped > 0 { writeError("meterd: \(counted(skipped, "line")) without bytes skipped\n") }
    guard desk.count > 0 else {
      throw Complaint(
        .badData, "no frame in \(file)",
        "A trace has lines such as 2026-11-22T08:00:00.000+08:00 > 68 11 16. A line that nobody spoke on leaves none.")
    }
  }

  private func listen(_ port: String, _ protocols: Set<FrameReport.Wire>) async throws {
    guard let place = PortAddress(port) else {
      throw Complaint(.usage, "\"\(port)\" is no port", "Write a device such as /dev/ttyUSB1, or tcp://HOST:PORT.")
    }
    guard !place.isModbusTCP else {
      throw Complaint(
        .usage, "\(place) tells nothing to those who only listen",
        "What the daemon says there is in its trace: trace = \"/PATH\" under [[line]], and meterd trace --from /PATH.")
    }
    let settings = try ScanCommand.settings(serial, for: place)
    let desk = Guarded(
      TraceDesk(protocols, json: json, raw: raw, most: frames, pcap: try pcap.map { try Pcap(path: $0) }))
    let failure = Guarded<Complaint?>(nil)
    let listener = Listener(place, settings: settings)
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
    let interrupted = Task {
      for await _ in signals {
        listener.stop()
        return
      }
    }
    defer { interrupted.cancel() }
    let until = seconds.map { HostClock.boot + .seconds(Int64($0)) }
    do throws(LineError) {
      try await listener.run(until: until) { heard in
        if heard == .ready { writeError("listening to \(place), \(settings); Ctrl-C ends\n") }
        do {
          try desk.withLock { try $0.take(heard) }
          fflush(nil)
        } catch {
          failure.withLock { $0 = error as? Complaint }
          listener.stop()
        }
        if desk.withLock({ $0.isFull }) { listener.stop() }
      }
    } catch {
      throw Complaint(error)
    }
    if let complaint = failure.withLock({ $0 }) { throw complaint }
    let (count, bytes) = try desk.withLock { desk in
      try desk.flush()
      desk.finish()
      return (desk.count, desk.bytes)
    }
    guard count > 0 else {
      throw Complaint(
        bytes > 0 ? .badData : .noAnswer,
        bytes > 0 ? "no frame in \(bytes) bytes heard on \(place)" : "nothing was heard on \(place)",
        bytes > 0
          ? "Speed or parity may differ (\(settings)): give those of the line with --serial, or look at the bytes with --raw."
          : "Somebody must speak on the line while it is listened to. Check the A/B wiring of this adapter.")
    }
  }
}

/// Shows what was said on a line, run by run.
struct TraceDesk: Sendable {
  private var capture: Capture
  private var printer: FramePrinter
  private let isRaw: Bool
  private let isJSON: Bool
  private let most: Int?
  private let pcap: Pcap?
  private var runs = 0
  /// Of what is sent, received, and of either.
  private var masks: [Bool?: PasswordMask] = [:]
  private let protocols: Set<FrameReport.Wire>
  private(set) var bytes = 0

  init(_ protocols: Set<FrameReport.Wire>, json: Bool, raw: Bool, most: Int?, pcap: Pcap?) {
    capture = Capture(protocols)
    printer = FramePrinter(json: json, isBrief: true)
    isRaw = raw
    isJSON = json
    self.most = most
    self.pcap = pcap
    self.protocols = protocols
  }

  /// Frames shown, or runs.
  var count: Int { isRaw ? runs : printer.shown }

  var isFull: Bool { most.map { count >= $0 } ?? false }

  mutating func take(_ heard: Listener.Heard) throws {
    switch heard {
    case .ready: break
    case .silence: try flush()
    case .run(let run, let broken):
      let wall = HostClock.wall.unixMilliseconds - (HostClock.boot - run.at).milliseconds
      if broken > 0 {
        try flush()
        writeError("\(broken) characters with wrong parity\n")
      }
      let time = ZoneOffset.host(at: wall).rfc3339(unixMilliseconds: wall)
      let direction = FrameReport.all(in: run.bytes, protocols: protocols).first { $0.isValid }?.direction
      try take(Capture.Run(bytes: run.bytes, time: time), at: wall * 1000, direction: direction)
    }
  }

  mutating func take(_ run: Capture.Run, at unixMicroseconds: Int64, direction: String?) throws {
    guard !isFull, !run.bytes.isEmpty else { return }
    bytes += run.bytes.count
    try pcap?.add(run.bytes, direction: direction, unixMicroseconds: unixMicroseconds)
    if isRaw {
      runs += 1
      show(run)
    } else {
      show(capture.take(run))
    }
  }

  /// What waits is shown as it is.
  mutating func flush() throws { show(capture.flush()) }

  func finish() { pcap?.finish() }

  private mutating func show(_ all: [Capture.Told]) {
    for told in all where !isFull { printer.show(told) }
  }

  private mutating func show(_ run: Capture.Run) {
    let secrets = masks[run.isSent, default: PasswordMask()].hidden(run.bytes)
    let hex = run.bytes.indices.map { run.hidden.contains($0) || secrets[$0] ? "**" : hexPair(run.bytes[$0]) }.joined(
      separator: " ")
    if isJSON {
      let mark = run.isSent.map { $0 ? "sent" : "received" }
      print(
        JSON.object(["time": .optional(run.time), "direction": .optional(mark), "bytes": .string(hex)]).text)
    } else {
      print("\(run.time ?? "-")  \(run.isSent.map { $0 ? "> " : "< " } ?? "")\(hex)")
    }
  }
}

extension ZoneOffset {
  /// The zone that this host's people live in, at an instant.
  static func host(at unixMilliseconds: Int64) -> ZoneOffset {
    var seconds = time_t(unixMilliseconds / 1000)
    var local = unsafe tm()
    guard unsafe localtime_r(&seconds, &local) != nil else { return .utc }
    return unsafe ZoneOffset(minutes: local.tm_gmtoff / 60) ?? .utc
  }
}
