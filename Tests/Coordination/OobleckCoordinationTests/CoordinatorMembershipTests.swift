import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorMembershipTests {
    @Test("node numbers count up, and none is given twice, not even after a death")
    func admission() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.tell(.nodeLost(2, evidence: "gone"))
        #expect(try bench.coordinator.admit(requested: nil) == 4)
        #expect(try bench.coordinator.admit(requested: 9) == 9)
        #expect(try bench.coordinator.admit(requested: nil) == 10)
        for taken in [NodeID(2), 0, 9, -1] {
            let error = #expect(throws: OobleckError.self) {
                try bench.coordinator.admit(requested: taken)
            }
            #expect(error?.message.contains("the next free is 11") == true)
        }
    }

    @Test("the first plan waits for all nodes, and then all of them get it")
    func firstPlan() throws {
        var bench = try CoordinatorBench(nodes: 4)
        for _ in 0..<3 {
            try bench.join()
            #expect(bench.last.reconfigured == [])
        }
        let node = try bench.join(becomesReady: false)
        #expect(bench.last.sent.map(\.node) == [node])
        bench.say(node, .ready(corpusDigest: "c0ffee"))
        #expect(bench.last.reconfigured == [0, 1, 2, 3])
        #expect(bench.generation == 0)
        #expect(bench.plan?.committedSteps == 0)
        #expect(bench.plan?.transfers == [])
        #expect(bench.phase == .reconfiguring)
        #expect(bench.prepareAll([0, 1, 2]).resumed == [])
        #expect(bench.prepareAll([3]).resumed == [0, 1, 2, 3])
        #expect(bench.phase == .training)
    }

    @Test("after the start deadline the run starts with fewer nodes and says so")
    func lateStart() throws {
        var bench = try CoordinatorBench(nodes: 4)
        for _ in 0..<3 { try bench.join() }
        #expect(bench.wait(39.9).reconfigured == [])
        let directives = bench.wait(0.5)
        #expect(directives.reconfigured == [0, 1, 2])
        #expect(directives.events(.warning).contains { $0.message.contains("3 nodes of 4") })
    }

    @Test("after the start deadline too few nodes are the end, with status 75")
    func startWithTooFew() throws {
        var bench = try CoordinatorBench(nodes: 4)
        try bench.join()
        #expect(bench.wait(39.9).stopError == nil)
        #expect(bench.wait(0.5).stopError?.code == .outOfNodes)
        #expect(bench.phase == .stopped)
    }

    @Test("a node that dies before the start is not waited for")
    func deathBeforeStart() throws {
        var bench = try CoordinatorBench(nodes: 4)
        for _ in 0..<3 { try bench.join() }
        let last = try bench.join(becomesReady: false)
        bench.tell(.nodeLost(last, evidence: "exited"))
        #expect(bench.last.reconfigured == [0, 1, 2])
        #expect(bench.coordinator.result(stateSHA256: "").failures == 0)
    }

    @Test("another corpus ends the first set-up with status 65, and later keeps the node out")
    func corpus() throws {
        var starting = try CoordinatorBench(nodes: 2)
        try starting.join()
        try starting.join(corpus: "decaf")
        #expect(starting.last.stopError?.code == .inputData)

        var bench = try CoordinatorBench.training(nodes: 2)
        let node = try bench.join(corpus: "decaf")
        #expect(bench.last.fenced == [node])
        #expect(bench.last.events(.refused).first?.message.contains("decaf") == true)
        #expect(bench.voteAll().reconfigured == [])
    }

    @Test("a node that joins is planned for at the next step boundary, and no step is lost")
    func join() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        let node = try bench.join()
        #expect(bench.last.sent.isEmpty)
        // For a moment others may follow.
        #expect(bench.voteAll().commits.map(\.pauses) == [false, false, false, false])
        bench.now += 0.25
        let directives = bench.voteAll()
        #expect(directives.commits.map(\.pauses) == [true, true, true, true])
        #expect(directives.commits.allSatisfy { $0.step == 2 && $0.generation == 0 })
        #expect(directives.reconfigured == [0, 1, 2, 3, 4])
        #expect(directives.aborted == [])
        #expect(bench.plan?.committedSteps == 3)
        let received = bench.plan?.transfers.filter { $0.toNode == node }.map(\.layer).sorted()
        #expect(received == bench.layers(of: node))
        bench.prepareAll()
        let resumed = bench.resumeAll()
        #expect(resumed.recoveries == [])
        #expect(resumed.events(.resumed).count == 1)
        #expect(bench.voteAll().commits.first?.pauses == false)
        #expect(bench.step == 4)
    }

    @Test("a drained node sends its layers on, is stopped once the next plan is in force, and gone")
    func drain() throws {
        var bench = try CoordinatorBench.training(nodes: 2, faultTolerance: 0)
        bench.voteAll()
        try bench.join()
        bench.tell(.drainRequested(0))
        #expect(bench.coordinator.status(now: 0).nodes[0].state == .draining)
        let boundary = bench.voteAll()
        #expect(boundary.reconfigured == [0, 1, 2])
        #expect(bench.nodes == [1, 2])
        #expect(bench.plan?.transfers.contains { $0.fromNode == 0 } == true)
        let activation = bench.prepareAll()
        #expect(activation.resumed == [1, 2])
        #expect(activation.stopped == [0])
        #expect(activation.events(.nodeDrained).map(\.node) == [0])
        let key = Rendezvous(generation: bench.generation, key: "late", value: [1])
        #expect(bench.say(1, .rendezvous(key)).sent.map(\.node) == [2])
        bench.tell(.nodeLost(0, evidence: "worker exited: 0"))
        #expect(bench.last == [])
        #expect(bench.step == 2)
        #expect(bench.coordinator.result(stateSHA256: "").failures == 0)
    }

    @Test("a node that cannot be spared stays, with a warning")
    func drainWithoutCover() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.tell(.drainRequested(0))
        let boundary = bench.voteAll()
        #expect(boundary.events(.warning).contains { $0.message.contains("node 0 stays") })
        #expect(boundary.reconfigured == [])
        #expect(boundary.commits.map(\.pauses) == [false, false])
        #expect(bench.coordinator.status(now: 0).nodes[0].state == .healthy)
    }

    @Test("a drained node that dies while it still sends its layers is a loss like any other")
    func drainingSourceDies() throws {
        var bench = try CoordinatorBench.training(nodes: 2, faultTolerance: 0)
        bench.voteAll()
        try bench.join()
        bench.tell(.drainRequested(0))
        bench.voteAll()
        bench.tell(.nodeLost(0, evidence: "killed"))
        #expect(bench.last.aborted == [1, 2])
        #expect(bench.last.stopError?.code == .outOfNodes)
    }

    @Test("what a node that is out says, or whoever takes its name, changes nothing")
    func undead() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        let vote = bench.vote(3)
        bench.tell(.nodeLost(3, evidence: "stream ended"))
        let report = bench.report()
        #expect(bench.say(3, .prepared(report)) == [])
        #expect(bench.say(3, .vote(vote)) == [])
        #expect(bench.say(3, .failed(exitStatus: 70, message: "late")) == [])
        #expect(bench.tell(.workerHeard(3)) == [])
        #expect(bench.coordinator.staleMessages == 4)
        #expect(bench.tell(.workerJoined(3, workerPID: 9)).fenced == [3])
        #expect(bench.last.events(.refused).count == 1)
    }

    @Test("a second worker for a living node takes the whole node out")
    func secondWorker() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.tell(.workerJoined(1, workerPID: 9))
        #expect(bench.last.fenced == [1])
        #expect(bench.last.reconfigured == [0, 2, 3])
    }

    @Test("a worker that cannot go on ends the run with its status and message")
    func failed() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.say(1, .failed(exitStatus: 74, message: "disk full"))
        #expect(bench.last.stopError == OobleckError(.storage, "node 1: disk full"))
        #expect(bench.last.stopped == [0, 1])
        #expect(bench.tell(.tick) == [])
    }
}
