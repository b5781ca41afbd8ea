#!/usr/bin/env bash
# Makes a package of the planner alone in .build/planner: builds in a minute, without gRPC and
# libtorch. Its benchmark is `planner-benchmark`, its tests are those of the modules.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$root/.build/planner
modules=(OobleckCore OobleckSchedule OobleckPlanning OobleckReconfiguration)

mkdir -p "$folder/Sources" "$folder/Tests"
for module in "${modules[@]}"; do ln -sfn "$(echo "$root"/Sources/*/"$module")" "$folder/Sources/$module"; done
ln -sfn "$root/Benchmarks/Planner" "$folder/Sources/planner-benchmark"
for tests in Planning/OobleckPlanningTests Planning/OobleckReconfigurationTests Support/OobleckTestSupport; do
    ln -sfn "$root/Tests/$tests" "$folder/Tests/${tests#*/}"
done
cat >"$folder/Package.swift" <<'EOF'
// swift-tools-version:6.1
import PackageDescription

let package = Package(
    name: "oobleck",
    targets: [
        .target(name: "OobleckCore"),
        .target(name: "OobleckSchedule", dependencies: ["OobleckCore"]),
        .target(name: "OobleckPlanning", dependencies: ["OobleckCore", "OobleckSchedule"]),
        .target(
            name: "OobleckReconfiguration",
            dependencies: ["OobleckCore", "OobleckPlanning"]
        ),
        .executableTarget(
            name: "planner-benchmark",
            dependencies: ["OobleckCore", "OobleckPlanning", "OobleckReconfiguration"]
        ),
        .target(name: "OobleckTestSupport", path: "Tests/OobleckTestSupport"),
        .testTarget(
            name: "OobleckPlanningTests",
            dependencies: [
                "OobleckCore", "OobleckPlanning", "OobleckSchedule", "OobleckTestSupport",
            ]
        ),
        .testTarget(
            name: "OobleckReconfigurationTests",
            dependencies: [
                "OobleckCore", "OobleckPlanning", "OobleckReconfiguration", "OobleckTestSupport",
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
EOF
echo "$folder"
