import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite(.timeLimit(.minutes(5))) struct CoordinatorStepCommitTests {
    @Test("a step is recorded once all have voted, before anyone hears of it")
    func order() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        let votes = bench.nodes.map { bench.vote($0, norm: 0.5) }
        for node in bench.nodes.dropLast() {
            #expect(bench.say(node, .vote(votes[node.rawValue])) == [])
        }
        let directives = bench.say(3, .vote(votes[3]))
        let norm = 3.0.squareRoot()
        let record = CommittedStep(
            step: 0,
            generation: 0,
            firstSample: 0,
            endSample: 32,
            loss: 2,
            gradientNorm: norm
        )
        let commit = StepCommit(
            record: record,
            gradientFactor: 1.5 / (norm + 1e-6),
            pauses: false
        )
        let expected: [CoordinatorDirective] =
            [.persist(.committed(record)), .record(record)]
            + bench.nodes.map { .send(WorkerID($0), .commit(commit)) }
        #expect(Array(directives.prefix(6)) == expected)
        #expect(directives.sent.count == 4)
    }

    @Test("a gradient within the bound is not clipped")
    func noClipping() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        #expect(bench.voteAll(norm: 0.3).commits.map(\.gradientFactor) == [1, 1])
    }

    @Test("votes of another generation or step, or cast twice, are dropped and counted")
    func staleVotes() throws {
        var bench = try CoordinatorBench.training(nodes: 2)
        bench.voteAll()
        var late = bench.vote(0)
        late.step = 0
        var early = bench.vote(0)
        early.step = 2
        var foreign = bench.vote(0)
        foreign.generation = 7
        for vote in [late, early, foreign] { #expect(bench.say(0, .vote(vote)) == []) }
        #expect(bench.coordinator.staleMessages == 3)
        let vote = bench.vote(0)
        #expect(bench.say(0, .vote(vote)) == [])
        #expect(bench.say(0, .vote(vote)) == [])
        #expect(bench.coordinator.staleMessages == 4)
        #expect(bench.step == 1)
        #expect(bench.say(1, .vote(bench.vote(1))).commits.count == 2)
    }

    /// Votes of four nodes in two pipelines of three layers a node, one of them spoilt.
    private func spoilt(_ spoil: (inout StepVote) -> Void) throws -> OobleckError? {
        var bench = try CoordinatorBench.training(nodes: 4)
        let victim = try #require(
            bench.nodes.last { bench.layers(of: $0).contains(ToyModel.layerCount - 1) }
        )
        var all: [CoordinatorDirective] = []
        for node in bench.nodes {
            var vote = bench.vote(node)
            if node == victim { spoil(&vote) }
            all += bench.say(node, .vote(vote))
        }
        #expect(all.commits == [])
        #expect(all.stopped == bench.nodes)
        return all.stopError
    }

    @Test("where two holders differ in the last bit of a norm the step is done again")
    func differentSums() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        let victim = try #require(bench.nodes.last { bench.layers(of: $0).contains(5) })
        func disagree() -> [CoordinatorDirective] {
            bench.nodes.flatMap { node in
                var vote = bench.vote(node)
                if node == victim { vote.squaredNorms[5] = 0.01.nextUp }
                return bench.say(node, .vote(vote))
            }
        }
        for _ in 0..<3 {
            let all = disagree()
            #expect(all.commits == [] && all.stopError == nil && all.fenced == [])
            #expect(all.aborted == bench.nodes)
            bench.prepareAll()
            bench.resumeAll()
        }
        let error = disagree().stopError
        #expect(error?.code == .internalFault)
        #expect(error?.message.contains("step 0 failed 4 times with nobody lost") == true)
        #expect(error?.message.contains("disagree on the gradient of layer 5") == true)
    }

    @Test("a bit that flips in a sum once costs one more try of the step")
    func flippedSum() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        for node in bench.nodes {
            var vote = bench.vote(node)
            if node == bench.nodes[0] { vote.squaredNorms = vote.squaredNorms.mapValues { -$0 } }
            bench.say(node, .vote(vote))
        }
        bench.prepareAll()
        bench.resumeAll()
        #expect(bench.voteAll().commits.map(\.step) == [0, 0, 0, 0])
    }

    @Test("a layer or a microbatch missing, unknown or counted twice stops the run")
    func incompleteVotes() throws {
        let missingLayer = try spoilt { $0.squaredNorms[5] = nil }
        #expect(missingLayer?.code == .internalFault)
        let strangeLayer = try spoilt { $0.squaredNorms[6] = 1 }
        #expect(strangeLayer?.code == .internalFault)
        let missing = try spoilt { vote in vote.losses[vote.losses.keys.sorted()[0]] = nil }
        #expect(missing?.code == .internalFault)
        #expect(missing?.message.contains("no node reported the loss of microbatch") == true)
        let twice = try spoilt { vote in
            for index in 0..<8 { vote.losses[index] = 2 }
        }
        #expect(twice?.code == .internalFault)
        #expect(twice?.message.contains("both ran microbatch") == true)
        let unknown = try spoilt { $0.losses[8] = 2 }
        #expect(unknown?.code == .internalFault)
    }

    @Test("a loss before the last vote undoes the step, a loss after it does not")
    func lossAroundTheCommit() throws {
        var before = try CoordinatorBench.training(nodes: 4)
        for node in [NodeID(0), 1, 2] { before.say(node, .vote(before.vote(node))) }
        let vote = before.vote(3)
        before.tell(.nodeLost(0, evidence: "killed"))
        #expect(before.plan?.committedSteps == 0)
        #expect(before.say(3, .vote(vote)) == [])
        before.prepareAll()
        #expect(before.voteAll().commits.allSatisfy { $0.step == 0 && $0.generation == 1 })
        #expect(before.coordinator.result(stateSHA256: "").samplesRepeated == 0)

        var after = try CoordinatorBench.training(nodes: 4)
        after.voteAll()
        after.tell(.nodeLost(0, evidence: "killed"))
        #expect(after.plan?.committedSteps == 1)
    }

    @Test("status tells step time, tokens a second and the idle share of the last step")
    func status() throws {
        var bench = try CoordinatorBench.training(nodes: 4)
        bench.now = 0.04
        bench.voteAll()
        let status = bench.coordinator.status(now: 0.04)
        #expect(status.step == 1 && status.steps == 10 && status.loss == 2)
        #expect(status.stepTime == 0.04)
        #expect(abs((status.tokensPerSecond ?? 0) - 8000) < 1e-6)
        #expect(abs((status.idleShare ?? 0) - 0.75) < 1e-9)
        #expect(status.pipelines == 2)
        #expect(status.nodes.map(\.agentPID) == [100, 101, 102, 103])
        #expect(status.nodes.map(\.workerPIDs) == [[200], [201], [202], [203]])
        #expect(Set(status.nodes.map { [$0.pipeline ?? -1] + $0.stages }).count == 4)
        #expect(bench.coordinator.status(now: 1.2).nodes.allSatisfy { $0.state == .suspect })
    }
}
