import ArgumentParser
import Concentrator

/// Where the profiles are, for commands that read no configuration.
struct DevicesOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The folder of device profiles; the one that came with meterd when left out.", valueName: "folder"))
  var devices: String?

  func folders() throws -> DataFolders { try DataFolders(devices: devices, byOption: "--devices") }
}
