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

    // The machine: C at the edge, clocks, threads.
    .target(name: "CSerial"),
    room("Host", ["CSerial", "Metering"]),

    // Verdicts and the journal that keeps them.
    room("Validation", ["Metering"]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    room("Store", ["Metering", "Host", "CSQLite"]),

    room("TOML", ["Documents", .product(name: "TOMLKit", package: "TOMLKit")]),

    tests(of: "Metering"),
    tests(of: "Documents", ["TOML"]),
    tests(of: "Host", ["Metering"]),
    tests(of: "Validation", ["Metering"]),
    tests(of: "Store", ["Metering", "Host", "CSQLite"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
