import Foundation
import OobleckCore
import OobleckData
import Synchronization

/// Turns the layers that workers upload into a checkpoint.
///
/// Pieces go to `checkpoints/step-N.partial/`; once all layers are there and have the digests that
/// their holders agreed on, a manifest is added and the folder gets its name. Uploads may start
/// over under a newer generation; pieces of an older one are dropped.
package final class FinalStateWriter: Sendable {
    private struct Upload {
        let generation: Generation
        let file: OpenFile
        let path: String
        var size = 0
        var isComplete = false
        /// Whether a part of a piece that did not fit may stand behind ``size``.
        var isTorn = false
    }

    private let model: ModelSpecification
    private let step: Int
    private let jobSHA256: String?
    private let partialPath: String
    private let finalPath: String
    private let uploads = Mutex<[Int: Upload]>([:])
    /// Digest of the whole state, once the folder has its name.
    private let published = Mutex<String?>(nil)

    /// Prepares the checkpoint after `step` committed steps.
    ///
    /// `jobSHA256` is the job's ``JobFingerprint``. Throws `.storage`.
    package init(
        _ directory: RunDirectory,
        model: ModelSpecification,
        step: Int,
        jobSHA256: String? = nil
    ) throws {
        self.model = model
        self.step = step
        self.jobSHA256 = jobSHA256
        finalPath = directory.checkpointsPath + "/" + CheckpointLayout.folderName(step: step)
        partialPath = finalPath + ".partial"
        try makeFolder(partialPath)
    }

    /// Layers of which the last piece is still to come.
    package var missingLayers: [Int] {
        uploads.withLock { uploads in
            (0..<model.layerCount).filter { uploads[$0]?.isComplete != true }
        }
    }

    /// How many bytes its files are still to take on the disk.
    package func missingBytes() throws -> Int {
        try uploads.withLock { uploads in
            // The manifest says some 250 bytes of each layer.
            try (0..<model.layerCount).reduce(512 * (model.layerCount + 2)) { sum, layer in
                // A part of a piece that did not fit is on the disk, too.
                try sum + wholeSize(ofLayer: layer) - (uploads[layer]?.file.size() ?? 0)
            }
        }
    }

    /// Bytes of a layer's file.
    private func wholeSize(ofLayer layer: Int) -> Int {
        let header = StateDigest.header(ofLayer: layer, model: model)
        return header.bytes.count + header.dataSize
    }

    /// Stores a piece.
    ///
    /// Throws `.storage` when it cannot be written, and can be called again then; `.internalFault` when a worker sends what no
    /// worker should.
    package func receive(_ chunk: LayerChunk) throws {
        guard 0..<model.layerCount ~= chunk.layer else {
            throw OobleckError(
                .internalFault,
                "a worker uploads layer \(chunk.layer); the model has \(model.layerCount)"
            )
        }
        let wholeSize = wholeSize(ofLayer: chunk.layer)
        try uploads.withLock { uploads in
            var upload: Upload
            if let known = uploads[chunk.layer], known.generation >= chunk.generation {
                guard known.generation == chunk.generation else { return }
                upload = known
            } else {
                let path =
                    partialPath + "/" + CheckpointLayout.fileName(ofLayer: chunk.layer)
                upload = Upload(
                    generation: chunk.generation,
                    file: try OpenFile(path, for: .replace(permissions: 0o644)),
                    path: path
                )
            }
            let size = upload.size + chunk.bytes.count
            let fits = chunk.isLast ? size == wholeSize : size <= wholeSize
            guard fits, !upload.isComplete else {
                throw OobleckError(
                    .internalFault,
                    "a worker uploads \(counted(size, "byte")) of layer \(chunk.layer); "
                        + "its state file has \(wholeSize)"
                )
            }
            do {
                if upload.isTorn { try upload.file.truncate(to: upload.size) }
                try upload.file.write(chunk.bytes)
            } catch {
                upload.isTorn = true
                uploads[chunk.layer] = upload
                throw error
            }
            upload.isTorn = false
            upload.size = size
            upload.isComplete = chunk.isLast
            uploads[chunk.layer] = upload
        }
    }

    /// Checks every layer against its digest, publishes the checkpoint, and returns the digest of
    /// the whole state.
    ///
    /// Throws `.internalFault` when a layer is missing or is not what its holders said, `.storage`
    /// when the checkpoint cannot be written, and can be called again then.
    package func publish(layerDigests: [String]) throws -> String {
        let state = try published.withLock { $0 } ?? place(layerDigests)
        let parent = URL(fileURLWithPath: finalPath).deletingLastPathComponent().path
        try AtomicFile.synchronizeDirectory(parent)
        return state
    }

    /// Gives the checkpoint its name, and returns the digest of the whole state.
    private func place(_ layerDigests: [String]) throws -> String {
        precondition(layerDigests.count == model.layerCount, "\(layerDigests.count) layer digests")
        let layers = try uploads.withLock { uploads in
            try layerDigests.enumerated().map { layer, digest in
                guard let upload = uploads[layer], upload.isComplete else {
                    throw OobleckError(
                        .internalFault,
                        "the final state of layer \(layer) was not uploaded"
                    )
                }
                try upload.file.synchronize()
                upload.file.forgetCached()
                return try describe(layer: layer, path: upload.path, digest: digest)
            }
        }
        let state = StateDigest.state(step: step, layerDigests: layerDigests)
        let manifest = CheckpointManifest(
            version: CheckpointManifest.formatVersion,
            step: step,
            stateSHA256: state,
            model: CheckpointManifest.Model(model),
            layers: layers,
            jobSHA256: jobSHA256
        )
        try JSONDocument.write(manifest, to: partialPath + "/" + CheckpointLayout.manifestName)
        // A coordinator that died before it wrote the result may have published it already.
        try dropEarlierPublication()
        guard rename(partialPath, finalPath) == 0 else {
            throw OobleckError(.storage, "cannot publish \(finalPath): \(systemReason())")
        }
        published.withLock { $0 = state }
        return state
    }

    private func dropEarlierPublication() throws {
        guard FileManager.default.fileExists(atPath: finalPath) else { return }
        do {
            try FileManager.default.removeItem(atPath: finalPath)
        } catch {
            throw OobleckError(.storage, "cannot replace \(finalPath): \(fileReason(error))")
        }
    }

    private func describe(
        layer: Int,
        path: String,
        digest: String
    ) throws -> CheckpointManifest.Layer {
        do {
            let reader = try SafetensorsReader(path)
            try reader.requireTensors(ParameterLayout.stateTensors(ofLayer: layer, model: model))
            let digests = try reader.digests()
            guard digests.dataSection == digest else {
                throw OobleckError(
                    .internalFault,
                    "the uploaded state of layer \(layer) has digest \(digests.dataSection); "
                        + "its holders have \(digest)"
                )
            }
            return CheckpointManifest.Layer(
                file: CheckpointLayout.fileName(ofLayer: layer),
                sha256: digest,
                fileSHA256: digests.file,
                bytes: reader.fileSize
            )
        } catch let error as OobleckError where error.code == .inputData {
            // The file is ours, not the user's.
            throw OobleckError(
                error.message.hasPrefix("cannot ") ? .storage : .internalFault,
                error.message
            )
        }
    }
}
