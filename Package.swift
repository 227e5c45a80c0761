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

/// Small rather than fast in what is shipped: concentrators have little flash.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

func room(_ name: String, _ dependencies: [Target.Dependency] = [], _ settings: [SwiftSetting] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict + settings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, exclude: exclude, swiftSettings: checked)
}

let package = Package(
  name: "meterd",
  platforms: [.macOS(.v26)],
  products: [
    // With what a tariff file and a usage are made of, so that it is all that one needs to make a bill.
    .library(name: "Rating", targets: ["Rating", "Metering", "Documents", "TOML"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // Core rooms: no files, sockets, clocks, randomness, logger or Foundation.
    room("Metering"),
    room("Documents"),
    room("DLT645", ["Metering"]),
    room("Modbus", ["Metering"]),
    room("Devices", ["Metering", "Documents", "DLT645", "Modbus"], small),
    room("Validation", ["Metering"]),
    room("Rating", ["Metering", "Documents"]),
    room("Billing", ["Rating", "Metering"], small),

    // The machine: C at the edge, clocks, threads.
    .target(name: "CSerial"),
    .systemLibrary(name: "CModbus", pkgConfig: "libmodbus", providers: [.apt(["libmodbus-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    room("Host", ["CSerial", "Metering"]),
    room("Line", ["CSerial", "Host", "Metering"]),
    room("ModbusClient", ["Modbus", "CModbus"]),
    room("Store", ["Metering", "Host", "CSQLite"]),
    room("TOML", ["Documents"]),

    // What runs.
    room("Acquisition", ["Metering", "Devices", "DLT645", "Modbus", "ModbusClient", "Line", "Host"]),
    room(
      "Concentrator",
      [
        "Acquisition", "Billing", "DLT645", "Devices", "Documents", "Host", "Line", "Metering", "Rating", "Store",
        "TOML",
        "Validation", .product(name: "Logging", package: "swift-log"),
        // It puts together what the rooms below do; the work is theirs.
      ], small),
    // Meters made of values, on lines paced at the baud rate.
    room("Simulator", ["Metering", "Host", "CSerial", "DLT645", "Modbus", "Devices", "Line"], small),
    .executableTarget(
      name: "meterd",
      dependencies: [
        "Acquisition", "Billing", "CSQLite", "Concentrator", "DLT645", "Devices", "Documents", "Host", "Line",
        "Metering",
        "Modbus",
        "Rating", "Simulator", "Store", "TOML", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        // What people start by hand.
      ], swiftSettings: strict + small),
    // What lines do to meters' words, many thousand times over: `make faults`. Not shipped.
    .executableTarget(
      name: "meterd-faults",
      dependencies: [
        "Acquisition", "CSerial", "Concentrator", "DLT645", "Devices", "Documents", "Host", "Line", "Metering",
        "Modbus", "Simulator", "TOML", "Validation",
      ], swiftSettings: strict),

    // A concentrator's days in simulated time, seed after seed: `make days`. Not shipped.
    .executableTarget(
      name: "meterd-days",
      dependencies: ["Acquisition", "DLT645", "Devices", "Documents", "Line", "Metering", "Simulator", "TOML"],
      swiftSettings: strict),

    tests(of: "Metering"),
    tests(of: "Documents", ["TOML"]),
    tests(of: "DLT645", ["Metering"]),
    tests(of: "Modbus", ["Metering"]),
    tests(of: "Devices", ["Metering", "Documents", "Modbus", "TOML"]),
    tests(of: "Validation", ["Metering"]),
    // Bills that may change with the version of the engine only; of the tests of two rooms.
    .target(name: "BillKeeping", dependencies: ["Rating"], path: "Tests/BillKeeping", swiftSettings: strict),
    tests(of: "Rating", ["BillKeeping", "Metering", "Documents", "TOML"], exclude: ["Golden"]),
    tests(of: "Billing", ["BillKeeping", "Rating", "Metering", "Documents", "TOML"], exclude: ["Golden"]),
    tests(of: "Host", ["Metering"]),
    tests(of: "Line", ["CSerial", "Host", "Metering"]),
    tests(of: "ModbusClient", ["Modbus", "CModbus"]),
    tests(of: "Store", ["Metering", "Host", "CSQLite"]),
    tests(
      of: "Acquisition",
      ["CSerial", "Metering", "DLT645", "Modbus", "Devices", "Documents", "Host", "Line", "Simulator", "TOML"]),
    tests(
      of: "Concentrator",
      [
        "Acquisition", "Billing", "DLT645", "Devices", "Documents", "Host", "Line", "Metering", "Modbus", "Rating",
        "Simulator",
        "Store", "TOML",
      ]),
    tests(
      of: "Simulator", ["Metering", "Documents", "Host", "CSerial", "DLT645", "Modbus", "Devices", "TOML"]),
    // Runs the built program as a person or a service manager does.
    tests(
      of: "meterd",
      ["Acquisition", "CSerial", "Concentrator", "DLT645", "Host", "Line", "Metering", "Modbus", "Simulator", "Store"]),
    tests(
      of: "meterd-days",
      ["Acquisition", "DLT645", "Devices", "Documents", "Line", "Metering", "Modbus", "Simulator", "TOML"]),
    // Reads the sources themselves, so it depends on nothing.
    .testTarget(name: "HouseTests", swiftSettings: checked),
  ],
  swiftLanguageModes: [.v6]
)

// What libFuzzer drives. `.ci/fuzz` builds them with a sanitizer and a main function of its own, so that no other
// build may see them.
if Context.environment["METERD_FUZZ"] != nil {
  func fuzz(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
      name: "Fuzz" + name, dependencies: ["FuzzSupport"] + dependencies, path: "Tests/Fuzz/" + name,
      sources: ["Fuzz.swift"], swiftSettings: checked + [.unsafeFlags(["-parse-as-library"])])
  }
  package.targets += [
    .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .target(name: "FuzzSupport", dependencies: ["CFuzzer"], path: "Tests/Fuzz/Support", swiftSettings: strict),
    fuzz("DLT645Frames", ["DLT645", "Metering"]),
    fuzz("DLT645Items", ["DLT645", "Metering"]),
    fuzz("DLT645Exchange", ["DLT645", "Metering"]),
    fuzz("ModbusFrames", ["Modbus", "Metering"]),
    fuzz("ModbusReplies", ["Modbus", "Metering"]),
    fuzz("ModbusRegisters", ["Modbus", "Metering"]),
    fuzz("DeviceProfile", ["Acquisition", "DLT645", "Devices", "Documents", "Metering", "Modbus", "TOML"]),
    fuzz("Configuration", ["Concentrator", "Documents", "TOML"]),
    fuzz("ControlRequests", ["Concentrator"]),
    fuzz("Tariff", ["Documents", "Metering", "Rating", "TOML"]),
    fuzz("UsageRecord", ["Documents", "Metering", "Rating", "TOML"]),
  ]
}

// What `.ci/rating-oracle` builds for release: the product and its tests alone; all tests take ten minutes.
if Context.environment["METERD_RATING_ONLY"] != nil {
  package.targets.removeAll {
    !["Metering", "Documents", "TOML", "Rating", "BillKeeping", "RatingTests"].contains($0.name)
  }
}
