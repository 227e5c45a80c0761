public import Acquisition
public import Metering

/// What somebody asks a running daemon for: one JSON object in one line.
///
/// | `do` | members | answer |
/// |---|---|---|
/// | `status` | `line`, `meters` | the station as it stands |
/// | `trace` | `line` | what is said on the line from now on, a stream |
/// | `read` | `meter`, `quantities`, `anyway` | what the meter tells now |
/// | `command` | `meter` or `all`, `line`, `function`, `values`, `valid_until`, `password`, `new_password`, `by` | what became of it |
/// | `decide` | `act`, `reason`, `by`, and what `BookOrder` has | what came of it |
/// | `reload` | | the configuration is read again |
///
/// Each has an `id`, a number or a string, that all lines of the answer repeat. The last of them has `"end":true` and
/// either a `result` or an `error`.
public struct ControlRequest: Hashable, Sendable {
  /// An integer or a string.
  public let id: JSON
  public let wish: Wish

  public enum Wish: Hashable, Sendable {
    /// Of one line or all, with each meter or with counts alone.
    case status(line: String?, meters: Bool)
    case trace(line: String)
    /// `anyway` asks a meter that is set aside as well.
    case read(meter: MeterID, targets: [AcquisitionTask.Target], anyway: Bool)
    case reload
    /// Changes a meter, where the configuration allows it.
    case command(CommandRequest)
    /// Decides on bills and readings.
    case decide(BookOrder)
  }

  /// The longest line of a request, in bytes.
  public static let longest = 64 << 10
  static let words = ["status", "trace", "read", "reload", "command", "decide"]
  /// The most quantities of one read.
  static let mostQuantities = 256

  /// A request that is not carried out, with the id that it had, or null.
  public struct Refusal: Error, Hashable, Sendable {
    public let id: JSON
    public let complaint: Complaint
  }

  /// Reads a line. Throws what the person who wrote it can mend.
  public init(_ line: [UInt8]) throws(Refusal) {
    let object: JSON
    do throws(JSONError) {
      object = try JSON(reading: line)
    } catch {
      throw Refusal(
        id: .null,
        complaint: Complaint(
          .badData, "the request is no JSON: \(error)", #"Send one object a line, such as {"id":1,"do":"status"}."#))
    }
    guard case .object(let members) = object else {
      throw Refusal(
        id: .null,
        complaint: Complaint(
          .badData, "the request is no object", #"Send one object a line, such as {"id":1,"do":"status"}."#))
    }
    switch object["id"] {
    case .some(.integer(let number)): id = .integer(number)
    case .some(.string(let text)) where text.utf8.count <= 64: id = .string(text)
    case .some(.string): throw Refusal(id: .null, complaint: Self.wrong("id has more than 64 bytes"))
    case nil: throw Refusal(id: .null, complaint: Self.wrong("the request has no id"))
    case .some: throw Refusal(id: .null, complaint: Self.wrong("id is neither a whole number nor a string"))
    }
    do throws(Complaint) {
      var reader = Members(members)
      wish = try Self.wish(&reader)
      try reader.finish()
    } catch {
      throw Refusal(id: id, complaint: error)
    }
  }

  private static func wrong(_ headline: String) -> Complaint {
    Complaint(.usage, headline, #"Such as {"id":1,"do":"status"}."#)
  }

  private static func wish(_ members: inout Members) throws(Complaint) -> Wish {
    let word = try members.string("do")
    switch word {
    case nil: throw wrong("the request has no do")
    case "status":
      return .status(line: try members.string("line"), meters: try members.boolean("meters") ?? false)
    case "trace":
      guard let line = try members.string("line") else {
        throw Complaint(.usage, "trace needs a line", "Such as \"line\":\"bus1\".")
      }
      return .trace(line: line)
    case "read":
      guard let text = try members.string("meter") else {
        throw Complaint(.usage, "read needs a meter", "Such as \"meter\":\"M-0001\".")
      }
      guard let meter = MeterID(text) else { throw Complaint(.usage, "\"\(plain(text))\" is no meter's name") }
      let names = try members.strings("quantities") ?? []
      return .read(meter: meter, targets: try targets(names), anyway: try members.boolean("anyway") ?? false)
    case "reload": return .reload
    case "command": return .command(try command(&members))
    case "decide": return .decide(try BookOrder(&members))
    case .some(let other):
      throw Complaint(.usage, "there is no request \"\(plain(other))\"", "There are: \(words.joined(separator: ", ")).")
    }
  }

  private static func command(_ members: inout Members) throws(Complaint) -> CommandRequest {
    guard let meter = try members.string("meter"), let word = try members.string("function") else {
      throw Complaint(
        .usage, "command needs a meter and a function", "Such as \"meter\":\"M-0001\",\"function\":\"set-time\".")
    }
    guard let function = ControlFunction(rawValue: word) else {
      throw Complaint(
        .usage, "\"\(plain(word))\" is no function that changes a meter",
        "There are: \(ControlFunction.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return CommandRequest(
      meter: meter, line: try members.string("line"), function: function,
      values: try members.strings("values") ?? [], validUntil: try members.string("valid_until"),
      password: try secret(&members, "password"), newPassword: try secret(&members, "new_password"),
      name: try members.string("by"))
  }

  /// What is no password is not repeated: it may be one with a slip in it.
  private static func secret(_ members: inout Members, _ name: String) throws(Complaint) -> CommandSecret? {
    guard let text = try members.string(name) else { return nil }
    guard let secret = CommandSecret(text) else {
      throw Complaint(.usage, "\(name) is none", "It is the level 0 to 9 and six digits in one string.")
    }
    return secret
  }

  /// What the words of a read mean: every energy register where there are none.
  public static func targets(_ names: [String]) throws(Complaint) -> [AcquisitionTask.Target] {
    guard names.count <= mostQuantities else {
      throw Complaint(.usage, "\(names.count) quantities in one read", "Ask for \(mostQuantities) at most.")
    }
    var targets: [AcquisitionTask.Target] = []
    for name in names {
      switch name {
      case "energy": targets.append(.energies)
      case "instantaneous": targets.append(.instantaneous)
      default:
        guard let quantity = Quantity(name: name) else {
          throw Complaint(
            .usage, "\"\(plain(name))\" is no quantity",
            "Write energy, instantaneous or a name such as energy.import.active.total or voltage.l1.")
        }
        targets.append(.quantity(quantity))
      }
    }
    return targets.isEmpty ? [.energies] : targets
  }

  /// A word of somebody else's, fit for one line of a message.
  static func plain(_ word: String) -> String {
    let isLong = word.unicodeScalars.count > 64
    var text = ""
    for scalar in word.unicodeScalars.prefix(64) {
      text.unicodeScalars.append(scalar.properties.generalCategory.isShown ? scalar : "?")
    }
    return isLong ? text + "..." : text
  }

  /// The members of a request, each asked for by its name; what nobody asked for is an error.
  struct Members {
    private let members: [JSON.Member]
    private var known = ["id"]

    init(_ members: [JSON.Member]) { self.members = members }

    private mutating func value(_ name: String) -> JSON? {
      known.append(name)
      return members.first { $0.name == name }?.value
    }

    mutating func string(_ name: String) throws(Complaint) -> String? {
      switch value(name) {
      case nil: return nil
      case .some(.string(let text)): return text
      case .some: throw wrong("\(name) is no string")
      }
    }

    mutating func boolean(_ name: String) throws(Complaint) -> Bool? {
      switch value(name) {
      case nil: return nil
      case .some(.boolean(let flag)): return flag
      case .some: throw wrong("\(name) is neither true nor false")
      }
    }

    mutating func integer(_ name: String) throws(Complaint) -> Int64? {
      switch value(name) {
      case nil: return nil
      case .some(.integer(let number)): return number
      case .some: throw wrong("\(name) is no whole number")
      }
    }

    mutating func strings(_ name: String) throws(Complaint) -> [String]? {
      guard let value = value(name) else { return nil }
      guard case .array(let items) = value, items.allSatisfy({ $0.word != nil }) else {
        throw wrong("\(name) is no list of strings")
      }
      return items.compactMap(\.word)
    }

    func finish() throws(Complaint) {
      guard let other = members.first(where: { !known.contains($0.name) }) else { return }
      throw Complaint(
        .usage, "unknown member \"\(plain(other.name))\"", "Members here are \(known.sorted().joined(separator: ", "))."
      )
    }
  }
}

extension ControlRequest {
  /// Who may ask for it.
  enum Right: Hashable, Sendable {
    /// Root, the daemon's own user, and the group of its socket.
    case look
    /// Root and the daemon's own user.
    case rule
  }

  var right: Right {
    switch wish {
    case .status, .trace, .read: .look
    case .reload, .command, .decide: .rule
    }
  }
}

extension Complaint {
  /// As the control socket carries it.
  var json: JSON {
    .object([
      "status": .integer(Int64(status.rawValue)), "message": .string(headline),
      "advice": .array(advice.map(JSON.string)),
    ])
  }

  /// As it came over the control socket.
  init?(_ json: JSON) {
    guard let code = json["status"]?.number.flatMap(Int32.init(exactly:)), let status = ExitStatus(rawValue: code),
      let headline = json["message"]?.word
    else { return nil }
    self.init(status, headline, advice: json["advice"]?.items.compactMap(\.word) ?? [])
  }
}

extension Unicode.GeneralCategory {
  /// Stands for itself in a line of text.
  fileprivate var isShown: Bool {
    switch self {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
