import Foundation
import OobleckCore
import OobleckRunFiles

/// A run as a list of runs shows it.
package struct RunSummary: Hashable, Sendable, Codable {
    /// How far a run is.
    package enum State: String, Sendable, Codable, CaseIterable {
        /// All of its steps are committed.
        case finished
        /// Its own process is alive.
        case running
        /// It can be resumed.
        case stopped
        /// It ended before its first step was possible.
        case unstarted
    }

    package var path: String
    package var state: State
    package var model: String
    /// Committed steps, and those that it is to train.
    package var step: Int
    package var steps: Int
    package var loss: Double?
    package var validationLoss: Double?
    /// Nodes that were lost.
    package var failures: Int?
    package var stateSHA256: String?
    /// When it was begun, and when its records last changed, in seconds since 1970.
    package var started: Double?
    package var changed: Double?

    private enum CodingKeys: String, CodingKey {
        case path, state, model, step, steps, loss
        case validationLoss = "validation_loss"
        case failures
        case stateSHA256 = "state_sha256"
        case started = "started_at"
        case changed = "changed_at"
    }

    /// The summary of a run's directory, from its small files.
    ///
    /// Throws `.inputData` when it is none, or when a file of it cannot be read.
    package init(_ directory: RunDirectory) throws {
        let job = try directory.job()
        path = directory.path
        model = job.model.name
        steps = job.training.steps
        let files = FileManager.default
        let hasStarted = files.fileExists(atPath: directory.statusPath)
        state =
            directory.isRunning
            ? .running : directory.isFinished ? .finished : hasStarted ? .stopped : .unstarted
        step = 0
        if hasStarted {
            let status = try directory.status()
            (step, loss, validationLoss) = (status.step, status.loss, status.validationLoss)
            failures = status.nodes.count { [.dead, .evicted].contains($0.state) }
        }
        if files.fileExists(atPath: directory.resultPath) {
            let result = try directory.result()
            (step, loss) = (result.steps, result.finalLoss)
            validationLoss = result.validationLoss ?? validationLoss
            (failures, stateSHA256) = (result.failures, result.stateSHA256)
        }
        started = Self.time(of: directory.configPath)
        changed = [directory.statusPath, directory.resultPath, directory.jobPath]
            .compactMap(Self.time).max()
    }

    private static func time(of path: String) -> Double? {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return (attributes[.modificationDate] as? Date)?.timeIntervalSince1970
        } catch {
            return nil
        }
    }

    /// The runs in a folder, the newest first, and why others that look like runs cannot be read.
    ///
    /// A folder that is itself a run is listed alone. Throws one line when there is no such folder.
    package static func list(
        _ folder: String
    ) throws -> (runs: [RunSummary], troubles: [String]) {
        let folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder),
            isFolder.boolValue
        else {
            throw OobleckError(
                .inputData,
                "there is no folder \(folder); name a folder with runs, such as runs/"
            )
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let paths = names.contains("job.json") ? [folder] : names.map { "\(folder)/\($0)" }
        var (runs, troubles): ([RunSummary], [String]) = ([], [])
        for path in paths where FileManager.default.fileExists(atPath: path + "/job.json") {
            do { runs.append(try RunSummary(RunDirectory.open(path: path))) } catch {
                troubles.append("\(error)")
            }
        }
        runs.sort { ($0.started ?? 0, $0.path) > ($1.started ?? 0, $1.path) }
        return (runs, troubles)
    }
}
