import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("A run that goes on with new nodes", .timeLimit(.minutes(5)))
struct ResumeTests {
    private let point = RestorePoint(
        step: 3,
        folder: "/saves/step-000003",
        stateSHA256: "state",
        layerSHA256: (0..<6).map { "sha\($0)" }
    )

    /// A run of four nodes after so many steps, resumed when all of them have left.
    private func resumed(
        steps committed: Int = 3,
        of all: Int = 10,
        saves: Bool = true,
        newNodes: Int = 4,
        wait: Seconds = CheckpointSpecification.defaultWait
    ) throws -> CoordinatorBench {
        let checkpoint =
            saves
            ? CheckpointSpecification(.steps(100), directory: "/saves", wait: wait) : nil
        var bench = try CoordinatorBench.training(nodes: 4, steps: all, checkpoint: checkpoint)
        var state = DurableState()
        state.apply(.tookOver(term: 1))
        for node in 0..<4 { state.apply(.joined(NodeID(node), agentPID: 100 + node)) }
        let document = try #require(bench.document)
        state.apply(.planned(document))
        state.apply(.inForce(document.plan.generation))
        for _ in 0..<committed {
            for case .persist(let change) in bench.voteAll() { state.apply(change) }
        }
        for node in 0..<4 { state.apply(.left(NodeID(node), hasFailed: false, as: .done)) }
        bench.coordinator = try ToyModel().resumed(state, steps: all, checkpoint: checkpoint)
        bench.coordinator.expectNewcomers(newNodes)
        return bench
    }

    @Test("they restore the newest checkpoint, all at once, and count as no failure")
    func fromCheckpoint() throws {
        var bench = try resumed()
        bench.tell(.tick)
        #expect(bench.last.actions == [.find(atMost: 3, corpusDigest: nil, excluding: [])])
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        for _ in 0..<3 {
            try bench.join()
            #expect(bench.last.reconfigured.isEmpty, "the others may still come")
        }
        try bench.join()
        #expect(bench.last.reconfigured == [4, 5, 6, 7])
        #expect(bench.plan?.restore == point)
        bench.prepareAll()
        #expect(bench.phase == .training && bench.step == 3)
        let result = bench.coordinator.result(stateSHA256: "")
        #expect(result.failures == 0)
        #expect(result.restores?.map(\.step) == [3])
    }

    @Test("when one of them does not come, the others begin without it in time")
    func missingNewcomer() throws {
        var bench = try resumed()
        bench.tell(.tick)
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        for _ in 0..<3 { try bench.join() }
        #expect(bench.wait(Deadlines(budget: 2).join.value - 1).reconfigured.isEmpty)
        #expect(!bench.wait(3).reconfigured.isEmpty)
    }

    @Test("they begin without it also where the run may wait less than nodes may take to start")
    func shortWait() throws {
        var bench = try resumed(wait: 5)
        bench.tell(.tick)
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        for _ in 0..<3 { try bench.join() }
        #expect(bench.wait(4).reconfigured.isEmpty)
        #expect(bench.wait(2).reconfigured == [4, 5, 6])
    }

    @Test(
        "resumed before its first step, a run waits for all nodes; so does one that was taken over",
        arguments: [4, 0]
    )
    func beforeTheFirstStep(newNodes: Int) throws {
        var bench = try resumed(steps: 0, newNodes: newNodes)
        bench.tell(.tick)
        for _ in 0..<3 {
            try bench.join()
            #expect(bench.last.reconfigured.isEmpty, "the nodes of before are no newcomers")
        }
        try bench.join()
        #expect(bench.last.reconfigured == [4, 5, 6, 7])
    }

    @Test("a newcomer that dies is not waited for")
    func deadNewcomer() throws {
        var bench = try resumed()
        bench.tell(.tick)
        bench.tell(.checkpoint(.found(point, passedOver: [])))
        for _ in 0..<4 { try bench.join(becomesReady: false) }
        for node in 4..<7 { bench.say(NodeID(node), .ready(corpusDigest: "c0ffee")) }
        #expect(bench.last.reconfigured.isEmpty)
        bench.tell(.nodeLost(7, evidence: "killed"))
        bench.tell(.tick)
        #expect(bench.last.reconfigured == [4, 5, 6])
    }

    @Test("without a checkpoint they begin again, which the ledger says", arguments: [true, false])
    func fromTheSeed(saves: Bool) throws {
        var bench = try resumed(saves: saves)
        for _ in 0..<4 { try bench.join() }
        bench.tell(.tick)
        let said = bench.tell(.checkpoint(.found(nil, passedOver: [])))
        #expect(said.events(.warning).first?.message.contains("starts again from the seed") == true)
        #expect(said.reconfigured == [4, 5, 6, 7])
        #expect(bench.plan?.restore == nil && bench.plan?.committedSteps == 0)
        #expect(bench.plan?.transfers == [])
        let ready = bench.prepareAll()
        let first = RestoredRun.firstState
        let back = RestoredRun(step: 0, generation: bench.generation, stateSHA256: first)
        #expect(ready.contains(.restored(back)))
        #expect(bench.phase == .training && bench.step == 0)
        bench.resumeAll()
        bench.voteAll()
        #expect(bench.step == 1)
        let result = bench.coordinator.result(stateSHA256: "")
        #expect(result.samplesCommitted == 32 && result.samplesRepeated == 0)
    }

    @Test("one lost while they begin again: the others do")
    func lossWhileStartingOver() throws {
        var bench = try resumed(saves: false)
        for _ in 0..<4 { try bench.join() }
        bench.tell(.tick)
        bench.tell(.checkpoint(.found(nil, passedOver: [])))
        bench.tell(.nodeLost(7, evidence: "killed"))
        #expect(bench.plan?.plan.nodes == [4, 5, 6] && bench.plan?.committedSteps == 0)
        bench.prepareAll()
        #expect(bench.phase == .training && bench.step == 0)
    }

    @Test("a finished run that is to train more goes on from its final state")
    func extended() throws {
        var bench = try resumed(steps: 3, of: 12)
        bench.tell(.tick)
        #expect(bench.last.actions == [.find(atMost: 3, corpusDigest: nil, excluding: [])])
    }

    @Test("nodes are told of as what they are, also after a restart")
    func endings() throws {
        var bench = try CoordinatorBench.training(nodes: 6)
        bench.tell(.drainRequested(5))
        bench.voteAll()
        bench.prepareAll()
        bench.resumeAll()
        let dismissed = bench.tell(.nodeLost(4, evidence: "killed"))
        #expect(dismissed.fenced == [4])
        func states(_ coordinator: Coordinator) -> [NodeStatus.State] {
            coordinator.status(now: 0).nodes.map(\.state)
        }
        #expect(states(bench.coordinator)[4...] == [.dead, .drained])
        bench.tell(.endRequested(reason: "test"))
        #expect(states(bench.coordinator) == [.done, .done, .done, .done, .dead, .drained])
        let reason = bench.coordinator.status(now: 0).reason
        #expect(reason?.contains("stopped on request") == true)

        var state = DurableState()
        let endings: [NodeStatus.State] = [.drained, .evicted, .refused, .dead, .done]
        for (number, ending) in endings.enumerated() {
            state.apply(.joined(NodeID(number), agentPID: 1))
            state.apply(.left(NodeID(number), hasFailed: false, as: ending))
        }
        #expect(states(try ToyModel().resumed(state, steps: 10)) == endings)
    }

    @Test("an agent is told why its node leaves")
    func reasons() throws {
        var bench = try CoordinatorBench.training(nodes: 6)
        bench.tell(.drainRequested(5))
        bench.voteAll()
        let left = bench.prepareAll()
        #expect(left.contains(.dismiss(5, reason: "node 5 is drained")))
        var agent = AgentSession(hello: SessionHello(node: 5, pid: 7), now: 0)
        _ = agent.handle(.opened, now: 0)
        _ = agent.handle(.received(.admitted(5, detectionBudget: 2)), now: 0)
        let ends = agent.handle(.received(.stop(reason: "node 5 is drained")), now: 1)
        guard case .end(let ending) = ends.last else {
            Issue.record("it does not end: \(ends)")
            return
        }
        #expect(ending == .inOrder(reason: "node 5 is drained"))
    }

    @Test("an agent whose machine asked it to leave says so", .timeLimit(.minutes(5)))
    func asked() throws {
        var agent = AgentSession(hello: SessionHello(node: 5, pid: 7), now: 0)
        _ = agent.handle(.opened, now: 0)
        _ = agent.handle(.received(.admitted(5, detectionBudget: 2)), now: 0)
        _ = agent.handle(.local(.departure(reason: "the node was asked to end")), now: 1)
        let ends = agent.handle(.received(.stop(reason: "node 5 is drained")), now: 2)
        let reason = "node 5 is drained: the node was asked to end"
        guard case .end(let ending) = ends.last else {
            Issue.record("it does not end: \(ends)")
            return
        }
        #expect(ending == .inOrder(reason: reason))
    }
}
