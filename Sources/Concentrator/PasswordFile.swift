internal import Glibc

/// A password out of a file that nobody else reads.
public enum PasswordFile {
  /// Reads one line, level and six digits. Throws where others may read the file, or where it holds anything else.
  public static func read(_ path: String) throws(Complaint) -> CommandSecret {
    var status = stat()
    if unsafe stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
      throw Complaint(
        .notPermitted, "others can read the password file \(path)", "Keep it to yourself: chmod 600 \(path)")
    }
    let text = try TextFile.read(path, limit: 256, what: "password file")
    guard let secret = CommandSecret(text) else {
      throw Complaint(
        .configuration, "\(path) holds no password", "Write one line: the level 0 to 9 and six digits, 2 123456.")
    }
    return secret
  }
}
