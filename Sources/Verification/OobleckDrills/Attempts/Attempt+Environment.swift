import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// Who does not fit to a run: each must be refused in one line, and the run must go on as if nobody
/// had come.
extension Attempt {
    private static let unshare = "/usr/bin/unshare"

    func sendStrangers(_ run: ObservedRun, _ ending: inout Ending) async throws {
        var agents: [ChildProcess] = []
        defer { for agent in agents { agent.signalGroup(SIGKILL) } }
        for (who, reason, start) in try await misfits(&ending) {
            let agent = try start(run)
            agents.append(agent)
            try await expectRefusal(of: agent, who, reason, &ending)
        }
        try await expectOtherVersionRefused(run, &ending)
        try await expectTakenPortRefused(run, &ending)
        // The status tells of a refusal with the next step or tick.
        let isAlone = try await run.wait(for: Self.patience) { status in
            status.nodes.count { $0.state.isAlive } == fault.nodes
        }
        if isAlone == nil { ending.problems.append("a stranger joined, and stayed") }
    }

    private typealias Misfit = (
        who: String, reason: String, start: (ObservedRun) throws -> ChildProcess
    )

    /// Whom to send, and what they must be told.
    private func misfits(_ ending: inout Ending) async throws -> [Misfit] {
        let nowhere = "no-such-host.invalid"
        let token = try wrongToken()
        let few = shell("ulimit -n 60")
        var misfits: [Misfit] = [
            (
                "wrong-token", "does not take this token",
                { try startAgent($0, "wrong-token", [], token: token) }
            ),
            (
                "few-files", "may open 60 files",
                { try startAgent($0, "few-files", [], through: few) }
            ),
            (
                "no-address", "no address for \"\(nowhere)\"",
                { try startAgent($0, "no-address", [], coordinator: nowhere + ":1") }
            ),
        ]
        let probe = try await CommandOutcome.of([Self.unshare, "--mount", "true"])
        if probe.status == 0 {
            let other = try otherCorpus()
            misfits.append(
                (
                    "other-corpus", "all nodes need the same",
                    { try startAgent($0, "other-corpus", [], through: other) }
                )
            )
        } else {
            ending.notes.append("no node with another corpus: unshare says: \(probe.lastLine)")
        }
        return misfits
    }

    /// What runs the rest of a command line in a shell, after `command`.
    private func shell(_ command: String) -> [String] {
        ["/bin/sh", "-c", command + " && exec \"$@\"", "sh"]
    }

    /// What runs a command where the corpus is another.
    private func otherCorpus() throws -> [String] {
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
        let joining = Task { try await agent.run() }
        let patience = Task {
            try await Task.sleep(for: .seconds(Self.patience.value))
            joining.cancel()
        }
        defer { patience.cancel() }
        do {
            _ = try await withTaskCancellationHandler {
                try await joining.value
            } onCancel: {
                joining.cancel()
            }
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
        let status = try await refused.endAndClear()
        guard status == OobleckError.Code.usage.exitStatus else {
            return ending.problems.append("a second run at port \(port) was not refused")
        }
        if !refused.lastLine.contains("port \(port) of 127.0.0.1 is in use") {
            ending.problems.append("of the port in use it says: \(refused.lastLine)")
        }
    }
}
