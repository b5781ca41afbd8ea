import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("The coordinator while storage fails, and after the end", .timeLimit(.minutes(5)))
struct CoordinatorInstanceStorageTests {
    @Test("while storage fails nothing is decided, and all that came is decided on afterwards")
    func held() throws {
        var bench = try InstanceBench(nodes: 3)
        let sessions = bench.start(nodes: 3)
        bench.fillDisk()
        bench.tell(.event(.drainRequested(0)))
        #expect(bench.instance.isWaiting)
        bench.tell(.agent(sessions[1].agent, .workerExited(evidence: "killed by signal 9")))
        bench.tell(.event(.drainRequested(2)))
        bench.tell(.event(.drainRequested(2)))
        #expect(bench.instance.holds(sessions[1].agent))
        #expect(!bench.instance.holds(sessions[2].agent))
        #expect(!bench.done.contains(.fence(1)))

        let (caller, nothing) = bench.greet(.agent, SessionHello(node: nil, pid: 300))
        #expect(nothing.isEmpty && bench.instance.holds(caller))

        bench.fillDisk(false)
        let did = bench.tick(after: 1)
        #expect(did.contains(.fence(1)))
        #expect(did.count { $0 == .persist(.draining(2, true)) } == 1)
        #expect(did.contains { $0.addressee == caller && $0.refusal == nil })
        #expect(!bench.instance.holds(caller))
    }

    @Test("signs of life that come while storage fails count when it works again")
    func heartbeats() throws {
        var bench = try InstanceBench(nodes: 3)
        let sessions = bench.start(nodes: 3)
        // The nodes were not heard for a while; then they are, and the disk is full.
        bench.now = 1.2
        bench.fillDisk()
        bench.tell(.event(.drainRequested(0)))
        for (agent, worker) in sessions {
            for _ in 0..<3 {
                bench.tell(.agent(agent, .heartbeat))
                bench.tell(.worker(worker, .heartbeat))
            }
            #expect(!bench.instance.holds(agent), "a sign of life holds up no reader")
        }
        bench.now = 5
        bench.fillDisk(false)
        bench.tick(after: 0.2)
        #expect(!bench.tick(after: 0.2).contains { if case .fence = $0 { true } else { false } })
    }

    @Test("people are told of the trouble at once, and of its end")
    func told() throws {
        var bench = try InstanceBench(nodes: 2)
        bench.start(nodes: 2)
        func kinds(_ did: [CoordinatorInstance.Directive]) -> [RunEvent.Kind] {
            did.compactMap { if case .log(let event) = $0 { event.kind } else { nil } }
        }
        bench.fillDisk()
        #expect(kinds(bench.tell(.event(.drainRequested(0)))) == [.storageTrouble])
        #expect(kinds(bench.tick(after: 1)).isEmpty)
        #expect(bench.instance.status(now: bench.now).phase == .waitingForStorage)
        bench.fillDisk(false)
        #expect(kinds(bench.tick(after: 1)).contains(.storageRestored))
    }

    @Test("a request to stop is obeyed at once: the nodes are left to another coordinator")
    func abandoned() throws {
        var bench = try InstanceBench(nodes: 2)
        let sessions = bench.start(nodes: 2)
        bench.fillDisk()
        bench.tell(.event(.drainRequested(0)))
        let did = bench.tell(.event(.stopRequested(reason: "Ctrl-C")))
        guard case .abandoned(let error) = bench.instance.outcome else {
            Issue.record("it ends with \(String(describing: bench.instance.outcome))")
            return
        }
        #expect(error.message.hasPrefix("stopped on request (Ctrl-C) while the run waited"))
        let closed = sessions.flatMap { [$0.agent, $0.worker] }
        #expect(closed.allSatisfy { did.contains(.close($0)) })
        #expect(!did.contains { $0.addressee != nil }, "nobody is told to leave")

        // Who comes now is not refused: that would end it.
        let (late, dropped) = bench.greet(.agent, SessionHello(node: 0, pid: 100))
        #expect(dropped == [.drop(late, error)])
    }

    @Test("a coordinator that leads no more says nothing, and drops whoever comes")
    func deposed() throws {
        var bench = try InstanceBench(nodes: 2)
        bench.start(nodes: 2)
        bench.mayAct = false
        let did = bench.tell(.event(.drainRequested(0)))
        #expect(!did.contains { $0.addressee != nil || $0.isKept })
        #expect(bench.instance.outcome == .stopped(.deposed))
        let (late, dropped) = bench.greet(.worker, SessionHello(node: 0, pid: 200))
        #expect(dropped == [.drop(late, .deposed)])
    }

    @Test("a lease that is lost in the middle of a write ends all that was to follow")
    func deposedWhileWriting() throws {
        var bench = try InstanceBench(nodes: 2)
        bench.start(nodes: 2)
        bench.instance.handle(.event(.drainRequested(0)), now: bench.now)
        var isLost = false
        while let directive = bench.instance.next(now: bench.now) {
            var result = CoordinatorInstance.DirectiveResult.done
            if case .persist(.draining) = directive { (isLost, result) = (true, .failed(.deposed)) }
            if isLost { #expect(directive.addressee == nil, "\(directive)") }
            bench.instance.completed(result, mayAct: !isLost, now: bench.now)
        }
        #expect(isLost)
        #expect(bench.instance.outcome == .stopped(.deposed))
    }

    @Test("a record that makes no sense ends the run, and no commit follows it")
    func fault() throws {
        var bench = try InstanceBench(nodes: 2)
        let nonsense = OobleckError(.internalFault, "step 7 follows step 3")
        bench.failure = { directive in
            if case .persist(.planned) = directive { .failed(nonsense) } else { nil }
        }
        bench.start(nodes: 2)
        let sent = bench.done.compactMap { directive -> CoordinatorMessage? in
            guard case .worker(_, .message(let message)) = directive else { return nil }
            return message
        }
        #expect(!sent.contains { if case .reconfigure = $0 { true } else { false } })
        #expect(sent.contains { if case .stop = $0 { true } else { false } })
        #expect(bench.instance.outcome == .stopped(nonsense))
    }

    @Test("who comes after the end is refused in one line")
    func afterEnd() throws {
        var bench = try InstanceBench(nodes: 2)
        bench.start(nodes: 2)
        for _ in 0..<2 { bench.tell(.event(.stopRequested(reason: "enough"))) }
        #expect(bench.instance.outcome != nil)
        let (late, did) = bench.greet(.agent, SessionHello(node: nil, pid: 300))
        #expect(did.compactMap(\.refusal) == ["the run is over; nothing that it says counts"])
        #expect(did.last == .close(late))
    }
}
