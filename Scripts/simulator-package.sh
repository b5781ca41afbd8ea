#!/usr/bin/env bash
# Makes a package of the simulator and its figures alone in .build/simulator, or in the folder
# given: builds in minutes, without gRPC and libtorch. Its program `simulator` has the commands
# `simulate` and `figures` of `oobleck`, and `times`; its tests are those of the three modules of
# figures and reports (the simulator's own are in Packages/oobleck-planning).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$root/.build/simulator}
modules=(
    OobleckCore OobleckFigures OobleckEvaluation OobleckReports OobleckClock OobleckData OobleckText
    OobleckConsole OobleckSimulationCommands
)

rm -rf "$folder/Sources" "$folder/Tests"
mkdir -p "$folder/Sources" "$folder/Tests"
for module in "${modules[@]}"; do ln -sfn "$(echo "$root"/Sources/*/"$module")" "$folder/Sources/$module"; done
for tests in Figures Evaluation Reports; do
    ln -sfn "$root/Tests/Simulation/Oobleck${tests}Tests" "$folder/Tests/Oobleck${tests}Tests"
done
ln -sfn "$root/Benchmarks/Simulator" "$folder/Sources/simulator"
cat >"$folder/Package.swift" <<END
// swift-tools-version:6.1
import PackageDescription

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let unixSignals = Target.Dependency.product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)
/// The modules of the package of the planner and the simulator.
let planning = [
    "OobleckWords", "OobleckValues", "OobleckFiles", "OobleckSchedule", "OobleckTemplates",
    "OobleckReconfiguration", "OobleckPlanning", "OobleckSimulator",
    "OobleckPaperSimulator",
]
.map { Target.Dependency.product(name: \$0, package: "oobleck-planning") }
let package = Package(
    name: "oobleck",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "$root/Packages/oobleck-planning"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git",
            from: "2.13.0"
        ),
    ],
    targets: [
        .target(name: "OobleckCore", dependencies: planning),
        .target(name: "OobleckFigures", dependencies: ["OobleckCore"] + planning),
        .target(
            name: "OobleckEvaluation",
            dependencies: ["OobleckCore", "OobleckData", "OobleckFigures", crypto] + planning
        ),
        .target(
            name: "OobleckReports",
            dependencies: ["OobleckCore", "OobleckData", "OobleckFigures", "OobleckText"] + planning
        ),
        .target(name: "OobleckClock", dependencies: ["OobleckCore"]),
        .target(name: "OobleckText", dependencies: ["OobleckCore"] + planning),
        .target(name: "OobleckConsole", dependencies: ["OobleckCore", "OobleckText", unixSignals]),
        .target(name: "OobleckData", dependencies: ["OobleckCore", crypto] + planning),
        .target(
            name: "OobleckSimulationCommands",
            dependencies: [
                "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckData",
                "OobleckEvaluation", "OobleckReports", argumentParser,
            ] + planning
        ),
        .executableTarget(
            name: "simulator",
            dependencies: [
                "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckSimulationCommands",
                argumentParser,
            ] + planning
        ),
        .testTarget(
            name: "OobleckFiguresTests",
            dependencies: ["OobleckCore", "OobleckFigures"] + planning
        ),
        .testTarget(
            name: "OobleckEvaluationTests",
            dependencies: ["OobleckCore", "OobleckEvaluation", "OobleckFigures"] + planning
        ),
        .testTarget(
            name: "OobleckReportsTests",
            dependencies: ["OobleckCore", "OobleckReports", "OobleckText"] + planning
        ),
    ],
    swiftLanguageModes: [.v6]
)
END
echo "$folder"
