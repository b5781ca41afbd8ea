import Foundation
import OobleckCore
import OobleckRun

/// What happens to a checkpoint on its disk.
enum CheckpointHarm: String, Sendable, CaseIterable {
    case alteredByte, tornFile, missingFile

    /// Does it to the checkpoint in `folder`; throws what the system says.
    func hit(_ folder: String) throws {
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
        try harm.hit(store + "/" + CheckpointLayout.folderName(step: step))
        killHolders(status.nodes.filter { $0.state == .healthy }, &ending)
    }
}
