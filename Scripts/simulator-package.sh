#!/usr/bin/env bash
# Makes a package of the simulator and its figures alone in .build/simulator, or in the folder
# given: builds in minutes, without gRPC and libtorch. Its program `simulator` has the commands
# `simulate` and `figures` of `oobleck`, and `times`; its tests are those of the four modules (that
# simulator and coordinator agree is tested where the coordinator is).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$root/.build/simulator}
modules=(
    OobleckCore OobleckSchedule OobleckPlanning OobleckReconfiguration OobleckSimulator
    OobleckFigures OobleckEvaluation OobleckReports OobleckClock OobleckData OobleckText
    OobleckConsole OobleckSimulationCommands
)

rm -rf "$folder/Sources" "$folder/Tests"
mkdir -p "$folder/Sources" "$folder/Tests"
for module in "${modules[@]}"; do ln -sfn "$(echo "$root"/Sources/*/"$module")" "$folder/Sources/$module"; done
for tests in Simulator Figures Evaluation Reports; do
    ln -sfn "$root/Tests/Simulation/Oobleck${tests}Tests" "$folder/Tests/Oobleck${tests}Tests"
done
ln -sfn "$root/Benchmarks/Simulator" "$folder/Sources/simulator"
cat >"$folder/Package.swift" <<'END'
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
let package = Package(
    name: "oobleck",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git",
            from: "2.13.0"
        ),
    ],
    targets: [
        .target(name: "OobleckCore"),
        .target(name: "OobleckSchedule", dependencies: ["OobleckCore"]),
        .target(name: "OobleckPlanning", dependencies: ["OobleckCore", "OobleckSchedule"]),
        .target(
            name: "OobleckReconfiguration",
            dependencies: ["OobleckCore", "OobleckPlanning"]
        ),
        .target(
            name: "OobleckSimulator",
            dependencies: [
                "OobleckCore", "OobleckData", "OobleckPlanning", "OobleckReconfiguration",
                "OobleckSchedule",
            ]
        ),
        .target(name: "OobleckFigures", dependencies: ["OobleckCore", "OobleckSchedule"]),
        .target(
            name: "OobleckEvaluation",
            dependencies: [
                "OobleckCore", "OobleckData", "OobleckFigures", "OobleckPlanning",
                "OobleckSimulator", crypto,
            ]
        ),
        .target(
            name: "OobleckReports",
            dependencies: [
                "OobleckCore", "OobleckData", "OobleckFigures", "OobleckPlanning",
                "OobleckReconfiguration", "OobleckSchedule", "OobleckSimulator", "OobleckText",
            ]
        ),
        .target(name: "OobleckClock", dependencies: ["OobleckCore"]),
        .target(name: "OobleckText", dependencies: ["OobleckCore"]),
        .target(name: "OobleckConsole", dependencies: ["OobleckCore", "OobleckText", unixSignals]),
        .target(name: "OobleckData", dependencies: ["OobleckCore", crypto]),
        .target(
            name: "OobleckSimulationCommands",
            dependencies: [
                "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckData",
                "OobleckEvaluation", "OobleckReports", "OobleckSimulator",
                argumentParser,
            ]
        ),
        .executableTarget(
            name: "simulator",
            dependencies: [
                "OobleckClock", "OobleckConsole", "OobleckCore", "OobleckSimulationCommands",
                "OobleckSimulator", argumentParser,
            ]
        ),
        .testTarget(
            name: "OobleckSimulatorTests",
            dependencies: [
                "OobleckCore", "OobleckPlanning", "OobleckReconfiguration", "OobleckSimulator",
            ]
        ),
        .testTarget(
            name: "OobleckFiguresTests",
            dependencies: ["OobleckCore", "OobleckFigures", "OobleckSchedule"]
        ),
        .testTarget(
            name: "OobleckEvaluationTests",
            dependencies: ["OobleckCore", "OobleckEvaluation", "OobleckSimulator"]
        ),
        .testTarget(
            name: "OobleckReportsTests",
            dependencies: [
                "OobleckCore", "OobleckPlanning", "OobleckReconfiguration", "OobleckReports",
                "OobleckSimulator", "OobleckText",
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
END
echo "$folder"
