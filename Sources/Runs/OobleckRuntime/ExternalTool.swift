import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import OobleckTransport

/// A program of the system, such as `sbatch`, that is run for what it prints.
package struct ExternalTool: Sendable {
    /// Where it is.
    package let path: String
    private let name: String
    private let deadline: Seconds

    /// The program `name` of the PATH.
    ///
    /// Throws `.usage` with one line, which says what it is needed for, when it is missing.
    package init(_ name: String, for purpose: String, deadline: Seconds = 60) throws {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let paths = folders.map { "\($0)/\(name)" }
        let found = paths.first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else {
            throw OobleckError(.usage, "\(name) is not on the PATH; \(purpose)")
        }
        self.name = name
        self.deadline = deadline
        path = found
    }

    /// Runs it; returns what it printed.
    ///
    /// Throws one line, with its last one, when it fails or takes too long.
    package func output(_ arguments: [String]) async throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "oobleck-tool-\(UUID().uuidString)"
        )
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw OobleckError(.storage, "cannot make \(folder.path): \(fileReason(error))")
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        let logPath = folder.appendingPathComponent("log").path
        let process = try ChildProcess.spawn(
            path,
            arguments,
            group: .own,
            holdsInput: false,
            logPath: logPath
        )
        defer { process.signalGroup(SIGKILL) }
        guard try await process.waitUntilExit(deadline: MonotonicTime.now + deadline) else {
            throw OobleckError(.internalFault, "\(name) took more than \(Int(deadline.value)) s")
        }
        let text = String(decoding: try InputFile.bytes(logPath), as: UTF8.self)
        guard process.exitStatus == .status(0) else {
            let last = text.split(whereSeparator: \.isNewline).last.map { ": \($0)" } ?? ""
            let ending = process.exitStatus.map { "\($0)" } ?? "did not end"
            throw OobleckError(.inputData, "\(name) \(ending)\(last)")
        }
        return text
    }
}
