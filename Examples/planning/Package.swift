// swift-tools-version:6.1
import PackageDescription

let package = Package(
    name: "planning-examples",
    platforms: [.macOS(.v15)],
    dependencies: [.package(path: "../../Packages/oobleck-planning")],
    targets: [
        .executableTarget(
            name: "plan",
            dependencies: [.product(name: "OobleckPlanning", package: "oobleck-planning")]
        ),
        .executableTarget(
            name: "simulate",
            dependencies: [.product(name: "OobleckSimulator", package: "oobleck-planning")]
        ),
    ],
    swiftLanguageModes: [.v6]
)
