import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Copies of a layer that differ", .timeLimit(.minutes(5))) struct CopyDamageTests {
    private func observation(_ digests: [Int: UInt64], _ altered: Set<Int> = []) -> StateObservation
    {
        StateObservation(digests: digests, altered: altered)
    }

    @Test("equal copies agree, and nodes that tell nothing are passed over")
    func agreed() {
        #expect(StateAgreement([:]) == .agreed)
        let same = observation([0: 7, 1: 8])
        #expect(StateAgreement([0: same, 1: same, 2: observation([:])]) == .agreed)
    }

    @Test("of three copies the odd one out is named")
    func majority() {
        let odd = StateAgreement([
            0: observation([0: 7, 1: 8]), 1: observation([0: 6, 1: 8]), 2: observation([0: 7]),
        ])
        #expect(odd == .damaged([1: [0]]))
    }

    @Test("of two copies the one that its own holder knows to have changed is named")
    func ownWord() {
        let odd = StateAgreement([0: observation([3: 7]), 1: observation([3: 6], [3])])
        #expect(odd == .damaged([1: [3]]))
        // The majority may be the damaged ones, as long as they know.
        let most = StateAgreement([
            0: observation([3: 7]), 1: observation([3: 6], [3]), 2: observation([3: 6], [3]),
        ])
        #expect(most == .damaged([1: [3], 2: [3]]))
    }

    @Test("two copies that differ with nobody knowing why are no guess")
    func undecided() {
        let two = StateAgreement([0: observation([3: 7]), 1: observation([3: 6])])
        #expect(two == .undecided(layer: 3, nodes: [0, 1]))
    }

    /// All nodes vote with equal digests but for `damaged`, whose own word is as given.
    @discardableResult
    private func vote(
        _ bench: inout CoordinatorBench,
        damaged: (node: NodeID, layer: Int, knows: Bool)? = nil
    ) -> [CoordinatorDirective] {
        let votes = bench.nodes.map { node in
            var vote = bench.vote(node)
            for layer in bench.layers(of: node) { vote.state.digests[layer] = UInt64(layer) + 100 }
            if let damaged, damaged.node == node {
                vote.state.digests[damaged.layer] = 1
                if damaged.knows { vote.state.altered = [damaged.layer] }
            }
            return (node, vote)
        }
        return votes.flatMap { bench.say($0.0, .vote($0.1)) }
    }

    @Test("a damaged copy is replaced from another, and the step is redone, not committed")
    func replaced() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        #expect(vote(&bench).commits.count == 4)
        let node = NodeID(2)
        let layer = bench.layers(of: node)[1]
        let directives = vote(&bench, damaged: (node, layer, true))
        #expect(directives.commits == [])
        #expect(directives.fenced == [])
        #expect(directives.aborted == [0, 1, 2, 3])
        #expect(directives.events(.damaged).map(\.node) == [node])
        #expect(bench.plan?.committedSteps == 1)
        let transfers = bench.plan?.transfers ?? []
        #expect(transfers.map(\.layer) == [layer])
        #expect(transfers.map(\.toNode) == [node])
        #expect(transfers.first?.fromNode != node)
        bench.prepareAll()
        bench.resumeAll()
        #expect(vote(&bench).commits.map(\.step) == [1, 1, 1, 1])
        #expect(bench.coordinator.result(stateSHA256: "").failures == 0)
    }

    @Test("a node that is damaged for the third time is put out")
    func hopeless() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        vote(&bench)
        for round in 1...3 {
            let layer = bench.layers(of: 1)[0]
            let directives = vote(&bench, damaged: (1, layer, true))
            #expect(directives.fenced == (round == 3 ? [1] : []))
            bench.prepareAll()
            bench.resumeAll()
        }
        #expect(bench.nodes == [0, 2, 3])
        #expect(vote(&bench).commits.count == 3)
    }

    @Test("two copies that nobody can tell apart end a run without checkpoints, with a cure")
    func ambiguous() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        vote(&bench)
        let directives = vote(&bench, damaged: (2, bench.layers(of: 2)[0], false))
        #expect(directives.commits == [])
        #expect(directives.stopError?.code == .internalFault)
        #expect(directives.stopError?.message.contains("differ at step 1") == true)
        #expect(directives.stopError?.message.contains("with checkpoints") == true)
    }

    @Test("before any step counts they are made anew from the seed")
    func ambiguousAtTheStart() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        let directives = vote(&bench, damaged: (2, bench.layers(of: 2)[0], false))
        #expect(directives.reconfigured.count == 4)
        #expect(bench.plan?.committedSteps == 0 && bench.plan?.transfers == [])
        bench.prepareAll()
        bench.resumeAll()
        #expect(vote(&bench).commits.count == 4)
    }

    /// A run with checkpoints in which the copies of one layer differ at step 3.
    private func differing() throws -> (bench: CoordinatorBench, said: [CoordinatorDirective]) {
        var bench = try CoordinatorBench.training(
            nodes: 4,
            checkpoint: CheckpointSpecification(.steps(2))
        )
        for _ in 0..<3 { vote(&bench) }
        let said = vote(&bench, damaged: (2, bench.layers(of: 2)[0], false))
        return (bench, said)
    }

    @Test("otherwise the run goes back to the newest checkpoint, but for one of that very step")
    func goesBack() throws {
        var (bench, said) = try differing()
        #expect(said.commits == [] && said.stopError == nil)
        #expect(said.aborted == [0, 1, 2, 3] && said.reconfigured == [])
        #expect(
            said.contains(.checkpoint(.find(atMost: 3, corpusDigest: "c0ffee", excluding: [3])))
        )
        let point = RestorePoint(
            step: 2,
            folder: "/run/checkpoints/step-2",
            stateSHA256: "ab",
            layerSHA256: Array(repeating: "c", count: ToyModel.layerCount)
        )
        #expect(bench.tell(.checkpoint(.found(point, passedOver: []))).reconfigured.count == 4)
        #expect(bench.plan?.restore == point)
        bench.prepareAll()
        bench.resumeAll()
        #expect(bench.step == 2)
        #expect(vote(&bench).commits.map(\.step) == [2, 2, 2, 2])
        // Once more at the same step: that is no accident.
        let again = vote(&bench, damaged: (2, bench.layers(of: 2)[0], false))
        #expect(again.stopError?.message.contains("do not compute alike") == true)
    }

    @Test("a holder that was to send a layer and finds it damaged says so, and another sends it")
    func damagedSource() throws {
        // Its own vote would come too late: by then the copy would be the only one not in doubt.
        var bench = try CoordinatorBench.training(nodes: 6, faultTolerance: 2)
        vote(&bench)
        bench.tell(.nodeLost(bench.nodes[0], evidence: "killed"))
        let transfer = try #require(bench.plan?.transfers.first)
        let said = bench.say(
            transfer.fromNode,
            .faulted(
                generation: bench.generation,
                message: "damaged",
                FaultFindings(damagedLayers: [transfer.layer])
            )
        )
        #expect(said.events(.damaged).map(\.node) == [transfer.fromNode])
        #expect(said.stopError == nil)
        let next = bench.plan?.transfers.filter { $0.layer == transfer.layer } ?? []
        #expect(!next.isEmpty && next.allSatisfy { $0.fromNode != transfer.fromNode })
    }

    @Test("a damaged last copy is a lost layer")
    func lastCopy() throws {
        var bench = try CoordinatorBench.training(nodes: 2, faultTolerance: 0)
        vote(&bench)
        let directives = vote(&bench, damaged: (0, bench.layers(of: 0)[0], true))
        #expect(directives.stopError?.code == .outOfNodes)
    }
}
