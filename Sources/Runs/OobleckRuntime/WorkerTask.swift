import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import OobleckTransport

/// A task of the worker program that ends by itself: profiling, or the reference run.
package struct WorkerTask {
    let executables: Executables
    let arguments: [String]
    let logPath: String
    let deadline: Seconds
    /// Level of the processor that it computes for.
    var level: CPULevel?
    /// Whether the log is there when the error of a failed task is read.
    var keepsLog = true

    package init(
        executables: Executables,
        arguments: [String],
        logPath: String,
        deadline: Seconds,
        level: CPULevel? = nil,
        keepsLog: Bool = true
    ) {
        self.executables = executables
        self.arguments = arguments
        self.logPath = logPath
        self.deadline = deadline
        self.level = level
        self.keepsLog = keepsLog
    }

    /// Runs the task, and calls `watch` a few times a second meanwhile.
    ///
    /// Throws the task's own last line, with its exit status, when it fails. The task never
    /// outlives this process: it ends when its input does. When this is cancelled it is ended.
    /// `onStart` is called with its process.
    package func run(
        onStart: (ChildProcess) -> Void = { _ in },
        _ watch: () throws -> Void = {}
    ) async throws {
        let log = ProcessLog(logPath)
        let process = try ChildProcess.spawn(
            executables.worker,
            arguments,
            environment: ChildProcess.computing(at: level),
            group: .own,
            holdsInput: true,
            logPath: logPath
        )
        defer { process.signalGroup(SIGKILL) }
        onStart(process)
        let end = MonotonicTime.now + deadline
        while try await !process.waitUntilExit(deadline: MonotonicTime.now + 0.25) {
            try watch()
            guard MonotonicTime.now < end else {
                throw OobleckError(
                    .internalFault,
                    "oobleck-worker \(arguments[0]) took more than \(Int(deadline.value)) s"
                )
            }
        }
        guard let exit = process.exitStatus, exit != .status(0) else { return }
        throw failure(exit, log)
    }

    private func failure(_ exit: ChildProcess.Exit, _ log: ProcessLog) -> OobleckError {
        let prefix = "oobleck-worker: "
        let lines = readLog().split(whereSeparator: \.isNewline)
        let ours = lines.last { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        let known: [OobleckError.Code] = [.usage, .inputData, .noPlan, .storage, .outOfNodes]
        let code = known.first { exit == .status($0.exitStatus) } ?? .internalFault
        let ending = log.ending(exit)
        var what = "oobleck-worker \(arguments[0]) \(ending.text)"
        if !keepsLog {
            // The log goes with its folder: its last line has to do.
            let last = lines.last.map { "; it last said: \($0)" } ?? ""
            what = what.replacing("; see \(logPath)", with: last)
        }
        if ending.isOutOfMemory { return OobleckError(code, what) }
        let folder = URL(fileURLWithPath: logPath).deletingLastPathComponent().path
        // Then its own line could not be written either.
        let isFull = ours == nil && code == .storage && DiskSpace.isExhausted(at: folder)
        let full = "cannot write to \(folder): no space is left on its device"
        return OobleckError(code, ours ?? (isFull ? full : what))
    }

    private func readLog() -> String {
        do {
            return String(decoding: try InputFile.bytes(logPath), as: UTF8.self)
        } catch {
            return ""
        }
    }
}
