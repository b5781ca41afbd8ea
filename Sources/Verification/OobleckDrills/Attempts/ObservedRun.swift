import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTransport

/// A training run in processes of its own, watched through its run directory.
///
/// Touched by the one task of its attempt, and by the task that cleans up while that one waits.
final class ObservedRun: @unchecked Sendable {
    let path: String
    /// Where the run's processes put temporary files.
    let temporaryPath: String
    let process: ChildProcess
    private let logPath: String
    /// Processes of the run that were ever seen, with the time at which the system started each.
    private(set) var seen: [Int: UInt64] = [:]
    private(set) var port: Int?

    /// Longest that anything waited for may take; a run that hangs fails the row.
    static let deadline: Seconds = 180
    private static let poll = Duration.milliseconds(5)
    /// How long after its parent's death a process may take to show its own command line.
    private static let lateStart: Seconds = 0.5

    init(
        path: String,
        executable: String,
        arguments: [String],
        environment: [String: String] = [:]
    ) throws {
        self.path = path
        logPath = path + ".log"
        temporaryPath = path + ".temporary"
        try FileManager.default.createDirectory(
            atPath: temporaryPath,
            withIntermediateDirectories: true
        )
        process = try ChildProcess.spawn(
            executable,
            arguments,
            environment: environment.merging(["TMPDIR": temporaryPath]) { given, _ in given },
            group: .own,
            holdsInput: false,
            logPath: logPath
        )
    }

    /// What the run logged in the file at `path`; its last line may be unfinished.
    static func events(_ path: String) throws -> [TimedEvent] {
        let text = String(
            decoding: FileManager.default.contents(atPath: path) ?? Data(),
            as: UTF8.self
        )
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        lines.removeLast()
        return try lines.map { try TimedEvent.parsing(String($0)) }
    }

    /// Remembers a process of the run that its status does not name.
    func note(_ pid: Int) { seen[pid] = ProcessTable.start(of: pid) }

    /// Ends whatever of the run is left: processes seen, and those that its status did not name yet.
    func clear() async throws {
        let wasRunning = process.exitStatus == nil
        process.signalGroup(SIGKILL)
        for (pid, start) in seen where ProcessTable.start(of: pid) == start {
            kill(pid_t(pid), SIGKILL)
        }
        _ = try await process.waitUntilExit(deadline: MonotonicTime.now + 5)
        // A process that was just being started shows a moment later.
        let end = MonotonicTime.now + (wasRunning ? Self.lateStart : 0)
        repeat {
            for pid in try ProcessTable.mentioning(path + "/") { kill(pid_t(pid), SIGKILL) }
            if wasRunning { try await Task.sleep(for: Self.poll) }
        } while MonotonicTime.now < end
    }

    /// Everything written to the run's log, for a failed row.
    var lastLine: String {
        let text = FileManager.default.contents(atPath: logPath) ?? Data()
        let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.last.map(String.init) ?? ""
    }

    /// The run's status; nothing while there is none.
    func status() throws -> RunStatus? {
        guard FileManager.default.fileExists(atPath: path + "/job.json") else { return nil }
        let directory = try RunDirectory.open(path: path)
        if port == nil, FileManager.default.fileExists(atPath: directory.endpointPath) {
            port = try directory.endpoint().port
        }
        guard FileManager.default.fileExists(atPath: directory.statusPath) else { return nil }
        let status = try directory.status()
        for node in status.nodes {
            for pid in node.pids(.node) where seen[pid] == nil {
                seen[pid] = ProcessTable.start(of: pid)
            }
        }
        return status
    }

    /// Returns the status as soon as it is as wanted; nothing when the run ends or the time is up
    /// before.
    func wait(
        for seconds: Seconds = deadline,
        until isWanted: (RunStatus) -> Bool
    ) async throws -> RunStatus? {
        let end = MonotonicTime.now + seconds
        while MonotonicTime.now < end, process.exitStatus == nil {
            if let status = try status(), isWanted(status) { return status }
            try await Task.sleep(for: Self.poll)
        }
        return nil
    }

    /// Returns once a node is out; false when the run ends or the time is up before.
    func waitForLoss(of node: NodeID) async throws -> Bool {
        try await wait { status in
            status.nodes.contains { $0.id == node && !$0.state.isAlive }
        } != nil
    }

    /// The run's exit status once it has ended; nothing when it does not.
    ///
    /// No process of it is left then.
    func endAndClear() async throws -> Int32? {
        let status: Int32?
        do {
            status = try await end()
        } catch {
            // Also when somebody interrupts the drill.
            try await Task { try await self.clear() }.value
            throw error
        }
        try await Task { try await self.clear() }.value
        return status
    }

    /// The run's exit status once it has ended; nothing when it does not.
    func end() async throws -> Int32? {
        let end = MonotonicTime.now + Self.deadline
        while MonotonicTime.now < end, process.exitStatus == nil {
            _ = try status()
            try await Task.sleep(for: .milliseconds(20))
        }
        guard case .status(let status) = process.exitStatus else { return nil }
        return status
    }
}
