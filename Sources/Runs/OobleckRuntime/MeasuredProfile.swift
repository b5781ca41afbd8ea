import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckPlanning

/// A profile that is measured now, in a folder that is gone afterwards.
package enum MeasuredProfile {
    /// How long measuring a model may take.
    private static let deadline: Seconds = 600

    /// Measures the job's model on this machine; leaves the profile at `path`, if one is given.
    ///
    /// Throws one line.
    package static func measure(
        _ job: JobSpecification,
        _ executables: Executables,
        to path: String? = nil
    ) async throws -> ModelProfile {
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appendingPathComponent(
            "oobleck-profile-\(UUID().uuidString)"
        )
        do {
            try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw OobleckError(
                .storage,
                "cannot make the folder \(folder.path): \(error.localizedDescription)"
            )
        }
        defer { remove(folder) }
        let jobPath = folder.appendingPathComponent("job.json").path
        try AtomicFile.write(Array(Console.json(job).utf8), to: jobPath, durably: false)
        let target = path ?? folder.appendingPathComponent("profile.json").path
        let task = WorkerTask(
            executables: executables,
            arguments: ["profile", jobPath, "--output", target],
            logPath: folder.appendingPathComponent("profile.log").path,
            deadline: deadline,
            level: job.cluster.cpuLevel,
            keepsLog: false
        )
        try await task.run()
        return try ModelProfile(contentsOf: target)
    }

    private static func remove(_ folder: URL) {
        do {
            try FileManager.default.removeItem(at: folder)
        } catch {
            Console.complain("cannot remove \(folder.path): \(error.localizedDescription)")
        }
    }
}
