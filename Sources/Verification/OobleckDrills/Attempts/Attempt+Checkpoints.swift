import Foundation
import OobleckCore
import OobleckRunFiles

/// What happens to a checkpoint on its disk.
enum CheckpointHarm: String, Sendable, CaseIterable {
    case alteredByte, tornFile, missingFile, anotherRun

    /// Does it to the checkpoint in `folder`; throws what the system says.
    ///
    /// `other` is a checkpoint of another run, which is put beside it.
    func hit(_ folder: String, other: String?) throws {
        let file = folder + "/" + CheckpointLayout.fileName(ofLayer: 1)
        let url = URL(fileURLWithPath: file)
        switch self {
        case .alteredByte:
            var data = try Data(contentsOf: url)
            data[data.count / 2] ^= 16
            try data.write(to: url)
        case .tornFile:
            let data = try Data(contentsOf: url)
            try data.prefix(data.count / 3).write(to: url)
        case .missingFile: try FileManager.default.removeItem(at: url)
        case .anotherRun:
            guard let other else { return }
            let name = URL(fileURLWithPath: other).lastPathComponent
            let store = URL(fileURLWithPath: folder).deletingLastPathComponent().path
            try FileManager.default.copyItem(atPath: other, toPath: store + "/" + name)
            // It is not looked at before those that are newer are found bad.
            try Self.alteredByte.hit(folder, other: nil)
        }
    }
}

extension Attempt {
    /// The newest checkpoint goes bad, and more than f nodes die: the run has to see it, and to go
    /// back to the one before.
    func spoilCheckpoint(_ run: ObservedRun, _ ending: inout Ending) async throws {
        guard case .harm(let harm) = variant, let period = fault.checkpointPeriod else { return }
        let status = try await run.wait {
            $0.phase == .training && $0.checkpointStep ?? 0 >= 2 * period
        }
        guard let status, let step = status.checkpointStep else {
            return ending.problems.append("it never saved its second checkpoint")
        }
        let store = try RunDirectory.open(path: run.path).checkpointsPath
        try harm.hit(store + "/" + CheckpointLayout.folderName(step: step), other: otherCheckpoint)
        killHolders(status.nodes.filter { $0.state == .healthy }, &ending)
    }

    /// Takes the other run's checkpoint away, once the run has had to do with it.
    func removeOther(from run: ObservedRun) throws {
        guard let otherCheckpoint else { return }
        let name = URL(fileURLWithPath: otherCheckpoint).lastPathComponent
        let copy = try RunDirectory.open(path: run.path).checkpointsPath + "/" + name
        // Not there when the run never got so far.
        guard FileManager.default.fileExists(atPath: copy) else { return }
        try FileManager.default.removeItem(atPath: copy)
    }

    /// A checkpoint that another run, of the same model with other weights, ended with: of a step
    /// that this run does not save, between its first two saves.
    func trainAnother(_ period: Int) async throws -> String {
        let other = name + "-other"
        let step = period + period / 2
        let reference = DrillReference(tolerance: fault.faultTolerance, steps: step, staged: [])
        let run = try await laboratory.train(other, reference, ["--reference", "--seed", "9"])
        return run.checkpointsPath + "/" + CheckpointLayout.folderName(step: step)
    }

    /// The disk that this run saves to, if something is wrong with it.
    func faultyDisk() async throws -> FaultyDisk? {
        guard case .disk(let fault) = variant else { return nil }
        let folder = laboratory.path(name + "-disk")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Errors in one file; seconds for each of them.
        return try await FaultyDisk(
            fault,
            match: fault == .slow ? "layer-" : "layer-003",
            folder: folder
        )
    }
}
