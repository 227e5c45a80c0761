import Billing
import Documents
import Foundation
import Metering
import Rating
import Testing

@testable import Concentrator

/// A folder of tariffs with hours of their own and a list of special days beside them.
final class HoursFolder: Sendable {
  let path = "\(NSTemporaryDirectory())meterd-hours-\(UInt64.random(in: 0 ... .max))"

  /// A tariff `hours` with two periods, valley until `begin`; `holiday` are the slots of holidays, where they are others.
  init(begin: String = "08:00", holiday: String? = nil) throws {
    try FileManager.default.createDirectory(atPath: "\(path)/calendars", withIntermediateDirectories: true)
    let slots = "slots = [\"00:00-\(begin) valley\", \"\(begin)-24:00 flat\"]"
    try """
    name = "hours"
    title = "Hours"
    title-zh = "分时"
    currency = "CNY"
    valid-from = "2012-07-01"
    known-since = "2012-07-01"
    energy-scale = 2
    sources = ["a test"]
    [[period]]
    name = "flat"
    title = "flat"
    title-zh = "平"
    rates = [3]
    residual = true
    [[period]]
    name = "valley"
    title = "valley"
    title-zh = "谷"
    rates = [4]
    [calendar]
    source = "a test"
    primary = true
    [[calendar.season]]
    name = "all"
    months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    [[calendar.season.day]]
    types = ["weekday", "weekend"]
    \(slots)
    [[calendar.season.day]]
    types = ["holiday"]
    \(holiday.map { "slots = [\($0)]" } ?? slots)
    [[component]]
    kind = "energy"
    title = "energy"
    title-zh = "电量"
    source = "a test"
    primary = true
    prices = { flat = "0.6", valley = "0.3" }

    """.write(toFile: "\(path)/hours.toml", atomically: true, encoding: .utf8)
    for name in ["shanghai-residential-2012", "guangdong-residential-2012"] {
      try FileManager.default.copyItem(atPath: "\(root)/tariffs/\(name).toml", toPath: "\(path)/\(name).toml")
    }
    for (name, known) in [("days", "2025-11-04"), ("twin", "2025-11-04"), ("later", "2026-03-01")] {
      try """
      name = "\(name)"
      valid-from = "2026-01-01"
      valid-to = "2026-12-31"
      known-since = "\(known)"
      sources = ["a test"]
      holidays = ["2026-10-01"]
      """.write(toFile: "\(path)/calendars/\(name).toml", atomically: true, encoding: .utf8)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What a configuration says of an account, and how it is refused.
struct IntervalConfiguration: Sendable, CustomTestStringConvertible {
  let name: String
  var top = ""
  var account = "settled-by = \"intervals\""
  var tariff = "hours"
  var profile = "dlt645-2007-three-phase"
  var address = "202311110001"
  var task = "read = [\"load-profile\"]"
  var begin = "08:00"
  var holiday: String?
  /// The first line of the complaint after the file's name; `nil` where it is taken.
  let complaint: String?
  var testDescription: String { name }
}

@Suite struct IntervalAccountTests {
  static let cases = [
    IntervalConfiguration(name: "quarters", complaint: nil),
    IntervalConfiguration(name: "hours", task: "read = [\"load-profile\"]\nload-profile-minutes = 60", complaint: nil),
    IntervalConfiguration(
      name: "scaled, with a list", top: "calendars = [\"days\", \"later\"]",
      account: "settled-by = \"intervals\"\nreconciliation = \"scaled\"", holiday: "\"00:00-24:00 valley\"",
      complaint: nil),
    IntervalConfiguration(
      name: "registers", account: "settled-by = \"registers\"", task: "read = [\"energy\"]", complaint: nil),
    IntervalConfiguration(
      name: "neither of both", account: "settled-by = \"hours\"",
      complaint: "account[0].settled-by: \"hours\" is neither \"registers\" nor \"intervals\""),
    IntervalConfiguration(
      name: "no reconciliation", account: "settled-by = \"intervals\"\nreconciliation = \"none\"",
      complaint: "account[0].reconciliation: \"none\" is neither \"residual\" nor \"scaled\""),
    IntervalConfiguration(
      name: "a reconciliation of registers", account: "reconciliation = \"scaled\"",
      complaint: "account[0].reconciliation: rate registers need none; it goes with settled-by = \"intervals\""),
    IntervalConfiguration(
      name: "an hour of settlement", account: "settled-by = \"intervals\"\nsettlement-hour = 8",
      complaint: "settlement-hour: account \"A-1\" is settled by intervals, and its days begin at 8 o'clock"),
    IntervalConfiguration(
      name: "an hour of the section's settlement",
      account: "settled-by = \"intervals\"\nsection = \"S-1\"\n[[section]]\nname = \"S-1\"\nsettlement-hour = 8",
      complaint: "section: account \"A-1\" is settled by intervals, and its days begin at 8 o'clock"),
    IntervalConfiguration(
      name: "no task", task: "read = [\"energy\"]",
      complaint:
        "settled-by: account \"A-1\" is settled by intervals, and no task reads the load profile of meter \"M-1\""),
    IntervalConfiguration(
      name: "another class of records", task: "read = [\"load-profile:1\"]",
      complaint:
        "settled-by: account \"A-1\" is settled by intervals, and no task reads the load profile of meter \"M-1\""),
    IntervalConfiguration(
      name: "five minutes", task: "read = [\"load-profile\"]\nload-profile-minutes = 5",
      complaint: "settled-by: account \"A-1\" is settled by intervals, and its load profile has records every 5 minutes"
    ),
    IntervalConfiguration(
      name: "a meter without a profile", profile: "eastron-sdm630", address: "7",
      complaint:
        "settled-by: account \"A-1\" is settled by intervals, and meter \"M-1\" (eastron-sdm630) keeps no load profile that is read here"
    ),
    IntervalConfiguration(
      name: "a tariff without hours", tariff: "shanghai-residential-2012",
      complaint:
        "settled-by: account \"A-1\" is settled by intervals, and tariff shanghai-residential does not say which hour is of which period"
    ),
    IntervalConfiguration(
      name: "a slot inside an interval", task: "read = [\"load-profile\"]\nload-profile-minutes = 60", begin: "08:30",
      complaint:
        "settled-by: account \"A-1\" is settled by intervals, and a period of tariff hours begins at 08:30, inside an interval of 60 minutes"
    ),
    IntervalConfiguration(
      name: "no list of special days", holiday: "\"00:00-24:00 valley\"",
      complaint:
        "settled-by: account \"A-1\" is settled by intervals, and tariff hours tells special days from others, and no list of them is named"
    ),
    IntervalConfiguration(
      name: "a list that is not there", top: "calendars = [\"moon\"]",
      complaint: "calendars: there is no list of special days \"moon\" in FOLDER/calendars"),
    IntervalConfiguration(
      name: "two lists of one day", top: "calendars = [\"days\", \"twin\"]",
      complaint: "calendars: twin and days are for the same days and known since the same one"),
    IntervalConfiguration(
      name: "a list twice", top: "calendars = [\"days\", \"days\"]", complaint: "calendars: \"days\" is there twice"),
  ]

  /// Source: General Office of the State Council, notice of 4 November 2025.
  @Test func `the list of special days that is shipped has 33 days off and six worked weekends`() throws {
    let list = try DataFolders(tariffs: "\(root)/tariffs").calendar("china-2026")
    #expect(list.special.values.count { $0 == .holiday } == 33)
    let worked = list.special.filter { $0.value == .weekday }.keys
    #expect(worked.count == 6 && worked.allSatisfy { $0.weekday >= 6 })
    #expect(list.validFrom == CivilDate("2026-01-01") && list.validTo == CivilDate("2026-12-31"))
    #expect(
      try DataFolders(tariffs: "\(root)/tariffs").plan("shanghai-residential-2012").name == "shanghai-residential")
  }

  @Test(arguments: cases) func `what no bill by intervals could come of is refused when it is loaded`(
    _ each: IntervalConfiguration
  ) throws {
    let folder = try HoursFolder(begin: each.begin, holiday: each.holiday)
    let text = """
      station = "TEST"
      store = "\(folder.path)/meterd.db"
      devices = "\(root)/devices"
      tariffs = "\(folder.path)"
      \(each.top)
      [[line]]
      name = "bus1"
      port = "/dev/ttyS9"
        [[line.meter]]
        id = "M-1"
        profile = "\(each.profile)"
        address = "\(each.address)"
        account = "A-1"
      [[task]]
      name = "profile"
      every = "15m"
      \(each.task)
      [[account]]
      id = "A-1"
      tariff = "\(each.tariff)"
      from = "2026-01-01"
      \(each.account)
      """
    var says: String?
    do {
      let station = try Station(configuration(text))
      let terms = try #require(station.accounts.first?.terms.first)
      let isByIntervals = each.account.contains("intervals")
      #expect((terms.intervals != nil) == isByIntervals)
      #expect(!isByIntervals || terms.intervals?.minutes == (each.task.contains("60") ? 60 : 15))
      #expect(
        !isByIntervals || terms.intervals?.reconciliation == (each.account.contains("scaled") ? .scaled : .residual))
    } catch let error as Complaint {
      says = error.headline
      #expect(!error.advice.isEmpty)
    } catch let error as DocumentError {
      says = "\(error)"
    }
    // Led by the file and the line of the key.
    let place = says?.firstRange(of: ": ")
    let words = place.flatMap { says?[$0.upperBound...] }.map(String.init)
    #expect(words?.replacing(folder.path, with: "FOLDER") == each.complaint)
  }
}
