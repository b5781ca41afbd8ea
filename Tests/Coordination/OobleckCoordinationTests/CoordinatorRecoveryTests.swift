import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorRecoveryTests {
    @Test("one call fences the lost node, aborts its generation and sends out the next plan")
    func lossInTraining() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.tell(.nodeLost(1, evidence: "stream ended"))
        let order = bench.last.prefix(9).map { directive in
            switch directive {
            case .persist(.left): "keep the loss"
            case .persist(.planned): "keep the plan"
            case .fence: "fence"
            case .send(_, .abort(let generation, _)): "abort \(generation)"
            case .send(_, .reconfigure(let plan)): "plan \(plan.generation)"
            default: "other"
            }
        }
        let expected = [
            "keep the loss", "fence", "abort 0", "abort 0", "abort 0", "keep the plan", "plan 1",
            "plan 1", "plan 1",
        ]
        #expect(order == expected)
        #expect(bench.last.sent.allSatisfy { $0.node != 1 })
        #expect(bench.nodes == [0, 2, 3])
        #expect(bench.last.events(.nodeLost).map(\.node) == [1])
        #expect(bench.coordinator.status(now: 0).nodes[1].state == .dead)
    }

    @Test("losses on top of each other become one recovery, with its times and why")
    func mergedRecovery() throws {
        var bench = try CoordinatorBench.training(nodes: 6, faultTolerance: 2)
        bench.voteAll()
        bench.now = 5
        bench.coordinator.noteKill(1, at: 4.9)
        bench.tell(.nodeLost(1, evidence: "killed"))
        bench.coordinator.noteDecision(took: 0.002)
        bench.prepareAll([0, 2])
        bench.now = 5.1
        bench.tell(.nodeLost(4, evidence: "killed"))
        bench.coordinator.noteDecision(took: 0.003)
        #expect(bench.generation == 2)
        bench.prepareAll()
        bench.now = 5.4
        let all = bench.resumeAll()
        let record = try #require(all.recoveries.first)
        #expect(all.recoveries.count == 1)
        #expect(record.step == 1)
        #expect(record.lostNodes == [1, 4])
        #expect(abs(record.detect.value - 0.1) < 1e-9)
        #expect(abs(record.decide.value - 0.005) < 1e-9)
        #expect(record.rebuild == 0.04 && record.transfer == 0.02)
        #expect(record.transferBytes == 1200)
        #expect(abs(record.total.value - 0.5) < 1e-9)
        #expect(record.reason != "")
        let line = try #require(all.events(.recovered).first?.message)
        let start =
            "nodes 1, 4 lost at step 1: detected 100 ms, decided 5 ms, rebuilt 40 ms, "
            + "copied 1.2 KiB in 20 ms, resumed after 500 ms; "
        #expect(line.hasPrefix(start), "\(line)")
        let result = bench.coordinator.result(stateSHA256: "x")
        #expect(result.failures == 2 && result.reconfigurations == 1)
        #expect(result.recoveries == [record])
        try bench.join()
        bench.voteAll()
        bench.prepareAll()
        #expect(bench.resumeAll().recoveries == [])
    }

    @Test("layers received for a plan that was given up do not count as held")
    func unactivatedLayers() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        bench.tell(.nodeLost(0, evidence: "killed"))
        let moved = try #require(bench.plan?.transfers.first)
        let survivors = bench.nodes
        bench.prepareAll(Array(survivors.dropLast()))
        // The only node that held the layer before dies: whoever received it is no holder yet.
        bench.tell(.nodeLost(moved.fromNode, evidence: "killed"))
        #expect(bench.last.stopError?.code == .outOfNodes)
        #expect(bench.last.stopError?.message.contains("\(moved.fromNode)") == true)
    }

    @Test("the last copy of a layer gone is the end, with status 75 and the layers named")
    func lostLayers() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        let pair = bench.nodes.filter { bench.layers(of: $0).contains(0) }
        bench.tell(.nodeLost(pair[0], evidence: "killed"))
        #expect(bench.last.stopError == nil)
        bench.tell(.nodeLost(pair[1], evidence: "killed"))
        let error = try #require(bench.last.stopError)
        #expect(error.code == .outOfNodes)
        #expect(error.message.contains("layer0") && error.message.contains("just lost"))
    }

    @Test("before the first commit nothing can be lost: the state comes from the seed")
    func nothingToLose() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        for node in bench.nodes.filter({ bench.layers(of: $0).contains(0) }) {
            bench.tell(.nodeLost(node, evidence: "killed"))
        }
        #expect(bench.last.reconfigured.count == 2)
        #expect(bench.plan?.transfers == [])
    }

    @Test("fewer nodes than any plan needs is the end, with status 75")
    func tooFewNodes() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.tell(.nodeLost(0, evidence: "killed"))
        #expect(bench.last.stopError?.code == .outOfNodes)
        #expect(bench.last.stopped == [1])
    }

    @Test("losing cover is warned of once, and again after it was regained")
    func coverWarning() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.voteAll()
        func warnings(_ directives: [CoordinatorDirective]) -> Int {
            directives.events(.warning).count { $0.message.contains("at once can be survived") }
        }
        #expect(warnings(bench.tell(.nodeLost(0, evidence: "killed"))) == 1)
        bench.prepareAll()
        bench.voteAll()
        #expect(warnings(bench.tell(.nodeLost(bench.nodes[0], evidence: "killed"))) == 0)
    }

    @Test("a node the plan does not need dies without anyone noticing")
    func lossOfJoiningNode() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        let node = try bench.join(becomesReady: false)
        bench.tell(.nodeLost(node, evidence: "killed"))
        #expect(bench.last.fenced == [node])
        #expect(bench.last.sent.isEmpty)
        #expect(bench.voteAll().commits.first?.pauses == false)
    }

    @Test("a rendezvous key reaches all others of its generation, and no other generation's does")
    func rendezvous() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.tell(.nodeLost(1, evidence: "killed"))
        let key = Rendezvous(generation: 1, key: "a", value: [1])
        #expect(bench.say(2, .rendezvous(key)).sent.map(\.node) == [0, 3])
        let old = Rendezvous(generation: 0, key: "a", value: [1])
        #expect(bench.say(2, .rendezvous(old)) == [])
        bench.prepareAll()
        #expect(bench.say(3, .rendezvous(key)).sent.map(\.node) == [0, 2])
    }

    @Test("a request to end ends the run")
    func endRequested() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.tell(.endRequested(reason: "interrupted"))
        let message = "stopped on request (interrupted) before the first step was committed"
        #expect(bench.last.stopError?.message == message)
        #expect(bench.last.stopped == [0, 1])
    }
}
