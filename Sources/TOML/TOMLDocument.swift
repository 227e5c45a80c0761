public import Documents

extension Document {
  /// Reads a TOML text.
  ///
  /// - Parameters:
  ///   - toml: the text.
  ///   - file: its name, for messages.
  /// - Throws: `DocumentError` with the line of a syntax error or of a key given twice.
  public init(toml: String, file: String) throws(DocumentError) {
    do throws(SyntaxFault) {
      self.init(file: file, root: try Parser.parse(toml).finished())
    } catch {
      throw DocumentError(file: file, line: error.line, key: "", problem: .syntax("not TOML: \(error.detail)"))
    }
  }
}
