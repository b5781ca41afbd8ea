import Foundation
import OobleckCore
import OobleckText

/// How a run was started, as far as its job does not say: what starting it again takes over
/// (`launch.json`).
package struct LaunchRecord: Hashable, Sendable, Codable {
    /// Where coordinator and workers listen.
    package var host: String
    /// The port that was asked for; 0 is any.
    package var port: Int
    /// Nodes started on the coordinator's machine; absent is all of them.
    package var startedNodes: Int?
    /// Whether control messages are encrypted.
    package var tls: Bool
    /// The command that started the run and has it go on, where that is not `train --resume`.
    package var command: String?

    package init(
        host: String,
        port: Int,
        startedNodes: Int?,
        tls: Bool,
        command: String? = nil
    ) {
        self.host = host
        self.port = port
        self.startedNodes = startedNodes
        self.tls = tls
        self.command = command
    }

    private enum CodingKeys: String, CodingKey {
        case host
        case port
        case startedNodes = "started_nodes"
        case tls
        case command
    }
}

extension RunDirectory {
    package var launchPath: String { path + "/launch.json" }

    package func write(_ launch: LaunchRecord) throws {
        try JSONDocument.write(launch, to: launchPath)
    }

    /// How the run was started; `nil` in runs of earlier versions.
    package func launch() throws -> LaunchRecord? {
        guard FileManager.default.fileExists(atPath: launchPath) else { return nil }
        return try JSONDocument.read(LaunchRecord.self, from: launchPath)
    }

    /// The command that has the run go on.
    package var resumeCommand: String {
        let usual = "oobleck train --resume \(path.shellQuoted)"
        // Without a readable record it is a run of an earlier version.
        do { return try launch()?.command ?? usual } catch { return usual }
    }
}
