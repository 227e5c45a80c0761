import ArgumentParser
import Concentrator
import Metering
import Store

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Lists what changed a meter, or was kept from it.",
    discussion: """
      Every command that was sent and every one that was refused, oldest first, also beside a running daemon. A record \
      that was changed or taken out of the store, also off its end, is an error: exit code 65. The records carry \
      checksums without a key. They tell of accidents and of careless hands; who can write the file and knows the \
      sums can make new ones, so keep a copy elsewhere where that matters. Times are by the configuration's time-zone.

      EXAMPLES
        meterd audit --config /etc/meterd/meterd.toml
        meterd audit --store meterd.db --json
      """)

  @OptionGroup var option: StoreOption

  @Flag(help: "NDJSON, one object a record.")
  var json = false

  func run() throws {
    let zone = try option.zone()
    let reader = try option.reader()
    if !json { print("seq\ttime\tactor\tline\tfunction\ttarget\toutcome\tdetail") }
    try withStore { () throws(StoreError) in
      try reader.audit { stored throws(StoreError) in
        let record = stored.record
        let time = zone.rfc3339(unixMilliseconds: record.at)
        if json {
          print(
            JSON.object([
              "seq": .integer(stored.sequence), "time": .string(time), "actor": .string(record.actor),
              "line": .string(record.line), "function": .string(record.function), "target": .string(record.target),
              "outcome": .string(record.outcome), "detail": .string(record.detail),
            ]).text)
        } else {
          print(
            [
              "\(stored.sequence)", time, record.actor, record.line, record.function, record.target, record.outcome,
              record.detail,
            ].joined(separator: "\t"))
        }
      }
    }
  }
}
