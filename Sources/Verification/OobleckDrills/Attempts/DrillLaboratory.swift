import Foundation
import OobleckCore
import OobleckRunFiles

/// The folder of a drill: the job that all runs train, and the runs.
///
/// The job is small enough for a step to take some tens of milliseconds, and planned for by a made
/// profile, so that all runs plan alike: no node can hold the model alone.
package struct DrillLaboratory: Sendable {
    package let folder: String
    let executable: String
    let workerExecutable: String
    static let blocks = 6
    /// The blocks, and what stands before and behind them.
    static let layers = blocks + 2

    /// Makes the folder's files.
    package init(folder: String, executable: String, workerExecutable: String) throws {
        self.folder = folder
        self.executable = executable
        self.workerExecutable = workerExecutable
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let text = (0..<4000).map { "line \($0 * 7919 % 4001) of the corpus.\n" }.joined()
        try write(text, "corpus.txt")
        try write(Self.profile, "profile.json")
        for tolerance in [1, 2] { try write(Self.job(tolerance), jobName(tolerance)) }
    }

    private func write(_ text: String, _ name: String) throws {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    }

    func path(_ name: String) -> String { folder + "/" + name }

    private func jobName(_ tolerance: Int) -> String { "job-f\(tolerance).yaml" }

    static let steps = 60

    private static func job(_ tolerance: Int) -> String {
        """
        model: {name: drill, blocks: \(blocks), hidden: 64, heads: 4, vocabulary: 256, \
        sequence_length: 64, dropout: 0.1}
        data: {corpus: corpus.txt}
        training: {steps: \(steps), seed: 5, global_batch: 16, microbatch: 2, warmup_steps: 2}
        cluster: {nodes: 6, fault_tolerance: \(tolerance), device_memory: 50000, \
        detection_budget: 2}

        """
    }

    private static var profile: String {
        let layers = (0..<layers).map { layer in
            """
            {"name": "layer\(layer)", "forward_seconds": 0.01, "backward_seconds": 0.02, \
            "parameter_bytes": 1000, "optimizer_bytes": 2000, "activation_bytes": 3000, \
            "allreduce_across_nodes_seconds": {"2": 0.001}}
            """
        }
        return """
            {"version": 1, "model": "drill", "microbatch_size": 2, "device_memory_bytes": 50000,
             "layers": [\(layers.joined(separator: ",\n"))]}

            """
    }

    /// Ends every process of the runs in a laboratory's folder.
    package static func end(all folder: String) {
        let pids = (try? ProcessTable.mentioning(folder)) ?? []
        for pid in pids { kill(pid_t(pid), SIGKILL) }
    }

    /// What trains in the folder `run`.
    func trainArguments(_ run: String, _ reference: DrillReference) -> [String] {
        [
            "train", path(jobName(reference.tolerance)), "--run-dir", path(run),
            "--profile", path("profile.json"), "--steps", "\(reference.steps)",
        ]
    }

    /// Trains in the folder `run`, undisturbed by the drill, to its end.
    ///
    /// Throws one line when it fails.
    func train(
        _ run: String,
        _ reference: DrillReference,
        _ more: [String]
    ) async throws -> RunDirectory {
        let observed = try ObservedRun(
            path: path(run),
            executable: executable,
            arguments: trainArguments(run, reference) + more
        )
        guard try await observed.endAndClear() == 0 else {
            throw OobleckError(.internalFault, "the run \(run) failed: \(observed.lastLine)")
        }
        return try RunDirectory.open(path: observed.path)
    }
}
