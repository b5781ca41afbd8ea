import Foundation
import OobleckClock
import OobleckControl
import OobleckCore

/// How a command gets to the machine of a node.
package struct NodeShell: Sendable {
    private let words: [String]

    private static let patience: Seconds = 30

    /// All nodes are on this machine.
    package static let local = NodeShell(words: [])

    private init(words: [String]) { self.words = words }

    /// Words to put before a command, `ssh {host}` for instance: `{host}` stands for the node's name,
    /// up to a slash in it, and `{node}` for its number.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line when the words name no node.
    package init(parsing text: String) throws {
        let words = text.split(separator: " ").map(String.init)
        guard words.contains(where: { $0.contains("{host}") || $0.contains("{node}") }) else {
            throw OobleckError(
                .usage,
                "--through is \"\(text)\"; it must say where {host} or {node} goes, as in "
                    + "\"ssh {host}\""
            )
        }
        self.init(words: words)
    }

    /// The command line that runs `command` on the machine of `node`.
    func commandLine(_ command: [String], on node: NodeStatus) -> [String] {
        let host = node.name?.split(separator: "/").first.map(String.init) ?? ""
        let before = words.map {
            $0.replacing("{host}", with: host).replacing("{node}", with: "\(node.id)")
        }
        return before + command
    }

    /// Runs a command there; whether it ended well, and in time.
    func run(_ command: [String], on node: NodeStatus) async throws -> Bool {
        let process = try ChildProcess.spawn(
            "/usr/bin/env",
            commandLine(command, on: node),
            group: .own,
            holdsInput: false,
            logPath: "/dev/null"
        )
        defer { process.signalGroup(SIGKILL) }
        _ = try await process.waitUntilExit(deadline: MonotonicTime.now + Self.patience)
        return process.exitStatus == .status(0)
    }
}
