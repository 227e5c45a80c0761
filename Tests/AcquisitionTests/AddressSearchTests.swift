import Acquisition
import DLT645
import Testing

/// The search for meters as a value: lines made of addresses answer its questions.
@Suite struct AddressSearchTests {
  /// A line on which every meter answers after its own delay; who answers at the same time speaks at once.
  struct Bus {
    var meters: [(address: Address, delay: Int)]
    var edition = Edition.dlt645v2007
    /// Whether answers at the same time are lost altogether, as some transceivers make it look.
    var hidesCollisions = false
    var keepsWildcard = false
    /// Whether 1997 meters answer AA..AA, or 99..99 only.
    var hearsWildcard = true
    var lost: Set<Int> = []
    private(set) var questions = 0

    init(_ meters: [(String, Int)]) {
      self.meters = meters.compactMap { text, delay in Address(text).map { ($0, delay) } }
    }

    mutating func hear(_ question: AddressSearch.Question) -> AddressSearch.Heard {
      questions += 1
      guard !lost.contains(questions) else { return .silence }
      let called = meters.filter { meter in
        if question.address == .broadcast { return edition == .dlt645v1997 }
        if question.address == .wildcard, !hearsWildcard { return false }
        return question.address.matches(meter.address)
      }
      var bursts: [Int: [UInt8]] = [:]
      var crowds: [Int: Int] = [:]
      for (address, delay) in called {
        guard let frame = reply(to: question, from: address) else { continue }
        crowds[delay, default: 0] += 1
        let other = bursts[delay] ?? []
        // Where either meter pulls the line, the line follows.
        bursts[delay] = frame.indices.map { frame[$0] | (other.indices.contains($0) ? other[$0] : 0) }
      }
      if hidesCollisions { for (delay, crowd) in crowds where crowd > 1 { bursts[delay] = nil } }
      let bytes = bursts.sorted { $0.key < $1.key }.flatMap(\.value)
      return AddressSearch.Heard(bytes, answering: question.request)
    }

    private func reply(to question: AddressSearch.Question, from meter: Address) -> [UInt8]? {
      let sender = keepsWildcard ? question.address : meter
      switch (question.request, edition) {
      case (.address, .dlt645v2007): return DLT645.Reply.address(meter).frame(from: sender)
      case (.data(let identifier), .dlt645v2007):
        return DLT645.Reply.data(identifier, [1, 2, 3, 4], more: false).frame(from: sender)
      case (.data1997(let identifier), .dlt645v1997):
        let payload = identifier.rawValue == 0xC032 ? meter.wireBytes : [1, 2, 3, 4]
        return DLT645.Reply.data1997(identifier, payload, more: false).frame(from: sender)
      default: return nil
      }
    }
  }

  struct Case: CustomTestStringConvertible {
    let name: String
    let meters: [(String, Int)]
    let found: Set<String>
    var crowded: Set<String> = []
    /// The most questions that it may take.
    let most: Int
    var testDescription: String { name }
  }

  /// Forty meters that all answer at once, with many equal low bytes.
  static let forty: [(String, Int)] = (0..<40).map { index in
    let number = 202_311_110_000 + (index % 13) + 100 * (index % 7) + 1_000_000 * (index / 20)
    return ("\(number)", 0)
  }

  static let cases = [
    Case(name: "nobody", meters: [], found: [], most: 2),
    Case(name: "one", meters: [("202311110001", 0)], found: ["202311110001"], most: 2),
    Case(
      name: "two that speak one after the other", meters: [("202311110001", 0), ("202311110002", 9)],
      found: ["202311110001", "202311110002"], most: 103),
    Case(
      name: "two at once", meters: [("202311110001", 0), ("202311110002", 0)],
      found: ["202311110001", "202311110002"], most: 103),
    Case(
      name: "two whose low bytes are equal, up to the last", meters: [("992311110001", 0), ("202311110001", 0)],
      found: ["992311110001", "202311110001"], most: 608),
    Case(
      name: "five, two of them alike in two bytes",
      meters: [
        ("202311110001", 0), ("202311110101", 0), ("202311120101", 0), ("000000000099", 3), ("000000000000", 0),
      ], found: ["202311110001", "202311110101", "202311120101", "000000000099", "000000000000"], most: 306),
    Case(name: "forty", meters: forty, found: Set(forty.map(\.0)), most: 100 * 30),
    Case(
      name: "two at one address, one after the other", meters: [("202311110001", 0), ("202311110001", 9)],
      found: ["202311110001"], crowded: ["202311110001"], most: 3),
  ]

  @Test(arguments: cases, [Edition.dlt645v2007, .dlt645v1997])
  func `every meter of a line is found, and the search ends`(_ line: Case, _ edition: Edition) {
    var bus = Bus(line.meters)
    bus.edition = edition
    let search = run(AddressSearch(edition), on: &bus)
    #expect(Set(search.found.map(\.description)) == line.found)
    #expect(search.found.count == line.found.count)
    #expect(Set(search.crowded.map(\.description)) == line.crowded)
    #expect(bus.questions <= line.most + 3, "\(bus.questions) questions")
  }

  @Test func `a lost answer to the wildcard does not end the search`() {
    var bus = Bus([("202311110001", 0)])
    bus.lost = [1]
    #expect(run(AddressSearch(.dlt645v2007), on: &bus).found.map(\.description) == ["202311110001"])
  }

  @Test func `a lost answer to the proof is asked for again`() {
    var bus = Bus([("202311110001", 0)])
    bus.lost = [2]
    #expect(run(AddressSearch(.dlt645v2007), on: &bus).found.map(\.description) == ["202311110001"])
  }

  @Test func `a collision that looks like silence is found by a thorough search only`() {
    var bus = Bus([("202311110001", 0), ("202311110002", 0)])
    bus.hidesCollisions = true
    var other = bus
    #expect(run(AddressSearch(.dlt645v2007), on: &bus).found.isEmpty)
    let search = run(AddressSearch(.dlt645v2007, isThorough: true), on: &other)
    #expect(search.found.map(\.description) == ["202311110001", "202311110002"])
    #expect(other.questions == 2 + 100 + 2)
  }

  @Test func `a 1997 meter that hears 99..99 only`() {
    var bus = Bus([("000000063295", 0)])
    bus.edition = .dlt645v1997
    bus.hearsWildcard = false
    #expect(run(AddressSearch(.dlt645v1997), on: &bus).found.map(\.description) == ["000000063295"])
    #expect(bus.questions == 4)
  }

  @Test func `a 1997 meter that answers with the wildcard is asked for its number`() {
    var bus = Bus([("000000063295", 0)])
    bus.edition = .dlt645v1997
    bus.keepsWildcard = true
    let search = run(AddressSearch(.dlt645v1997), on: &bus)
    #expect(search.found.map(\.description) == ["000000063295"])
  }

  @Test func `meters that are known are not found again`() throws {
    var bus = Bus([("202311110001", 0)])
    let known = try #require(Address("202311110001"))
    #expect(run(AddressSearch(.dlt645v2007, known: [known]), on: &bus).found.isEmpty)
  }

  @Test func `an address made up by two answers at once does not count`() throws {
    var search = AddressSearch(.dlt645v2007)
    let phantom = try #require(Address("777777777777"))
    let real = try #require(Address("202311110005"))
    #expect(search.next()?.address == .wildcard)
    search.heard(.replies([.init(from: phantom, number: phantom)], isClean: true))
    var asked: [Address] = []
    while let question = search.next() {
      asked.append(question.address)
      let hasReal = question.address.matches(real)
      search.heard(hasReal ? .replies([.init(from: real, number: real)], isClean: true) : .silence)
    }
    #expect(asked.prefix(2) == [phantom, phantom])
    #expect(search.found == [real])
    #expect(search.doubtful == [phantom])
  }

  @Test func `after a collision the line is left silent`() {
    var search = AddressSearch(.dlt645v2007)
    let first = search.next()
    #expect(first?.followsCollision == false && first?.address == .wildcard && first?.request == .address)
    search.heard(.replies([], isClean: false))
    #expect(search.isGarbageHeard)
    let second = search.next()
    #expect(second?.followsCollision == true && second?.address.description == "AAAAAAAAAA00")
    #expect(search.questionsLeft == 99)
    search.heard(.silence)
    #expect(search.next()?.followsCollision == false)
  }

  /// Bytes that are no frame come after `share` percent of the questions.
  private func runNoisy(
    _ meters: [(String, Int)], share: UInt64, seed: UInt64, _ edition: Edition = .dlt645v2007
  ) -> (search: AddressSearch, questions: Int) {
    var bus = Bus(meters)
    bus.edition = edition
    var dice = seed
    var search = AddressSearch(edition)
    while let question = search.next(), bus.questions < 20_000 {
      var heard = bus.hear(question)
      dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      if (dice >> 33) % 100 < share {
        if case .replies(let replies, _) = heard {
          heard = .replies(replies, isClean: false)
        } else {
          heard = .replies([], isClean: false)
        }
      }
      search.heard(heard)
    }
    return (search, bus.questions)
  }

  @Test(arguments: [1, 5, 20, 50, 90, 100] as [UInt64], [Edition.dlt645v2007, .dlt645v1997])
  func `a search ends on a noisy line, and noise makes no meters`(_ share: UInt64, _ edition: Edition) {
    for seed in UInt64(1)...20 {
      let (search, questions) = runNoisy([], share: share, seed: seed, edition)
      #expect(questions <= 3000, "\(questions) questions at seed \(seed)")
      #expect(search.found.isEmpty && search.crowded.isEmpty, "seed \(seed)")
    }
  }

  @Test func `a line that is always noisy takes one level, and its meter is found`() {
    let (empty, questions) = runNoisy([], share: 100, seed: 1)
    #expect(questions == 101 && empty.isNoisy && empty.isGarbageHeard)
    let (search, more) = runNoisy([("202311110001", 0)], share: 100, seed: 1)
    #expect(search.found.map(\.description) == ["202311110001"] && search.crowded.isEmpty && search.isNoisy)
    #expect(more <= 610, "\(more) questions")
  }

  @Test func `two meters that speak at once are found on a line with some noise`() {
    for seed in UInt64(1)...20 {
      let (search, _) = runNoisy([("202311110001", 0), ("202311120001", 0)], share: 5, seed: seed)
      #expect(Set(search.found.map(\.description)) == ["202311110001", "202311120001"], "seed \(seed)")
    }
  }

  struct Noise: CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let heard: AddressSearch.Heard
    var testDescription: String { name }
  }

  static let meter = Address("000000193600") ?? .wildcard
  static let reply = hex("68 00 36 19 00 00 00 68 93 06 33 69 4C 33 33 33 39 16")
  static let hearings = [
    Noise(name: "nothing", bytes: [], heard: .silence),
    Noise(name: "an undriven pair", bytes: [0, 0xFF, 0, 0, 0, 0, 0xFF], heard: .silence),
    Noise(name: "a few stray bytes", bytes: [0x12, 0x68, 0x33], heard: .silence),
    Noise(
      name: "our own echo", bytes: hex("FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16"), heard: .silence),
    Noise(
      name: "a reply with wake-up bytes before and FF after it", bytes: hex("FE FE") + reply + [0xFF],
      heard: .replies([.init(from: meter, number: meter)], isClean: true)),
    Noise(
      name: "one reply whole and one cut", bytes: reply + reply.dropLast(4),
      heard: .replies([.init(from: meter, number: meter)], isClean: false)),
    Noise(name: "garbage", bytes: [UInt8](repeating: 0x7B, count: 20), heard: .replies([], isClean: false)),
    Noise(
      name: "an address that is none", bytes: hex("68 00 36 1F 00 00 00 68 93 06 33 69 52 33 33 33 45 16"),
      heard: .replies([], isClean: false)),
  ]

  @Test(arguments: hearings)
  func `what is heard is judged`(_ noise: Noise) {
    #expect(AddressSearch.Heard(noise.bytes, answering: .address) == noise.heard)
  }

  @Test func `broken characters are a collision`() {
    #expect(AddressSearch.Heard([], broken: 9, answering: .address) == .replies([], isClean: false))
  }

  private func run(_ search: AddressSearch, on bus: inout Bus) -> AddressSearch {
    var search = search
    while let question = search.next(), bus.questions < 10_000 { search.heard(bus.hear(question)) }
    return search
  }

  private static func hex(_ text: String) -> [UInt8] {
    text.split(separator: " ").compactMap { UInt8($0, radix: 16) }
  }
}
