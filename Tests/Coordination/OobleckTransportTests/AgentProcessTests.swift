import Foundation
import OobleckCoordination
import OobleckCore
import OobleckTransport
import Testing

@Suite("Agent processes", .serialized, .timeLimit(.minutes(5)))
struct AgentProcessTests {
    @Test("a worker that is killed is reported at once, with the signal, and its node is over")
    func workerKilled() async throws {
        try await withCluster(nodes: 2) { bench, cluster, worker in
            let agent = try #require(cluster.agentPIDs[1])
            let victim = try #require(worker.pid(of: 1))
            #expect(kill(victim, SIGKILL) == 0)
            try await eventually("the loss is noticed") { bench.recording.lost(1) != nil }
            #expect(bench.recording.lost(1)?.message.contains("signal 9") == true)
            try await eventually("its agent leaves") { !isAlive(pid_t(agent)) }
            let other = try #require(worker.pid(of: 0))
            #expect(isAlive(other))
        }
    }

    @Test("an agent that is killed takes its worker with it, without anyone's help")
    func agentKilled() async throws {
        try await withCluster(nodes: 1) { bench, cluster, worker in
            // Not one of the cluster's: those are ended as a group.
            let agent = try ChildProcess.spawn(
                commandPath(),
                [
                    "agent", "--coordinator", bench.address.description, "--token-file",
                    worker.tokenPath, "--node", "5", "--worker-executable", worker.path,
                    "--log", "/dev/null",
                ],
                group: .parents,
                holdsInput: false,
                logPath: "/dev/null"
            )
            try await eventually("its worker runs") { worker.pid(of: 5) != nil }
            let orphan = try #require(worker.pid(of: 5))
            #expect(getpgid(orphan) == agent.pid, "agent and worker are one process group")
            #expect(agent.signal(SIGKILL))
            try await eventually("the loss is noticed") { bench.recording.lost(5) != nil }
            try await eventually("the worker is gone") { !isAlive(orphan) }
            #expect(bench.recording.lost(5)?.message.contains("agent") == true)
        }
    }

    @Test("killing a node's group ends agent and worker")
    func nodeKilled() async throws {
        try await withCluster(nodes: 2) { bench, cluster, worker in
            let pids = [
                pid_t(try #require(cluster.agentPIDs[0])), try #require(worker.pid(of: 0)),
            ]
            #expect(cluster.kill(0))
            try await eventually("both are gone") { !pids.contains(where: isAlive) }
            try await eventually("the loss is noticed") { bench.recording.lost(0) != nil }
            // Dead comes before reaped, and only then does the cluster know.
            try await eventually("only the other is left") {
                cluster.agentPIDs.keys.sorted() == [1]
            }
            #expect(!cluster.kill(0), "a second kill finds nobody")
        }
    }

    @Test("when no coordinator is found again in time, agents and workers leave by themselves")
    func coordinatorGone() async throws {
        let left = Shared<[pid_t]>([])
        try await withCluster(
            nodes: 2,
            detectionBudget: 0.2,
            coordinatorWait: 6,
            closes: false
        ) { _, cluster, worker in
            let agents = cluster.agentPIDs.values.map { pid_t($0) }
            let workers = [try #require(worker.pid(of: 0)), try #require(worker.pid(of: 1))]
            left.change { $0 = agents + workers }
        }
        try await eventually("all are gone") { !left.value.contains(where: isAlive) }
    }

    @Test("closing the cluster leaves no process behind, however stubborn")
    func closing() async throws {
        let left = Shared<[pid_t]>([])
        try await withCluster(nodes: 3) { _, cluster, worker in
            let agents = cluster.agentPIDs.values.map { pid_t($0) }
            let workers = try (0..<3).map { try #require(worker.pid(of: $0)) }
            left.change { $0 = agents + workers }
            // A stopped process answers no one.
            kill(agents[0], SIGSTOP)
            try await cluster.close(within: 0.2)
            #expect(cluster.agentPIDs.isEmpty)
            #expect(throws: OobleckError.self) { try cluster.addNode() }
        }
        try await eventually("all are gone") { !left.value.contains(where: isAlive) }
    }

    @Test("no process of a run shows the token among its arguments or in its environment")
    func tokenIsNotShown() async throws {
        try await withCluster(nodes: 2) { _, cluster, worker in
            let agents = cluster.agentPIDs.values.map { pid_t($0) }
            let workers = [try #require(worker.pid(of: 0)), try #require(worker.pid(of: 1))]
            for pid in agents + workers {
                // While it replaces its program, a process has no arguments.
                try await eventually("process \(pid) has its arguments") {
                    FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")?.isEmpty == false
                }
                for place in ["cmdline", "environ"] {
                    let bytes = try #require(
                        FileManager.default.contents(atPath: "/proc/\(pid)/\(place)")
                    )
                    #expect(bytes.range(of: Data(ShellBench.token.secret.utf8)) == nil)
                }
            }
        }
    }

    @Test("an agent that finds no coordinator says so in one line, with exit status 75")
    func noCoordinator() async throws {
        let socket = try ListeningSocket(host: "127.0.0.1", port: 0)
        socket.discard()
        let agent = Agent(
            coordinator: CoordinatorLocator(
                CoordinatorAddress(host: "127.0.0.1", port: socket.port)
            ),
            token: "t",
            tokenPath: "/dev/null",
            node: nil,
            workerExecutable: "/bin/false",
            workerArguments: [],
            logPath: nil,
            deadlines: Deadlines(budget: 0.4)
        )
        let error = await #expect(throws: OobleckError.self) { try await agent.run() }
        #expect(error?.code == .outOfNodes)
        #expect(error?.message.contains("127.0.0.1:\(socket.port)") == true)
    }

    private func withCluster(
        nodes: Int,
        detectionBudget: Seconds = 60,
        coordinatorWait: Seconds? = nil,
        closes: Bool = true,
        _ body: (ShellBench, LocalCluster, StandInWorker) async throws -> Void
    ) async throws {
        let worker = try StandInWorker()
        defer { worker.remove() }
        let clusters = Shared<[LocalCluster]>([])
        try await ShellBench.with(
            nodes: 8,
            detectionBudget: detectionBudget,
            coordinatorWait: coordinatorWait
        ) { bench in
            let cluster = LocalCluster(
                executable: try commandPath(),
                workerExecutable: worker.path,
                coordinator: bench.address,
                tokenPath: worker.tokenPath,
                endpointPath: worker.folder + "/coordinator.json",
                logsPath: worker.folder
            )
            clusters.change { $0.append(cluster) }
            for _ in 0..<nodes { try cluster.addNode() }
            try await eventually("all workers run") {
                (0..<nodes).allSatisfy { worker.pid(of: $0) != nil }
            }
            try await body(bench, cluster, worker)
            if closes { try await cluster.close(within: 0.1) }
        }
        if !closes {
            try await eventually("the agents have left") {
                clusters.value.allSatisfy(\.agentPIDs.isEmpty)
            }
        }
    }
}

/// Whether a process runs; one that is dead but not reaped does not.
private func isAlive(_ pid: pid_t) -> Bool {
    guard let file = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
    let fields = String(decoding: file, as: UTF8.self).split(separator: ")").last
    return fields?.split(separator: " ").first != "Z"
}

/// The command under test, built beside the tests.
private func commandPath() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let folder = URL(fileURLWithPath: tests).deletingLastPathComponent()
    let path = folder.appendingPathComponent("oobleck").path
    try #require(FileManager.default.isExecutableFile(atPath: path), "build the oobleck command")
    return path
}
