// swift-tools-version: 6.2
import PackageDescription

// How fast records are read, against a decoder for any type, which the program itself does not ship.
let package = Package(
  name: "Reader",
  dependencies: [.package(name: "meterd", path: "../../..")],
  targets: [
    .executableTarget(
      name: "Reader", dependencies: [.product(name: "Rating", package: "meterd")],
      swiftSettings: [.strictMemorySafety()])
  ],
  swiftLanguageModes: [.v6]
)
