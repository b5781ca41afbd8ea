import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorSlownessTests {
    /// Runs steps in which the named nodes take so many times longer; returns all that follows.
    private func run(
        _ bench: inout CoordinatorBench,
        steps: Int,
        _ slowness: [NodeID: Double]
    ) -> [CoordinatorDirective] {
        var all: [CoordinatorDirective] = []
        for _ in 0..<steps {
            let votes = bench.nodes.map { node in
                var vote = bench.vote(node)
                let count = bench.plan?.plan.pipelines.first { $0.nodes.contains(node) }?
                    .microbatches
                for layer in bench.layers(of: node) {
                    let time = 0.003 * (slowness[node] ?? 1) * Double(count ?? 0)
                    vote.layerTimes[layer] = Seconds(time)
                }
                return (node, vote)
            }
            bench.now += 0.05
            for (node, vote) in votes { all += bench.say(node, .vote(vote)) }
            if bench.phase == .reconfiguring {
                all += bench.prepareAll()
                all += bench.resumeAll()
            }
        }
        return all
    }

    private func microbatches(_ bench: CoordinatorBench, with node: NodeID) -> Int? {
        bench.plan?.plan.pipelines.first { $0.nodes.contains(node) }?.microbatches
    }

    @Test("within 5 steps of a node's getting slow its pipeline has fewer microbatches")
    func rebalanced() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 100)
        #expect(run(&bench, steps: 10, [:]).reconfigured == [])
        #expect(microbatches(bench, with: 1) == 4)
        let all = run(&bench, steps: 5, [1: 2.5])
        #expect(all.events(.slow).map(\.node) == [1])
        #expect(all.events(.slow)[0].message.contains("takes 2.5 times as long"))
        #expect(all.events(.rebalanced).count == 1)
        #expect(all.events(.setAside) == [])
        #expect((microbatches(bench, with: 1) ?? 9) < 4)
        // Layers stay where they are.
        #expect(bench.plan?.transfers == [])
        #expect(bench.coordinator.status(now: 0).nodes[1].slowness != nil)
        #expect(bench.coordinator.result(stateSHA256: "").failures == 0)
    }

    @Test("a plan is changed once for one slow node, and again when it is fast again")
    func settled() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 100)
        _ = run(&bench, steps: 10, [1: 2.5])
        let generation = bench.generation
        #expect(run(&bench, steps: 20, [1: 2.5]).reconfigured == [])
        #expect(run(&bench, steps: 16, [:]).events(.slow).count == 1)
        // At most once on the way, while the measured times get better.
        #expect(bench.generation.rawValue <= generation.rawValue + 2)
        #expect(microbatches(bench, with: 1) == 4)
    }

    @Test("a node that costs more than it gives is set aside, if others cover as many failures")
    func setAside() throws {
        var bench = try CoordinatorBench.training(nodes: 5, steps: 100)
        let victim = NodeID(0)
        let all = run(&bench, steps: 8, [victim: 10])
        #expect(all.events(.setAside).map(\.node) == [victim])
        #expect(all.events(.setAside).first?.message.contains("10.0 times slower") == true)
        #expect(all.stopped == [])
        #expect(bench.plan?.plan.nodes == [1, 2, 3, 4])
        #expect(bench.plan?.plan.nodes.contains(victim) == false)
        let status = bench.coordinator.status(now: 0).nodes[0]
        #expect(status.state == .healthy && status.slowness != nil)
        // Without it a loss would not be survivable any more: it is kept, with little to do.
        var few = try CoordinatorBench.training(nodes: 4, steps: 100)
        let kept = run(&few, steps: 8, [victim: 10])
        #expect(kept.events(.setAside) == [])
        #expect(few.nodes.count == 4)
        #expect(microbatches(few, with: victim) == 1)
    }

    @Test("a node that was set aside works again when a loss leaves too few others")
    func workAgain() throws {
        var bench = try CoordinatorBench.training(nodes: 5, steps: 100)
        let victim = NodeID(0)
        _ = run(&bench, steps: 8, [victim: 10])
        // What was measured of it holds while it is idle.
        _ = run(&bench, steps: 20, [victim: 10])
        #expect(bench.plan?.plan.nodes.contains(victim) == false)
        bench.tell(.nodeLost(4, evidence: "killed"))
        #expect(bench.plan?.plan.nodes.contains(victim) == true)
        #expect(microbatches(bench, with: victim) == 1)
    }

    @Test("the plan after a loss knows which nodes are slow")
    func afterALoss() throws {
        var bench = try CoordinatorBench.training(nodes: 7, steps: 100, faultTolerance: 2)
        _ = run(&bench, steps: 8, [1: 2])
        bench.tell(.nodeLost(6, evidence: "killed"))
        let pipelines = bench.plan?.plan.pipelines ?? []
        let slow = pipelines.first { $0.nodes.contains(1) }
        let other = pipelines.first { !$0.nodes.contains(1) }
        #expect((slow?.microbatches ?? 9) < (other?.microbatches ?? 0))
    }

    @Test("where a node has to be idle, it is the slow one")
    func idle() throws {
        var bench = try CoordinatorBench.training(nodes: 6, steps: 100)
        _ = run(&bench, steps: 8, [1: 2])
        bench.tell(.nodeLost(5, evidence: "killed"))
        // Templates have two nodes.
        #expect(bench.plan?.plan.nodes.sorted() == [0, 2, 3, 4])
    }
}
