import DLT645
import Metering

// Decodes frames one after another, so many in all.
//
//   decode COUNT HEX...      each HEX is one frame
let count = Int(CommandLine.arguments[1]) ?? 0
var offsets: [Int] = []
var bytes: [UInt8] = []
for argument in CommandLine.arguments.dropFirst(2) {
  offsets.append(bytes.count)
  bytes += try hexBytes(argument)
}

@inline(never)
func decodeAll(_ bytes: Span<UInt8>, at offsets: Span<Int>, count: Int) -> (frames: Int, sum: UInt64) {
  var frames = 0
  var sum: UInt64 = 0
  var next = 0
  for _ in 0..<count {
    do throws(FrameError) {
      let frame = try Frame.decode(bytes, at: offsets[next])
      frames &+= 1
      sum = sum &* 31 &+ UInt64(frame.dataCount) &+ UInt64(frame.control.rawValue)
    } catch {
      sum &+= 1
    }
    next &+= 1
    if next == offsets.count { next = 0 }
  }
  return (frames, sum)
}

let result = decodeAll(bytes.span, at: offsets.span, count: count)
print(result.frames, result.sum)
