import Foundation
import OobleckReconfiguration
import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ReconfigurationCostTests {
    /// Seconds until the next failure for the steps that the fastest of both does, copies included.
    private func cost(
        _ document: PlanDocument,
        _ costs: ReconfigurationCosts,
        fastest: Seconds
    )
        -> Double
    {
        let steps = costs.timeToFailure.value / fastest.value
        let bytes = document.transfers.reduce(0) { $0 + $1.bytes.value }
        return steps * document.plan.stepTime.value + Double(bytes) / costs.bandwidth
    }

    @Test(
        "optimal never costs more than sosp23, whatever the time to failure and the bandwidth",
        arguments: Seed.range(0..<150)
    )
    func neverWorse(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 8, perDevice: 3, using: &random)
        let nodes = Int.random(in: 8...16, using: &random)
        let document = try Planner(profile: profile)
            .untimedPlan(nodes: nodes, faultTolerance: 1, microbatches: 48)
        let costs = ReconfigurationCosts(
            timeToFailure: Seconds(pow(10, Double.random(in: -1...4, using: &random))),
            bandwidth: pow(10, Double.random(in: 0...4, using: &random))
        )
        let lost = Array(document.plan.nodes.shuffled(using: &random).prefix(1))
        let joined = Bool.random(using: &random) ? [] : [NodeID(100)]
        let replanner = try Replanner(document, profile: profile, costs: costs)
        let best = try replanner.replan(losing: lost, joining: joined)
        let published = try replanner.replan(losing: lost, joining: joined, policy: .sosp23)
        // Copies of every layer and nodes at work come first.
        guard published.plan.pipelines.count > 1,
            published.plan.nodes.count == best.plan.nodes.count
        else { return }
        let fastest = min(best.plan.stepTime, published.plan.stepTime)
        let (left, right) = (
            cost(best, costs, fastest: fastest), cost(published, costs, fastest: fastest)
        )
        #expect(left <= right * (1 + 1e-12), "\(seed)")
    }

    @Test("every node copies over a link of its own")
    func links() {
        for nodes in [1, 6, 64] {
            let costs = ReconfigurationCosts(
                elapsed: 7200,
                lostNodes: 4,
                nodes: nodes,
                linkBandwidth: 1e9,
                slowness: [3: 1.5]
            )
            #expect(costs.bandwidth == 1e9 * Double(nodes))
            #expect(costs.timeToFailure == 1800)
            #expect(costs.slowness == [3: 1.5])
        }
    }

    @Test("when copying is dear and the next failure near, fewer bytes beat a faster step")
    func trade() throws {
        var isTraded = false
        for seed in Seed.range(0..<60) {
            var random = SeededGenerator(seed)
            let profile = ModelProfile.random(layers: 8, perDevice: 3, using: &random)
            let document = try Planner(profile: profile)
                .untimedPlan(nodes: 14, faultTolerance: 1, microbatches: 48)
            let lost = document.plan.nodes.shuffled(using: &random).prefix(1)
            func next(_ costs: ReconfigurationCosts) throws -> PlanDocument {
                try Replanner(document, profile: profile, costs: costs).replan(losing: Array(lost))
            }
            let patient = try next(ReconfigurationCosts(timeToFailure: 1e9, bandwidth: 1e9))
            let hasty = try next(ReconfigurationCosts(timeToFailure: 1, bandwidth: 1))
            func bytes(_ document: PlanDocument) -> Int {
                document.transfers.reduce(0) { $0 + $1.bytes.value }
            }
            #expect(bytes(hasty) <= bytes(patient), "\(seed)")
            #expect(patient.plan.stepTime <= hasty.plan.stepTime, "\(seed)")
            isTraded = isTraded || bytes(hasty) < bytes(patient)
        }
        #expect(isTraded)
    }

    @Test(
        "costs that make no sense are refused in one line with the value",
        arguments: [
            (ReconfigurationCosts(timeToFailure: 0), "time to the next failure is 0.0"),
            (ReconfigurationCosts(timeToFailure: Seconds(.nan)), "time to the next failure is nan"),
            (ReconfigurationCosts(bandwidth: -1), "bandwidth is -1.0"),
            (ReconfigurationCosts(overhead: -1), "overhead is -1.0"),
        ]
    )
    func refused(costs: ReconfigurationCosts, words: String) throws {
        var random = SeededGenerator(Seed(value: 1))
        let profile = ModelProfile.random(layers: 4, perDevice: 4, using: &random)
        let document = try Planner(profile: profile)
            .untimedPlan(nodes: 4, faultTolerance: 1, microbatches: 8)
        let error = #expect(throws: OobleckError.self) {
            try Replanner(document, costs: costs)
        }
        #expect(error?.message.contains(words) == true)
        #expect(error?.code == .usage)
    }

    @Test("a plan with more microbatches than any run has is refused, not computed")
    func tooManyMicrobatches() throws {
        var random = SeededGenerator(Seed(value: 2))
        let profile = ModelProfile.random(layers: 4, perDevice: 4, using: &random)
        var document = try Planner(profile: profile)
            .untimedPlan(nodes: 4, faultTolerance: 1, microbatches: 8)
        document.microbatches = 1 << 40
        let error = #expect(throws: OobleckError.self) { try Replanner(document) }
        #expect(error?.code == .inputData)
        #expect(error?.message.contains("there may be 16777216 at most") == true)
    }

    @Test("a thousand nodes are planned anew with every layer where it must be")
    func thousandNodes() throws {
        var random = SeededGenerator(Seed(value: 3))
        let profile = ModelProfile.random(layers: 12, perDevice: 3, using: &random)
        let document = try Planner(profile: profile)
            .untimedPlan(nodes: 1_000, faultTolerance: 1, microbatches: 4_000)
        let lost: [NodeID] = [500]
        let next = try Replanner(document, profile: profile).replan(losing: lost)
        let held = holdings(of: document).filter { !lost.contains($0.key) }
        var missing = 0
        for (node, layers) in holdings(of: next) {
            missing += layers.subtracting(held[node] ?? []).count
        }
        #expect(next.plan.nodes.count == 999)
        #expect(next.transfers.count == missing)
        #expect(next.plan.pipelines.allSatisfy { $0.nodes.count == $0.templateNodes })
    }
}
