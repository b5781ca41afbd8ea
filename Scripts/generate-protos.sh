#!/bin/sh
# Regenerates Sources/Coordination/OobleckWire/Generated from Protos. Run after changing a .proto file, and
# commit the result. Needs protoc (Debian: protobuf-compiler). The first run builds the plugins
# and takes several minutes; PROTOC_GEN_SWIFT and PROTOC_GEN_GRPC_SWIFT name ready-made ones.
set -eu
cd "$(dirname "$0")/.."

if ! command -v protoc > /dev/null; then
    echo "generate-protos: protoc not found; apt-get install protobuf-compiler" >&2
    exit 69
fi

build=.build-protos
if [ -z "${PROTOC_GEN_SWIFT:-}" ]; then
    swift build --scratch-path "$build" --product protoc-gen-swift
    PROTOC_GEN_SWIFT="$build/debug/protoc-gen-swift"
fi
if [ -z "${PROTOC_GEN_GRPC_SWIFT:-}" ]; then
    swift build --scratch-path "$build" --product protoc-gen-grpc-swift-2
    PROTOC_GEN_GRPC_SWIFT="$build/debug/protoc-gen-grpc-swift-2"
fi

output=Sources/Coordination/OobleckWire/Generated
mkdir -p "$output"
protoc --proto_path=Protos \
    --plugin=protoc-gen-swift="$PROTOC_GEN_SWIFT" \
    --swift_out="$output" --swift_opt=Visibility=Package --swift_opt=FileNaming=DropPath \
    --plugin=protoc-gen-grpc-swift="$PROTOC_GEN_GRPC_SWIFT" \
    --grpc-swift_out="$output" --grpc-swift_opt=Visibility=Package \
    --grpc-swift_opt=FileNaming=DropPath --grpc-swift_opt=UseAccessLevelOnImports=true \
    oobleck/control.proto etcd/etcd.proto
ls -l "$output"
