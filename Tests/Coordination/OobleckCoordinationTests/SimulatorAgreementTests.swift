import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import OobleckWorlds
import Testing

@testable import OobleckSimulator

/// The simulator and the coordinator decide the same when the same happens.
@Suite(.timeLimit(.minutes(10))) struct SimulatorAgreementTests {
    /// A coordinator and a simulated policy side by side, told the same.
    private struct Pair {
        var bench: CoordinatorBench
        var policy: OobleckPolicy
        var view = ClusterView(time: .zero, alive: NodeSet(capacity: 64))
        /// Plans that both put into force.
        var plans = 0
        var isOver = false

        init(nodes: Int) throws {
            bench = try CoordinatorBench.training(nodes: nodes, steps: 1000)
            var model = ClusterModel(
                profile: ToyModel.profile,
                microbatches: ToyModel().microbatches
            )
            // The coordinator knows no bandwidth and takes the one that plans are judged by.
            model.networkBandwidth = 1.25e9
            policy = try OobleckPolicy(
                StepTable(model, nodes: 64),
                .optimal,
                nodes: 64,
                checkpoints: CheckpointPlan(.time(1e6), meanTimeToFailure: nil)
            )
            for node in 0..<nodes { view.alive.insert(node) }
            _ = policy.answer(.start, view)
            #expect(policy.document?.plan == bench.plan?.plan)
            bench.voteAll()
        }

        /// Nodes that are there and do not leave.
        var usable: [Int] {
            bench.coordinator.status(now: 0).nodes
                .filter { $0.state == .healthy || $0.state == .suspect }
                .map(\.id.rawValue)
        }

        private mutating func advance(_ seconds: Double) {
            bench.now += seconds
            view.time = SimulatedTime(Seconds(bench.now))
        }

        private mutating func compare(
            _ directives: [CoordinatorDirective],
            _ answer: PolicyAnswer?
        ) {
            let published = directives.compactMap { directive in
                if case .publish(let document) = directive { document } else { nil }
            }
            .last
            // The coordinator waits or stops; the simulated run stands or goes back to a checkpoint.
            let isEnd = answer.map { $0.training == nil || $0.rollback == .checkpoint } ?? false
            if isEnd || directives.stopError != nil {
                #expect(isEnd && published == nil)
                isOver = true
                return
            }
            #expect((published == nil) == (answer == nil))
            guard let published, answer != nil else { return }
            #expect(policy.document == published)
            plans += 1
        }

        mutating func lose(_ node: Int, during isRecovery: Bool) {
            advance(isRecovery ? 0.01 : 7)
            view.alive.remove(node)
            view.lostNodes += 1
            view.isRecovering = isRecovery
            let answer = policy.answer(.lost([node], .crash), view)
            compare(bench.tell(.nodeLost(NodeID(node), evidence: "killed")), answer)
        }

        /// The plan on its way comes into force and a step is committed.
        mutating func train() {
            guard !isOver else { return }
            advance(1)
            bench.prepareAll()
            bench.resumeAll()
            bench.voteAll()
            view.isRecovering = false
            // A node that was drained has left when the plan without it is in force.
            let gone = bench.coordinator.status(now: 0).nodes.filter { !$0.state.isAlive }
            for node in gone { view.alive.remove(node.id.rawValue) }
        }

        mutating func change(joins: Int, drains: [Int]) throws {
            let joined = try (0..<joins).map { _ in try bench.join().rawValue }
            for node in drains { bench.tell(.drainRequested(NodeID(node))) }
            advance(3)
            for node in joined { view.alive.insert(node) }
            let event = PolicyEvent.changed(joined: joined, leaving: drains, slow: [])
            let answer = policy.answer(event, view)
            compare(bench.voteAll(), answer)
        }
    }

    @Test(
        "told the same losses, joins and drains, simulator and coordinator publish the same plans",
        arguments: 0..<60
    )
    func sameDirectives(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        var pair = try Pair(nodes: Int.random(in: 4...10, using: &random))
        for _ in 0..<12 where !pair.isOver {
            let nodes = pair.usable
            guard nodes.count > 1 else { break }
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                pair.lose(try #require(nodes.randomElement(using: &random)), during: false)
            case 2:
                // One more while the first is being recovered from.
                let gone = Array(nodes.shuffled(using: &random).prefix(2))
                for (index, node) in gone.enumerated() where !pair.isOver {
                    pair.lose(node, during: index > 0)
                }
            case 3: try pair.change(joins: Int.random(in: 1...3, using: &random), drains: [])
            default:
                try pair.change(
                    joins: 0,
                    drains: [try #require(nodes.randomElement(using: &random))]
                )
            }
            pair.train()
        }
        #expect(pair.plans > 0)
    }
}
