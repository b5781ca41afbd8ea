// swift-tools-version:6.1
import Foundation
import PackageDescription

// libtorch: the folder with `include/` and `lib/`, linked by `make setup` as `.libtorch`.
// LIBTORCH=/path overrides it. Without it, everything that computes with tensors is left out.
let libtorch = Context.environment["LIBTORCH"] ?? Context.packageDirectory + "/.libtorch"
let hasLibtorch = FileManager.default.fileExists(atPath: libtorch + "/include/ATen/ATen.h")
if !hasLibtorch {
    let note =
        "note: no libtorch at \(libtorch): building without the training engine "
        + "(run `make setup`, or set LIBTORCH)\n"
    FileHandle.standardError.write(Data(note.utf8))
}

let swiftSettings: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

/// A module; `isOptimized` also in debug builds, where tests go through thousands of simulated runs.
///
/// Not for modules of a product: packages that depend on it would be refused for such flags.
func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    exclude: [String] = [],
    isOptimized: Bool = false
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        exclude: exclude,
        swiftSettings: swiftSettings
            + (isOptimized ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : [])
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: swiftSettings)
}

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport = Target.Dependency.product(
    name: "GRPCNIOTransportHTTP2",
    package: "grpc-swift-nio-transport"
)
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let unixSignals = Target.Dependency.product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

var targets: [Target] = [
    module("OobleckCore"),
    module("OobleckSchedule", ["OobleckCore"]),
    module("OobleckPlanning", ["OobleckCore", "OobleckSchedule"]),
    module("OobleckReconfiguration", ["OobleckCore", "OobleckPlanning"]),
    module(
        "OobleckSimulator",
        [
            "OobleckCore", "OobleckData", "OobleckPlanning", "OobleckReconfiguration",
            "OobleckSchedule",
        ]
    ),
    module("OobleckFigures", ["OobleckCore", "OobleckSchedule"]),
    module(
        "OobleckEvaluation",
        [
            "OobleckCore", "OobleckData", "OobleckFigures", "OobleckPlanning", "OobleckSimulator",
            crypto,
        ]
    ),
    module("OobleckText", ["OobleckCore"]),
    module(
        "OobleckArtifact",
        [
            "OobleckCore", "OobleckData", "OobleckEvaluation", "OobleckFigures", "OobleckPlanning",
            "OobleckReconfiguration", "OobleckRun", "OobleckSimulator",
        ]
    ),
    module("OobleckClock", ["OobleckCore"]),
    module("OobleckConsole", ["OobleckCore", unixSignals]),
    module("OobleckData", ["OobleckCore", crypto]),
    module(
        "OobleckRun",
        ["OobleckClock", "OobleckCore", "OobleckData", "OobleckText", crypto, yams]
    ),
    module("OobleckWire", [grpcCore, grpcProtobuf, protobuf]),
    module(
        "OobleckCoordination",
        ["OobleckCore", "OobleckReconfiguration"],
        isOptimized: true
    ),
    module(
        "OobleckDrill",
        ["OobleckCoordination", "OobleckCore", "OobleckReconfiguration", "OobleckRun"],
        isOptimized: true
    ),
    module(
        "OobleckEtcd",
        [
            "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckWire",
            grpcCore, grpcTransport,
        ]
    ),
    module("OobleckStore", ["OobleckClock", "OobleckCoordination", "OobleckCore", grdb]),
    module(
        "OobleckControl",
        [
            "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckWire",
            grpcCore, grpcTransport, logging, nioCore, nioSSL,
        ]
    ),
    module(
        "OobleckFieldDrill",
        ["OobleckClock", "OobleckControl", "OobleckCore", "OobleckRun"]
    ),
    module(
        "OobleckRecording",
        [
            "OobleckControl", "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckEtcd",
            "OobleckRun",
        ]
    ),
    module(
        "OobleckFuzz",
        [
            "OobleckClock", "OobleckControl", "OobleckCoordination", "OobleckCore", "OobleckData",
            "OobleckDrill", "OobleckPlanning", "OobleckReconfiguration", "OobleckRun",
            "OobleckSimulator", "OobleckWire", protobuf,
        ]
    ),
    .executableTarget(
        name: "oobleck-fuzz",
        dependencies: ["OobleckConsole", "OobleckCore", "OobleckFuzz", argumentParser],
        swiftSettings: swiftSettings
    ),
    .executableTarget(
        name: "oobleck",
        dependencies: [
            "OobleckArtifact", "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckFigures",
            "OobleckPlanning",
            "OobleckReconfiguration", "OobleckSchedule", "OobleckData", "OobleckRun",
            "OobleckControl", "OobleckCoordination", "OobleckDrill", "OobleckEtcd",
            "OobleckEvaluation", "OobleckFieldDrill", "OobleckRecording", "OobleckSimulator",
            "OobleckStore", "OobleckText",
            argumentParser, logging,
        ],
        swiftSettings: swiftSettings
    ),
    tests("OobleckCore", ["OobleckCore"]),
    .target(
        name: "OobleckTestSupport",
        dependencies: ["OobleckCore", "OobleckData"],
        path: "Tests/Support",
        swiftSettings: swiftSettings
    ),
    tests("OobleckConsole", ["OobleckConsole", "OobleckCore", "OobleckTestSupport"]),
    tests(
        "OobleckPlanning",
        ["OobleckCore", "OobleckPlanning", "OobleckSchedule", "OobleckTestSupport"]
    ),
    tests(
        "OobleckSimulator",
        ["OobleckCore", "OobleckPlanning", "OobleckReconfiguration", "OobleckSimulator"]
    ),
    tests("OobleckText", ["OobleckCore", "OobleckText"]),
    tests("OobleckFigures", ["OobleckCore", "OobleckFigures", "OobleckSchedule"]),
    tests("OobleckFuzz", ["OobleckCore", "OobleckFuzz"]),
    tests("OobleckEvaluation", ["OobleckCore", "OobleckEvaluation", "OobleckSimulator"]),
    tests(
        "OobleckArtifact",
        [
            "OobleckArtifact", "OobleckCore", "OobleckEvaluation", "OobleckPlanning",
            "OobleckReconfiguration", "OobleckTestSupport",
        ]
    ),
    tests("OobleckSchedule", ["OobleckCore", "OobleckSchedule", "OobleckTestSupport"]),
    tests(
        "OobleckReconfiguration",
        ["OobleckCore", "OobleckPlanning", "OobleckReconfiguration", "OobleckTestSupport"]
    ),
    tests("OobleckData", ["OobleckCore", "OobleckData", "OobleckTestSupport", crypto]),
    tests(
        "OobleckRun",
        ["OobleckCore", "OobleckData", "OobleckRun", "OobleckTestSupport", crypto]
    ),
    tests("OobleckDrill", ["OobleckCoordination", "OobleckCore", "OobleckDrill"]),
    tests("OobleckFieldDrill", ["OobleckCore", "OobleckFieldDrill"]),
    tests(
        "OobleckCoordination",
        [
            "OobleckCoordination", "OobleckCore", "OobleckDrill", "OobleckSimulator",
            "OobleckTestSupport",
        ]
    ),
    .target(
        name: "OobleckEtcdSupport",
        dependencies: ["OobleckCore", "OobleckEtcd"],
        path: "Tests/EtcdSupport",
        swiftSettings: swiftSettings
    ),
    tests(
        "OobleckEtcd",
        [
            "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckDrill", "OobleckEtcd",
            "OobleckEtcdSupport",
        ]
    ),
    tests(
        "OobleckStore",
        [
            "OobleckCoordination", "OobleckCore", "OobleckDrill", "OobleckStore",
            "OobleckTestSupport", grdb,
        ]
    ),
    tests(
        "OobleckControl",
        [
            "OobleckControl", "OobleckCoordination", "OobleckCore", "OobleckDrill",
            "OobleckReconfiguration", "OobleckWire", grpcCore, grpcTransport, protobuf,
        ]
    ),
]

if hasLibtorch {
    let include = libtorch + "/include"
    targets += [
        .target(
            name: "CTorch",
            exclude: ["gloo_stub"],
            cxxSettings: [
                .headerSearchPath("gloo_stub"),
                .define("USE_C10D_GLOO"),
                .define("USE_DISTRIBUTED"),
                .unsafeFlags([
                    "-O2", "-isystem", include,
                    "-isystem", include + "/torch/csrc/api/include",
                ]),
            ],
            linkerSettings: [
                .linkedLibrary("torch_cpu"),
                .linkedLibrary("c10"),
                .unsafeFlags([
                    "-L" + libtorch + "/lib", "-Xlinker", "-rpath", "-Xlinker", libtorch + "/lib",
                ]),
            ]
        ),
        module("OobleckTensor", ["CTorch", "OobleckCore"]),
        module("OobleckConformance", ["OobleckCore", "OobleckTensor"]),
        module("OobleckModels", ["OobleckCore", "OobleckData", "OobleckTensor"]),
        module(
            "OobleckEngine",
            [
                "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckData", "OobleckModels",
                "OobleckSchedule", "OobleckTensor", crypto,
            ]
        ),
        .executableTarget(
            name: "oobleck-worker",
            dependencies: [
                "OobleckClock", "OobleckConformance", "OobleckConsole", "OobleckControl",
                "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckEngine",
                "OobleckEtcd", "OobleckModels", "OobleckRecording", "OobleckReconfiguration",
                "OobleckRun", "OobleckTensor", argumentParser, logging,
            ],
            swiftSettings: swiftSettings
        ),
        tests("OobleckConformance", ["OobleckConformance"]),
        tests("OobleckTensor", ["OobleckCore", "OobleckTensor"]),
        tests("OobleckModels", ["OobleckCore", "OobleckData", "OobleckModels", "OobleckTensor"]),
        tests(
            "OobleckEngine",
            [
                "OobleckCore", "OobleckData", "OobleckEngine", "OobleckModels", "OobleckTensor",
                "OobleckTestSupport",
            ]
        ),
        tests(
            "OobleckEndToEnd",
            [
                "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckEtcd",
                "OobleckEtcdSupport", "OobleckFieldDrill", "OobleckRun", "OobleckTestSupport",
            ]
        ),
    ]
}

let package = Package(
    name: "oobleck",
    products: [
        .library(
            name: "OobleckPlanning",
            targets: [
                "OobleckCore", "OobleckPlanning", "OobleckSchedule", "OobleckReconfiguration",
            ]
        ),
        .library(name: "OobleckSimulator", targets: ["OobleckSimulator"]),
        .executable(name: "oobleck", targets: ["oobleck"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git",
            from: "2.13.0"
        ),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: targets,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
