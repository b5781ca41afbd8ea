import OobleckControl
import OobleckCore
import OobleckData
import OobleckRecording
import OobleckRun

/// The same job undisturbed: one process, one pipeline of one stage, no network.
struct ReferenceRun {
    /// Longest that a reference run may take.
    private static let deadline: Seconds = 7 * 24 * 3600

    let request: RunRequest
    let display: RunDisplay

    /// Trains, and returns where and what it came to.
    ///
    /// Throws one line.
    func execute() async throws -> (RunDirectory, RunResult) {
        var job = try request.job()
        job.faults = []
        // What is wrong with the numbers is wrong with them everywhere.
        job.stagedFaults = StagedFaults(numbers: job.stagedFaults.numbers)
        job.cluster.nodes = 1
        job.cluster.faultTolerance = 0
        job.cluster.deviceMemory = nil
        let executables = try Executables()
        let directory = try RunDirectory.create(
            path: request.runDirectoryPath,
            job: job,
            configText: try request.configText()
        )
        let task = WorkerTask(
            executables: executables,
            arguments: ["reference", directory.jobPath, "--run-dir", directory.path],
            logPath: directory.logsPath + "/reference.log",
            deadline: Self.deadline
        )
        // It waits for space, but cannot write that it does.
        var isWaiting = false
        try await task.run {
            let isFull = DiskSpace.isExhausted(at: directory.path)
            if isFull != isWaiting {
                display.say(
                    isFull
                        ? "no space is left for \(directory.path); the run waits: free some space"
                        : "there is space for \(directory.path) again; the run goes on"
                )
                isWaiting = isFull
            }
            if let status = lastStatus(directory) { display.show(.status(status)) }
        }
        try CheckpointStore(directory, job: job).removeLeftovers()
        display.clear()
        return (directory, try directory.result())
    }

    /// The run's status, once there is one.
    private func lastStatus(_ directory: RunDirectory) -> RunStatus? {
        do { return try directory.status() } catch { return nil }
    }
}
