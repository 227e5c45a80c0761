/// The input as a file's text; `nil` where it is no UTF-8, which is refused before anything is parsed.
public func text(_ input: [UInt8]) -> String? { String(validating: input, as: UTF8.self) }

/// Holds that `line` is one of `text`, or 0 for the whole of it.
public func holdLine(_ line: Int, of text: String, _ what: @autoclosure () -> String) {
  let lines = 1 + text.utf8.count { $0 == UInt8(ascii: "\n") }
  hold((0...lines).contains(line), "line \(line) of \(lines): \(what())")
}
