import Acquisition
import Metering
import Store
import Testing

@testable import Concentrator

@Suite struct ControlRequestTests {
  struct Good: Sendable, CustomTestStringConvertible {
    let line: String
    let wish: ControlRequest.Wish
    var testDescription: String { line }

    init(_ line: String, _ wish: ControlRequest.Wish) {
      self.line = line
      self.wish = wish
    }
  }

  static let good = [
    Good(#"{"id":1,"do":"status"}"#, .status(line: nil, meters: false)),
    Good(#"{"do":"status","meters":true,"line":"bus1","id":"x"}"#, .status(line: "bus1", meters: true)),
    Good(#"{"id":0,"do":"trace","line":"bus 2"}"#, .trace(line: "bus 2")),
    Good(#"{"id":-1,"do":"reload"}"#, .reload),
    Good(
      #"{"id":1,"do":"read","meter":"M-1"}"#,
      .read(meter: .init("M-1") ?? .unnamed, targets: [.energies], anyway: false)),
    Good(
      #"{"id":1,"do":"read","meter":"M-1","quantities":["instantaneous","energy.import.active.total"],"anyway":true}"#,
      .read(
        meter: .init("M-1") ?? .unnamed, targets: [.instantaneous, .quantity(.energyTotal(.importActive))], anyway: true
      )),
    Good(
      #"{"id":1,"do":"command","meter":"M-1","function":"relay","values":["trip"],"password":" 2  123456 ","by":"li"}"#,
      .command(
        CommandRequest(
          meter: "M-1", line: nil, function: .relay, values: ["trip"], validUntil: nil,
          password: CommandSecret("2 123456"), newPassword: nil, name: "li"))),
  ]

  @Test func `a decision says the same again as members, and what is none is refused`() throws {
    let bench = try DeskBench()
    let station = bench.station
    let time = try #require(MeterTime("2026-10-15T09:30:00"))
    let acts: [BookOrder.Act] = [
      .acceptTrial(shown: "3f9ac2d41b07", cycles: 1, TrialChoice()),
      .acceptTrial(
        shown: "3f9ac2d41b07", cycles: 12,
        TrialChoice(accounts: ["A-1"], plans: ["home"], validFrom: ["2027-01-01"], withoutAmount: true)),
      .correct(account: "A-1", cycle: "2026-09", form: nil), .correct(account: "A-1", cycle: "2026-09", form: "x"),
      .correct(account: "A-1", cycle: "2026-09", form: nil, accepting: ["most", "jump"], shown: "3f9ac2d41b07"),
      .review(3, .accepted), .review(4, .rejected), .revise(reading: 5, nil),
      .revise(reading: 5, try RegisterValue(typed: "1660.00")),
      .enter(
        meter: "M-1", quantity: "energy.import.active.total", at: time, try RegisterValue(typed: "0.7"), occurred: time),
    ]
    for act in acts {
      let order = BookOrder(act, reason: "seen on site", name: "li", station: station)
      let line = JSON.object([.init("id", 1), .init("do", "decide")] + order.members).text
      let request = try ControlRequest(Array(line.utf8))
      #expect(request.wish == .decide(order), "\(line)")
      #expect(request.right == .rule)
      #expect(order.actor(1000) == "li (uid 1000)")
    }
    for line in [
      #"{"id":1,"do":"decide"}"#, #"{"id":1,"do":"decide","act":"correct","account":"A-1","cycle":"2026-09"}"#,
      #"{"id":1,"do":"decide","act":"correct","account":"A-1","cycle":"2026-09","reason":" "}"#,
      #"{"id":1,"do":"decide","act":"review","reason":"x","review":"3","decision":"accepted"}"#,
      #"{"id":1,"do":"decide","act":"review","reason":"x","review":3,"decision":"maybe"}"#,
      #"{"id":1,"do":"decide","act":"revise","reason":"x","reading":3,"value":"-1"}"#,
      #"{"id":1,"do":"decide","act":"accept-trial","reason":"x","shown":"3f9ac2d4","cycles":0}"#,
      #"{"id":1,"do":"decide","act":"erase","reason":"x"}"#,
      #"{"id":1,"do":"decide","act":"revise","reason":"x","reading":3,"more":1}"#,
    ] {
      #expect(throws: ControlRequest.Refusal.self, "\(line)") { try ControlRequest(Array(line.utf8)) }
    }
  }

  @Test func `a command says the same again as members, and shows no password by itself`() throws {
    let request = CommandRequest(
      meter: "all", line: "bus1", function: .changePassword, values: ["a"], validUntil: "2026-11-22T12:00:00",
      password: CommandSecret("2 123456"), newPassword: CommandSecret("2 654321"), name: nil)
    let line = JSON.object([.init("id", 1), .init("do", "command")] + request.members).text
    let read = try ControlRequest(Array(line.utf8))
    #expect(read.wish == .command(request))
    var dumped = ""
    dump(read, to: &dumped)
    for text in [dumped, "\(read)", String(reflecting: read), "\(request)"] {
      #expect(!text.contains("123456") && !text.contains("654321"), "\(text)")
    }
  }

  @Test(arguments: good) func `what may be asked for`(_ row: Good) throws {
    #expect(try ControlRequest(Array(row.line.utf8)).wish == row.wish)
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    let line: String
    let answer: String
    var testDescription: String { line }

    init(_ line: String, _ answer: String) {
      self.line = line
      self.answer = answer
    }
  }

  private static let example = #""advice":["Such as {\"id\":1,\"do\":\"status\"}."]"#
  private static let one = #""advice":["Send one object a line, such as {\"id\":1,\"do\":\"status\"}."]"#

  static let bad = [
    Bad(
      #"{"id":1,"do":"command","meter":"M-1","function":"relay","password":"2 12345x"}"#,
      #"{"id":1,"error":{"status":64,"message":"password is none","advice":["It is the level 0 to 9 and six digits in one string."]},"end":true}"#
    ),
    Bad(
      #"{"id":1,"do":"command","meter":"M-1"}"#,
      #"{"id":1,"error":{"status":64,"message":"command needs a meter and a function","advice":["Such as \"meter\":\"M-0001\",\"function\":\"set-time\"."]},"end":true}"#
    ),
    Bad(
      "status",
      #"{"id":null,"error":{"status":65,"message":"the request is no JSON: no value at byte 0",\#(one)},"end":true}"#),
    Bad("[]", #"{"id":null,"error":{"status":65,"message":"the request is no object",\#(one)},"end":true}"#),
    Bad(
      #"{"do":"status"}"#,
      #"{"id":null,"error":{"status":64,"message":"the request has no id",\#(example)},"end":true}"#),
    Bad(
      #"{"id":null,"do":"status"}"#,
      #"{"id":null,"error":{"status":64,"message":"id is neither a whole number nor a string",\#(example)},"end":true}"#
    ),
    Bad(
      #"{"id":"\#(String(repeating: "x", count: 65))","do":"status"}"#,
      #"{"id":null,"error":{"status":64,"message":"id has more than 64 bytes",\#(example)},"end":true}"#),
    Bad(#"{"id":3}"#, #"{"id":3,"error":{"status":64,"message":"the request has no do",\#(example)},"end":true}"#),
    Bad(
      #"{"id":3,"do":7}"#, #"{"id":3,"error":{"status":64,"message":"do is no string",\#(example)},"end":true}"#),
    Bad(
      #"{"id":"a","do":"Status"}"#,
      #"{"id":"a","error":{"status":64,"message":"there is no request \"Status\"","advice":["There are: status, trace, read, reload, command, decide."]},"end":true}"#
    ),
    Bad(
      #"{"id":3,"do":"a\u001B[2J\n\u202E\#(String(repeating: "x", count: 99))"}"#,
      #"{"id":3,"error":{"status":64,"message":"there is no request \"a?[2J??\#(String(repeating: "x", count: 57))...\"","advice":["There are: status, trace, read, reload, command, decide."]},"end":true}"#
    ),
    Bad(
      #"{"id":3,"do":"status","lines":"bus1"}"#,
      #"{"id":3,"error":{"status":64,"message":"unknown member \"lines\"","advice":["Members here are do, id, line, meters."]},"end":true}"#
    ),
    Bad(
      #"{"id":3,"do":"status","meters":"yes"}"#,
      #"{"id":3,"error":{"status":64,"message":"meters is neither true nor false",\#(example)},"end":true}"#),
    Bad(
      #"{"id":3,"do":"reload","now":true}"#,
      #"{"id":3,"error":{"status":64,"message":"unknown member \"now\"","advice":["Members here are do, id."]},"end":true}"#
    ),
    Bad(
      #"{"id":3,"do":"trace"}"#,
      #"{"id":3,"error":{"status":64,"message":"trace needs a line","advice":["Such as \"line\":\"bus1\"."]},"end":true}"#
    ),
    Bad(
      #"{"id":3,"do":"read"}"#,
      #"{"id":3,"error":{"status":64,"message":"read needs a meter","advice":["Such as \"meter\":\"M-0001\"."]},"end":true}"#
    ),
    Bad(
      #"{"id":3,"do":"read","meter":"a b"}"#,
      #"{"id":3,"error":{"status":64,"message":"\"a b\" is no meter's name","advice":[]},"end":true}"#),
    Bad(
      #"{"id":3,"do":"read","meter":"M","quantities":"energy"}"#,
      #"{"id":3,"error":{"status":64,"message":"quantities is no list of strings",\#(example)},"end":true}"#),
    Bad(
      #"{"id":3,"do":"read","meter":"M","quantities":["volts"]}"#,
      #"{"id":3,"error":{"status":64,"message":"\"volts\" is no quantity","advice":["Write energy, instantaneous or a name such as energy.import.active.total or voltage.l1."]},"end":true}"#
    ),
    Bad(
      #"{"id":3,"do":"read","meter":"M","quantities":[\#((0..<257).map { _ in "\"energy\"" }.joined(separator: ","))]}"#,
      #"{"id":3,"error":{"status":64,"message":"257 quantities in one read","advice":["Ask for 256 at most."]},"end":true}"#
    ),
  ]

  @Test(arguments: bad) func `a bad request has one exact answer`(_ row: Bad) {
    do throws(ControlRequest.Refusal) {
      Issue.record("\(try ControlRequest(Array(row.line.utf8)))")
    } catch {
      #expect(ControlReply.text(error.id, .init("error", error.complaint.json)) == row.answer)
      #expect(Complaint(error.complaint.json) == error.complaint)
    }
  }
}

@Suite struct ControlSessionTests {
  private let now = BootInstant(nanoseconds: 0)

  private func lines(_ session: inout ControlSession) -> [ControlSession.Taken] {
    var all: [ControlSession.Taken] = []
    while let next = session.next(at: now), all.count < 100 { all.append(next) }
    return all
  }

  @Test(arguments: [1, 2, 3, 7, 1000])
  func `lines come out whole, however they come in`(_ piece: Int) {
    var session = ControlSession(at: now)
    let text = Array("{}\n\r\n  \n{\"a\":1}\r\nhalf".utf8)
    var all: [ControlSession.Taken] = []
    for start in stride(from: 0, to: text.count, by: piece) {
      session.receive(text[start..<min(start + piece, text.count)], at: now)
      all += lines(&session)
    }
    #expect(all == [.line(Array("{}".utf8)), .line(Array("{\"a\":1}".utf8))])
    #expect(session.halfSince != nil)
    session.receive(Array("\n".utf8)[...], at: now)
    #expect(lines(&session) == [.line(Array("half".utf8))])
    #expect(session.halfSince == nil)
  }

  @Test func `a line of 64 KiB is taken, one byte more is not, ended or not`() {
    let longest = [UInt8](repeating: 0x61, count: ControlRequest.longest)
    var session = ControlSession(at: now)
    session.receive((longest + [0x0A])[...], at: now)
    #expect(session.next(at: now) == .line(longest))
    session.receive((longest + [0x61, 0x0A])[...], at: now)
    #expect(session.next(at: now) == .overlong)
    var endless = ControlSession(at: now)
    endless.receive(longest[...], at: now)
    #expect(endless.next(at: now) == nil && endless.wantsInput)
    endless.receive([0x61][...], at: now)
    #expect(endless.next(at: now) == .overlong && !endless.wantsInput)
  }

  @Test func `what waits has bounds, and a stream narrower ones`() {
    var session = ControlSession(at: now)
    let kilobyte = String(repeating: "x", count: 1023)
    var offered = 0
    while session.offer(kilobyte, at: now) { offered += 1 }
    #expect(offered == 256)
    var put = 0
    while session.put(kilobyte, at: now) { put += 1 }
    #expect(put == 2048 - 256)
    #expect(session.stuckSince == now)
    let later = now + .seconds(1)
    session.sent(1024 * 100, at: later)
    #expect(session.stuckSince == later)
    while session.hasOutput { session.sent(min(65_000, session.waiting.count), at: later) }
    #expect(session.stuckSince == nil)
    let isTaken = session.offer(kilobyte, at: later)
    #expect(isTaken)
    #expect(session.waiting.count == 1024)
  }
}
