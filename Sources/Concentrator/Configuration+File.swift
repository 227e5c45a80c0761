internal import Documents

extension Configuration {
  /// Reads a configuration file.
  ///
  /// - Throws: `Complaint` with file, line and key of the first mistake.
  public static func load(_ path: String) throws(Complaint) -> Configuration {
    let document = try DataFolders.document(path, what: "configuration")
    do throws(DocumentError) {
      return try Configuration(document)
    } catch {
      throw Complaint(error)
    }
  }
}
