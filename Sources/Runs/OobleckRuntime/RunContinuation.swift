import Foundation
import OobleckCore
import OobleckRunFiles

/// What starting a job in a run directory comes to, where the same command may have been given before.
package enum RunContinuation: Hashable, Sendable {
    /// There is no run yet.
    case new
    /// The run is there; it may be finished.
    case resume

    /// What it comes to for `request`; takes away what a run left that never began to train.
    ///
    /// Throws `.usage` with one line when the directory has the run of another job.
    package init(_ request: RunRequest) throws {
        let path = request.runDirectoryPath
        guard FileManager.default.fileExists(atPath: path + "/job.json") else {
            self = .new
            return
        }
        let directory = try RunDirectory.open(path: path)
        guard try directory.configText() == request.configText() else {
            throw OobleckError(
                .usage,
                "\(directory.path) has the run of another job: \(directory.configPath) and "
                    + "\(request.configPath) differ; choose another --run-dir"
            )
        }
        if try RunDirectory.removeUnbegun(path: path) {
            self = .new
        } else {
            self = .resume
        }
    }
}
