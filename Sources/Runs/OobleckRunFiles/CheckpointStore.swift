import Foundation
import OobleckCore
import OobleckData

/// The folder in which one run publishes its checkpoints.
///
/// A checkpoint appears under its name all at once, with the manifest in it; until then, and from
/// the moment it is to go, it has a name that nobody takes for a checkpoint. What belongs to another
/// job is never used, replaced or removed.
package struct CheckpointStore: Sendable {
    package let path: String
    /// Other folders whose checkpoints are restored when they are the newest.
    private var others: [String] = []
    private let model: ModelSpecification
    private let jobSHA256: String

    /// The store of a run's job: its own folder, or the run directory's.
    package init(_ directory: RunDirectory, job: JobSpecification) throws {
        try self.init(path: job.checkpoint?.directory ?? directory.checkpointsPath, job: job)
        // The final state of a run is always there.
        if path != directory.checkpointsPath { others = [directory.checkpointsPath] }
    }

    package init(path: String, job: JobSpecification) throws {
        self.path = path
        model = job.model
        jobSHA256 = try JobFingerprint.of(job)
    }

    /// Makes the folder, and checks that files can be written to it.
    ///
    /// Throws `.storage` with one line. For the start of a run.
    package func prepare() throws {
        try makeFolder(path, withParents: true)
        let probe = path + "/.oobleck-\(getpid()).partial"
        defer { unlink(probe) }
        try OpenFile(probe, for: .replace(permissions: 0o600)).write([0])
    }

    /// Where the layers of a save are to be written.
    package func partialPath(step: Int, generation: Generation) -> String {
        let generation = generation.rawValue
        return path + "/"
            + CheckpointLayout.partialFolderName(step: step, generation: generation)
    }

    private func finalPath(step: Int) -> String {
        path + "/" + CheckpointLayout.folderName(step: step)
    }

    /// Publishes a save whose layers are all on the device: manifest last, then the name.
    ///
    /// Throws `.storage` when a file is not as long as its writer said, or when the checkpoint
    /// cannot be written; what was published before stays.
    package func publish(_ save: CheckpointPublication) throws {
        precondition(save.layers.count == model.layerCount, "\(save.layers.count) layers")
        let partial = partialPath(step: save.step, generation: save.generation)
        let layers = try save.layers.enumerated().map { layer, digest in
            let name = CheckpointLayout.fileName(ofLayer: layer)
            try requireSize(digest.bytes, of: partial + "/" + name)
            return CheckpointManifest.Layer(
                file: name,
                sha256: digest.sha256,
                fileSHA256: digest.fileSHA256,
                bytes: digest.bytes
            )
        }
        let manifest = CheckpointManifest(
            version: CheckpointManifest.formatVersion,
            step: save.step,
            stateSHA256: StateDigest.state(step: save.step, layerDigests: layers.map(\.sha256)),
            model: CheckpointManifest.Model(model),
            layers: layers,
            jobSHA256: jobSHA256,
            corpusSHA256: save.corpusDigest
        )
        let manifestPath = partial + "/" + CheckpointLayout.manifestName
        try JSONDocument.write(manifest, to: manifestPath)
        try readBack(manifest, from: manifestPath)
        try makeRoom(step: save.step, generation: save.generation)
        let final = finalPath(step: save.step)
        guard rename(partial, final) == 0 else {
            throw OobleckError(.storage, "cannot publish \(final): \(systemReason())")
        }
        try AtomicFile.synchronizeDirectory(path)
    }

    /// Throws `.storage` unless the manifest is on the device as it was written.
    private func readBack(_ manifest: CheckpointManifest, from path: String) throws {
        try OpenFile(path, for: .readBack).forgetCached()
        let message = "\(path) does not have the bytes that were written to it; check its disk"
        do {
            let found = try JSONDocument.read(CheckpointManifest.self, from: path)
            guard found == manifest else { throw OobleckError(.storage, message) }
        } catch let error as OobleckError where error.code == .inputData {
            throw OobleckError(.storage, message)
        }
    }

    private func requireSize(_ size: Int, of file: String) throws {
        guard FileManager.default.fileExists(atPath: file) else {
            throw OobleckError(
                .storage,
                "the coordinator does not see \(file), which a node has written; "
                    + CheckpointLayout.sharedFolderCure
            )
        }
        let found = try OpenFile(file, for: .readBack).size()
        guard found == size else {
            throw OobleckError(
                .storage,
                "\(file) has \(counted(found, "byte")); \(size) were written"
            )
        }
    }

    /// Takes a damaged or superseded checkpoint out of the way of a new one of the same step.
    private func makeRoom(step: Int, generation: Generation) throws {
        let final = finalPath(step: step)
        guard FileManager.default.fileExists(atPath: final) else { return }
        if isForeign(final) {
            throw OobleckError(
                .storage,
                "\(final) belongs to another job; give this run a checkpoint.directory of its own"
            )
        }
        try remove(final, generation: generation)
    }

    /// Whether a folder is a whole checkpoint of another job.
    private func isForeign(_ folder: String) -> Bool {
        do {
            let other = try Checkpoint(path: folder).manifest.jobSHA256
            return other != nil && other != jobSHA256
        } catch {
            // Not readable: nobody can use it.
            return false
        }
    }

    /// Removes a published checkpoint: first its name, then its files.
    private func remove(_ folder: String, generation: Generation) throws {
        let doomed = folder + ".removed-\(generation.rawValue).partial"
        try removeTree(doomed)
        guard rename(folder, doomed) == 0 else {
            throw OobleckError(.storage, "cannot remove \(folder): \(systemReason())")
        }
        try removeTree(doomed)
    }

    /// Removes what a save left that came to nothing.
    package func discard(step: Int, generation: Generation) throws {
        try removeTree(partialPath(step: step, generation: generation))
    }

    /// Removes all saves that were never published, once nobody writes any more.
    package func removeLeftovers() throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        for name in try contents() where CheckpointLayout.isLeftover(name) {
            try removeTree(path + "/" + name)
        }
    }

    /// Removes this job's checkpoints older than the newest `keep` whole ones.
    ///
    /// A checkpoint with a missing or torn file does not count, and stays as evidence until it is
    /// older than those that do.
    package func prune(keep: Int, generation: Generation) throws {
        precondition(keep >= 1, "keep \(keep) checkpoints")
        var whole = 0
        for (_, folder) in try Checkpoint.steps(in: path).reversed() where !isForeign(folder) {
            if whole >= keep {
                try remove(folder, generation: generation)
            } else if isWhole(folder) {
                whole += 1
            }
        }
    }

    /// Removes the newest checkpoint of this job where the `missing` bytes of the final state do not
    /// fit beside it, but in its place.
    package func giveWay(toBytes missing: Int) throws {
        let newest = try Checkpoint.steps(in: path).last { !isForeign($0.path) && isWhole($0.path) }
        guard let newest, let free = DiskSpace.free(at: path) else { return }
        let layers = try Checkpoint(path: newest.path).manifest.layers
        let size = layers.reduce(0) { $0 + $1.bytes }
        guard free < missing, free + size >= missing else { return }
        try remove(newest.path, generation: 0)
    }

    private func isWhole(_ folder: String) -> Bool {
        do { return try Checkpoint(path: folder).sizeViolation() == nil } catch { return false }
    }

    /// The newest whole checkpoint of this job with at most `limit` steps, but for those of the
    /// steps in `excluded`, and one line on each newer one why it is passed over.
    ///
    /// Does not read the layers: whoever loads one checks it against its digest.
    package func newest(
        atMost limit: Int,
        corpusDigest: String?,
        excluding excluded: Set<Int>
    ) -> (point: RestorePoint?, passedOver: [String]) {
        var passedOver: [String] = []
        do {
            let all = try ([path] + others).flatMap { try Checkpoint.steps(in: $0) }
            for (step, folder) in all.sorted(by: { $0.step > $1.step })
            where step <= limit && !excluded.contains(step) {
                if let reason = unfitness(of: folder, corpusDigest: corpusDigest) {
                    passedOver.append(reason)
                    continue
                }
                let manifest = try Checkpoint(path: folder).manifest
                let point = RestorePoint(
                    step: step,
                    folder: folder,
                    stateSHA256: manifest.stateSHA256,
                    layerSHA256: manifest.layers.map(\.sha256)
                )
                return (point, passedOver)
            }
        } catch {
            passedOver.append(oneLine(error))
        }
        return (nil, passedOver)
    }

    /// Why a checkpoint cannot be restored; `nil` if it seems it can.
    private func unfitness(of folder: String, corpusDigest: String?) -> String? {
        do {
            let checkpoint = try Checkpoint(path: folder)
            let manifest = checkpoint.manifest
            guard manifest.jobSHA256 == jobSHA256, checkpoint.model == model else {
                return "\(folder) belongs to another job"
            }
            if let corpusDigest, let other = manifest.corpusSHA256, other != corpusDigest {
                return "\(folder) belongs to a run on another corpus"
            }
            let state = StateDigest.state(
                step: manifest.step,
                layerDigests: manifest.layers.map(\.sha256)
            )
            guard state == manifest.stateSHA256 else {
                return "\(checkpoint.manifestPath) is altered: its digests do not fit each other"
            }
            return checkpoint.sizeViolation().map { "\($0)" }
        } catch {
            return oneLine(error)
        }
    }

    private func contents() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw OobleckError(.storage, "cannot list \(path): \(fileReason(error))")
        }
    }

    private func removeTree(_ folder: String) throws {
        guard FileManager.default.fileExists(atPath: folder) else { return }
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            throw OobleckError(.storage, "cannot remove \(folder): \(fileReason(error))")
        }
    }
}
