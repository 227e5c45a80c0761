import ArgumentParser
import Concentrator
import Metering
import Store

/// Which store a command looks into.
struct StoreOption: ParsableArguments {
  @Option(help: "The configuration that names the store.")
  var config: String?

  @Option(help: "The store itself.")
  var store: String?

  /// The path of the store: as given, else as the configuration says.
  func path() throws -> String {
    if let store { return store }
    return try Configuration.load(config ?? "/etc/meterd/meterd.toml").store
  }

  /// The time zone of the station; China's where only a store is given, which does not tell.
  func zone() throws -> ZoneOffset {
    guard config != nil || store == nil else { return .china }
    return try Configuration.load(config ?? "/etc/meterd/meterd.toml").zone
  }

  /// Refuses a meter that neither the configuration knows nor the store; a store alone does not tell which there are.
  func check(_ meter: String?, in reader: StoreReader) throws {
    guard config != nil || store == nil, let meter, let id = MeterID(meter) else { return }
    let configuration = try Configuration.load(config ?? "/etc/meterd/meterd.toml")
    guard !configuration.lines.contains(where: { $0.meters.contains { $0.id == id } }),
      try !withStore({ () throws(StoreError) in try reader.knows(id) })
    else { return }
    throw Complaint(
      .usage, "there is no meter \"\(meter)\"",
      "Neither \(configuration.file) nor the store knows it; meterd status --meters lists the meters.")
  }

  /// Opens it for looking; works beside a running daemon.
  func reader() throws -> StoreReader { try Self.reader(at: path()) }

  /// Opens the store at `path` for looking.
  static func reader(at path: String) throws -> StoreReader {
    do throws(StoreError) {
      return try StoreReader(path: path)
    } catch {
      throw Complaint(error)
    }
  }
}

/// Runs `body` and turns what the store says into what a person is told.
func withStore<Result>(_ body: () throws(StoreError) -> Result) throws -> Result {
  do throws(StoreError) {
    return try body()
  } catch {
    throw Complaint(error)
  }
}
