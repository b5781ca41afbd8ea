import Foundation
import OobleckSeeds
@_spi(Benchmarks) import OobleckTemplates
import OobleckValues
import Testing

/// Limits on the work of the search: counts, which no machine's speed changes.
@Suite(.timeLimit(.minutes(10))) struct TemplateSearchCountTests {
    private func count(
        layers: Int,
        nodes: Int,
        devicesPerNode: Int,
        reduction: Double,
        seed: Seed
    ) throws -> SearchCount {
        var random = SeededGenerator(seed)
        let layers = (0..<layers).map { index in
            var layer = LayerProfile(
                name: "layer \(index)",
                forward: Seconds(Double.random(in: 0.5...1.5, using: &random)),
                backward: Seconds(Double.random(in: 1...3, using: &random))
            )
            for devices in [2, 4, 8] { layer.allReduceInNode[devices] = Seconds(reduction) }
            return layer
        }
        let profile = ModelProfile(model: "m", microbatchSize: 1, layers: layers)
        let generator = try TemplateGenerator(profile: profile, devicesPerNode: devicesPerNode)
        let result = try generator.templatesCountingStates(nodes: nodes, faultTolerance: 0)
        #expect(result.templates.templates.map(\.nodes) == Array(1...nodes))
        #expect(result.count.total > 0)
        return result.count
    }

    @Test(
        "one device a node: all templates for N nodes in N L^2 bounds and steps",
        arguments: [(24, 13), (48, 24), (96, 64)]
    )
    func oneDevice(layers: Int, nodes: Int) throws {
        for seed in Seed.range(0..<3) {
            let count = try count(
                layers: layers,
                nodes: nodes,
                devicesPerNode: 1,
                reduction: 0,
                seed: seed
            )
            #expect(count.total <= nodes * layers * layers, "\(seed): \(count)")
        }
    }

    @Test(
        "eight devices a node: N L^2 log 2G bounds, and 8 N^2 L G states",
        arguments: [(24, 6), (48, 12)],
        [0, 0.02, 0.3]
    )
    func eightDevices(size: (layers: Int, nodes: Int), reduction: Double) throws {
        let (layers, nodes) = size
        let count = try count(
            layers: layers,
            nodes: nodes,
            devicesPerNode: 8,
            reduction: reduction,
            seed: Seed(value: 1)
        )
        #expect(count.bounds <= nodes * layers * layers * 4, "\(count)")
        #expect(count.states <= 8 * nodes * nodes * layers * 8, "\(count)")
    }

    /// With one W after the other, the last of these took 130 to 400.
    @Test(
        "where memory binds, a template takes at most 30 tables",
        arguments: [1_521, 26, 209, 94, 968, 1_940, 1_426].map { Seed(value: $0) }
    )
    func memory(seed: Seed) throws {
        let profile = try tightProfile(seed, nodes: 8)
        for model in [CostModel.sosp23, .sosp23Artifact] {
            let generator = try TemplateGenerator(
                profile: profile,
                devicesPerNode: 8,
                costModel: model
            )
            let result = try generator.templatesCountingStates(nodes: 8, faultTolerance: 0)
            #expect(result.count.tables <= 30 * result.templates.templates.count, "\(seed)")
        }
    }

    /// 40 layers, the dearest of which are the smallest, and little more memory than they need.
    private func tightProfile(_ seed: Seed, nodes: Int) throws -> ModelProfile {
        var random = SeededGenerator(seed)
        func spread(_ ratio: Double) -> Double {
            pow(ratio, Double.random(in: 0...1, using: &random))
        }
        let (time, parameters, activation) = (spread(100), spread(100), spread(100))
        let share = Double.random(in: 0...1, using: &random)
        let reduction = Seconds(0.001 * spread(300))
        let layers = (0..<40).map { index in
            let forward = spread(time)
            let size = time / forward
            return LayerProfile(
                name: "layer \(index)",
                forward: Seconds(forward),
                backward: Seconds(2 * forward),
                allReduceInNode: [2: reduction, 4: 1.5 * reduction, 8: 1.75 * reduction],
                parameterBytes: ByteCount(Int(1_000 * (1 - share) * spread(parameters) * size)),
                gradientBytes: 0,
                activationBytes: ByteCount(Int(20 * share * spread(activation) * size))
            )
        }
        var profile = ModelProfile(model: "tight", microbatchSize: 1, layers: layers)
        var (low, high) = (0, 1_000_000)
        while low + 1 < high {
            profile.deviceMemory = ByteCount((low + high) / 2)
            let generator = try TemplateGenerator(profile: profile, devicesPerNode: 8)
            let fits = generator.minimumNodes(upTo: nodes) != nil
            (low, high) = fits ? (low, (low + high) / 2) : ((low + high) / 2, high)
        }
        let factor = Double.random(in: 1...3, using: &random)
        profile.deviceMemory = ByteCount(Int(factor * Double(high)))
        return profile
    }

    @Test("the same search does the same work, and known templates cost none")
    func determinism() throws {
        let counts = try (0..<2).map { _ in
            try count(
                layers: 20,
                nodes: 5,
                devicesPerNode: 8,
                reduction: 0.1,
                seed: Seed(value: 7)
            )
        }
        #expect(counts[0] == counts[1])
        let layers = (0..<6).map { LayerProfile(name: "\($0)", forward: 1, backward: 2) }
        let profile = ModelProfile(model: "m", microbatchSize: 1, layers: layers)
        let generator = try TemplateGenerator(profile: profile)
        let known = try generator.templates(nodes: 4, faultTolerance: 0)
        let again = try generator.templatesCountingStates(
            nodes: 4,
            faultTolerance: 0,
            known: known
        )
        #expect(again.templates == known)
        #expect(again.count.total == 0)
    }
}
