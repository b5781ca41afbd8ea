import Foundation
import OobleckClock
import OobleckCore
import OobleckTransport

/// What came of a command that was run to its end.
struct CommandOutcome: Sendable {
    /// The exit status; 124 of one that took too long, 128 and the signal's number of one that died.
    let status: Int32
    /// The last line of what it said.
    let lastLine: String

    /// Runs a command, which is looked for as by a shell, to its end, and never for longer than
    /// `patience`.
    static func of(_ command: [String], within patience: Seconds = 30) async throws -> Self {
        let log = NSTemporaryDirectory() + "/drill-command-\(UUID().uuidString).log"
        defer { unlink(log) }
        let process = try ChildProcess.spawn(
            "/usr/bin/env",
            command,
            group: .own,
            holdsInput: false,
            logPath: log
        )
        defer { process.signalGroup(SIGKILL) }
        guard try await process.waitUntilExit(deadline: MonotonicTime.now + patience) else {
            return Self(status: 124, lastLine: "it took more than \(patience.value) s")
        }
        let said = String(
            decoding: FileManager.default.contents(atPath: log) ?? Data(),
            as: UTF8.self
        )
        let line = said.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
        return switch process.exitStatus {
        case .status(let status): Self(status: status, lastLine: line)
        case .signal(let signal): Self(status: 128 + signal, lastLine: line)
        case nil: Self(status: 124, lastLine: line)
        }
    }
}
