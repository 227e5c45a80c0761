import ArgumentParser
import Concentrator

/// Which running daemon a command speaks to.
struct DaemonOption: ParsableArguments {
  static let installed = "/etc/meterd/meterd.toml"
  /// Where the shipped unit has it.
  static let usualSocket = "/run/meterd/control.sock"

  @Option(help: "The configuration of the daemon; \(installed) when left out.")
  var config: String?

  @Option(help: ArgumentHelp("The daemon's control socket, instead of what the configuration says.", valueName: "path"))
  var socket: String?

  /// The path of its control socket.
  func path() throws -> String {
    if let socket { return socket }
    if let config { return try Configuration.load(config).controlSocket }
    do throws(Complaint) {
      return try Configuration.load(Self.installed).controlSocket
    } catch {
      // Who may look at the daemon need not be able to read its files.
      guard error.status == .notPermitted else { throw error }
      return Self.usualSocket
    }
  }

  func client() throws -> ControlClient { try ControlClient(path: path()) }
}
