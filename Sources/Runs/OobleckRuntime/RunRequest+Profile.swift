import Foundation
import OobleckCore
import OobleckData
import OobleckPlanning
import OobleckRunFiles

extension RunRequest {
    /// The profile that was asked for, or else one measured now.
    ///
    /// Throws one line.
    func profile(
        _ directory: RunDirectory,
        _ executables: Executables,
        _ deadline: Seconds
    ) async throws -> ModelProfile {
        if let measured { return measured }
        if let profilePath { return try ModelProfile(contentsOf: profilePath) }
        let task = WorkerTask(
            executables: executables,
            arguments: ["profile", directory.jobPath, "--output", directory.profilePath],
            logPath: directory.logsPath + "/profile.log",
            deadline: deadline,
            level: try directory.job().cluster.cpuLevel,
            keepsLog: false
        )
        try await task.run()
        return try ModelProfile(contentsOf: directory.profilePath)
    }
}
