// swift-tools-version: 6.2
import PackageDescription

// Somebody else's program: it knows the product `Rating` and nothing else of the house.
let package = Package(
  name: "Outside",
  dependencies: [.package(name: "meterd", path: "../..")],
  targets: [
    .executableTarget(
      name: "Outside", dependencies: [.product(name: "Rating", package: "meterd")],
      swiftSettings: [.enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety()])
  ],
  swiftLanguageModes: [.v6]
)
