import BillKeeping
import Foundation
import Metering
import Rating
import Testing

/// The examples of both record formats that others may build on: these bytes in, those bytes out.
@Suite struct GoldenTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  static var names: [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".usage.ndjson") }.map { String($0.dropLast(".usage.ndjson".count)) }.sorted()
  }

  private func lines(_ file: String) throws -> [[UInt8]] {
    let bytes = [UInt8](try Data(contentsOf: Self.folder.appending(path: file)))
    #expect(bytes.last == UInt8(ascii: "\n"))
    return bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
  }

  @Test func `there are golden records`() {
    #expect(Self.names.count >= 4)
  }

  /// A bill names the engine that made it, so a new version of that says other bytes. Nothing else may: see `KeptBills`.
  private func record(_ name: String, _ plan: Plan) throws {
    let bills = try lines("\(name).usage.ndjson").map { usage in
      try rate(UsageRecord(json: usage[...]).usage(under: plan), under: plan).canonicalText + "\n"
    }
    try Data(bills.joined().utf8).write(to: Self.folder.appending(path: "\(name).bills.ndjson"))
  }

  @Test(arguments: names)
  func `a golden usage becomes its golden bill, byte for byte`(_ name: String) throws {
    let plan = try Tariffs.plan(name)
    if KeptBook.isRecording { try record(name, plan) }
    let (usages, bills) = (try lines("\(name).usage.ndjson"), try lines("\(name).bills.ndjson"))
    #expect(usages.count == bills.count)
    var writer = BillWriter(plan)
    for (usage, golden) in zip(usages, bills) {
      let record = try UsageRecord(json: usage[...])
      let bill = try rate(record.usage(under: plan), under: plan)
      #expect(bill.canonicalText == String(decoding: golden, as: UTF8.self))
      var bytes = Array("x".utf8)
      writer.write(bill, to: &bytes)
      #expect(bytes == Array("x".utf8) + golden)
      #expect(try JSONDecoder().decode(UsageRecord.self, from: Data(usage)) == record)
    }
  }
}
