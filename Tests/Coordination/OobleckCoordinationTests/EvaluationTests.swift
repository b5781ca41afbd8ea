import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Evaluations on the validation data", .timeLimit(.minutes(10)))
struct EvaluationTests {
    /// A bench whose nodes have prepared their first plan; evaluates every two steps.
    private static func bench(
        nodes: Int = 5,
        steps: Int = 10,
        checkpoint: CheckpointSpecification? = nil
    ) throws -> CoordinatorBench {
        var bench = try CoordinatorBench(nodes: nodes, steps: steps)
        var setup = WorldSetup(
            seed: 0,
            nodes: nodes,
            steps: steps,
            faultTolerance: 1,
            isWithinTolerance: true,
            faults: []
        )
        setup.evaluationPeriod = 2
        setup.checkpoint = checkpoint
        bench.coordinator = try ToyModel().worldCoordinator(setup)
        for _ in 0..<nodes { try bench.join() }
        bench.prepareAll()
        return bench
    }

    @Test(
        "the first state is evaluated before anybody trains, and training begins once that is kept"
    )
    func first() throws {
        var bench = try Self.bench()
        #expect(bench.last.evaluations == bench.nodes)
        #expect(bench.last.resumed.isEmpty)
        #expect(bench.phase == .evaluating)
        let nodes = bench.reporters
        for node in nodes.dropLast() {
            #expect(bench.say(node, .evaluated(bench.evaluation(node))).resumed.isEmpty)
        }
        let last = bench.say(nodes[nodes.count - 1], .evaluated(bench.evaluation(nodes.last ?? 0)))
        let result = RecordedEvaluation(step: 0, generation: 0, samples: 32, loss: 3)
        #expect(last.first == .persist(.evaluated(result)))
        #expect(last.dropFirst().first == .recordEvaluation(result))
        #expect(last.resumed == bench.nodes)
        #expect(last.events(.evaluated).count == 1)
        #expect(bench.coordinator.status(now: 0).validationLoss == 3)
        #expect(bench.coordinator.status(now: 0).validationStep == 0)
    }

    @Test("a step before which the state is evaluated is followed by a pause, any other is not")
    func rhythm() throws {
        var bench = try Self.bench()
        bench.evaluateAll()
        #expect(bench.voteAll().commits.allSatisfy { !$0.pauses })
        let second = bench.voteAll()
        #expect(second.commits.allSatisfy { $0.pauses })
        #expect(second.evaluations == bench.nodes)
        #expect(second.reconfigured.isEmpty)
        #expect(bench.evaluateAll().resumed == bench.nodes)
        #expect(bench.voteAll().commits.count == bench.nodes.count)
    }

    @Test("votes and losses count under the plan in force and for the state in force alone")
    func stale() throws {
        var bench = try Self.bench()
        let node = try #require(bench.reporters.first)
        var other = bench.evaluation(node)
        other.generation = 7
        bench.say(node, .evaluated(other))
        other = bench.evaluation(node)
        other.step = 2
        bench.say(node, .evaluated(other))
        #expect(bench.coordinator.staleMessages == 2)
        #expect(bench.voteAll().commits.isEmpty, "no vote counts before the evaluation is over")
        bench.evaluateAll()
        let before = bench.coordinator.staleMessages
        bench.say(node, .evaluated(bench.evaluation(node)))
        #expect(bench.coordinator.staleMessages == before + 1)
    }

    @Test("a run that is stopped during an evaluation does not show that it evaluates")
    func stoppedMeanwhile() throws {
        var bench = try Self.bench()
        #expect(bench.phase == .evaluating)
        bench.tell(.endRequested(reason: "the machine goes down"))
        #expect(bench.last.stopError != nil)
        #expect(bench.phase == .stopped)
    }

    @Test("the last state is evaluated before it is collected")
    func last() throws {
        var bench = try Self.bench(steps: 3)
        bench.evaluateAll()
        bench.voteAll()
        bench.voteAll()
        bench.evaluateAll()
        let commit = bench.voteAll()
        #expect(commit.commits.allSatisfy { $0.pauses })
        #expect(commit.evaluations == bench.nodes && commit.uploads.isEmpty)
        let end = bench.evaluateAll()
        #expect(end.uploads.count == bench.nodes.count && end.resumed.isEmpty)
        #expect(bench.coordinator.result(stateSHA256: "").validationLoss == 3)
    }

    @Test("a loss during an evaluation has the next plan evaluate the same state")
    func loss() throws {
        var bench = try Self.bench()
        let reporter = try #require(bench.reporters.first)
        bench.say(reporter, .evaluated(bench.evaluation(reporter)))
        bench.tell(.nodeLost(bench.nodes[1], evidence: "killed"))
        let next = bench.prepareAll()
        #expect(next.evaluations == bench.nodes && next.resumed.isEmpty)
        #expect(bench.evaluateAll().resumed == bench.nodes)
    }

    @Test("a loss after an evaluation does not repeat it")
    func lossAfter() throws {
        var bench = try Self.bench()
        bench.evaluateAll()
        bench.tell(.nodeLost(bench.nodes[1], evidence: "killed"))
        let next = bench.prepareAll()
        #expect(next.evaluations.isEmpty && next.resumed == bench.nodes)
    }

    @Test("a return to a checkpoint takes evaluations back")
    func restored() {
        var state = DurableState()
        state.apply(.tookOver(term: 1))
        state.apply(
            .evaluated(RecordedEvaluation(step: 4, generation: 0, samples: 32, loss: 3))
        )
        #expect(state.history.evaluated?.step == 4)
        let restored = RestoredRun(step: 2, generation: 1, stateSHA256: "s")
        state.apply(.restored(restored, RestoreRecord(recounting: restored, from: 4)))
        #expect(state.evaluated == nil)
    }

    @Test("a run that is asked to stop ends at the boundary that is evaluated")
    func stop() throws {
        var bench = try Self.bench(checkpoint: CheckpointSpecification(.steps(50)))
        bench.evaluateAll()
        bench.voteAll()
        bench.voteAll()
        bench.tell(.stopRequested(reason: "test"))
        let end = bench.evaluateAll()
        #expect(end.resumed.isEmpty)
        #expect(!end.orders.isEmpty, "the state of the boundary is saved")
    }

    @Test("reports that contradict each other end the run, with the node named")
    func contradictions() throws {
        let spoilers: [(inout EvaluationReport) -> Void] = [
            { $0.microbatches = 9 }, { $0.microbatches = 0 }, { $0.losses[8] = 1 },
            { $0.losses[-1] = 1 }, { $0.targetCounts = [0: -1] }, { $0.targetCounts = [77: 1] },
        ]
        for (index, spoil) in spoilers.enumerated() {
            var bench = try Self.bench()
            let nodes = bench.reporters
            bench.say(nodes[0], .evaluated(bench.evaluation(nodes[0])))
            var report = bench.evaluation(nodes[1])
            spoil(&report)
            bench.say(nodes[1], .evaluated(report))
            let error = try #require(bench.last.stopError, "case \(index)")
            #expect(error.code == .internalFault)
            #expect(error.message.contains("evaluation of step 0: node \(nodes[1])"))
        }
        var bench = try Self.bench()
        let (node, other) = (bench.reporters[0], bench.reporters[1])
        bench.say(node, .evaluated(bench.evaluation(node)))
        bench.say(other, .evaluated(bench.evaluation(node)))
        #expect(bench.last.stopError?.message.contains("which node \(node) has run") == true)
    }

    @Test("a report that comes once more counts once")
    func twice() throws {
        var bench = try Self.bench()
        let node = bench.reporters[0]
        bench.say(node, .evaluated(bench.evaluation(node)))
        bench.say(node, .evaluated(bench.evaluation(node)))
        #expect(bench.last.stopError == nil && bench.coordinator.staleMessages == 1)
        let others = bench.reporters.dropFirst()
        #expect(
            others.flatMap { bench.say($0, .evaluated(bench.evaluation($0))) }.resumed
                == bench.nodes
        )
    }

    @Test("losses that are sums are divided by the targets of all")
    func targets() throws {
        var bench = try Self.bench()
        for node in bench.reporters {
            var report = bench.evaluation(node)
            report.targetCounts = report.losses.mapValues { _ in 6 }
            bench.say(node, .evaluated(report))
        }
        #expect(bench.coordinator.status(now: 0).validationLoss == 0.5)
    }

    @Test("losses while the last state is evaluated are survived as ever, and end the run as ever")
    func lossesAtTheEnd() throws {
        var bench = try Self.bench(nodes: 4, steps: 1)
        bench.evaluateAll()
        bench.voteAll()
        let whole = try #require(bench.plan?.plan.pipelines.first).nodes
        for node in bench.nodes where !whole.contains(node) {
            bench.tell(.nodeLost(node, evidence: "killed"))
        }
        #expect(bench.prepareAll().evaluations == whole)
        #expect(bench.step == 1, "nothing is trained again")
        let end = bench.tell(.nodeLost(whole[0], evidence: "killed"))
        #expect(end.events(.warning).contains { $0.message.contains("state is not evaluated") })
        #expect(bench.last.stopError?.code == .outOfNodes)
    }

    @Test("an evaluation that stands still is tried again, as a step is")
    func stall() throws {
        var bench = try Self.bench()
        let generation = bench.generation
        while bench.generation == generation, bench.now < 300 { bench.wait(1) }
        #expect(bench.generation > generation)
        #expect(bench.prepareAll().evaluations == bench.nodes)
    }
}

extension CoordinatorBench {
    /// Nodes with the last stage of a pipeline.
    fileprivate var reporters: [NodeID] {
        nodes.filter { layers(of: $0).contains(ToyModel.layerCount - 1) }
    }

    /// A correct report of an evaluation of one global batch.
    fileprivate func evaluation(_ node: NodeID) -> EvaluationReport {
        EvaluationReport(
            generation: generation,
            step: step,
            microbatches: 8,
            losses: vote(node, loss: 3).losses
        )
    }

    /// All that have something to report do; returns all that follows.
    @discardableResult
    fileprivate mutating func evaluateAll() -> [CoordinatorDirective] {
        let reports = reporters.map { ($0, evaluation($0)) }
        return reports.flatMap { say($0.0, .evaluated($0.1)) }
    }
}

extension [CoordinatorDirective] {
    /// Who is told to evaluate the state.
    fileprivate var evaluations: [NodeID] {
        sent.compactMap { entry in
            guard case .evaluate = entry.message else { return nil }
            return entry.node
        }
    }
}
