import Foundation
import OobleckCore

/// A layer's state file: written whole and synchronised, read whole and checked.
package enum LayerFile {
    /// Bytes handed to the system at once.
    private static let pieceSize = 4 << 20

    /// Bytes of a layer's state: the file without its header.
    package static func dataSize(ofLayer layer: Int, model: ModelSpecification) -> Int {
        StateDigest.header(ofLayer: layer, model: model).dataSize
    }

    /// Writes `data`, the data section of a layer's state file, into `folder`.
    ///
    /// Returns once the file is on the device and was read back unchanged, so that no older
    /// checkpoint is removed for one that a disk tore or altered. Throws `.storage` after removing
    /// the file, if that is possible.
    package static func write(
        _ data: [UInt8],
        ofLayer layer: Int,
        model: ModelSpecification,
        to folder: String
    ) throws -> ShardDigest {
        let header = StateDigest.header(ofLayer: layer, model: model)
        precondition(
            data.count == header.dataSize,
            "\(counted(data.count, "byte")) for layer \(layer) of \(header.dataSize)"
        )
        let start = header.bytes
        let path = folder + "/" + CheckpointLayout.fileName(ofLayer: layer)
        var (dataHasher, fileHasher) = (SHA256Hasher(), SHA256Hasher())
        let file = try OpenFile(path, for: .replace(permissions: 0o644))
        do {
            try file.write(start)
            fileHasher.update(start)
            try data.withUnsafeBytes { bytes in
                for first in stride(from: 0, to: bytes.count, by: pieceSize) {
                    let end = min(first + pieceSize, bytes.count)
                    let piece = UnsafeRawBufferPointer(rebasing: bytes[first..<end])
                    try file.write(piece)
                    dataHasher.update(piece)
                    fileHasher.update(piece)
                }
            }
            try file.synchronize()
            file.forgetCached()
            let digest = ShardDigest(
                sha256: dataHasher.hexadecimal,
                fileSHA256: fileHasher.hexadecimal,
                bytes: start.count + data.count
            )
            try readBack(path, as: digest)
            return digest
        } catch {
            // A partial file is useless, and its space is needed.
            unlink(path)
            throw error
        }
    }

    /// Throws `.storage` unless the file at `path` has the bytes that were written to it.
    private static func readBack(_ path: String, as written: ShardDigest) throws {
        let file = try OpenFile(path, for: .readBack)
        let size = try file.size()
        guard size == written.bytes else {
            throw OobleckError(
                .storage,
                "\(path) has \(counted(size, "byte")) after \(written.bytes) were written to it"
            )
        }
        var hasher = SHA256Hasher()
        try hasher.update(file, size: size)
        let found = hasher.hexadecimal
        guard found == written.fileSHA256 else {
            throw OobleckError(
                .storage,
                "\(path) does not have the bytes that were written to it: its SHA-256 is \(found), "
                    + "not \(written.fileSHA256); check its disk"
            )
        }
    }

    /// The data section of a layer's state file in `folder`.
    ///
    /// Throws `.inputData`, with the file's path, when it cannot be read, is not this layer's, or
    /// does not have the digest `sha256`.
    package static func read(
        layer: Int,
        model: ModelSpecification,
        from folder: String,
        sha256: String
    ) throws -> [UInt8] {
        let path = folder + "/" + CheckpointLayout.fileName(ofLayer: layer)
        let reader = try SafetensorsReader(path)
        try reader.requireTensors(ParameterLayout.stateTensors(ofLayer: layer, model: model))
        let data = try reader.dataSection()
        var hasher = SHA256Hasher()
        hasher.update(data)
        let found = hasher.hexadecimal
        guard found == sha256 else {
            throw OobleckError(
                .inputData,
                "\(path): its state has SHA-256 \(found); the manifest says \(sha256)"
            )
        }
        return data
    }
}
