import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("A coordinator whose own link is cut", .timeLimit(.minutes(5))) struct IsolationTests {
    private let all: Set<NodeID> = [0, 1, 2, 3]

    @Test("more than f nodes that fall silent together are not taken for dead, and come back")
    func cut() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        let silent = bench.wait(10, silentWorkers: all, silentAgents: all)
        #expect(silent.fenced == [])
        #expect(silent.events(.isolated).count == 1)
        #expect(bench.phase == .reconnecting)
        let back = bench.wait(1)
        #expect(back.fenced == [] && back.reconfigured == [])
        #expect(back.events(.reconnected).count == 1)
        #expect(bench.phase == .training)
        #expect(bench.voteAll().commits.map(\.step) == [1, 1, 1, 1])
        #expect(bench.coordinator.result(stateSHA256: "").failures == 0)
    }

    @Test("nothing is committed while they are silent; what came in meanwhile counts afterwards")
    func noCommit() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.wait(2, silentWorkers: [1, 2], silentAgents: [1, 2])
        #expect(bench.phase == .reconnecting)
        // Votes get through before the sign of life of one node does.
        let votes = bench.nodes.map { ($0, bench.vote($0)) }
        #expect(votes.flatMap { bench.say($0.0, .vote($0.1)) }.commits == [])
        #expect(bench.wait(0.25).commits.map(\.step) == [0, 0, 0, 0])
    }

    @Test("the wait is bounded: who is silent then is lost")
    func bounded() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        #expect(bench.wait(21.5, silentWorkers: [0, 1], silentAgents: [0, 1]).fenced == [])
        let said = bench.wait(1, silentWorkers: [0, 1], silentAgents: [0, 1])
        #expect(said.fenced == [0, 1])
    }

    @Test(
        "one that really died in the cut is lost when the others are back, as late as streams may be"
    )
    func oneDied() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.wait(6, silentWorkers: all, silentAgents: all)
        #expect(bench.wait(4, silentWorkers: [3], silentAgents: [3]).fenced == [])
        #expect(bench.wait(1, silentWorkers: [3], silentAgents: [3]).fenced == [3])
        bench.prepareAll()
        bench.resumeAll()
        #expect(bench.voteAll().commits.count == 3)
    }

    @Test("f nodes that fall silent are lost within the budget, as before")
    func few() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        #expect(bench.wait(2, silentWorkers: [2], silentAgents: [2]).fenced == [2])
        var apart = try CoordinatorBench.training(nodes: 6)
        apart.wait(1, silentWorkers: [5], silentAgents: [5])
        let said = apart.wait(1.25, silentWorkers: [4, 5], silentAgents: [4, 5])
        #expect(said.fenced == [5], "one heartbeat and more lies between them")
    }

    @Test("a plan that is being prepared when the link is cut is not held against anybody")
    func whilePreparing() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.tell(.nodeLost(3, evidence: "killed"))
        let left: Set<NodeID> = [0, 1, 2]
        #expect(bench.wait(19, silentWorkers: left, silentAgents: left).fenced == [])
        #expect(bench.wait(1).fenced == [])
        bench.prepareAll()
        #expect(bench.phase == .training)
    }

    @Test("a coordinator that stood still for longer than a plan may take blames nobody for it")
    func stoodStill() throws {
        // The tick came before what the nodes had said meanwhile: all but the first were lost.
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.tell(.nodeLost(3, evidence: "killed"))
        bench.prepareAll([bench.nodes[0]])
        bench.wait(0.5)
        bench.now += 60
        #expect(bench.tell(.tick).fenced == [])
        bench.prepareAll()
        #expect(bench.phase == .training)
    }
}
