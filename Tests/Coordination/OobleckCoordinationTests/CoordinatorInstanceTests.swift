import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("The coordinator with its sessions and its storage", .timeLimit(.minutes(5)))
struct CoordinatorInstanceTests {
    // MARK: Admission

    @Test("a node is told its number once that is kept, and not before")
    func admission() throws {
        var bench = try InstanceBench(nodes: 2)
        let (session, did) = bench.greet(.agent, SessionHello(node: nil, pid: 100))
        #expect(bench.instance.node(of: session) == 0)
        let kept = try #require(did.firstIndex(of: .persist(.joined(0, agentPID: 100))))
        let told = try #require(did.firstIndex { $0.addressee == session })
        #expect(kept < told)

        bench.fillDisk()
        let (late, nothing) = bench.greet(.agent, SessionHello(node: nil, pid: 101))
        #expect(!nothing.contains { $0.addressee == late })
        #expect(bench.instance.isWaiting)
        bench.fillDisk(false)
        let after = bench.tick(after: 1)
        #expect(after.contains { $0.addressee == late })
        #expect(!bench.instance.isWaiting)
    }

    @Test("who speaks another version of the protocol is refused in one line")
    func handshake() throws {
        var bench = try InstanceBench(nodes: 2)
        let hello = SessionHello(node: nil, pid: 100, protocolVersion: 99)
        let (session, did) = bench.greet(.agent, hello)
        #expect(did.compactMap(\.refusal).first?.contains("version 99") == true)
        #expect(did.last == .close(session))
        #expect(bench.instance.node(of: session) == nil)
    }

    @Test("no more agents are let in than fit")
    func mostAgents() throws {
        var bench = try InstanceBench(nodes: 2, mostAgents: 2)
        for node in 0..<2 { bench.join(NodeID(node)) }
        let (_, did) = bench.greet(.agent, SessionHello(node: nil, pid: 300))
        #expect(did.compactMap(\.refusal) == ["there are 2 nodes; no more than 2 fit"])
    }

    @Test("a worker that names no node is refused, and nothing that it says counts")
    func namelessWorker() throws {
        var bench = try InstanceBench(nodes: 2)
        let (session, did) = bench.greet(.worker, SessionHello(node: nil, pid: 200))
        #expect(did.compactMap(\.refusal) == ["names no node"])
        #expect(bench.tell(.worker(session, .message(.ready(corpusDigest: "x")))).isEmpty)
    }

    @Test("a second worker of a node puts the node out, and neither is heard any more")
    func secondWorker() throws {
        var bench = try InstanceBench(nodes: 2)
        let (agent, worker) = bench.join(0)
        let (second, did) = bench.greet(.worker, SessionHello(node: 0, pid: 999))
        #expect(did.contains(.fence(0)))
        #expect(did.filter { $0.refusal != nil }.compactMap(\.addressee) == [worker, second])
        #expect(did.contains(.close(agent)))
        for session in [worker, second] {
            #expect(bench.tell(.worker(session, .heartbeat)).isEmpty)
        }
        let (third, refused) = bench.greet(.worker, SessionHello(node: 0, pid: 998))
        #expect(refused.first?.refusal == "node 0 is out; nothing that it says counts")
        #expect(refused.last == .close(third))
    }

    // MARK: The end of a session

    @Test("the end of a worker's session counts once its agent had the time to say why")
    func workerEnds() throws {
        var bench = try InstanceBench(nodes: 2)
        let (_, worker) = bench.join(0)
        bench.join(1)
        let did = bench.tell(.ended(worker))
        guard case .wake(let due) = did.first, did.count == 1 else {
            Issue.record("it is told \(did)")
            return
        }
        bench.now = due
        #expect(bench.tell(.wake).contains(.fence(0)))
    }

    @Test("an agent that says in time how its worker ended is quoted")
    func workerEndsWithReason() throws {
        var bench = try InstanceBench(nodes: 2)
        let (agent, worker) = bench.join(0)
        bench.join(1)
        bench.tell(.ended(worker))
        let did = bench.tell(.agent(agent, .workerExited(evidence: "killed by signal 9")))
        #expect(did.contains { "\($0)".contains("killed by signal 9") })
        #expect(did.contains(.fence(0)))
    }

    @Test("a worker that is back before the end of its last session counted is not put out for it")
    func workerIsBack() throws {
        var bench = try InstanceBench(nodes: 2)
        bench.instance = CoordinatorInstance(
            try Self.coordinatorWithStandby(nodes: 2)
        )
        let (_, worker) = bench.join(0)
        bench.join(1)
        guard case .wake(let due) = bench.tell(.ended(worker)).first else {
            Issue.record("it counts at once")
            return
        }
        // Its agent comes back, too: they had dropped this coordinator for a moment.
        let returning = SessionHello(node: 0, pid: 100, isReturning: true)
        _ = bench.greet(.agent, returning)
        let back = SessionHello(node: 0, pid: 200, testimony: WorkerTestimony())
        _ = bench.greet(.worker, back)
        bench.now = due
        #expect(!bench.tell(.wake).contains(.fence(0)))
    }

    private static func coordinatorWithStandby(nodes: Int) throws -> Coordinator {
        var coordinator = try ToyModel().coordinator(nodes: nodes, steps: 10)
        coordinator.hasStandby = true
        return coordinator
    }

    // MARK: What peers may do

    @Test("a node whose worker lets messages wait without end is put out")
    func overflow() throws {
        var bench = try InstanceBench(nodes: 3)
        let sessions = (0..<3).map { bench.join(NodeID($0)) }
        let slow = sessions[2].worker
        bench.failure = { $0.addressee == slow && $0.refusal == nil ? .overflow : nil }
        var did: [CoordinatorInstance.Directive] = []
        for (_, worker) in sessions {
            did += bench.tell(.worker(worker, .message(.ready(corpusDigest: "c0ffee"))))
        }
        #expect(did.contains(.fence(2)))
        #expect(did.contains { "\($0)".contains("does not take its messages: 8192 wait") })
    }

    @Test("a peer that says what it may not costs its node, with the reason")
    func offence() throws {
        var bench = try InstanceBench(nodes: 2)
        let (agent, _) = bench.join(0)
        bench.join(1)
        let did = bench.tell(.offence(agent, what: "says more than 100 things a second"))
        #expect(did.contains(.fence(0)))
        #expect(did.contains { "\($0)".contains("its agent says more than 100 things") })
        #expect(bench.tell(.offence(agent, what: "again")).isEmpty)
    }
}
