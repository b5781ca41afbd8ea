import Foundation
import OobleckCore

/// How a command gets to the machine of a node.
package struct NodeShell: Sendable {
    private let words: [String]

    /// All nodes are on this machine.
    package static let local = NodeShell(words: [])

    private init(words: [String]) { self.words = words }

    /// Words to put before a command, `ssh {host}` for instance.
    ///
    /// `{host}` stands for the node's name, up to a slash in it, and `{node}` for its number. Throws
    /// ``OobleckError/Code/usage`` with one line when the words name no node.
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
    ///
    /// Throws one line when the node's name, which the node chose, is no name of a machine: it could
    /// be an option of the words, or more words.
    package func commandLine(_ command: [String], on node: NodeStatus) throws -> [String] {
        let host = String(node.name?.prefix { $0 != "/" } ?? "")
        let isHost =
            host.first.map { $0.isASCII && ($0.isLetter || $0.isNumber) } ?? false
            && host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._:-".contains($0)) }
        guard isHost || !words.contains(where: { $0.contains("{host}") }) else {
            throw OobleckError(
                .usage,
                "node \(node.id) calls itself \"\(host)\", which is no name of a machine; start "
                    + "its agent with another --name"
            )
        }
        let before = words.map {
            $0.replacing("{host}", with: host).replacing("{node}", with: "\(node.id)")
        }
        return before + command
    }

    /// Sends a signal to processes of a node.
    ///
    /// Throws one line when one of them is none of ours there, so that nobody else is hit, or when
    /// the signal does not get there.
    func signal(_ signal: String, _ pids: [Int], of node: NodeStatus) async throws {
        for pid in pids {
            guard try await isOurs(pid, on: node) else {
                throw OobleckError(
                    .usage,
                    "process \(pid) of node \(node.id) (\(node.name ?? "no name")) is none of "
                        + "Oobleck's where it was looked for; say with --through how a command "
                        + "gets to the node's machine"
                )
            }
        }
        let command = ["kill", "-\(signal)"] + pids.map { "\($0)" }
        let outcome = try await CommandOutcome.of(try commandLine(command, on: node))
        guard outcome.status == 0 else {
            throw OobleckError(
                .internalFault,
                "node \(node.id) was not sent \(signal): \(outcome.lastLine)"
            )
        }
    }

    /// Whether a process is there, and a program of ours.
    ///
    /// Throws one line when the machine cannot be asked.
    func isOurs(_ pid: Int, on node: NodeStatus) async throws -> Bool {
        let command = ["grep", "-aq", "oobleck", "/proc/\(pid)/cmdline"]
        let outcome = try await CommandOutcome.of(try commandLine(command, on: node))
        // Of grep, 1 is another program or a dead process, 2 none at all.
        guard [0, 1, 2].contains(outcome.status) else {
            throw OobleckError(
                .internalFault,
                "the machine of node \(node.id) cannot be asked (status \(outcome.status)): "
                    + outcome.lastLine
            )
        }
        return outcome.status == 0
    }
}
