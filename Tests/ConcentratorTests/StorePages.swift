import Testing

@testable import Store

/// Where the first page of a table or index begins in a store's file, in bytes.
func offset(ofPage name: String, in path: String) throws -> Int {
  let connection = try Connection.reading(path)
  let root = try connection.prepare("SELECT rootpage FROM sqlite_schema WHERE name = '\(name)'").number()
  let size = try connection.prepare("PRAGMA page_size").number()
  return Int((try #require(root) - 1) * (try #require(size)))
}
