import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckEtcdSupport
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckTestSupport
import OobleckTransport
import Testing

@testable import OobleckRuntime

@Suite(
    "A standby of a run in a real etcd",
    .serialized,
    .enabled(if: EtcdCluster.program != nil, "no etcd here; run: apt install etcd-server"),
    .timeLimit(.minutes(5))
)
struct StandbyTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Returns once the cluster answers, after half a minute at the latest.
    private func waitForAnswer(_ cluster: EtcdCluster) async throws {
        let end = MonotonicTime.now + 30
        while true {
            do {
                _ = try await EtcdStore.document(cluster.location)
                return
            } catch let error as OobleckError {
                guard error.code == .storage, MonotonicTime.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Begins to lead a new run, once the cluster answers.
    private func lead(_ cluster: EtcdCluster) async throws -> (EtcdStore, RunDirectory) {
        try await waitForAnswer(cluster)
        let path = folder.path + "/first"
        let directory = try RunDirectory.create(
            path: path,
            job: RunRemains.job,
            configText: "a: b\n"
        )
        let document = EtcdStore.Document(
            job: RunRemains.job,
            profile: RunRemains.profile,
            configText: "a: b\n",
            token: try RunStart.newToken(in: directory)
        )
        let socket = try ListeningSocket(host: "127.0.0.1", port: 0)
        defer { socket.discard() }
        let store = try await RunStart.lead(cluster.location, directory, document, socket)
        return (store, directory)
    }

    private func standBy(
        _ cluster: EtcdCluster,
        in name: String,
        isOver: @escaping @Sendable () -> Bool = { false }
    ) async throws -> RunStart? {
        let request = Standby.Request(
            location: cluster.location,
            runDirectoryPath: folder.path + "/" + name
        )
        return try await RunStart.standBy(request, isOver: isOver)
    }

    @Test("takes the run over with all its steps, and begins the next term")
    func takesOver() async throws {
        let cluster = try EtcdCluster(members: 1)
        let (store, first) = try await lead(cluster)
        try store.persist(.joined(0, agentPID: 100))
        try store.persist(.numbered(0))
        for step in 0..<3 { try store.persist(.committed(RunRemains.step(step))) }
        try store.close()
        let start = try #require(try await standBy(cluster, in: "second"))
        #expect(start.state?.term == 2)
        #expect(start.state?.livingAgents == [0: 100], "its nodes may wait")
        #expect(!start.mayAdopt, "which are on other machines")
        #expect(start.job == RunRemains.job)
        #expect(start.token.secret == (try first.token().secret))
        #expect(try LedgerEnd(path: start.directory.ledgerPath).steps == 3)
        #expect(try RunVerifier.verifyLedger(of: start.directory).isIntact)
        #expect(try start.directory.coordination() == cluster.location.text)
        start.socket.discard()
        try start.store.close()
    }

    @Test("is not needed by a run that is over, and leaves no directory")
    func runIsOver() async throws {
        let cluster = try EtcdCluster(members: 1)
        let (store, _) = try await lead(cluster)
        try store.conclude("finished")
        try store.close()
        #expect(try await standBy(cluster, in: "second") == nil)
        #expect(try folder.names == ["first"])
    }

    @Test("that is told to end while it waits takes nothing over")
    func toldToEnd() async throws {
        let cluster = try EtcdCluster(members: 1)
        let (store, _) = try await lead(cluster)
        #expect(try await standBy(cluster, in: "second", isOver: { true }) == nil)
        #expect(try folder.names == ["first"])
        try store.close()
    }

    @Test("that could not record the run does not win it; nor does one without a run")
    func refused() async throws {
        let cluster = try EtcdCluster(members: 1)
        try await waitForAnswer(cluster)
        let none = await #expect(throws: OobleckError.self) {
            try await standBy(cluster, in: "second")
        }
        #expect(none?.message == "etcd has no run test to stand by for")
        let (store, _) = try await lead(cluster)
        try store.close()
        _ = try folder.write("second/precious.txt", "text")
        let full = await #expect(throws: OobleckError.self) {
            try await standBy(cluster, in: "second")
        }
        #expect(full?.message.contains("precious.txt") == true)
    }

    @Test("a second run of the same name is refused")
    func nameTaken() async throws {
        let cluster = try EtcdCluster(members: 1)
        let (store, _) = try await lead(cluster)
        try store.close()
        try FileManager.default.removeItem(atPath: folder.path + "/first")
        let error = await #expect(throws: OobleckError.self) { try await lead(cluster) }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("etcd has a run test already") == true)
    }

    @Test("a ledger that is ahead of etcd's is refused; else what is new is added")
    func catchUp() throws {
        let lines = (0..<3).map { HistoryEntry.step(RunRemains.step($0)) }
        for known in 0...3 {
            #expect(
                try RunStart.newLines(of: lines, known: known, path: "l") == Array(lines[known...])
            )
        }
        let error = #expect(throws: OobleckError.self) {
            try RunStart.newLines(of: lines, known: 4, path: "ledger")
        }
        #expect(error?.message == "ledger has 4 lines, and etcd 3")
    }
}
