import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

/// A layer of made-up numbers that all of its holders compute in the same step.
@Suite("Spot checks", .timeLimit(.minutes(5)))
struct SpotCheckTests {
    private static let arithmetic = Arithmetic(
        fingerprint: "f1f0f1f0f1f0",
        processor: "toy",
        library: "none",
        settings: ""
    )

    private func bench(nodes: Int) throws -> CoordinatorBench {
        var bench = try CoordinatorBench(nodes: nodes)
        for _ in 0..<nodes {
            let node = try bench.join(becomesReady: false)
            bench.say(node, .ready(corpusDigest: "c0ffee", arithmetic: Self.arithmetic))
        }
        bench.prepareAll()
        bench.resumeAll()
        return bench
    }

    /// All nodes vote; holders of layer 0 came to these digests.
    private func vote(
        _ bench: inout CoordinatorBench,
        _ digest: (NodeID) -> UInt64
    ) -> [CoordinatorDirective] {
        bench.now += 0.1
        let votes = bench.nodes.map { node in
            var vote = bench.vote(node)
            if bench.layers(of: node).contains(0) {
                vote.spotCheck = SpotCheck(layer: 0, digest: digest(node))
            }
            return (node, vote)
        }
        return votes.flatMap { bench.say($0.0, .vote($0.1)) }
    }

    private func prepare(
        _ bench: inout CoordinatorBench,
        fingerprint: (NodeID) -> String?
    ) -> [CoordinatorDirective] {
        var all: [CoordinatorDirective] = []
        for node in bench.nodes {
            var report = bench.report()
            report.fingerprint = fingerprint(node)
            all += bench.say(node, .prepared(report))
        }
        return all
    }

    private func holders(_ bench: CoordinatorBench) -> [NodeID] {
        bench.nodes.filter { bench.layers(of: $0).contains(0) }
    }

    @Test("where all come to the same bits the step counts")
    func agreed() throws {
        var bench = try bench(nodes: 5)
        _ = vote(&bench) { _ in 7 }
        #expect(bench.step == 1)
    }

    @Test("of three holders the one that stands alone is put out, and the step is redone")
    func majority() throws {
        var bench = try bench(nodes: 8)
        let holders = holders(bench)
        try #require(holders.count >= 3, "\(holders)")
        let all = vote(&bench) { $0 == holders[1] ? 8 : 7 }
        #expect(bench.step == 0 && all.commits.isEmpty)
        let lost = all.events(.nodeLost)
        #expect(lost.map(\.node) == [holders[1]])
        #expect(lost.first?.message.contains("wrong bits of layer 0") == true)
        #expect(!bench.nodes.contains(holders[1]))
    }

    @Test("of two holders the one whose arithmetic is not the run's any more is put out")
    func proof() throws {
        var bench = try bench(nodes: 5)
        let holders = holders(bench)
        try #require(holders.count == 2)
        let all = vote(&bench) { $0 == holders[0] ? 8 : 7 }
        #expect(bench.step == 0 && all.commits.isEmpty && all.events(.nodeLost).isEmpty)
        #expect(bench.plan?.provesArithmetic == true)
        let lost = prepare(&bench) { $0 == holders[0] ? "0ff" : Self.arithmetic.fingerprint }
            .events(.nodeLost)
        #expect(lost.map(\.node) == [holders[0]])
        #expect(lost.first?.message.contains("its arithmetic has changed") == true)
        bench.prepareAll()
        bench.resumeAll()
        #expect(bench.plan?.provesArithmetic == true, "asked until a plan is in force")
        _ = vote(&bench) { _ in 7 }
        #expect(bench.step == 1)
    }

    @Test("of two holders the one that comes to other bits than before is put out")
    func changed() throws {
        var bench = try bench(nodes: 5)
        let holders = holders(bench)
        _ = vote(&bench) { $0 == holders[0] ? 8 : 7 }
        _ = prepare(&bench) { _ in Self.arithmetic.fingerprint }
        bench.resumeAll()
        let lost = vote(&bench) { $0 == holders[0] ? 9 : 7 }.events(.nodeLost)
        #expect(lost.map(\.node) == [holders[0]])
        #expect(lost.first?.message.contains("it came to others in the try before") == true)
    }

    @Test("nodes that differ again and again, and prove the same arithmetic, end the run")
    func undecided() throws {
        var bench = try bench(nodes: 5)
        let holders = holders(bench)
        var all: [CoordinatorDirective] = []
        for _ in 0..<3 {
            all += vote(&bench) { $0 == holders[0] ? 8 : 7 }
            all += prepare(&bench) { _ in Self.arithmetic.fingerprint }
            all += bench.resumeAll()
        }
        #expect(bench.step == 0 && all.commits.isEmpty)
        let errors = all.compactMap { directive -> OobleckError? in
            guard case .finish(.stopped(let error)) = directive else { return nil }
            return error
        }
        let error = try #require(errors.first)
        #expect(error.message.contains("compute different bits of layer 0 (layer0) at step 0"))
    }

    @Test("checks cost a node at most one in 200 microbatches of a layer, and reach every layer")
    func cost() {
        for (nodes, microbatches) in [(2, 4), (6, 8), (6, 64), (24, 512), (100, 1024)] {
            var job = ToyModel().job(nodes: nodes, steps: 1)
            job.training.globalBatch = microbatches * job.training.microbatch
            let schedule = SpotCheckSchedule(job)
            let share = max(1, microbatches / (2 * nodes))
            #expect(schedule.period * share >= 200)
            #expect((schedule.period - 1) * share < 200)
            let layers = (0..<schedule.period * job.model.layerCount).compactMap {
                schedule.layer(step: $0)
            }
            #expect(layers == Array(0..<job.model.layerCount))
        }
    }
}
