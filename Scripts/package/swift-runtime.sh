#!/usr/bin/env bash
# Sets `swift_runtime`: the linker's arguments for Swift's libraries, statically. Sourced.
# The libraries depend on each other in circles: the linker repeats the group until all is found.
swift_root=$(dirname "$(dirname "$(realpath "$(command -v swiftc)")")")
swift_static=$swift_root/lib/swift_static/linux
[ -d "$swift_static" ] || swift_static=$(swift -print-target-info |
    sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p' | head -n 1)_static/linux
swift_runtime=(-Xlinker --start-group)
for library in Foundation FoundationInternationalization FoundationEssentials _FoundationICU \
    CoreFoundation _FoundationCollections _FoundationCShims swiftDispatch dispatch BlocksRuntime \
    swift_RegexParser swift_StringProcessing swiftSynchronization swift_Builtin_float \
    swift_Concurrency swiftObservation swiftCore; do
    swift_runtime+=(-Xlinker "$swift_static/lib$library.a")
done
swift_runtime+=(-Xlinker --end-group)
