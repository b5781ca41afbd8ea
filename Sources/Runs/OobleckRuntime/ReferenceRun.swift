import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRecording
import OobleckRunFiles
import OobleckTransport
import Synchronization

/// The same job undisturbed: one process, one pipeline of one stage, no network.
package struct ReferenceRun {
    let request: RunRequest
    let display: RunDisplay
    /// Longest that the run may take.
    var deadline: Seconds

    package init(
        request: RunRequest,
        display: RunDisplay,
        deadline: Seconds = 7 * 24 * 3600
    ) {
        self.request = request
        self.display = display
        self.deadline = deadline
    }

    /// Trains, and returns where and what it came to.
    ///
    /// Throws one line.
    package func execute() async throws -> (RunDirectory, RunResult) {
        let job = Self.undisturbed(try request.job())
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
            deadline: deadline,
            level: job.cluster.cpuLevel
        )
        try await passingSignals { process in
            // The run waits for space, but cannot write that it does.
            var isWaiting = false
            try await task.run(onStart: { child in process.withLock { $0 = child } }) {
                let isFull = DiskSpace.isExhausted(at: directory.path)
                if isFull != isWaiting { display.say(spaceMessage(isFull, directory)) }
                isWaiting = isFull
                if let status = lastStatus(directory) { display.show(.status(status)) }
            }
        }
        try CheckpointStore(directory, job: job).removeLeftovers()
        display.clear()
        return (directory, try directory.result())
    }

    /// The job on one device without a limit of memory, with no failure but those of the numbers: what is
    /// wrong with them is wrong in every run of the job.
    static func undisturbed(_ job: JobSpecification) -> JobSpecification {
        var job = job
        job.faults = []
        job.stagedFaults = StagedFaults(numbers: job.stagedFaults.numbers)
        job.cluster.nodes = 1
        job.cluster.devicesPerNode = nil
        job.cluster.faultTolerance = 0
        job.cluster.deviceMemory = nil
        return job
    }

    private func spaceMessage(_ isFull: Bool, _ directory: RunDirectory) -> String {
        isFull
            ? "no space is left for \(directory.path); the run waits: free some space"
            : "there is space for \(directory.path) again; the run goes on"
    }

    /// Has the run's process do what signals ask of this one.
    private func passingSignals(
        _ body: (borrowing Mutex<ChildProcess?>) async throws -> Void
    ) async throws {
        let process = Mutex<ChildProcess?>(nil)
        try await ProcessSignals.shared.handling { [display] request in
            let process = process.withLock { $0 }
            switch request {
            case .stop:
                display.say(RunDisplay.stopping)
                process?.signal(SIGTERM)
            case .stopNow:
                process?.signalGroup(SIGKILL)
                Interruption.endAtOnce(isRun: true)
            case .save: process?.signal(SIGUSR1)
            }
        } during: {
            try await body(process)
        }
    }

    /// The run's status, once there is one.
    private func lastStatus(_ directory: RunDirectory) -> RunStatus? {
        do { return try directory.status() } catch { return nil }
    }
}
