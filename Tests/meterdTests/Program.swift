import Foundation
import Testing

/// Where things are.
enum Program {
  /// The repository.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// The program, beside the tests that were built with it.
  static let path: String = {
    let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let beside = own.map { URL(filePath: $0).deletingLastPathComponent().appending(path: "meterd").path }
    if let beside, FileManager.default.isExecutableFile(atPath: beside) { return beside }
    return root + "/.build/debug/meterd"
  }()
}

/// Why a test cannot go on.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Runs what blocks on a thread of its own, so that no other test waits for it.
func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
  }
}

/// A folder that is gone with this object.
final class Folder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "meterd-test-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Puts a file there.
  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
  }

  /// Starts the program there; whoever starts it ends it.
  func start(_ arguments: String..., environment: [String: String] = [:]) throws -> Child {
    try Child(arguments, in: path, environment: environment)
  }

  /// Runs the program there to its end.
  func run(_ arguments: String..., input: String = "", output: String? = nil) async throws -> Child.Seen {
    try await run(arguments, input: input, output: output)
  }

  func run(_ arguments: [String], input: String = "", output: String? = nil) async throws -> Child.Seen {
    let child = try Child(arguments, in: path, input: input, output: output)
    defer { child.end() }
    return try await child.finish()
  }
}

/// Runs the program in `folder` and expects it to fail with this status and exactly these words on standard error.
func expect(
  _ folder: Folder, _ arguments: [String], fails status: Int32, _ errors: String, input: String = "",
  at location: SourceLocation = #_sourceLocation
) async throws {
  let seen = try await folder.run(arguments, input: input)
  #expect(seen.errorText == errors + "\n", sourceLocation: location)
  #expect(seen.status == status, sourceLocation: location)
}
