// swift-tools-version: 6.2
import PackageDescription

// Every target is held to the same rules: warnings are errors, memory safety is strict,
// imports say who sees them.
let checked: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let strict = checked + [.strictMemorySafety()]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, swiftSettings: checked)
}

let package = Package(
  name: "meterd",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0")
  ],
  targets: [
    // Core rooms: no files, sockets, clocks, randomness, logger or Foundation.
    room("Metering"),
    room("Documents"),
    room("DLT645", ["Metering"]),
    room("Modbus", ["Metering"]),
    room("Devices", ["Metering", "Documents", "Modbus"]),

    // The machine: C at the edge, clocks, threads.
    .target(name: "CSerial"),
    room("Host", ["CSerial", "Metering"]),

    .systemLibrary(name: "CModbus", pkgConfig: "libmodbus", providers: [.apt(["libmodbus-dev"])]),
    room("ModbusClient", ["Modbus", "CModbus"]),

    room("TOML", ["Documents", .product(name: "TOMLKit", package: "TOMLKit")]),

    // Meters made of values, on lines paced at the baud rate.
    room("Simulator", ["Metering", "Host", "CSerial", "DLT645", "Modbus", "Devices"]),

    tests(of: "Metering"),
    tests(of: "Documents", ["TOML"]),
    tests(of: "DLT645", ["Metering"]),
    tests(of: "Host", ["Metering"]),
    tests(
      of: "Simulator", ["Metering", "Documents", "Host", "CSerial", "DLT645", "Modbus", "Devices", "TOML"]),
    tests(of: "Modbus", ["Metering"]),
    tests(of: "ModbusClient", ["Modbus", "CModbus"]),
    tests(of: "Devices", ["Metering", "Documents", "Modbus", "TOML"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
