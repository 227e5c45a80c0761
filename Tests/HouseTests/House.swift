import Foundation

/// The repository as it lies on the disk.
enum House {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The folders in `Sources`: one a room.
  static func rooms() throws -> [String] {
    let sources = root.appending(path: "Sources")
    return try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: [.isDirectoryKey])
      .filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
      .map(\.lastPathComponent).sorted()
  }

  /// Every file below `folder` whose name ends in `.kind`, by its path from the root; none where there is no such folder.
  static func files(in folder: String, kind: String) throws -> [String] {
    let base = root.appending(path: folder).path
    guard FileManager.default.fileExists(atPath: base) else { return [] }
    return try FileManager.default.subpathsOfDirectory(atPath: base).filter { $0.hasSuffix(".\(kind)") }.sorted()
      .map { "\(folder)/\($0)" }
  }

  static func text(of file: String) throws -> String {
    try String(contentsOf: root.appending(path: file), encoding: .utf8)
  }

  static func source(of file: String) throws -> SourceText { SourceText(try text(of: file)) }

  /// Each import of `room`, with the file that has it.
  static func imports(of room: String) throws -> [(file: String, module: String)] {
    try files(in: "Sources/\(room)", kind: "swift").flatMap { file in
      try source(of: file).imports.map { (file, $0) }
    }
  }
}
