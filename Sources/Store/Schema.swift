/// One step of the schema, from the number before it to its own.
struct Migration {
  let number: Int64
  let script: String
}

enum Schema {
  /// Says that a file is a store of meterd: "mtrd".
  static let applicationID: Int64 = 0x6D74_7264

  /// All steps in order. A new schema is one more entry; entries that were shipped never change.
  static let migrations = [
    Migration(number: 1, script: version1), Migration(number: 2, script: version2),
    Migration(number: 3, script: version3), Migration(number: 4, script: version4),
    Migration(number: 5, script: version5), Migration(number: 6, script: version6),
    Migration(number: 7, script: version7),
  ]

  /// The number this program reads and writes.
  static var current: Int64 { migrations.last?.number ?? 0 }

  /// Whole numbers only. What repeats in every row (meters, quantities, kinds) is a number of table `term`; the
  /// view `readings` shows the words. Rows refer to terms without a foreign key: terms are never changed, and
  /// six look-ups a row would cost more than the row.
  private static let version1 = """
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('device', lower(hex(randomblob(16))));
    INSERT INTO meta VALUES ('created', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));

    CREATE TABLE term(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

    -- One exchange with a meter. Frames are joined; each is led by its length in four bytes, most significant first.
    CREATE TABLE evidence(
      id INTEGER PRIMARY KEY, line TEXT NOT NULL, meter TEXT NOT NULL, at_ms INTEGER NOT NULL,
      request BLOB NOT NULL, reply BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;

    -- The journal. Version 0 is the value as read, later ones as read again or decided. meter_time and occurred are digits, yyyymmddhhmmss by the
    -- meter's clock, 99 for seconds that were not told. clock: seconds of holdover, -1 synchronised, -2 not.
    CREATE TABLE reading(
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      meter INTEGER NOT NULL, quantity INTEGER NOT NULL, kind INTEGER NOT NULL, instant INTEGER NOT NULL,
      version INTEGER NOT NULL, value INTEGER NOT NULL, resolution INTEGER NOT NULL, quality INTEGER NOT NULL,
      occurred INTEGER, meter_time INTEGER, host_ms INTEGER NOT NULL, clock INTEGER NOT NULL,
      boot_ns INTEGER NOT NULL, boot INTEGER NOT NULL, status INTEGER NOT NULL, findings TEXT, details TEXT,
      rule_version INTEGER NOT NULL, evidence INTEGER REFERENCES evidence(id), crc INTEGER NOT NULL,
      UNIQUE(meter, quantity, kind, instant, version)) STRICT;

    CREATE VIEW readings AS SELECT seq, m.text AS meter, q.text AS quantity, k.text AS kind,
      datetime(instant / 1000, 'unixepoch') AS instant_utc, version, value AS millionths, resolution,
      u.text AS quality, occurred, meter_time, datetime(host_ms / 1000, 'unixepoch') AS host_utc, clock,
      s.text AS status, findings, details, rule_version, evidence
      FROM reading JOIN term m ON m.id = meter JOIN term q ON q.id = quantity JOIN term k ON k.id = kind
      JOIN term u ON u.id = quality JOIN term s ON s.id = status;

    CREATE TABLE finding(
      id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, meter TEXT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
      reading INTEGER REFERENCES reading(seq), evidence INTEGER REFERENCES evidence(id)) STRICT;
    CREATE INDEX finding_of_reading ON finding(reading) WHERE reading IS NOT NULL;

    -- A value that should be there and is not; filled_ms when it came after all.
    CREATE TABLE gap(
      meter TEXT NOT NULL, subject TEXT NOT NULL, instant INTEGER NOT NULL, reason TEXT NOT NULL,
      filled_ms INTEGER, PRIMARY KEY(meter, subject, instant)) STRICT, WITHOUT ROWID;

    CREATE TABLE cursor(consumer TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE bill(
      id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, cycle TEXT NOT NULL, version INTEGER NOT NULL,
      kind TEXT NOT NULL, digest TEXT NOT NULL, total_fen INTEGER NOT NULL, issued_ms INTEGER NOT NULL,
      document BLOB NOT NULL, crc INTEGER NOT NULL, UNIQUE(account, cycle, version)) STRICT;
    CREATE TABLE bill_line(
      bill INTEGER NOT NULL REFERENCES bill(id), ordinal INTEGER NOT NULL, text TEXT NOT NULL, rule TEXT,
      amount_fen INTEGER NOT NULL, PRIMARY KEY(bill, ordinal)) STRICT, WITHOUT ROWID;
    CREATE TABLE bill_reading(
      bill INTEGER NOT NULL REFERENCES bill(id), reading INTEGER NOT NULL REFERENCES reading(seq),
      PRIMARY KEY(bill, reading)) STRICT, WITHOUT ROWID;

    CREATE TABLE hold(
      account TEXT NOT NULL, cycle TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL,
      PRIMARY KEY(account, cycle)) STRICT, WITHOUT ROWID;

    \(["term", "evidence", "reading", "bill", "bill_line", "bill_reading"].map(fixed).joined(separator: "\n"))
    \(["term", "reading", "bill", "bill_line", "bill_reading"].map(stays).joined(separator: "\n"))
    """

  /// What changed a meter or was kept from it; `crc` covers the row and the one before it.
  private static let version2 = """
    CREATE TABLE audit(
      seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, line TEXT NOT NULL,
      function TEXT NOT NULL, target TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL,
      crc INTEGER NOT NULL) STRICT;
    \(fixed("audit"))
    \(stays("audit"))
    """

  /// Corrections of bills, what each bill adds to an account, and what people decided before one was issued.
  private static let version3 = """
    CREATE TABLE bill_correction(
      bill INTEGER PRIMARY KEY REFERENCES bill(id), corrects INTEGER NOT NULL REFERENCES bill(id),
      actor TEXT NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;

    -- One posting a bill; what an account owes for a cycle is their sum.
    CREATE TABLE ledger(
      seq INTEGER PRIMARY KEY, bill INTEGER NOT NULL UNIQUE REFERENCES bill(id), account TEXT NOT NULL,
      cycle TEXT NOT NULL, fen INTEGER NOT NULL) STRICT;
    INSERT INTO ledger SELECT id, id, account, cycle, total_fen FROM bill ORDER BY id;

    -- A bill that waits for a person, by the digest of what it is made of: made of anything else it is looked at anew.
    CREATE TABLE review(
      id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, cycle TEXT NOT NULL, digest TEXT NOT NULL,
      total_fen INTEGER NOT NULL, findings TEXT NOT NULL, opened_ms INTEGER NOT NULL,
      UNIQUE(account, cycle, digest)) STRICT;
    CREATE TABLE review_decision(
      id INTEGER PRIMARY KEY, review INTEGER NOT NULL REFERENCES review(id), decision TEXT NOT NULL,
      actor TEXT NOT NULL, at_ms INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
    \(["bill_correction", "ledger", "review", "review_decision"].map(fixed).joined(separator: "\n"))
    \(["bill_correction", "ledger", "review", "review_decision"].map(stays).joined(separator: "\n"))
    """

  /// Runs of rounds that nobody began are one gap: `until` is the slot of the last one, `rounds` how many there are. What
  /// was read for a round later than its label allows bears the time of the read, so the round is noted by itself.
  private static let version4 = """
    ALTER TABLE gap ADD COLUMN until INTEGER;
    ALTER TABLE gap ADD COLUMN rounds INTEGER NOT NULL DEFAULT 1;
    CREATE TABLE late_read(
      meter TEXT NOT NULL, task TEXT NOT NULL, subject TEXT NOT NULL, slot INTEGER NOT NULL,
      PRIMARY KEY(meter, task, subject)) STRICT, WITHOUT ROWID;
    """

  /// What decided the prices of bills, where each meter was billed, and results of trials that people accepted.
  private static let version5 = """
    -- One row a part of a bill; bills of older stores have none.
    CREATE TABLE bill_pricing(
      bill INTEGER NOT NULL REFERENCES bill(id), ordinal INTEGER NOT NULL, digest TEXT NOT NULL, crc INTEGER NOT NULL,
      PRIMARY KEY(bill, ordinal)) STRICT, WITHOUT ROWID;

    -- Finds bills by meter and local time; what counts is the document.
    CREATE TABLE bill_segment(
      meter TEXT NOT NULL, starts TEXT NOT NULL, ends TEXT NOT NULL, bill INTEGER NOT NULL REFERENCES bill(id),
      PRIMARY KEY(meter, starts, ends, bill)) STRICT, WITHOUT ROWID;
    INSERT OR IGNORE INTO bill_segment
      SELECT json_extract(s.value, '$.meter'), json_extract(s.value, '$.from'), json_extract(s.value, '$.to'), b.id
      FROM (SELECT id, CASE WHEN json_valid(CAST(document AS TEXT)) THEN CAST(document AS TEXT) ELSE '{}' END AS text
        FROM bill) b, json_tree(b.text) t,
        json_each(CASE WHEN t.key = 'segments' AND t.type = 'array' THEN t.value ELSE '[]' END) s
      WHERE s.type = 'object' AND json_type(s.value, '$.meter') = 'text' AND json_type(s.value, '$.from') = 'text'
        AND json_type(s.value, '$.to') = 'text';

    CREATE TABLE trial_result(
      id INTEGER PRIMARY KEY, bill INTEGER NOT NULL REFERENCES bill(id), account TEXT NOT NULL, result TEXT NOT NULL,
      actor TEXT NOT NULL, at_ms INTEGER NOT NULL, reason TEXT NOT NULL, UNIQUE(bill, result)) STRICT;
    \(["bill_pricing", "bill_segment", "trial_result"].map(fixed).joined(separator: "\n"))
    \(["bill_pricing", "bill_segment", "trial_result"].map(stays).joined(separator: "\n"))
    """

  /// What meters have noted of themselves. `begins` and `ends` are digits, yyyymmddhhmmss by the meter's clock, `same` tells
  /// events of one kind apart that began in the same second; an event that was going on has its end in a row of its own.
  private static let version6 = """
    CREATE TABLE event(
      seq INTEGER PRIMARY KEY, meter TEXT NOT NULL, kind TEXT NOT NULL, begins INTEGER, same INTEGER NOT NULL,
      ends INTEGER, ordinal INTEGER NOT NULL, identifier INTEGER NOT NULL, data BLOB NOT NULL, heard_ms INTEGER NOT NULL,
      state TEXT NOT NULL, doubt TEXT, evidence INTEGER NOT NULL REFERENCES evidence(id), crc INTEGER NOT NULL,
      UNIQUE(meter, kind, begins, same)) STRICT;
    CREATE TABLE event_end(
      event INTEGER PRIMARY KEY REFERENCES event(seq), ends INTEGER NOT NULL, data BLOB NOT NULL, heard_ms INTEGER NOT NULL,
      evidence INTEGER NOT NULL REFERENCES evidence(id), crc INTEGER NOT NULL) STRICT;

    -- What is known of each kind and each status word: written with the events that it speaks of.
    CREATE TABLE event_count(
      meter TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, open INTEGER NOT NULL, doubted INTEGER NOT NULL,
      at_ms INTEGER NOT NULL, PRIMARY KEY(meter, name)) STRICT, WITHOUT ROWID;
    \(["event", "event_end"].map(fixed).joined(separator: "\n"))
    \(["event", "event_end"].map(stays).joined(separator: "\n"))
    """

  /// A first look at a meter's events goes on over restarts: `history` is up to which event all was there as it began. An
  /// event that was held, read again in the same bytes and found possible, has its new state in a row of its own.
  private static let version7 = """
    ALTER TABLE event_count ADD COLUMN history INTEGER;
    CREATE TABLE event_release(
      event INTEGER PRIMARY KEY REFERENCES event(seq), state TEXT NOT NULL, heard_ms INTEGER NOT NULL,
      evidence INTEGER NOT NULL REFERENCES evidence(id), crc INTEGER NOT NULL) STRICT;
    \(fixed("event_release"))
    \(stays("event_release"))
    """

  private static func fixed(_ table: String) -> String {
    "CREATE TRIGGER \(table)_as_written BEFORE UPDATE ON \(table) "
      + "BEGIN SELECT RAISE(ABORT, '\(table): rows are never changed'); END;"
  }

  private static func stays(_ table: String) -> String {
    "CREATE TRIGGER \(table)_stays BEFORE DELETE ON \(table) "
      + "BEGIN SELECT RAISE(ABORT, '\(table): rows are never deleted'); END;"
  }
}

extension Schema {
  /// Refuses a file of another program or a newer meterd, before anything is changed in it.
  /// - Returns: the number of its schema, 0 for an empty file.
  static func identify(_ connection: Connection, known: Int64 = current) throws(StoreError) -> Int64 {
    let found = try connection.prepare("PRAGMA user_version").number() ?? 0
    let application = try connection.prepare("PRAGMA application_id").number() ?? 0
    let objects = try connection.prepare("SELECT count(*) FROM sqlite_schema").number() ?? 0
    let isEmpty = application == 0 && found == 0 && objects == 0
    guard isEmpty || application == applicationID else {
      throw .foreign(path: connection.path, applicationID: application)
    }
    guard (0...known).contains(found) else { throw .newerSchema(path: connection.path, found: found, known: known) }
    return found
  }

  /// Brings the schema from `found` to the last of `migrations`, each step in a transaction of its own.
  static func migrate(
    _ connection: Connection, from found: Int64, by migrations: [Migration] = migrations
  ) throws(StoreError) {
    for migration in migrations where migration.number > found {
      try connection.execute("BEGIN IMMEDIATE")
      do throws(StoreError) {
        try connection.execute(migration.script)
        try connection.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(migration.number)")
        try connection.execute("COMMIT")
      } catch {
        if connection.isInTransaction { try? connection.execute("ROLLBACK") }
        throw error
      }
    }
  }
}
