import Foundation
import OobleckCore
import OobleckRunFiles

/// How it stands with the directory of a run that is to be launched: the same command starts, resumes, or
/// finds the run finished.
package enum LaunchStage: Hashable, Sendable {
    /// There is no run yet.
    case new
    /// An earlier launch ended before it had a plan; it left nothing worth keeping.
    case unbegun
    /// The run can be resumed, after this many steps.
    case unfinished
    case finished

    /// Looks at a directory.
    ///
    /// Throws one line when a process leads its run now, or it is the run of another job.
    package init(_ path: String, job: JobSpecification, steps: Int?) throws {
        guard FileManager.default.fileExists(atPath: path + "/job.json") else {
            self = .new
            return
        }
        let directory = try RunDirectory.open(path: path)
        guard !directory.isRunning else {
            throw OobleckError(
                .usage,
                "the run in \(directory.path) is under way; look at it with: oobleck status "
                    + directory.path
            )
        }
        let old = try directory.job()
        guard try JobFingerprint.of(old) == JobFingerprint.of(job) else {
            throw OobleckError(
                .usage,
                "\(directory.path) holds the run of another job (\(old.model.name), seed "
                    + "\(old.training.seed)); name another --run-dir for this one"
            )
        }
        guard directory.hasBegun else {
            self = .unbegun
            return
        }
        let isMore = steps.map { $0 > old.training.steps } ?? false
        self = directory.isFinished && !isMore ? .finished : .unfinished
    }
}
