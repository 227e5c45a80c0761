import Metering
import Modbus

/// Puts runs of bytes together and takes the frames out, with bounded memory however much comes.
///
/// Runs of one direction go on from each other, since a port delivers a frame in pieces. What is complete is told at
/// once; the rest waits for more bytes, for the other direction, or for `flush`.
struct Capture {
  /// Bytes that came together.
  struct Run {
    var bytes: [UInt8]
    var hidden: Set<Int> = []
    var time: String?
    /// `nil` where nobody said.
    var isSent: Bool?
    /// Line of the log, from 1; `nil` where there are no lines.
    var line: Int?
  }

  /// A frame and where it was.
  struct Told {
    let report: FrameReport
    /// Of its first byte: in the whole stream, or in its run where runs have lines.
    let offset: Int
    let time: String?
    let isSent: Bool?
    let line: Int?
    let bytes: [UInt8]
    /// Bytes of it are blacked out, so that its sum cannot be right.
    let isMasked: Bool
  }

  /// The most bytes held: both protocols' longest frames fit many times.
  static let window = 4096
  /// No frame is longer than this, with what is looked at behind it.
  private static let margin = 600

  let protocols: Set<FrameReport.Wire>
  private var held: [UInt8] = []
  private var hidden: Set<Int> = []
  private var marks: [(start: Int, run: Run)] = []
  /// Of the first byte held, in the stream.
  private var base = 0
  /// All bytes so far.
  private(set) var count = 0
  /// How often all that is held was looked at.
  private(set) var looks = 0

  init(_ protocols: Set<FrameReport.Wire>) { self.protocols = protocols }

  /// The frames that are complete with this run.
  mutating func take(_ run: Run) -> [Told] {
    var told: [Told] = []
    if let last = marks.last?.run, last.isSent != run.isSent { told += flush() }
    var rest = run.bytes[...]
    var at = 0
    repeat {
      // A run may be longer than all that is held.
      let piece = rest.prefix(Self.window - Self.margin)
      marks.append((held.count, Run(bytes: [], time: run.time, isSent: run.isSent, line: run.line)))
      for index in run.hidden where piece.indices.contains(index) { hidden.insert(held.count + index - at) }
      held += piece
      count += piece.count
      at += piece.count
      rest = rest.dropFirst(piece.count)
      told += settle()
    } while !rest.isEmpty
    return told
  }

  /// Everything that is held, since no more belongs to it.
  mutating func flush() -> [Told] { cut(reports(), to: held.count) }

  /// True where something waits for more.
  var isWaiting: Bool { !held.isEmpty }

  private mutating func reports() -> [FrameReport] {
    looks += 1
    return FrameReport.all(in: held, protocols: protocols)
  }

  private var mayEndFrame: Bool {
    // 16H ends every DL/T 645 frame.
    protocols.contains(.dlt645) && held.last == 0x16
      || Modbus.mayEndFrame(held, as: Set(protocols.compactMap(\.framing)))
  }

  private mutating func settle() -> [Told] {
    // A stream without lines is looked at when the window is full, and at its end: a frame may go on.
    let isLog = marks.last?.run.line != nil || marks.last?.run.time != nil
    // A log without frames would otherwise be looked at over and over.
    let most = isLog ? 2 * Self.margin : Self.window - Self.margin
    // Each run of a log may end a frame; all that is held is looked at only where it does, or is too much.
    guard held.count > most || isLog && mayEndFrame else { return [] }
    let reports = reports()
    if isLog, let last = reports.last, last.isValid, last.range.upperBound == held.count {
      return cut(reports, to: held.count)
    }
    guard held.count > most else { return [] }
    var end = held.count - Self.margin
    for report in reports where report.range.lowerBound < end && report.range.upperBound > end {
      end = report.range.lowerBound
    }
    return cut(reports.filter { $0.range.upperBound <= end }, to: max(end, 1))
  }

  private mutating func cut(_ reports: [FrameReport], to end: Int) -> [Told] {
    let told = reports.map { report in
      let start = report.range.lowerBound
      let mark = marks.last { $0.start <= start }
      let range = report.range.clamped(to: 0..<held.count)
      return Told(
        report: report, offset: mark?.run.line == nil ? base + start : start - (mark?.start ?? 0), time: mark?.run.time,
        isSent: mark?.run.isSent, line: mark?.run.line, bytes: Array(held[range]),
        isMasked: !hidden.isDisjoint(with: range))
    }
    held.removeFirst(end)
    base += end
    hidden = Set(hidden.compactMap { $0 >= end ? $0 - end : nil })
    let open = marks.last { $0.start <= end }
    marks = held.isEmpty ? [] : marks.filter { $0.start > end }.map { ($0.start - end, $0.run) }
    if !held.isEmpty, let open { marks.insert((min(0, open.start - end), open.run), at: 0) }
    return told
  }
}
