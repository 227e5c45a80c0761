internal import DLT645
internal import Devices
public import Metering

/// Records of a meter's load profile that are asked for in one exchange, one after the other. 负荷记录
public struct ProfileSpan: Hashable, Sendable {
  /// 1 voltage, current, frequency; 2 powers; 3 power factors; 4 energies; 5 quadrants; 6 demands.
  public let recordClass: Int
  /// The time of the first record, by the meter's clock: a whole multiple of `minutes` since midnight.
  public let first: MeterTime
  /// Minutes from one record to the next.
  public let minutes: Int
  /// 1...`most`.
  public let count: Int

  /// Records of one exchange: some meters read two packed digits as a binary number, which up to 9 is the same
  /// (unverified), and a frame that is damaged costs no more than this.
  public static let most = 8
  /// Minutes from one record to the next that a task may be told.
  public static let intervals: Set<Int> = [1, 5, 10, 15, 30, 60]

  public init(recordClass: Int, first: MeterTime, minutes: Int, count: Int) {
    self.recordClass = recordClass
    self.first = first
    self.minutes = max(1, minutes)
    self.count = min(max(1, count), Self.most)
  }

  /// The times of the records, in seconds since 1970 by the meter's clock.
  public var seconds: [Int64] { (0..<count).map { first.localSeconds + Int64($0 * minutes) * 60 } }

  /// The quantities that records of a class tell.
  public static func quantities(ofClass recordClass: Int) -> [Quantity] {
    guard let read = LoadProfileRead(recordClass: recordClass, .latest, blocks: 1) else { return [] }
    return read.identifier.fields(rates: 0).compactMap(\.quantity).filter { $0.unit != nil }
  }

  /// The read of the records; `nil` for a time that a frame cannot tell.
  var read: LoadProfileRead? {
    WireTime(first).flatMap { LoadProfileRead(recordClass: recordClass, .from($0), blocks: count) }
  }

  /// 06, the class, 00, 01.
  var identifier: DataIdentifier {
    DataIdentifier(rawValue: 0x0600_0001 | UInt32(truncatingIfNeeded: recordClass & 0xFF) << 16)
  }

  /// What is asked for, without the time: the name under which records are missed.
  public var subject: String { Self.subject(ofClass: recordClass) }

  /// The name under which records of a class are missed.
  public static func subject(ofClass recordClass: Int) -> String { "load profile class \(recordClass)" }

  /// Bytes of the answer after its identifier: 13 of each record besides its values, which have up to four bytes.
  var answerBytes: Int { count * (16 + 4 * Self.quantities(ofClass: recordClass).count) }
}

extension DataIdentifier {
  /// The values of the records in an answer, each with the time of its record, absent where it is filled with FFH;
  /// damaged records are left out. Throws where no record is sound and one was damaged.
  func profileObservations(in payload: [UInt8]) throws(DataError) -> [Observation] {
    let decoded = try decode(payload)
    var found: [Observation] = []
    for item in decoded.items {
      guard case .profile = item.origin, let quantity = item.quantity, let time = item.occurred else { continue }
      found.append(Observation(quantity: quantity, value: item.value, occurred: time))
    }
    if found.isEmpty, let damage = decoded.rejected.first { throw damage }
    return found
  }
}

extension LineMeter {
  /// The exchanges that bring what a task's load profiles record from one round to the next; none for a meter that keeps
  /// no such thing.
  public func profileQueries(of task: AcquisitionTask) -> [Query] {
    guard case .dlt645(.of2007, _) = profile.language else { return [] }
    let seconds: Int64 =
      switch task.schedule {
      case .every(let seconds): seconds
      case .daily: 86_400
      // What a month records is read in one go.
      case .monthly(let days, _): 31 * 86_400 / Int64(max(1, days.count))
      }
    var found: [Query] = []
    for case .loadProfile(let recordClass, let minutes) in task.targets {
      var left = max(1, Int(seconds) / (60 * max(1, minutes)))
      var first = MeterTime(localSeconds: 0)
      while left > 0 {
        let span = ProfileSpan(recordClass: recordClass, first: first, minutes: minutes, count: left)
        found.append(.profile(span))
        left -= span.count
        first = MeterTime(localSeconds: first.localSeconds + Int64(span.count * span.minutes) * 60)
      }
    }
    return found
  }
}
