import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

/// Nodes that show signs of life and compute without an end.
@Suite("Stragglers without an end", .timeLimit(.minutes(5)))
struct StragglerTests {
    /// All but `straggler` give up waiting; then all prepare again and tell how long they had waited.
    private func fail(
        _ bench: inout CoordinatorBench,
        waits: [NodeID: Double],
        elapsed: Double = 21,
        from reporter: NodeID
    ) -> [CoordinatorDirective] {
        var all = bench.wait(elapsed)
        let message = "timed out"
        all += bench.say(reporter, .faulted(generation: bench.generation, message: message))
        all += bench.wait(1)
        let report = bench.report()
        for node in bench.nodes {
            var report = report
            report.abandoned = waits[node].map {
                AbandonedTry(step: bench.step, elapsed: Seconds(elapsed), waited: Seconds($0))
            }
            all += bench.say(node, .prepared(report))
        }
        return all
    }

    private func others(_ bench: CoordinatorBench, than node: NodeID) -> [NodeID] {
        bench.nodes.filter { $0 != node }
    }

    @Test("a node that computes while all others wait is put out after the first wait")
    func measured() throws {
        var bench = try CoordinatorBench.training(nodes: 5)
        bench.now += 0.1
        bench.voteAll()
        let straggler = bench.nodes[1]
        let others = others(bench, than: straggler)
        var waits = Dictionary(uniqueKeysWithValues: others.map { ($0, 20.5) })
        waits[straggler] = 0.2
        let all = fail(&bench, waits: waits, from: others[0])
        let evidence = "computed for 21.0 s at step 1 without an end, while all others waited"
        #expect(all.events(.nodeLost).contains { $0.message.contains(evidence) })
        #expect(!bench.nodes.contains(straggler) && bench.nodes.count == 4)
        bench.prepareAll()
        bench.resumeAll()
        bench.now += 0.1
        bench.voteAll()
        #expect(bench.step == 2)
    }

    @Test("before any step was measured, the prediction may be far off: a second try is given")
    func unmeasured() throws {
        var bench = try CoordinatorBench.training(nodes: 5)
        let straggler = bench.nodes[1]
        let others = others(bench, than: straggler)
        for (round, elapsed) in [21.0, 70].enumerated() {
            var waits = Dictionary(uniqueKeysWithValues: others.map { ($0, 0.99 * elapsed) })
            waits[straggler] = 0.2
            _ = fail(&bench, waits: waits, elapsed: elapsed, from: others[0])
            #expect(bench.nodes.contains(straggler) == (round == 0), "round \(round)")
            bench.resumeAll()
        }
    }

    @Test("where it is not clear who holds up the others, all stay")
    func unclear() throws {
        let cases: [(name: String, waits: (Int) -> Double?)] = [
            ("all waited", { _ in 20 }), ("all computed", { _ in 0.1 }),
            ("two computed", { $0 < 2 ? 0.1 : 20 }),
            ("one did half", { $0 == 0 ? 0.1 : $0 == 1 ? 8 : 20 }), ("nobody says", { _ in nil }),
        ]
        for (name, waits) in cases {
            var bench = try CoordinatorBench.training(nodes: 5)
            bench.now += 0.1
            bench.voteAll()
            let nodes = bench.nodes
            let told = nodes.enumerated().compactMap { index, node in
                waits(index).map { (node, $0) }
            }
            let all = fail(
                &bench,
                waits: Dictionary(uniqueKeysWithValues: told),
                from: nodes[4]
            )
            #expect(all.events(.nodeLost).isEmpty && bench.nodes == nodes, "\(name)")
        }
    }

    @Test("a step that a loss cut short says nothing of those who were computing")
    func loss() throws {
        var bench = try CoordinatorBench.training(nodes: 6)
        bench.now += 0.1
        bench.voteAll()
        bench.wait(21)
        bench.tell(.nodeLost(bench.nodes[5], evidence: "killed"))
        let report = bench.report()
        for (index, node) in bench.nodes.enumerated() {
            var report = report
            let waited: Seconds = index == 0 ? 0.1 : 20
            report.abandoned = AbandonedTry(step: bench.step, elapsed: 21, waited: waited)
            bench.say(node, .prepared(report))
        }
        #expect(bench.nodes.count == 5 && bench.phase == .training)
    }
}
