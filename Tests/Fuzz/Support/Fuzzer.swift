internal import CFuzzer
internal import Glibc

/// Set once, before the first execution; libFuzzer calls a C function, which can carry nothing.
nonisolated(unsafe) private var execute: ([UInt8]) -> Void = { _ in }

/// One execution, under the name by which libFuzzer looks for it.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  unsafe execute([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

/// Hands the process to libFuzzer, which calls `check` with one input after another until its time is over or one of
/// them ends the process.
public func fuzz(_ check: @escaping ([UInt8]) -> Void) -> Never {
  unsafe execute = check
  var count = CommandLine.argc
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
  exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, testOneInput))
}

/// Ends the process where a property does not hold; libFuzzer then keeps the input.
public func hold(
  _ condition: Bool, _ property: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
  guard !condition else { return }
  print("\(file):\(line): \(property())")
  fflush(nil)
  abort()
}
