import Foundation
import OobleckReconfiguration
import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

/// Policy `optimal` against all that could be done: every division of the nodes, every distribution of
/// the microbatches and every assignment of nodes to places.
@Suite(.timeLimit(.minutes(10))) struct OptimalPolicyTests {
    private static let microbatches = 7

    /// All lists of numbers of at least `least` each, ascending if asked for, that sum to `total`.
    private func sums(_ total: Int, least: Int, isAscending: Bool) -> [[Int]] {
        guard total > 0 else { return [[]] }
        guard total >= least else { return [] }
        return (least...total).flatMap { first in
            sums(total - first, least: isAscending ? first : least, isAscending: isAscending)
                .map { [first] + $0 }
        }
    }

    /// The least step time of pipelines of these sizes.
    private func step(_ sizes: [Int], _ document: PlanDocument, _ profile: ModelProfile) -> Double?
    {
        let templates = sizes.compactMap { document.template(nodes: $0) }
        guard templates.count == sizes.count else { return nil }
        let synchronization = profile.layers[0].allReduceAcrossNodes[sizes.count]?.value ?? 0
        return sums(Self.microbatches, least: 1, isAscending: false)
            .filter { $0.count == sizes.count }
            .map { counts in
                zip(templates, counts).reduce(0) { slowest, pipeline in
                    let time = pipelineTime(
                        pipeline.0,
                        microbatches: pipeline.1,
                        costModel: document.costModel
                    )
                    return max(slowest, time.value)
                }
            }
            .min().map { $0 + synchronization }
    }

    /// The fewest bytes with which nodes that hold these layers come to hold those.
    private func bytes(_ held: [Set<Int>], _ wanted: [[Int]], _ profile: ModelProfile) -> Int {
        guard let first = held.first else { return 0 }
        let rest = Array(held.dropFirst())
        return wanted.indices.map { place in
            var others = wanted
            others.remove(at: place)
            let missing = wanted[place].filter { !first.contains($0) }
            return missing.reduce(bytes(rest, others, profile)) {
                $0 + profile.layers[$1].stateBytes.value
            }
        }
        .min() ?? 0
    }

    @Test(
        "no division of the nodes and no assignment costs less, steps and copies together",
        arguments: Seed.range(0..<80)
    )
    func least(seed: Seed) throws {
        var random = SeededGenerator(seed)
        var profile = ModelProfile.random(layers: 5, perDevice: 4, using: &random)
        let reduction = Double.random(in: 0...0.1, using: &random)
        for layer in profile.layers.indices {
            profile.layers[layer].allReduceAcrossNodes = [2: Seconds(reduction)]
            for nodes in 3...8 {
                profile.layers[layer].allReduceAcrossNodes[nodes] = Seconds(2 * reduction)
            }
        }
        let document = try Planner(profile: profile).untimedPlan(
            nodes: 7,
            faultTolerance: 1,
            microbatches: Self.microbatches
        )
        let costs = ReconfigurationCosts(
            timeToFailure: Seconds(pow(10, Double.random(in: -1...3, using: &random))),
            bandwidth: pow(10, Double.random(in: 1...4, using: &random))
        )
        let lost = try #require(document.plan.nodes.randomElement(using: &random))
        let next = try Replanner(document, profile: profile, costs: costs).replan(losing: [lost])
        #expect(!next.reason.contains("too many divisions"))

        let held = holdings(of: document).filter { $0.key != lost }.values.map { $0 }
        var plans: [(step: Double, bytes: Int)] = []
        for sizes in sums(6, least: 1, isAscending: true) where sizes.count > 1 {
            guard sizes.count <= Self.microbatches, let step = step(sizes, document, profile)
            else { continue }
            let wanted = sizes.flatMap { document.template(nodes: $0)?.layersByNode ?? [] }
            plans.append((step, bytes(held, wanted, profile)))
        }
        let fastest = try #require(plans.map(\.step).min())
        func cost(_ step: Double, _ bytes: Int) -> Double {
            costs.timeToFailure.value / fastest * step + Double(bytes) / costs.bandwidth
        }
        let expected = try #require(plans.map { cost($0.step, $0.bytes) }.min())
        let found = cost(
            next.plan.stepTime.value,
            next.transfers.reduce(0) { $0 + $1.bytes.value }
        )
        #expect(abs(found - expected) <= 1e-9 * expected, "\(seed)")
    }

    @Test(
        "with slow nodes, the choice costs no more than what the published policy would do",
        arguments: Seed.range(0..<150)
    )
    func slowNodes(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 5, perDevice: 4, using: &random)
        let document = try Planner(profile: profile).untimedPlan(
            nodes: 9,
            faultTolerance: 1,
            microbatches: 24
        )
        let lost = try #require(document.plan.nodes.randomElement(using: &random))
        let others = document.plan.nodes.filter { $0 != lost }.shuffled(using: &random)
        var costs = ReconfigurationCosts(timeToFailure: 1e4, bandwidth: 1e4)
        for node in others.prefix(3) {
            costs.slowness[node] = Double.random(in: 1.1...3, using: &random)
        }
        func next(_ policy: ReplanPolicy, _ costs: ReconfigurationCosts) throws -> PlanDocument {
            try Replanner(document, profile: profile, costs: costs)
                .replan(losing: [lost], policy: policy)
        }
        let least = try next(.optimal, ReconfigurationCosts(timeToFailure: Seconds(.infinity)))
        func cost(_ document: PlanDocument) -> Double {
            let step = document.balanced(for: costs.slowness).plan.stepTime.value
            let copied = costs.transferTime(document.transfers).value
            return costs.timeToFailure.value / least.plan.stepTime.value * step + copied
        }
        let (chosen, published) = (try next(.optimal, costs), try next(.sosp23, costs))
        guard published.plan.pipelines.count >= 2,
            published.plan.nodes.count == chosen.plan.nodes.count
        else { return }
        #expect(cost(chosen) <= cost(published) * (1 + 1e-9), "\(seed)")
    }

    @Test("where the divisions of the nodes are too many to compare all, the reason says so")
    func tooMany() throws {
        var random = SeededGenerator(Seed(value: 1))
        let profile = ModelProfile.random(layers: 12, perDevice: 12, using: &random)
        let document = try Planner(profile: profile)
            .untimedPlan(nodes: 40, faultTolerance: 1, microbatches: 160)
        let next = try Replanner(document, profile: profile).replan(losing: [3])
        #expect(next.reason.contains("too many divisions of the nodes to compare all"))
    }
}
