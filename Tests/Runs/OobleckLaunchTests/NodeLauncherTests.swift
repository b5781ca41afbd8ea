import Foundation
import OobleckCore
import OobleckLaunch
import OobleckRunFiles
import OobleckRuntime
import OobleckTestSupport
import OobleckTransport
import Synchronization
import Testing

/// What every launcher of nodes does, whatever it starts them by.
///
/// The programs are stand-ins: an agent
/// that sleeps, and an ssh that greets and reads its input to the end.
@Suite("Launchers of nodes", .serialized, .timeLimit(.minutes(5)))
struct NodeLauncherTests {
    /// A launcher under test, and what it told the run.
    private final class Bench {
        let folder: TemporaryFolder
        let launcher: any NodeLauncher
        let exits: Exits
        let pid: (NodeID) -> Int?

        final class Exits: Sendable {
            private let nodes = Mutex<[NodeID]>([])

            var all: [NodeID] { nodes.withLock { $0 } }

            func add(_ node: NodeID) { nodes.withLock { $0.append(node) } }
        }

        init(_ kind: Kind) throws {
            // As our programs do: one that is gone does not read.
            signal(SIGPIPE, SIG_IGN)
            let (folder, exits) = (try TemporaryFolder(), Exits())
            (self.folder, self.exits) = (folder, exits)
            switch kind {
            case .local:
                let cluster = LocalCluster(
                    executable: try Self.script(folder, "exec sleep 60"),
                    workerExecutable: "/bin/true",
                    coordinator: CoordinatorAddress(host: "127.0.0.1", port: 1),
                    tokenPath: folder.path + "/token",
                    endpointPath: folder.path + "/coordinator.json",
                    logsPath: folder.path,
                    onExit: { node, _ in exits.add(node) }
                )
                launcher = cluster
                pid = { cluster.agentPIDs[$0] }
            case .ssh:
                let site = try Self.site(folder) { node, _ in exits.add(node) }
                var options = SSHOptions()
                let greeting =
                    #"{"version":"\#(programVersion)","pid":4242,"hostName":"h","bootID":"b"}"#
                options.executable = try Self.script(
                    folder,
                    "echo '\(greeting)'\nexec cat >/dev/null"
                )
                launcher = SSHLauncher(
                    [HostEntry(name: "a", slots: [0, 1]), HostEntry(name: "b")],
                    site: site,
                    settings: SSHLauncher.Settings(options: options, program: "oobleck"),
                    certificates: [:]
                )
                pid = { _ in 4242 }
            }
        }

        private static func script(_ folder: TemporaryFolder, _ text: String) throws -> String {
            let path = try folder.write("program", "#!/bin/bash\n\(text)\n")
            chmod(path, 0o700)
            return path
        }

        private static func site(
            _ folder: TemporaryFolder,
            onExit: @escaping @Sendable (NodeID, String) -> Void
        ) throws -> LaunchSite {
            let path = try folder.write("job.yaml", "data: {corpus: corpus.txt}\n")
            let job = try JobFile.load(path: path, settings: [])
            return LaunchSite(
                directory: try RunDirectory.create(
                    path: folder.path + "/run",
                    job: job,
                    configText: ""
                ),
                job: job,
                coordinator: CoordinatorAddress(host: "127.0.0.1", port: 1),
                token: "token",
                deadlines: .standard,
                onExit: onExit,
                reserve: { nil },
                say: { _ in }
            )
        }
    }

    enum Kind: CaseIterable { case local, ssh }

    private func until(_ condition: () -> Bool) async throws -> Bool {
        let end = Date(timeIntervalSinceNow: 20)
        // Asked once after it holds: some conditions do something.
        while !condition() {
            guard Date() < end else { return false }
            try await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    @Test(
        "own the agents that they started, and no others",
        .timeLimit(.minutes(5)),
        arguments: Kind.allCases
    )
    func own(_ kind: Kind) async throws {
        let bench = try Bench(kind)
        defer { bench.launcher.killAll() }
        try bench.launcher.start(3)
        try bench.launcher.start(5)
        for node in [NodeID(3), 5] {
            let isOwn = try await until {
                bench.pid(node).map { bench.launcher.isOwn(node, agentPID: $0) } ?? false
            }
            #expect(isOwn)
            #expect(!bench.launcher.isOwn(node, agentPID: 1))
        }
        #expect(!bench.launcher.isOwn(4, agentPID: bench.pid(3) ?? 0))
    }

    @Test(
        "tell of a node that ended, and kill none twice",
        .timeLimit(.minutes(5)),
        arguments: Kind.allCases
    )
    func kill(_ kind: Kind) async throws {
        let bench = try Bench(kind)
        defer { bench.launcher.killAll() }
        try bench.launcher.start(0)
        try bench.launcher.start(1)
        #expect(try await until { bench.launcher.kill(0) })
        #expect(try await until { bench.exits.all == [0] })
        #expect(!bench.launcher.kill(0))
        #expect(!bench.launcher.kill(7))
    }

    @Test(
        "close in time, and start nothing any more",
        .timeLimit(.minutes(5)),
        arguments: Kind.allCases
    )
    func close(_ kind: Kind) async throws {
        let bench = try Bench(kind)
        try bench.launcher.start(0)
        let isThere = try await until {
            bench.pid(0).map { bench.launcher.isOwn(0, agentPID: $0) } ?? false
        }
        #expect(isThere)
        try await bench.launcher.close(within: 0.2)
        #expect(throws: OobleckError.self) { try bench.launcher.start(1) }
        #expect(try await until { !bench.launcher.kill(0) })
    }

    @Test(
        "a place has one node at a time; a node without a place is refused in a line",
        .timeLimit(.minutes(5))
    )
    func full() async throws {
        let bench = try Bench(.ssh)
        defer { bench.launcher.killAll() }
        for node in 0..<3 { try bench.launcher.start(NodeID(node)) }
        let error = #expect(throws: OobleckError.self) { try bench.launcher.start(3) }
        #expect(error?.message.hasPrefix("all 3 places of the hostfile are in use") == true)
        #expect(try await until { bench.launcher.kill(1) })
        let isFree = try await until {
            do { try bench.launcher.start(3) } catch { return false }
            return true
        }
        #expect(isFree)
    }
}
