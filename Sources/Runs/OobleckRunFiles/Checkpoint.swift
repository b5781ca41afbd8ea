import Foundation
import OobleckCore
import OobleckData

/// A published checkpoint of a run.
package struct Checkpoint: Sendable {
    package let path: String
    package let manifest: CheckpointManifest

    package var manifestPath: String { path + "/" + CheckpointLayout.manifestName }

    package var model: ModelSpecification { manifest.model.specification }

    /// Opens the checkpoint in a folder.
    ///
    /// Throws `.inputData` when its manifest makes no sense.
    package init(path: String) throws {
        self.path = path
        let manifestPath = path + "/" + CheckpointLayout.manifestName
        manifest = try JSONDocument.read(CheckpointManifest.self, from: manifestPath)
        guard manifest.version == CheckpointManifest.formatVersion else {
            throw OobleckError(
                .inputData,
                "\(manifestPath) has version \(manifest.version); this program reads "
                    + "\(CheckpointManifest.formatVersion)"
            )
        }
        if let violation = JobViolation.inModel(manifest.model.specification).first {
            throw OobleckError(
                .inputData,
                "\(manifestPath): \(violation.section).\(violation.key) \(violation.message)"
            )
        }
        let expected = (0..<manifest.model.specification.layerCount)
            .map { CheckpointLayout.fileName(ofLayer: $0) }
        guard manifest.layers.map(\.file) == expected else {
            throw OobleckError(
                .inputData,
                "\(manifestPath) lists \(manifest.layers.count) layer files; its model has "
                    + "\(expected.count), \(expected[0]) and on"
            )
        }
        guard
            CheckpointLayout.folderName(step: manifest.step)
                == URL(fileURLWithPath: path).lastPathComponent
        else {
            throw OobleckError(
                .inputData,
                "\(manifestPath) is of step \(manifest.step), its folder of another"
            )
        }
    }

    /// When it was published, in seconds since 1970.
    package func published() throws -> Double? {
        let values = try URL(fileURLWithPath: manifestPath).resourceValues(forKeys: [
            .contentModificationDateKey
        ])
        return values.contentModificationDate?.timeIntervalSince1970
    }

    /// The folders of the published checkpoints of a run, oldest first, wherever its job puts them.
    package static func folders(in directory: RunDirectory) throws -> [String] {
        let elsewhere = try directory.job().checkpoint?.directory
        let places = Set([directory.checkpointsPath] + (elsewhere.map { [$0] } ?? []))
        return try places.flatMap { place in
            try steps(in: place).map { (step: $0.step, path: $0.path) }
        }
        .sorted { $0 < $1 }.map(\.path)
    }

    /// The published checkpoints in a folder by their names, oldest first; none if it is missing.
    package static func steps(in folder: String) throws -> [(step: Int, path: String)] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .compactMap { name in
                    CheckpointLayout.step(ofFolder: name).map { ($0, folder + "/" + name) }
                }
                .sorted { $0 < $1 }
        } catch {
            throw OobleckError(
                .inputData,
                "cannot list \(folder): \(fileReason(error))"
            )
        }
    }

    /// Whether every layer's file is there and as long as it should be.
    ///
    /// Returns what does not hold. Reads no file's content: cheap, and blind to altered bytes.
    package func sizeViolation() -> RunViolation? {
        for layer in 0..<model.layerCount {
            do {
                let size = try OpenFile(layerPath(layer), for: .readInput).size()
                let expected = manifest.layers[layer].bytes
                guard size != expected else { continue }
                return RunViolation(
                    file: layerPath(layer),
                    message: "has \(counted(size, "byte")); the manifest says \(expected)"
                )
            } catch {
                return RunViolation(file: layerPath(layer), message: oneLine(error))
            }
        }
        return nil
    }

    /// The state file of a layer.
    package func reader(ofLayer layer: Int) throws -> SafetensorsReader {
        try SafetensorsReader(path + "/" + manifest.layers[layer].file)
    }

    /// Recomputes every digest.
    ///
    /// Returns what does not hold, nothing if all is well. Costs one pass over all files.
    package func violations() -> [RunViolation] {
        var violations = (0..<model.layerCount).compactMap { layer in
            do {
                return try violation(ofLayer: layer)
            } catch {
                return RunViolation(file: layerPath(layer), message: oneLine(error))
            }
        }
        let state = StateDigest.state(
            step: manifest.step,
            layerDigests: manifest.layers.map(\.sha256)
        )
        if state != manifest.stateSHA256 {
            violations.append(
                RunViolation(
                    file: manifestPath,
                    message: "state_sha256 is \(manifest.stateSHA256); the layers' digests "
                        + "give \(state)"
                )
            )
        }
        if violations.isEmpty, let violation = tyingViolation() {
            violations.append(violation)
        }
        return violations
    }

    private func layerPath(_ layer: Int) -> String { path + "/" + manifest.layers[layer].file }

    private func violation(ofLayer layer: Int) throws -> RunViolation? {
        let entry = manifest.layers[layer]
        let reader = try reader(ofLayer: layer)
        try reader.requireTensors(ParameterLayout.stateTensors(ofLayer: layer, model: model))
        let digests = try reader.digests()
        let message: String? =
            if reader.fileSize != entry.bytes {
                "has \(counted(reader.fileSize, "byte")); the manifest says \(entry.bytes)"
            } else if digests.dataSection != entry.sha256 {
                "its state has SHA-256 \(digests.dataSection); the manifest says \(entry.sha256)"
            } else if digests.file != entry.fileSHA256 {
                "has SHA-256 \(digests.file); the manifest says \(entry.fileSHA256)"
            } else {
                nil
            }
        return message.map { RunViolation(file: reader.path, message: $0) }
    }

    /// Copies of a tied parameter lie in several layers: all must be the same.
    private func tyingViolation() -> RunViolation? {
        for parameter in ParameterLayout.tiedParameters(of: model) {
            let first = parameter.uses[0]
            for use in parameter.uses.dropFirst() {
                do {
                    guard try bytes(of: use) != bytes(of: first) else { continue }
                    let other = use.name == first.name ? layerPath(first.layer) : first.name
                    return RunViolation(
                        file: layerPath(use.layer),
                        message: "\(use.name) differs from \(other), to which it is tied"
                    )
                } catch {
                    return RunViolation(file: layerPath(use.layer), message: oneLine(error))
                }
            }
        }
        return nil
    }

    private func bytes(of use: TiedParameter.Use) throws -> [UInt8] {
        let reader = try reader(ofLayer: use.layer)
        return try reader.bytes(of: try reader.tensor(named: use.name))
    }
}
