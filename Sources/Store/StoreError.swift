/// Why the store did not do what it was asked.
public enum StoreError: Error, Hashable, Sendable {
  /// There is no file to read.
  case missing(path: String)
  /// The file, or the lock file beside it, could not be opened or created.
  case cannotOpen(Failure)
  /// Another process has the store open for writing; `process` is its number where it left one.
  case locked(path: String, process: Int32?)
  /// The file has `count` names, two or more, none of which is a link to another.
  case manyNames(path: String, count: Int)
  /// The file is no store of meterd: no database at all (`nil`), or one of another program.
  case foreign(path: String, applicationID: Int64?)
  /// The file was written by a newer meterd. It is not touched.
  case newerSchema(path: String, found: Int64, known: Int64)
  /// The file was written by an older meterd, and a reader may not bring it up to date.
  case olderSchema(path: String, found: Int64, known: Int64)
  /// The file or its file system refuses writing.
  case readOnly(Failure)
  /// No room on the device. The store goes on when there is room again.
  case diskFull(Failure)
  /// The file is damaged: a page, a row's checksum, or a value that no meterd writes.
  case corrupt(path: String, detail: String)
  /// SQLite did not keep a setting on which durability rests.
  case weak(path: String, setting: String, wanted: String, found: String)
  /// Anything else that SQLite refused.
  case failed(Failure)
  /// The store was closed before.
  case closed(path: String)
  /// A bill of this account, cycle and version was issued with other content. It stands.
  case billDiffers(account: String, cycle: String, version: Int64, bill: Int64)
  /// A consumer claims to have handled what the journal does not hold.
  case cursorBeyondJournal(consumer: String, sequence: Int64, last: Int64)
  /// A bill corrects one that is not there.
  case unknownBill(account: String, cycle: String, version: Int64)
  /// There is no review of this number.
  case unknownReview(Int64)
  /// A bill names a reading that is not there.
  case unknownReading(sequence: Int64)

  /// One refused operation.
  public struct Failure: Hashable, Sendable {
    public let path: String
    /// What was being done: an SQL statement, or a word such as `open`.
    public let operation: String
    /// SQLite's extended result code; `errno` for the lock file.
    public let code: Int32
    /// What SQLite or the system says of it.
    public let message: String

    public init(path: String, operation: String, code: Int32, message: String) {
      self.path = path
      self.operation = operation
      self.code = code
      self.message = message
    }
  }
}
