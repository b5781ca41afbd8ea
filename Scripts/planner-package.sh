#!/usr/bin/env bash
# Makes a package of the planner's benchmark in .build/planner: builds in a minute, without gRPC and
# libtorch. Its program is `planner-benchmark`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$root/.build/planner

rm -rf "$folder/Sources" "$folder/Tests"
mkdir -p "$folder/Sources"
ln -sfn "$root/Benchmarks/Planner" "$folder/Sources/planner-benchmark"
cat >"$folder/Package.swift" <<EOF
// swift-tools-version:6.1
import PackageDescription

let package = Package(
    name: "planner-benchmark",
    platforms: [.macOS(.v15)],
    dependencies: [.package(path: "$root/Packages/oobleck-planning")],
    targets: [
        .executableTarget(
            name: "planner-benchmark",
            dependencies: [
                .product(name: "OobleckPlanning", package: "oobleck-planning"),
                .product(name: "OobleckReconfiguration", package: "oobleck-planning"),
                .product(name: "OobleckTemplates", package: "oobleck-planning"),
                .product(name: "OobleckValues", package: "oobleck-planning"),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
EOF
echo "$folder"
