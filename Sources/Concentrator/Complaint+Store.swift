public import Store

extension Complaint {
  /// A store that cannot be used.
  public init(_ error: StoreError) {
    switch error {
    case .missing(let path):
      self.init(
        .configuration, "there is no store \(path)",
        "The daemon makes it when it first runs. Check the path, or name the configuration with --config FILE.")
    case .cannotOpen(let failure):
      self.init(
        .cannotCreate, "cannot create or open the store \(failure.store): \(failure.message)",
        "The folder must exist and this user must be allowed to write in it.")
    case .readOnly(let failure):
      self.init(
        .cannotCreate, "the store \(failure.store) cannot be written: \(failure.message)",
        "The folder or its file system is read-only. Mount it for writing, or choose another path for \"store\".")
    case .locked(let path, let process):
      self.init(
        .tryLater, "the store \(path) is in use\(process.map { " by process \($0)" } ?? "")",
        "One daemon writes a store. Stop the other one, or give this one a store of its own.")
    case .manyNames(let path, let count):
      self.init(
        .configuration, "the store \(path) has \(count) names (hard links)",
        "Each name would have a log of its own, and readings would be lost between them. find FOLDER -samefile \(path) tells the names: take away all but that of the -wal file."
      )
    case .foreign(let path, _):
      self.init(
        .badData, "\(path) is no store of meterd",
        "It is another kind of file. It was not touched; choose another path for \"store\".")
    case .newerSchema(let path, let found, let known):
      self.init(
        .badData, "the store \(path) was written by a newer meterd (schema \(found); this one knows \(known))",
        "It was not touched. Install the newer meterd again, or use another store.")
    case .olderSchema(let path, let found, let known):
      self.init(
        .badData, "the store \(path) was written by an older meterd (schema \(found), now \(known))",
        "Start the daemon once: it brings the store up to date.")
    case .corrupt(let path, let detail):
      self.init(
        .badData, "the store \(path) is damaged: \(detail)",
        "Copy it with its -wal and -shm files to a safe place before anything else; then start with a new one.")
    case .diskFull(let failure):
      self.init(
        .inputOutput, "no room left for the store \(failure.store)",
        "Nothing stored is lost. Make room on that file system; meterd goes on by itself.")
    case .weak(let path, let setting, let wanted, let found):
      self.init(
        .inputOutput, "the store \(path) does not keep \(setting) = \(wanted) (it says \(found))",
        "Readings could be lost in a power cut, so meterd does not run on it. Use a local file system.")
    case .failed(let failure):
      self.init(.inputOutput, "the store \(failure.path) failed: \(failure.message) (\(failure.operation))")
    case .closed(let path): self.init(.software, "the store \(path) is closed")
    case .billDiffers(let account, let cycle, let version, let bill):
      self.init(
        .badData, "bill \(bill) of \(account) for \(cycle), version \(version), was issued with other content",
        "It stands. Correct it by a reversal and a new bill.")
    case .cursorBeyondJournal(let consumer, let sequence, let last):
      self.init(.software, "\(consumer) claims reading \(sequence), the journal ends at \(last)")
    case .unknownBill(let account, let cycle, let version):
      self.init(.software, "there is no bill of \(account) for \(cycle), version \(version)")
    case .unknownReview(let id):
      self.init(.badData, "there is no review \(id)", "meterd review list shows the numbers.")
    case .unknownReading(let sequence):
      self.init(.badData, "there is no reading \(sequence)", "meterd readings shows the numbers.")
    }
  }
}

extension StoreError.Failure {
  /// The store as it was named: its lock is a file that nobody knows of.
  fileprivate var store: String {
    operation == "lock" && path.hasSuffix(".lock") ? String(path.dropLast(".lock".count)) : path
  }
}

extension Complaint {
  /// A row of a store that was met and holds what no meterd wrote; `row` says which, and what is wrong.
  init(damaged row: String, in store: String) {
    self.init(
      .badData, "the store \(store): \(row)",
      "Nobody uses that value, and all else goes on. Disk or memory of this host have most likely changed it.",
      "Copy the store with its -wal and -shm files to a safe place and have the disk looked at.",
      "What the meter tells of that instant again takes its place; else a person can: meterd review enter")
  }
}
