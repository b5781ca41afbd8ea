import Foundation
import OobleckReconfiguration
import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite("Nodes that share the cores of one machine", .timeLimit(.minutes(10)))
struct SharedCoresTests {
    /// Equal layers of 30 ms, with sums of 1 ms between two members.
    private func profile(layers: Int) -> ModelProfile {
        ModelProfile(
            model: "even",
            microbatchSize: 1,
            layers: (0..<layers).map {
                LayerProfile(
                    name: "layer\($0)",
                    forward: 0.01,
                    backward: 0.02,
                    allReduceAcrossNodes: [2: 0.001]
                )
            }
        )
    }

    private func plan(
        _ profile: ModelProfile,
        nodes: Int,
        microbatches: Int,
        cores: Double?
    ) throws -> PlanDocument {
        var reconfigurator = try Reconfigurator(
            profile: profile,
            costModel: .sosp23,
            faultTolerance: 1,
            microbatches: microbatches,
            cores: cores
        )
        let decision = reconfigurator.decide(
            nodes: (0..<nodes).map { NodeID($0) },
            holdings: [:],
            hasState: false,
            generation: 0
        )
        guard case .plan(let document, _) = decision else {
            throw OobleckError(.noPlan, "no plan")
        }
        return document
    }

    @Test(
        "with a core for each node nothing changes",
        arguments: [6, 7.5, 64, .infinity, .nan, -1]
    )
    func ownCores(cores: Double) throws {
        let profile = profile(layers: 6)
        let alone = try plan(profile, nodes: 6, microbatches: 12, cores: nil)
        var shared = try plan(profile, nodes: 6, microbatches: 12, cores: cores)
        shared.sharedCores = nil
        #expect(shared == alone)
    }

    @Test(
        "no step is shorter than its work over the cores, nor than with a core for each node",
        arguments: Seed.range(0..<100)
    )
    func bound(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(layers: 6, perDevice: 6, using: &random)
        let nodes = Int.random(in: 2...10, using: &random)
        let microbatches = Int.random(in: 4...16, using: &random)
        let cores = Double.random(in: 0.5...4, using: &random)
        let document = try plan(profile, nodes: nodes, microbatches: microbatches, cores: cores)
        let alone = try plan(profile, nodes: nodes, microbatches: microbatches, cores: nil)
        let step = document.plan.stepTime.value
        #expect(step >= alone.plan.stepTime.value * (1 - 1e-12))
        guard Double(document.plan.nodes.count) > cores else { return }
        // Every microbatch passes every layer once, whatever the plan; every pipeline sums every layer.
        let passes = profile.layers.reduce(0) { $0 + $1.forward.value + $1.backward.value }
        let pipelines = document.plan.pipelines.count
        let sums = profile.layers.reduce(0) {
            $0 + $1.allReduceTime(amongNodes: pipelines).value
        }
        let work = Double(microbatches) * passes + Double(pipelines) * sums
        #expect(step >= work / cores * (1 - 1e-12))
        // And it is one of the two.
        let own = document.plan.aloneStepTime.value
        #expect(abs(step - max(own, work / cores)) <= 1e-9 * step)
    }

    @Test(
        "the plan is the best for shared cores: fewer pipelines where sums cost more than bubbles"
    )
    func choice() throws {
        var profile = profile(layers: 12)
        // Sums as long as a pass: six pipelines pay for them three times as often as two.
        for index in profile.layers.indices {
            profile.layers[index].allReduceAcrossNodes = [2: 0.03]
        }
        let alone = try plan(profile, nodes: 12, microbatches: 24, cores: nil)
        let shared = try plan(profile, nodes: 12, microbatches: 24, cores: 2)
        #expect(alone.plan.pipelines.count > shared.plan.pipelines.count)
        #expect(shared.plan.pipelines.count == 2)
    }

    @Test("the reason says who shares what")
    func reason() throws {
        let document = try plan(profile(layers: 6), nodes: 6, microbatches: 12, cores: 2)
        #expect(document.reason.contains("; 6 nodes share 2 cores"), "\(document.reason)")
        let half = try plan(profile(layers: 6), nodes: 6, microbatches: 12, cores: 0.5)
        #expect(half.reason.contains("; 6 nodes share 0.5 cores"), "\(half.reason)")
        // 12 microbatches of 6 layers of 30 ms, and the sums.
        #expect(document.plan.stepTime.value > 12 * 6 * 0.03 / 2)
        #expect(document.plan.stepTime.value < 1.05 * 12 * 6 * 0.03 / 2)
    }

    @Test("a slow node adds its work, and a plan file keeps what is shared")
    func followed() throws {
        let document = try plan(profile(layers: 6), nodes: 6, microbatches: 12, cores: 2)
        let step = document.plan.stepTime.value
        #expect(abs(document.stepTime(for: [:]).value - step) < 1e-12)
        #expect(abs(document.balanced(for: [:]).plan.stepTime.value - step) < 1e-12)
        let slowed = document.stepTime(
            for: Dictionary(
                uniqueKeysWithValues: document.plan.nodes.map { ($0, 2.0) }
            )
        )
        #expect(slowed.value > 1.9 * step && slowed.value <= 2 * step)
        let data = try JSONEncoder().encode(document)
        let read = try JSONDecoder().decode(PlanDocument.self, from: data)
        #expect(read == document && read.sharedCores == 2)
        // With fewer nodes than cores are shared, too.
        let next = try Replanner(read, profile: profile(layers: 6)).replan(losing: [5])
        #expect(next.plan.stepTime.value > 12 * 6 * 0.03 / 2)
        // Files without the field are as they were.
        var old = document
        old.sharedCores = nil
        let text = String(decoding: try JSONEncoder().encode(old), as: UTF8.self)
        #expect(!text.contains("shared_cores"))
    }

    @Test("a count of cores that makes no sense is refused in a file", arguments: [0, -1, 1e300])
    func refused(cores: Double) throws {
        var document = try plan(profile(layers: 6), nodes: 6, microbatches: 12, cores: 2)
        document.sharedCores = cores
        #expect(throws: OobleckError.self) { try Replanner(document) }
    }
}
