import Foundation
import OobleckClusterFiles
import OobleckCore
import OobleckRuntime

/// The queue of Slurm, by its own programs.
struct SlurmQueue {
    private static let purpose = "submit the files on a machine that has Slurm"

    /// Submits a run's job; returns what there is to say.
    ///
    /// A job that is in the queue already is not submitted again. Throws one line.
    func submit(_ batch: SlurmBatch) async throws -> String {
        let (sbatch, squeue) = (
            try ExternalTool("sbatch", for: Self.purpose),
            try ExternalTool("squeue", for: Self.purpose)
        )
        let mine = try await squeue.output([
            "--noheader", "--name=\(batch.name)", "--user=\(getuid())", "--format=%i %T %k",
        ])
        let jobs = mine.split(whereSeparator: \.isNewline).map { $0.split(separator: " ") }
        // Runs in other folders may have the same name.
        let same = jobs.first { $0.count > 2 && $0[2...].joined(separator: " ") == batch.runPath }
        if let same { return "job \(same[0]) (\(same[1])) has this run already: \(batch.runPath)" }
        let answer = try await sbatch.output(["--parsable", batch.jobFilePath])
        let number = answer.split(whereSeparator: \.isNewline).last?.split(separator: ";").first
        return "submitted job \(number ?? "?"): \(batch.jobFilePath); its run is \(batch.runPath)"
    }
}
