import FoundationEssentials
import Glibc
import Rating

// Records a second of the processor by `UsageRecord(json:)` and by JSONDecoder, the best of five each.

let records = (0..<20_000).map { meter in
  Array(
    #"{"id":"B-\#(meter)","account":"A-\#(meter)","from":"2026-10-01","to":"2026-11-01","energy":{"total":"650.25","peak":"200.10","valley":"150.05"}}"#
      .utf8)
}

func seconds() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func rate(_ count: Int, _ read: ([UInt8]) throws -> UsageRecord) rethrows -> Int {
  var best = Double.infinity
  for _ in 0..<5 {
    let began = seconds()
    for record in records.prefix(count) { _ = try read(record) }
    best = min(best, seconds() - began)
  }
  return Int(Double(count) / max(best, 1e-9))
}

let decoder = JSONDecoder()
let same = try records.prefix(1000).allSatisfy {
  try UsageRecord(json: $0[...]) == decoder.decode(UsageRecord.self, from: Data($0))
}
print(
  try rate(20_000) { try UsageRecord(json: $0[...]) },
  try rate(4000) { try decoder.decode(UsageRecord.self, from: Data($0)) }, same ? 1 : 0)
