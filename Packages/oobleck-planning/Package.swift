// swift-tools-version:6.1
import PackageDescription

// The planner and the simulator of Oobleck, without any dependency. A client imports
// `OobleckPlanning` or `OobleckSimulator`; the other products are for the runtime, which is the
// package around this one.

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
/// Logarithms and powers are those of the C library; Foundation would link it, and a client may do
/// without.
let mathematics = LinkerSetting.linkedLibrary("m", .when(platforms: [.linux, .android]))

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        swiftSettings: swiftSettings,
        linkerSettings: [mathematics]
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: swiftSettings)
}

// From the bottom up.
let modules = [
    module("OobleckWords"),
    module("OobleckValues", ["OobleckWords"]),
    module("OobleckFiles", ["OobleckValues", "OobleckWords"]),
    module("OobleckSchedule", ["OobleckValues"]),
    module("OobleckTemplates", ["OobleckSchedule", "OobleckValues", "OobleckWords"]),
    module("OobleckReconfiguration", ["OobleckTemplates", "OobleckValues", "OobleckWords"]),
    module(
        "OobleckPlanning",
        [
            "OobleckFiles", "OobleckReconfiguration", "OobleckSchedule", "OobleckTemplates",
            "OobleckValues", "OobleckWords",
        ]
    ),
    module(
        "OobleckSimulator",
        [
            "OobleckFiles", "OobleckPlanning", "OobleckReconfiguration", "OobleckSchedule",
            "OobleckTemplates", "OobleckValues", "OobleckWords",
        ]
    ),
    module("OobleckPaperSimulator", ["OobleckSimulator", "OobleckValues", "OobleckWords"]),
]
let testSupport = module("OobleckSeeds")
testSupport.path = "Tests/Support/OobleckSeeds"

let package = Package(
    name: "oobleck-planning",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: (modules + [testSupport]).map { module in
        // One import of `OobleckPlanning` brings the modules that it is made of.
        .library(name: module.name, targets: [module.name])
    },
    targets: modules + [testSupport] + [
        tests("OobleckWords", ["OobleckWords"]),
        tests("OobleckValues", ["OobleckValues", "OobleckWords"]),
        tests("OobleckFiles", ["OobleckFiles", "OobleckSeeds", "OobleckValues"]),
        tests("OobleckSchedule", ["OobleckSchedule", "OobleckSeeds", "OobleckValues"]),
        tests(
            "OobleckTemplates",
            ["OobleckSchedule", "OobleckSeeds", "OobleckTemplates", "OobleckValues"]
        ),
        tests(
            "OobleckReconfiguration",
            ["OobleckReconfiguration", "OobleckSeeds", "OobleckTemplates", "OobleckValues"]
        ),
        tests(
            "OobleckPlanning",
            [
                "OobleckPlanning", "OobleckReconfiguration", "OobleckSeeds", "OobleckTemplates",
                "OobleckValues", "OobleckWords",
            ]
        ),
        tests(
            "OobleckSimulator",
            [
                "OobleckPaperSimulator", "OobleckPlanning", "OobleckReconfiguration",
                "OobleckSeeds", "OobleckSimulator", "OobleckTemplates", "OobleckValues",
            ]
        ),
        tests(
            "OobleckPaperSimulator",
            ["OobleckPaperSimulator", "OobleckSeeds", "OobleckSimulator", "OobleckValues"]
        ),
    ],
    swiftLanguageModes: [.v6]
)
