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

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
]

/// The package of the planner and the simulator, and the modules of it that are used here.
let planningFolder = "Packages/oobleck-planning"
let planningModules: Set = [
    "OobleckWords", "OobleckValues", "OobleckFiles", "OobleckSchedule", "OobleckTemplates",
    "OobleckReconfiguration", "OobleckPlanning", "OobleckSimulator", "OobleckPaperSimulator",
    "OobleckSeeds",
]

/// A folder of `Sources` and `Tests`: its targets, each after those that it depends on.
struct Folder {
    let name: String
    let targets: [Target]

    init(_ name: String, _ targets: [Target]) {
        self.name = name
        self.targets = targets
        for target in targets {
            target.path =
                "\(target.type == .test ? "Tests" : "Sources")/\(name)/\(target.name)"
        }
    }
}

/// Ends the build where a target uses one that is not before it, in its own folder or in the folders
/// above: neither a circle nor a dependency upward can be declared.
func checkOrder(_ folders: [Folder]) {
    var above: Set<String> = []
    for target in folders.flatMap(\.targets) {
        for case .byNameItem(let name, _) in target.dependencies where !above.contains(name) {
            fatalError("\(target.name) depends on \(name), which is not listed above it")
        }
        above.insert(target.name)
    }
}

/// Modules of the planner's package that a module of ours re-exports.
let reexported = [
    "OobleckCore": ["OobleckValues", "OobleckWords"], "OobleckText": ["OobleckWords"],
    "OobleckData": ["OobleckFiles"],
]

/// The names of targets and modules in a target's list of dependencies.
func names(_ target: Target) -> [String] {
    target.dependencies.compactMap { dependency in
        if case .byNameItem(let name, _) = dependency { name } else { nil }
    }
}

/// Imports what is re-exported also directly, in every file of its users.
///
/// The compiler's incremental builds follow direct imports only: after a change of the planner's
/// package, objects of modules that see it by a re-export alone would stay as they were.
func importReexported(_ target: Target) {
    let known = names(target)
    let modules = Set(known.flatMap { reexported[$0] ?? [] }).sorted()
    guard !modules.isEmpty else { return }
    target.dependencies += modules.filter { !known.contains($0) }.map { .byName(name: $0) }
    let flags = modules.flatMap { ["-Xfrontend", "-import-module", "-Xfrontend", $0] }
    target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(flags)]
}

/// Names in the lists of dependencies that are modules of the planner's package become its products.
func resolvePlanning(_ targets: [Target]) {
    for target in targets {
        importReexported(target)
        target.dependencies = target.dependencies.map { dependency in
            guard case .byNameItem(let name, _) = dependency, planningModules.contains(name) else {
                return dependency
            }
            return .product(name: name, package: "oobleck-planning")
        }
    }
}

/// A module; `isOptimized` also in debug builds, where tests go through thousands of simulated runs.
///
/// Not for modules of a product: packages that depend on it would be refused for such flags.
func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    resources: [Resource] = [],
    isOptimized: Bool = false
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        resources: resources,
        swiftSettings: swiftSettings
            + (isOptimized ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : [])
    )
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: swiftSettings)
}

/// A module whose files several suites of tests share.
func support(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    let target = module(name, dependencies)
    target.path = "Tests/Support/\(name)"
    return target
}

/// The C functions over libtorch in `folder`.
func shim(_ folder: String) -> Target {
    let include = folder + "/include"
    return .target(
        name: "CTorch",
        exclude: ["gloo_stub"],
        cxxSettings: [
            .headerSearchPath("gloo_stub"),
            .define("USE_C10D_GLOO"),
            .define("USE_DISTRIBUTED"),
            .unsafeFlags([
                "-O2", "-isystem", include, "-isystem", include + "/torch/csrc/api/include",
            ]),
        ],
        linkerSettings: [
            .linkedLibrary("torch_cpu"),
            .linkedLibrary("c10"),
            .unsafeFlags([
                "-L" + folder + "/lib", "-Xlinker", "-rpath", "-Xlinker", folder + "/lib",
            ]),
        ]
    )
}

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")
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
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let unixSignals = Target.Dependency.product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

// The house, from the bottom up.

let core = Folder(
    "Core",
    [
        module("OobleckCore", ["OobleckValues", "OobleckWords"]),
        module("OobleckText", ["OobleckCore", "OobleckWords"]),
        module("OobleckClock", ["OobleckCore"]),
        module("OobleckConsole", ["OobleckCore", "OobleckText", unixSignals]),
        module("OobleckData", ["OobleckCore", "OobleckFiles", crypto]),
    ]
)
let coordination = Folder(
    "Coordination",
    [
        module(
            "OobleckCoordination",
            ["OobleckCore", "OobleckReconfiguration"],
            isOptimized: true
        ),
        module("OobleckWire", [grpcCore, grpcProtobuf, protobuf]),
        module("OobleckStoreSQLite", ["OobleckClock", "OobleckCoordination", "OobleckCore", grdb]),
        module(
            "OobleckStoreEtcd",
            [
                "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckWire",
                grpcCore, grpcTransport,
            ]
        ),
        module(
            "OobleckTransport",
            [
                "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckWire",
                grpcCore, grpcTransport, logging, nioCore, nioSSL,
            ]
        ),
    ]
)
let training = Folder(
    "Training",
    [
        shim(libtorch),
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
    ]
)
let runs = Folder(
    "Runs",
    [
        module(
            "OobleckRunFiles",
            ["OobleckClock", "OobleckCore", "OobleckData", "OobleckText", crypto, yams]
        ),
        module("OobleckClusterFiles", ["OobleckCore", "OobleckText"]),
        module(
            "OobleckRecording",
            [
                "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckRunFiles",
                "OobleckStoreEtcd", "OobleckTransport",
            ]
        ),
        module(
            "OobleckRuntime",
            [
                "OobleckClock", "OobleckConsole", "OobleckCoordination", "OobleckCore",
                "OobleckData", "OobleckPlanning", "OobleckReconfiguration", "OobleckRecording",
                "OobleckRunFiles", "OobleckStoreEtcd", "OobleckStoreSQLite", "OobleckText",
                "OobleckTransport",
            ]
        ),
        module(
            "OobleckLaunch",
            [
                "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckData", "OobleckRunFiles",
                "OobleckRuntime", "OobleckText", "OobleckTransport", asn1, certificates, crypto,
            ]
        ),
    ]
)
let simulation = Folder(
    "Simulation",
    [
        module("OobleckFigures", ["OobleckCore", "OobleckSchedule"]),
        module(
            "OobleckEvaluation",
            [
                "OobleckCore", "OobleckData", "OobleckFigures", "OobleckPaperSimulator",
                "OobleckPlanning", "OobleckSimulator", crypto,
            ]
        ),
        module(
            "OobleckReports",
            [
                "OobleckCore", "OobleckData", "OobleckFigures", "OobleckPaperSimulator",
                "OobleckPlanning", "OobleckReconfiguration", "OobleckSchedule", "OobleckSimulator",
                "OobleckText",
            ]
        ),
        module(
            "OobleckArtifact",
            [
                "OobleckCore", "OobleckData", "OobleckEvaluation", "OobleckFigures",
                "OobleckPlanning", "OobleckReconfiguration", "OobleckRunFiles", "OobleckSimulator",
            ]
        ),
    ]
)
let observation = Folder(
    "Observation",
    [
        module(
            "OobleckServing",
            ["OobleckCore", httpTypes, hummingbird, hummingbirdCore, logging, nioCore]
        ),
        module(
            "OobleckMetrics",
            [
                "OobleckClock", "OobleckConsole", "OobleckCoordination", "OobleckCore",
                "OobleckData", "OobleckRecording", "OobleckRunFiles", "OobleckServing",
                "OobleckTransport", hummingbird, nioCore, nioHTTP1, nioPosix, nioSSL,
            ]
        ),
        module(
            "OobleckRunReport",
            ["OobleckCore", "OobleckData", "OobleckFigures", "OobleckRunFiles", "OobleckText"]
        ),
        module(
            "OobleckDashboard",
            [
                "OobleckClock", "OobleckCore", "OobleckData", "OobleckRunFiles",
                "OobleckRunReport", "OobleckServing", httpTypes, hummingbird, nioCore,
            ],
            // Parts of the program, so that no package can lack them.
            resources: [.embedInCode("Page")]
        ),
        module(
            "OobleckTraces",
            ["OobleckCore", "OobleckData", "OobleckRunFiles", "OobleckSchedule"]
        ),
    ]
)
let verification = Folder(
    "Verification",
    [
        module(
            "OobleckWorlds",
            ["OobleckCoordination", "OobleckCore", "OobleckReconfiguration", "OobleckRunFiles"],
            isOptimized: true
        ),
        module(
            "OobleckDrills",
            ["OobleckClock", "OobleckCore", "OobleckData", "OobleckRunFiles", "OobleckTransport"]
        ),
        module(
            "OobleckFuzz",
            [
                "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckData",
                "OobleckPlanning", "OobleckReconfiguration", "OobleckRunFiles", "OobleckSimulator",
                "OobleckTransport", "OobleckWire", "OobleckWorlds", protobuf,
            ]
        ),
    ]
)
let commands = Folder(
    "Commands",
    [
        module(
            "OobleckSimulationCommands",
            [
                "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckData",
                "OobleckEvaluation", "OobleckPaperSimulator", "OobleckPlanning", "OobleckReports",
                "OobleckSimulator", argumentParser,
            ]
        ),
        program("oobleck-fuzz", ["OobleckConsole", "OobleckCore", "OobleckFuzz", argumentParser]),
        program(
            "oobleck",
            [
                "OobleckArtifact", "OobleckClock", "OobleckClusterFiles", "OobleckConsole",
                "OobleckCoordination", "OobleckCore", "OobleckDashboard", "OobleckData",
                "OobleckDrills", "OobleckEvaluation", "OobleckFigures", "OobleckLaunch",
                "OobleckMetrics",
                "OobleckPlanning", "OobleckReconfiguration", "OobleckRecording", "OobleckReports",
                "OobleckRunFiles", "OobleckRunReport", "OobleckRuntime",
                "OobleckSimulationCommands", "OobleckStoreEtcd", "OobleckText", "OobleckTraces",
                "OobleckTransport", "OobleckWorlds",
                argumentParser,
            ]
        ),
    ]
)
let worker = Folder(
    "Commands",
    [
        program(
            "oobleck-worker",
            [
                "OobleckClock", "OobleckConformance", "OobleckConsole", "OobleckCoordination",
                "OobleckCore", "OobleckData", "OobleckEngine", "OobleckModels",
                "OobleckReconfiguration", "OobleckRecording", "OobleckRunFiles",
                "OobleckStoreEtcd", "OobleckTensor", "OobleckTransport", argumentParser, logging,
            ]
        )
    ]
)
let allTests = [
    Folder(
        "Core",
        [
            tests("OobleckCore", ["OobleckCore"]),
            tests("OobleckText", ["OobleckCore", "OobleckText"]),
            tests("OobleckConsole", ["OobleckConsole", "OobleckCore", "OobleckTestSupport"]),
            tests("OobleckData", ["OobleckCore", "OobleckData", "OobleckTestSupport", crypto]),
        ]
    ),
    Folder(
        "Coordination",
        [
            tests(
                "OobleckCoordination",
                [
                    "OobleckCoordination", "OobleckCore", "OobleckSimulator",
                    "OobleckTestSupport", "OobleckWorlds",
                ]
            ),
            tests(
                "OobleckStoreSQLite",
                [
                    "OobleckCoordination", "OobleckCore", "OobleckStoreSQLite",
                    "OobleckTestSupport", "OobleckWorlds", grdb,
                ]
            ),
            tests(
                "OobleckStoreEtcd",
                [
                    "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckEtcdSupport",
                    "OobleckStoreEtcd", "OobleckWorlds",
                ]
            ),
            tests(
                "OobleckTransport",
                [
                    "OobleckCoordination", "OobleckCore", "OobleckReconfiguration",
                    "OobleckTransport", "OobleckWire", "OobleckWorlds", grpcCore, grpcTransport,
                    protobuf,
                ]
            ),
        ]
    ),
    Folder(
        "Runs",
        [
            tests(
                "OobleckRunFiles",
                ["OobleckCore", "OobleckData", "OobleckRunFiles", "OobleckTestSupport", crypto]
            ),
            tests(
                "OobleckRuntime",
                [
                    "OobleckClock", "OobleckConsole", "OobleckCoordination", "OobleckCore",
                    "OobleckEtcdSupport", "OobleckPlanning", "OobleckReconfiguration",
                    "OobleckRunFiles", "OobleckRuntime", "OobleckStoreEtcd",
                    "OobleckStoreSQLite", "OobleckTestSupport", "OobleckTransport",
                ]
            ),
            tests(
                "OobleckClusterFiles",
                ["OobleckClusterFiles", "OobleckCore", "OobleckTestSupport"]
            ),
            tests(
                "OobleckLaunch",
                [
                    "OobleckCore", "OobleckLaunch", "OobleckRunFiles", "OobleckRuntime",
                    "OobleckTestSupport", "OobleckTransport",
                ]
            ),
            tests(
                "OobleckRecording",
                [
                    "OobleckCoordination", "OobleckCore", "OobleckRecording", "OobleckRunFiles",
                    "OobleckTestSupport",
                ]
            ),
        ]
    ),
    Folder(
        "Simulation",
        [
            tests("OobleckFigures", ["OobleckCore", "OobleckFigures", "OobleckSchedule"]),
            tests(
                "OobleckEvaluation",
                [
                    "OobleckCore", "OobleckEvaluation", "OobleckFigures", "OobleckPaperSimulator",
                    "OobleckSimulator",
                ]
            ),
            tests(
                "OobleckReports",
                [
                    "OobleckCore", "OobleckPlanning", "OobleckReconfiguration", "OobleckReports",
                    "OobleckSimulator", "OobleckText",
                ]
            ),
            tests(
                "OobleckArtifact",
                [
                    "OobleckArtifact", "OobleckCore", "OobleckEvaluation", "OobleckFigures",
                    "OobleckPlanning", "OobleckReconfiguration", "OobleckTestSupport",
                ]
            ),
        ]
    ),
    Folder(
        "Observation",
        [
            tests(
                "OobleckMetrics",
                [
                    "OobleckCoordination", "OobleckCore", "OobleckMetrics", "OobleckRecording",
                    "OobleckRunFiles", "OobleckServing", "OobleckTestSupport", "OobleckTransport",
                    httpTypes, hummingbird, nioCore,
                ]
            ),
            tests(
                "OobleckRunReport",
                ["OobleckCore", "OobleckRunFiles", "OobleckRunReport", "OobleckTestSupport"]
            ),
            tests(
                "OobleckDashboard",
                [
                    "OobleckCore", "OobleckDashboard", "OobleckData", "OobleckRunFiles",
                    "OobleckRunReport", "OobleckTestSupport",
                ]
            ),
            tests("OobleckTraces", ["OobleckCore", "OobleckTraces"]),
        ]
    ),
    Folder(
        "Verification",
        [
            tests("OobleckWorlds", ["OobleckCoordination", "OobleckCore", "OobleckWorlds"]),
            tests("OobleckDrills", ["OobleckCore", "OobleckDrills"]),
            tests("OobleckFuzz", ["OobleckCore", "OobleckFuzz"]),
            tests("OobleckCounts", ["OobleckCore", "OobleckTemplates", "OobleckTestSupport"]),
        ]
    ),
]
let trainingTests = [
    Folder(
        "Training",
        [
            tests("OobleckTensor", ["OobleckCore", "OobleckTensor"]),
            tests("OobleckConformance", ["OobleckConformance"]),
            tests(
                "OobleckModels",
                ["OobleckCore", "OobleckData", "OobleckModels", "OobleckTensor"]
            ),
            tests(
                "OobleckEngine",
                [
                    "OobleckClock", "OobleckCoordination", "OobleckCore", "OobleckData",
                    "OobleckEngine", "OobleckModels", "OobleckReconfiguration",
                    "OobleckRunFiles", "OobleckTensor", "OobleckTestSupport",
                    "OobleckTransport", "OobleckWire", protobuf,
                ]
            ),
        ]
    ),
    Folder(
        "Commands",
        [
            tests(
                "OobleckEndToEnd",
                [
                    "OobleckCoordination", "OobleckCore", "OobleckData", "OobleckDrills",
                    "OobleckEtcdSupport", "OobleckRunFiles", "OobleckStoreEtcd",
                    "OobleckTestSupport",
                ]
            )
        ]
    ),
]

let house =
    [core, coordination] + (hasLibtorch ? [training] : [])
    + [runs, simulation, observation, verification, commands] + (hasLibtorch ? [worker] : [])
let testSupport = [
    support("OobleckTestSupport", ["OobleckCore", "OobleckData", "OobleckSeeds"]),
    support("OobleckEtcdSupport", ["OobleckCore", "OobleckStoreEtcd"]),
]
let targets =
    (house + allTests + (hasLibtorch ? trainingTests : [])).flatMap(\.targets) + testSupport
resolvePlanning(targets)
checkOrder(house)

let package = Package(
    name: "oobleck",
    products: [
        .executable(name: "oobleck", targets: ["oobleck"])
    ],
    dependencies: [
        .package(path: planningFolder),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git",
            from: "2.28.1",
            traits: []
        ),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
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
