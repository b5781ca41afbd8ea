import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Every set of f nodes may be lost, at once and one after the other", .timeLimit(.minutes(5)))
struct FailureSubsetTests {
    struct Cluster: Sendable, CustomTestStringConvertible {
        let nodes: Int
        let faultTolerance: Int

        var testDescription: String { "\(nodes) nodes, f = \(faultTolerance)" }
    }

    /// All with f + 1 pipelines of the two nodes that the toy model needs, up to 8 nodes.
    static let clusters = (1...3).flatMap { faultTolerance in
        (2 * (faultTolerance + 1)...8).map { Cluster(nodes: $0, faultTolerance: faultTolerance) }
    }

    private func subsets(_ nodes: [NodeID], _ count: Int) -> [[NodeID]] {
        guard count > 0 else { return [[]] }
        return nodes.indices.flatMap { index in
            subsets(Array(nodes[(index + 1)...]), count - 1).map { [nodes[index]] + $0 }
        }
    }

    /// What must hold of the newest plan: it is for the living, and every layer is held or copied
    /// from one of them.
    private func check(_ bench: CoordinatorBench, without lost: [NodeID]) {
        #expect(Set(bench.nodes).isDisjoint(with: lost))
        let transfers = bench.plan?.transfers ?? []
        #expect(transfers.allSatisfy { !lost.contains($0.fromNode) && !lost.contains($0.toNode) })
        let covered = Set(bench.nodes.flatMap { bench.layers(of: $0) })
        #expect(covered == Set(0..<ToyModel.layerCount))
    }

    private func finish(_ bench: inout CoordinatorBench) {
        bench.prepareAll()
        bench.resumeAll()
        #expect(bench.voteAll().commits.count == bench.nodes.count)
        #expect(bench.coordinator.result(stateSHA256: "").samplesRepeated == 0)
    }

    @Test("all at once, in the middle of a step", arguments: clusters)
    func atOnce(cluster: Cluster) throws {
        for lost in subsets((0..<cluster.nodes).map { NodeID($0) }, cluster.faultTolerance) {
            var bench = try CoordinatorBench.training(
                nodes: cluster.nodes,
                faultTolerance: cluster.faultTolerance
            )
            bench.voteAll()
            for node in lost { bench.tell(.nodeLost(node, evidence: "killed")) }
            check(bench, without: lost)
            #expect(bench.plan?.committedSteps == 1)
            finish(&bench)
        }
    }

    @Test("one after the other, each in the recovery from the one before", arguments: clusters)
    func inARow(cluster: Cluster) throws {
        for lost in subsets((0..<cluster.nodes).map { NodeID($0) }, cluster.faultTolerance) {
            // How many of the nodes have reported the plan when the next one dies.
            for reported in 0..<3 {
                var bench = try CoordinatorBench.training(
                    nodes: cluster.nodes,
                    faultTolerance: cluster.faultTolerance
                )
                bench.voteAll()
                for (count, node) in lost.enumerated() {
                    bench.tell(.nodeLost(node, evidence: "killed"))
                    check(bench, without: Array(lost[...count]))
                    bench.prepareAll(Array(bench.nodes.prefix(reported)))
                }
                finish(&bench)
            }
        }
    }
}
