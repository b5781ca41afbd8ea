import OobleckPaperSimulator
import OobleckReconfiguration
import OobleckTemplates
import OobleckValues
import Testing

@testable import OobleckSimulator

/// What single policies do when single things happen.
@Suite(.timeLimit(.minutes(10))) struct PolicyAnswerTests {
    typealias Fixture = SimulationFixture

    @Test(
        "a job that stood for lack of nodes pays for starting anew",
        arguments: [SimulatedPolicy.checkpoint, .varuna, .hotSpares, .recycle, .oobleck]
    )
    func restartAfterStanding(_ policy: SimulatedPolicy) throws {
        let rows = ["0,add,a", "0,add,b", "1000000,remove,a", "2000000,add,c", "9000000,add,d"]
        let trace = try TraceReader.trace(rows.joined(separator: "\n"), name: "t")
        var model = Fixture.cluster()
        model.restart = 500
        let outcome = ClusterSimulation.run(
            model,
            ClusterHistory(trace),
            try Fixture.policy(policy, model, nodes: 3)
        )
        // Both nodes that then work, for the 500 s.
        #expect(outcome.time[.recovering] >= 2 * 500_000_000_000, "\(policy.rawValue)")
    }

    @Test(
        "last copies lost every half hour: hourly backups save nothing, those of five minutes most",
        arguments: [SimulatedPolicy.oobleck, .recycle, .replicaDrop, .hotSpares]
    )
    func backups(_ policy: SimulatedPolicy) throws {
        // Of six nodes five go at once and are back a minute later; one alone holds half of the model.
        var events = [ClusterEvent(time: .zero, change: .join, nodes: Array(0..<6))]
        let gone = [0, 1, 2, 4, 5]
        for index in 1...5 {
            let time = SimulatedTime(Seconds(Double(index) * 1800))
            events.append(ClusterEvent(time: time, change: .loss(.crash), nodes: gone))
            events.append(ClusterEvent(time: time + SimulatedTime(60), change: .join, nodes: gone))
        }
        let history = ClusterHistory(
            events: events,
            nodeCount: 6,
            duration: SimulatedTime(5.5 * 1800)
        )
        func outcome(_ backup: Seconds) throws -> SimulationOutcome {
            let results = try SimulationExperiment(
                model: Fixture.cluster(),
                source: .history(history),
                policies: [policy],
                backupInterval: backup
            )
            .run()
            return results[0].outcomes[0]
        }
        let (seldom, often) = (try outcome(3600), try outcome(300))
        // Only what came after the last loss counts: at most 840 of 9,900 s. With backups a loss
        // costs five minutes of steps, and as much again for standing and starting anew.
        #expect(seldom.time[.useful] <= 840 * 6 * 1_000_000_000)
        #expect(often.samples > 5 * seldom.samples, "\(often.samples) \(seldom.samples)")
        #expect(often.samples > 0 && seldom.samples > 0)
    }

    @Test("a node that is told to go is replaced by a spare before it does, and no step is lost")
    func notice() throws {
        let model = Fixture.cluster()
        let start = ClusterEvent(time: .zero, change: .join, nodes: Array(0..<5))
        func outcome(isTold: Bool) throws -> SimulationOutcome {
            let notice = ClusterEvent(time: SimulatedTime(900), change: .notice, nodes: [1])
            let loss = ClusterEvent(time: SimulatedTime(1000.3), change: .loss(.crash), nodes: [1])
            let history = ClusterHistory(
                events: [start] + (isTold ? [notice, loss] : [loss]),
                nodeCount: 5,
                duration: SimulatedTime(2000)
            )
            let policy = try Fixture.policy(.hotSpares, model, nodes: 5)
            return ClusterSimulation.run(model, history, policy)
        }
        #expect(try outcome(isTold: false).lostSteps == 1)
        #expect(try outcome(isTold: true).lostSteps == 0)
        #expect(try outcome(isTold: true).recoveries.isEmpty)
    }

    /// The paper's time of a pipeline, one of whose stages takes longer, by hand: T1 + T3 +
    /// (m - S + k - 1) w, with the rightmost slowest stage k.
    private func slowStep(
        _ model: ClusterModel,
        nodes: Int,
        slow: Int,
        factor: Double
    ) throws -> SimulatedTime {
        var reconfigurator = try Reconfigurator(
            profile: model.profile,
            costModel: .sosp23,
            faultTolerance: model.faultTolerance,
            microbatches: model.microbatches
        )
        let decision = reconfigurator.decide(
            nodes: (0..<nodes).map { NodeID($0) },
            holdings: [:],
            hasState: false,
            generation: 0
        )
        guard case .plan(let document, _) = decision else { return .never }
        let pipeline = try #require(
            document.plan.pipelines.first { $0.nodes.contains(NodeID(slow)) }
        )
        let template = try #require(document.template(nodes: pipeline.templateNodes))
        let works = template.stages.map { stage in
            let isSlow = pipeline.nodes[stage.node].rawValue == slow
            return (stage.forward.value + stage.backward.value) * (isSlow ? factor : 1)
        }
        let most = try #require(works.max())
        let slowest = try #require(works.lastIndex(of: most))
        let time =
            works.reduce(0, +) + works[slowest...].reduce(0, +)
            + Double(pipeline.microbatches - works.count + slowest - 1) * most
        return SimulatedTime(Seconds(time + document.plan.synchronizationTime.value))
    }

    @Test(
        "with slow nodes Oobleck moves microbatches as the coordinator does, and loses no step",
        arguments: [1.3, 2]
    )
    func microbatchesMove(factor: Double) throws {
        let model = Fixture.cluster()
        let table = try StepTable(model, nodes: 8)
        let all = try #require(table.elasticStep(nodes: 8)).step.seconds
        let alone = try #require(table.elasticStep(nodes: 7)).step.seconds
        let history = ClusterHistory(
            events: [
                ClusterEvent(time: .zero, change: .join, nodes: Array(0..<8)),
                ClusterEvent(time: SimulatedTime(100), change: .slow(factor: factor), nodes: [3]),
            ],
            nodeCount: 8,
            duration: SimulatedTime(Fixture.day)
        )
        let policy = try Fixture.policy(.oobleck, model, nodes: 8)
        let outcome = ClusterSimulation.run(model, history, policy)
        let step = Double(model.samplesPerStep) / outcome.goodput
        // Better than to wait for it, and at least as good as without it.
        #expect(step > all && step < 0.97 * factor * all, "\(step) \(all)")
        #expect(step < 1.01 * alone, "\(step) \(alone)")
        #expect(outcome.lostSteps == 0)
    }

    @Test("a slow node slows the step that is running, and is known for one some steps later")
    func slowness() throws {
        let model = Fixture.cluster()
        let table = try StepTable(model, nodes: 8)
        let all = try #require(table.elasticStep(nodes: 8)).step
        let alone = try #require(table.elasticStep(nodes: 7)).step
        // Ten whole steps are done, and of the eleventh a half.
        let slow = try slowStep(model, nodes: 8, slow: 3, factor: 5)
        #expect(slow > 4 * all && slow < 5 * all)
        let moment = 10 * all + SimulatedTime(nanoseconds: all.nanoseconds / 2)
        let rest = 20 * alone
        let known = 10 * all + model.slowDetectionSteps * slow
        let end = known + SimulatedTime(1) + rest
        let history = ClusterHistory(
            events: [
                ClusterEvent(time: .zero, change: .join, nodes: Array(0..<8)),
                ClusterEvent(time: moment, change: .slow(factor: 5), nodes: [3]),
            ],
            nodeCount: 8,
            duration: end
        )
        let policy = try OobleckPolicy(
            table,
            .optimal,
            nodes: 8,
            checkpoints: CheckpointPlan(.time(1e6), meanTimeToFailure: nil)
        )
        let outcome = ClusterSimulation.run(model, history, policy)
        // The copies to the seven others take some of the twenty steps.
        let steps = 10 + model.slowDetectionSteps
        #expect(outcome.steps > steps && outcome.steps <= steps + 20)
        let copying = outcome.time[.copying] / 7
        let done = Int128((rest - SimulatedTime(nanoseconds: Int(copying))).nanoseconds)
        #expect(outcome.steps == steps + Int(done / Int128(alone.nanoseconds)))
    }

    @Test("ReCycle evens out the losses of its stages, and copies a stage for it")
    func normalization() throws {
        let model = Fixture.cluster(leastNodes: 2)
        func answer(losing nodes: [Int]) throws -> PolicyAnswer {
            var policy = try Fixture.policy(.recycle, model, nodes: 8)
            var alive = NodeSet(capacity: 8)
            for node in 0..<8 { alive.insert(node) }
            let start = policy.answer(.start, ClusterView(time: .zero, alive: alive))
            #expect(start?.training != nil)
            for node in nodes { alive.remove(node) }
            let view = ClusterView(time: .zero, alive: alive)
            let answer = policy.answer(.lost(nodes, .crash), view)
            return try #require(answer)
        }
        // Four pipelines of two stages: nodes 0, 2 and 4 are of the first stage, node 1 of the other.
        let oneEach = try answer(losing: [0, 1])
        let twoOfOne = try answer(losing: [0, 2])
        #expect(twoOfOne.training?.step == oneEach.training?.step)
        #expect(oneEach.phases.count { $0.activity == .copying } == 0)
        #expect(twoOfOne.phases.count { $0.activity == .copying } == 1)
    }

    @Test("Varuna's restart can be the paper's, and is its alone")
    func varunaRestart() throws {
        let paper = try PaperModel(name: "GPT-3-2.7b").varunaRestart
        #expect(paper == 515)
        let model = Fixture.cluster()
        let history = Fixture.history(nodes: 4, losses: [(5000, [3])], duration: 9000)
        func recovering(_ policy: SimulatedPolicy, _ restart: Seconds?) throws -> Int {
            let outcomes = try SimulationExperiment(
                model: model,
                source: .history(history),
                policies: [policy],
                varunaRestart: restart
            )
            .run()
            return Int(outcomes[0].outcomes[0].time[.recovering])
        }
        // The three nodes that are left.
        let more = 3 * Int((paper - model.restart).value) * 1_000_000_000
        #expect(try recovering(.varuna, paper) - recovering(.varuna, nil) == more)
        #expect(try recovering(.checkpoint, paper) == recovering(.checkpoint, nil))
        #expect(throws: OobleckError.self) { try recovering(.varuna, -1) }
    }

    @Test("with slow nodes too, policy optimal loses no samples to the published rules")
    func slowNodes() throws {
        let shape = try TransformerShape.named("BERT-large")
        let model = ClusterModel(
            profile: shape.profile(shape.device),
            microbatches: 64,
            tokensPerSample: shape.sequence
        )
        let law = FailureModel(
            meanTimeBetweenFailures: Seconds(20 * 3600),
            repairTime: Seconds(4 * 3600),
            slowShare: 0.5,
            slowFactor: 2
        )
        let results = try SimulationExperiment(
            model: model,
            source: .chance(law, nodes: 8, duration: Seconds(2 * 86_400)),
            policies: [.oobleck, .oobleckPublished],
            trials: 4
        )
        .run()
        let samples = results.map { $0.outcomes.reduce(0.0) { $0 + $1.samples } }
        #expect(samples[0] > 0.999 * samples[1])
        #expect(samples[0] > 0)
    }
}
