#!/usr/bin/env bash
# Makes the documentation of the planner's package in .build/docs, one folder for each library, and
# fails on a warning, such as a link that leads nowhere. Needs docc, which is part of the toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
package=Packages/oobleck-planning
scratch=${SCRATCH:-.build/planning}
swift build --package-path $package --scratch-path "$scratch"
modules=$(swift build --package-path $package --scratch-path "$scratch" --show-bin-path)/Modules
triple=$(swift -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')
planner=OobleckValues,OobleckSchedule,OobleckTemplates,OobleckReconfiguration

# The documents of one library, with the symbols of the modules that it re-exports.
document() {
    local name=$1 exported=$2 symbols=.build/docs/$1.symbols
    rm -rf ".build/docs/$name" "$symbols"
    mkdir -p "$symbols"
    swift symbolgraph-extract -module-name "$name" -I "$modules" -target "$triple" \
        -output-dir "$symbols" -minimum-access-level public -skip-synthesized-members \
        "-experimental-allowed-reexported-modules=$exported"
    docc convert "$package/Sources/$name/$name.docc" --additional-symbol-graph-dir "$symbols" \
        --fallback-display-name "$name" --fallback-bundle-identifier "oobleck.$name" \
        --warnings-as-errors --output-path ".build/docs/$name"
    rm -rf "$symbols"
    echo "docs: .build/docs/$name"
}
document OobleckPlanning "$planner"
document OobleckSimulator "$planner,OobleckPlanning"
document OobleckPaperSimulator "$planner,OobleckPlanning,OobleckSimulator"
