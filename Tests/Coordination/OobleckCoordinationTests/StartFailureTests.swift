import OobleckCoordination
import OobleckCore
import Testing

@Suite("Nodes that fail before the run starts", .timeLimit(.minutes(5))) struct StartFailureTests {
    private func stop(_ directives: [CoordinatorDirective]) -> String? {
        for case .finish(.stopped(let error)) in directives { return error.message }
        return nil
    }

    @Test("a run whose own nodes all end before they join ends at once, with the reason")
    func allEnded() throws {
        var bench = try CoordinatorBench(nodes: 2)
        bench.coordinator.awaitsOthers = false
        #expect(stop(bench.tell(.agentEnded(0, evidence: "its agent crashed; see a.log"))) == nil)
        let message = stop(bench.tell(.agentEnded(1, evidence: "its agent crashed; see b.log")))
        #expect(
            message == "none of the nodes got ready; node 1: its agent crashed; see b.log"
        )
    }

    @Test("so does one whose workers run out of memory while they get ready")
    func outOfMemory() throws {
        var bench = try CoordinatorBench(nodes: 2)
        bench.coordinator.awaitsOthers = false
        for _ in 0..<2 { try bench.join(becomesReady: false) }
        bench.tell(.outOfMemory(0, evidence: "its worker ran out of memory: see 0"))
        let last = bench.tell(.outOfMemory(1, evidence: "its worker ran out of memory: see 1"))
        #expect(stop(last)?.hasSuffix("node 1: its worker ran out of memory: see 1") == true)
    }

    @Test("where too few are left, the run says how many got ready")
    func tooFew() throws {
        // The model needs two nodes.
        var bench = try CoordinatorBench(nodes: 2)
        bench.coordinator.awaitsOthers = false
        try bench.join()
        let message = stop(bench.tell(.agentEnded(1, evidence: "its agent crashed")))
        #expect(message?.hasPrefix("1 of 2 nodes got ready") == true, "\(message ?? "")")
        #expect(message?.hasSuffix("; node 1: its agent crashed") == true, "\(message ?? "")")
    }

    @Test("where others may come, they are waited for until the deadline")
    func others() throws {
        var bench = try CoordinatorBench(nodes: 2)
        #expect(stop(bench.tell(.agentEnded(0, evidence: "crashed"))) == nil)
        #expect(stop(bench.tell(.agentEnded(1, evidence: "crashed"))) == nil)
        #expect(stop(bench.wait(39)) == nil)
        for node in [2, 3] as [NodeID] {
            #expect(try bench.join() == node)
        }
        #expect(bench.nodes == [2, 3])
    }

    @Test("where enough are left, the run starts without those that failed")
    func enough() throws {
        var bench = try CoordinatorBench(nodes: 5)
        bench.coordinator.awaitsOthers = false
        for _ in 0..<4 { try bench.join() }
        #expect(bench.phase == .starting)
        bench.tell(.agentEnded(4, evidence: "its agent crashed"))
        #expect(bench.nodes == [0, 1, 2, 3])
        #expect(bench.last.events(.warning).contains { $0.message.contains("did not start") })
    }

    @Test("the end of an agent that has joined is left to its session")
    func joined() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        #expect(bench.tell(.agentEnded(2, evidence: "crashed")) == [])
        #expect(bench.phase == .training)
    }
}
