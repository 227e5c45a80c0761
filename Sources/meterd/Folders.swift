import Concentrator
import Glibc

/// A new folder under /tmp for this process alone.
func temporaryFolder(_ name: String) throws -> String {
  var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
  guard unsafe mkdtemp(&template) != nil else {
    throw Complaint(.cannotCreate, "cannot make a folder under /tmp: \(systemError(errno))")
  }
  return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Makes a folder where there is none yet; the one that it lies in must be there.
func makeFolder(_ path: String) throws {
  guard unsafe mkdir(path, 0o755) != 0, errno != EEXIST else { return }
  throw Complaint(
    .cannotCreate, "cannot make the folder \(path): \(systemError(errno))",
    "The folder around it must be there, and this user must be allowed to write in it.")
}

/// Writes a small file whole.
func writeFile(_ text: String, to path: String) throws {
  guard let file = unsafe fopen(path, "w") else {
    throw Complaint(.cannotCreate, "cannot write \(path): \(systemError(errno))", "The folder must be there.")
  }
  unsafe fputs(text, file)
  guard unsafe fclose(file) == 0 else { throw Complaint(.cannotCreate, "cannot write \(path): \(systemError(errno))") }
}

/// Removes a folder that this process has made, with what lies in it; two levels deep.
func removeFolder(_ path: String, depth: Int = 2) {
  for name in TextFile.names(in: path, ending: "") {
    let inner = "\(path)/\(name)"
    if depth > 0, TextFile.isFolder(inner) { removeFolder(inner, depth: depth - 1) }
    unsafe unlink(inner)
  }
  unsafe rmdir(path)
}
