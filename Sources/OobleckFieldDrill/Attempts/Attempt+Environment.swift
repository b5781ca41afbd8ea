import Foundation
import OobleckClock
import OobleckControl
import OobleckCore
import OobleckRun

/// Who does not fit to a run: each must be refused in one line, and the run must go on as if nobody
/// had come.
extension Attempt {
    private static let unshare = "/usr/bin/unshare"

    func sendStrangers(_ run: ObservedRun, _ ending: inout Ending) async throws {
        let strangers = try startMisfits(run)
        defer { for stranger in strangers { stranger.agent.signalGroup(SIGKILL) } }
        for (who, agent, reason) in strangers {
            try await expectRefusal(of: agent, who, reason, &ending)
        }
        try await expectOtherVersionRefused(run, &ending)
        try await expectTakenPortRefused(run, &ending)
        let nodes = try run.status()?.nodes ?? []
        let living = nodes.count { $0.state != .dead }
        if living != fault.nodes { ending.problems.append("\(living) nodes; a stranger joined") }
    }

    private func startMisfits(
        _ run: ObservedRun
    ) throws -> [(who: String, agent: ChildProcess, reason: String)] {
        let nowhere = "no-such-host.invalid"
        var misfits = [
            (
                "wrong-token", try startAgent(run, "wrong-token", [], token: try wrongToken()),
                "does not take this token"
            ),
            (
                "few-files",
                try startAgent(run, "few-files", [], through: shell("ulimit -n 60")),
                "may open 60 files"
            ),
            (
                "no-address", try startAgent(run, "no-address", [], coordinator: nowhere + ":1"),
                "no address for \"\(nowhere)\""
            ),
        ]
        if let other = try otherCorpus() {
            let agent = try startAgent(run, "other-corpus", [], through: other)
            misfits.append(("other-corpus", agent, "all nodes need the same"))
        }
        return misfits
    }

    /// What runs the rest of a command line in a shell, after `command`.
    private func shell(_ command: String) -> [String] {
        ["/bin/sh", "-c", command + " && exec \"$@\"", "sh"]
    }

    /// What runs a command where the corpus is another; nothing where mounting is not permitted.
    private func otherCorpus() throws -> [String]? {
        let isPossible = FileManager.default.isExecutableFile(atPath: Self.unshare)
        guard SmallDisk.obstacle == nil, isPossible else { return nil }
        let (other, corpus) = (laboratory.path(name + "-corpus.txt"), laboratory.path("corpus.txt"))
        let text = String(repeating: "Another text altogether.\n", count: 4000)
        try text.write(toFile: other, atomically: true, encoding: .utf8)
        return [Self.unshare, "--mount"] + shell("mount --bind '\(other)' '\(corpus)'")
    }

    private func expectOtherVersionRefused(
        _ run: ObservedRun,
        _ ending: inout Ending
    ) async throws {
        let directory = try RunDirectory.open(path: run.path)
        let endpoint = try directory.endpoint()
        let agent = Agent(
            coordinator: CoordinatorLocator(
                CoordinatorAddress(host: endpoint.host, port: endpoint.port)
            ),
            token: try TokenFile.read(directory.tokenPath),
            tokenPath: directory.tokenPath,
            node: nil,
            workerExecutable: laboratory.workerExecutable,
            workerArguments: [],
            logPath: laboratory.path(name + "-other-version.log"),
            version: programVersion + "-other"
        )
        do {
            try await agent.run()
            ending.problems.append("a node of another version was let in")
        } catch let error as OobleckError {
            guard !error.message.contains("of the program, the coordinator is") else { return }
            ending.problems.append("to another version it says: \(error.message)")
        }
    }

    /// A second run wants the port of this one.
    private func expectTakenPortRefused(
        _ run: ObservedRun,
        _ ending: inout Ending
    ) async throws {
        let port = try RunDirectory.open(path: run.path).endpoint().port
        let second = name + "-second"
        let refused = try ObservedRun(
            path: laboratory.path(second),
            executable: laboratory.executable,
            arguments: laboratory.trainArguments(second, fault.reference) + ["--port", "\(port)"]
        )
        let status = try await refused.end()
        try await Task { try await refused.clear() }.value
        guard status == OobleckError.Code.usage.exitStatus else {
            return ending.problems.append("a second run at port \(port) was not refused")
        }
        if !refused.lastLine.contains("port \(port) of 127.0.0.1 is in use") {
            ending.problems.append("of the port in use it says: \(refused.lastLine)")
        }
    }
}
