import Foundation
import OobleckCoordination
import OobleckCore
import OobleckEtcdSupport
import OobleckStoreEtcd
import OobleckWorlds
import Testing

extension EtcdCluster {
    /// The store of a coordinator, once the cluster answers and it leads.
    func lead(as id: String, budget: Seconds = 1) async throws -> EtcdStore {
        let leader = EtcdLeader(host: "127.0.0.1", port: 1, id: id)
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try #require(try await EtcdStore.lead(location, as: leader, budget: budget))
            } catch let error as OobleckError where ContinuousClock.now < deadline {
                guard error.code == .storage else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}

@Suite(
    "Coordination in a real etcd",
    .serialized,
    .enabled(if: EtcdCluster.program != nil, "no etcd here; run: apt install etcd-server"),
    .timeLimit(.minutes(5))
)
struct EtcdStoreTests {
    @Test("the next leader finds what the changes sum up to, and the ledger", arguments: [1, 3])
    func sums(members: Int) async throws {
        let cluster = try EtcdCluster(members: members)
        let run = try World.lively(seed: 5, nodes: 5, steps: 4)
        var expected = DurableState()
        var lines: [HistoryEntry] = []
        // The lease is to outlast elections, on a busy machine, too.
        let first = try await cluster.lead(as: "first", budget: 4)
        #expect(first.load() == nil)
        for change in [.tookOver(term: 1)] + run.changes {
            try first.persist(change)
            expected.apply(change)
            switch change {
            case .committed(let step): lines.append(.step(step))
            case .computing(let arithmetic?):
                let recorded = RecordedArithmetic(
                    arithmetic,
                    step: expected.committedSteps,
                    generation: expected.lastGeneration ?? 0
                )
                lines.append(.arithmetic(recorded))
            case .evaluated(let recorded): lines.append(.evaluation(recorded))
            default: break
            }
        }
        try first.close()
        let second = try await cluster.lead(as: "second")
        #expect(second.load() == expected)
        #expect(lines.count > 4 && run.judge.ledger.count == lines.count - 1)
        #expect(try second.ledger() == lines)
        #expect(try second.ledger(page: 3) == lines, "an answer that is cut is asked for the rest")
        try second.close()
    }

    @Test("a leader whose time is over is refused every write, and knows it by itself")
    func fenced() async throws {
        let cluster = try EtcdCluster(members: 1)
        let old = try await cluster.lead(as: "old")
        try old.persist(.tookOver(term: 1))
        #expect(old.mayAct)
        old.pauseRenewal()
        let new = try await cluster.lead(as: "new")
        #expect(!old.mayAct, "the other leads only once the lease has run out")
        try new.persist(.tookOver(term: 2))
        #expect(throws: OobleckError.self) { try old.persist(.tookOver(term: 9)) }
        #expect(new.load()?.term == 2)
        #expect(try await EtcdLeader.current(cluster.location).id == "new")
        try new.close()
    }

    @Test("a step that was skipped keeps its loss, which is no number")
    func skipped() async throws {
        let cluster = try EtcdCluster(members: 1)
        let first = try await cluster.lead(as: "first")
        let step = CommittedStep(
            step: 0,
            generation: 1,
            firstSample: 0,
            endSample: 8,
            loss: .nan,
            gradientNorm: .infinity,
            skipped: "loss"
        )
        try first.persist(.tookOver(term: 1))
        try first.persist(.committed(step))
        try first.close()
        let second = try await cluster.lead(as: "second")
        let kept = try #require(second.load()?.committed)
        #expect(kept.loss.isNaN && kept.gradientNorm == .infinity && kept.skipped == "loss")
        #expect(try second.ledger().count == 1)
        try second.close()
    }

    @Test("when the run is over no other coordinator takes it up")
    func over() async throws {
        let cluster = try EtcdCluster(members: 1)
        let first = try await cluster.lead(as: "first")
        try first.conclude("done")
        try first.close()
        let leader = EtcdLeader(host: "127.0.0.1", port: 1, id: "late")
        #expect(try await EtcdStore.lead(cluster.location, as: leader, budget: 1) == nil)
        // Nodes that look for a coordinator need not wait for one.
        let error = await #expect(throws: OobleckError.self) {
            try await EtcdLeader.current(cluster.location)
        }
        #expect(error?.code == .usage && error?.message.hasSuffix("is over: done") == true)
    }

    @Test("the nodes of a run that was stopped wait for a coordinator, which may go on with it")
    func stopped() async throws {
        let cluster = try EtcdCluster(members: 1)
        let first = try await cluster.lead(as: "first")
        try first.conclude("stopped at step 3")
        try first.close()
        let error = await #expect(throws: OobleckError.self) {
            try await EtcdLeader.current(cluster.location)
        }
        #expect(error?.code == .outOfNodes)
    }

    @Test("who stands by goes on when etcd does not answer for longer than a call may take")
    func standbyWaits() async throws {
        let cluster = try EtcdCluster(members: 1)
        let first = try await cluster.lead(as: "first")
        try first.persist(.tookOver(term: 1))
        first.pauseRenewal()
        let leader = EtcdLeader(host: "127.0.0.1", port: 1, id: "late")
        let location = cluster.location
        let (turns, turn) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task {
            try await EtcdStore.lead(location, as: leader, budget: 1) {
                turn.yield()
                return false
            }
        }
        // At the second turn the first bid has been answered.
        for await _ in turns.prefix(2) {}
        let member = cluster.processes[0].processIdentifier
        kill(member, SIGSTOP)
        // A turn comes when the call before it was answered, or given up: the second was not answered.
        for await _ in turns.prefix(2) {}
        kill(member, SIGCONT)
        let store = try #require(try await waiting.value)
        #expect(store.mayAct && store.load()?.term == 1)
        try store.close()
    }

    @Test("one member of three may die")
    func memberDies() async throws {
        let cluster = try EtcdCluster(members: 3)
        let store = try await cluster.lead(as: "a", budget: 4)
        try store.persist(.tookOver(term: 1))
        kill(cluster.processes[0].processIdentifier, SIGKILL)
        // While the others elect, the write waits.
        for turn in 0..<50 { try store.persist(.draining(0, turn.isMultiple(of: 2))) }
        #expect(store.mayAct)
        try store.close()
    }
}
