import Foundation
import Testing

@testable import meterd

/// Commands without a configuration, of a program that came without its profiles.
@Suite(.serialized) struct DevicesOptionTests {
  /// Runs a copy of the program that lies where no profiles are.
  private func run(_ folder: Folder, _ arguments: [String]) async throws -> Child.Seen {
    let program = folder.path + "/bin/meterd"
    if !FileManager.default.fileExists(atPath: program) {
      try FileManager.default.createDirectory(atPath: folder.path + "/bin", withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: Program.path, toPath: program)
    }
    let child = try Child(arguments, in: folder.path, environment: ["METERD_DATA": "/nowhere"], program: program)
    defer { child.end() }
    return try await child.finish()
  }

  @Test func `a folder that is not there is told with the option that names it`() async throws {
    let folder = try Folder()
    for arguments in [
      ["scan", "/dev/ttyNONE"], ["probe", "/dev/ttyNONE", "--address", "1", "--profile", "eastron-sdm630"],
    ] {
      let seen = try await run(folder, arguments)
      #expect(seen.status == 78)
      #expect(seen.errorText.hasPrefix("meterd: the folder of devices is not found\n  Looked in /nowhere/devices, "))
      #expect(seen.errorText.hasSuffix("or name it with --devices FOLDER.\n"), "\(seen.errorText)")
    }
    // With the folder the port is what is missing.
    for command in ["scan", "probe"] {
      let seen = try await run(folder, [command, "/dev/ttyNONE", "--devices", Program.root + "/devices"])
      #expect(seen.status == 74, "\(seen.errorText)")
    }
  }

  @Test(arguments: [
    ("dlt645-2007-single-phase", "202311110001", "2400 8E1", "energy.import.active.total"),
    ("dlt645-1997-single-phase", "202311110002", "1200 8E1", "energy.import.active.total"),
    ("eastron-sdm630", "7", "9600 8N1", "input 0+10"),
  ])
  func `a probe needs no profile and no folder`(profile: String, address: String, serial: String, told: String)
    async throws
  {
    let port = try await SimulatedPort([SimulatedPort.Meter(profile: profile, address: address)], serial: serial)
    let seen = try await run(
      port.folder, ["probe", port.path, "--address", address, "--serial", serial])
    await port.stop()
    #expect(seen.status == 0, "\(seen.errorText)")
    #expect(seen.outputText.contains("\(told)  "), "\(seen.outputText)")
    #expect(seen.errorText.contains("no device profiles are found"))
  }

  @Test func `bare registers need no profile and no folder`() async throws {
    let port = try await SimulatedPort(
      [SimulatedPort.Meter(profile: "eastron-sdm630", address: "7")], serial: "9600 8N1")
    let seen = try await run(
      port.folder, ["probe", port.path, "--address", "7", "--serial", "9600 8N1", "--registers", "input:0+2"])
    await port.stop()
    #expect(seen.status == 0, "\(seen.errorText)")
    #expect(seen.outputText.contains("input 0+2  "))
  }

  @Test func `a folder that holds no profile is told`() async throws {
    let folder = try Folder()
    try await expect(
      folder, ["scan", "/dev/ttyNONE", "--devices", "/nowhere"], fails: 78,
      """
      meterd: there is no folder /nowhere
        --devices names it as the folder of device profiles; the path counts from the folder you are in.
      """)
    try await expect(
      folder, ["probe", "/dev/ttyNONE", "--devices", "."], fails: 78,
      """
      meterd: no device profile is in .
        --devices takes the folder with files such as eastron-sdm630.toml in it.
      """)
  }
}
