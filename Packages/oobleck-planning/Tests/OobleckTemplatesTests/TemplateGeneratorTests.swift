import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct TemplateGeneratorTests {
    @Test(
        "a template is the minimum over all divisions, and its stages are what they say",
        arguments: Seed.range(0..<400)
    )
    func minimum(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let devicesPerNode = [1, 2, 4].randomElement(using: &random)!
        let profile = ModelProfile.random(
            layers: Int.random(in: 1...(devicesPerNode == 4 ? 6 : 7), using: &random),
            hasTies: seed.value % 2 == 0,
            hasMemory: seed.value % 4 < 2,
            using: &random
        )
        for costModel in CostModel.allCases {
            let generator = try TemplateGenerator(
                profile: profile,
                devicesPerNode: devicesPerNode,
                costModel: costModel
            )
            let exhaustive = ExhaustiveTemplates(
                profile: profile,
                devicesPerNode: devicesPerNode,
                costModel: costModel
            )
            let nodes = Int.random(in: 1...4, using: &random)
            let template = generator.template(nodes: nodes)
            #expect(exhaustive.complaints(template, nodes: nodes) == [], "\(seed)")
        }
    }

    @Test(
        "n_0 is the least node count that exhaustive search finds a division for",
        arguments: Seed.range(0..<60)
    )
    func leastNodes(seed: Seed) throws {
        var random = SeededGenerator(seed)
        let profile = ModelProfile.random(
            layers: Int.random(in: 1...6, using: &random),
            hasTies: true,
            hasMemory: true,
            using: &random
        )
        let generator = try TemplateGenerator(profile: profile)
        let exhaustive = ExhaustiveTemplates(
            profile: profile,
            devicesPerNode: 1,
            costModel: .sosp23
        )
        let expected = (1...8).first { exhaustive.minimum(nodes: $0) != nil }
        #expect(generator.minimumNodes(upTo: 8) == expected, "\(seed)")
    }

    @Test("26 layers over up to 8 nodes take well under a second, even without optimisation")
    func typicalSize() throws {
        let layers = (0..<26).map {
            LayerProfile(
                name: "\($0)",
                forward: Seconds(1 + 0.1 * Double($0 % 3)),
                backward: Seconds(2 + 0.1 * Double($0 % 5))
            )
        }
        let profile = ModelProfile(model: "gpt2-medium", microbatchSize: 1, layers: layers)
        let set = try TemplateGenerator(profile: profile).templates(nodes: 8, faultTolerance: 0)
        #expect(set.templates.map(\.nodes) == Array(1...8))
        // Less work for the slowest stage with each node more, by the pigeonhole at least an even
        // share.
        for template in set.templates {
            let works = template.stages.map { $0.forward.value + $0.backward.value }
            let total = works.reduce(0, +)
            #expect(try #require(works.max()) >= total / Double(template.nodes) * (1 - 1e-12))
        }
    }

    @Test("zero nodes, and more nodes than layers, have no template")
    func negativeSpace() throws {
        let profile = ModelProfile(
            model: "m",
            microbatchSize: 1,
            layers: [LayerProfile(name: "only", forward: 1, backward: 2)]
        )
        let generator = try TemplateGenerator(profile: profile)
        #expect(generator.template(nodes: 0) == nil)
        #expect(generator.template(nodes: 2) == nil)
        #expect(generator.minimumNodes(upTo: 0) == nil)
        // One stage: T1 + (4 - 1 + 0 - 1) w + T3 = 4 w.
        #expect(generator.template(nodes: 1)?.iteration == 12)
    }

    @Test("a device count that is no power of two is bad usage", arguments: [-1, 0, 3, 6])
    func badDevices(devicesPerNode: Int) {
        let profile = ModelProfile(
            model: "m",
            microbatchSize: 1,
            layers: [LayerProfile(name: "only", forward: 1, backward: 2)]
        )
        let error = #expect(throws: OobleckError.self) {
            try TemplateGenerator(profile: profile, devicesPerNode: devicesPerNode)
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("\(devicesPerNode)") == true)
    }
}
