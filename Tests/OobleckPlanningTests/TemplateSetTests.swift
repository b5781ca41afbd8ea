import OobleckCore
import OobleckPlanning
import Testing

@Suite struct TemplateSetTests {
    /// Equal layers that need 10 bytes each, on devices that hold so many of them.
    private func generator(layers: Int, layersPerDevice: Int) throws -> TemplateGenerator {
        let layer = LayerProfile(
            name: "block",
            forward: 1,
            backward: 2,
            parameterBytes: 4,
            gradientBytes: 2,
            optimizerBytes: 3,
            activationBytes: 0
        )
        return try TemplateGenerator(
            profile: ModelProfile(
                model: "blocks",
                microbatchSize: 1,
                deviceMemory: ByteCount(9 * layersPerDevice),
                layers: Array(repeating: layer, count: layers)
            )
        )
    }

    @Test("the set reaches from n_0 to N - f n_0")
    func sizes() throws {
        let set = try generator(layers: 12, layersPerDevice: 4)
            .templates(nodes: 13, faultTolerance: 1)
        #expect(set.minimumNodes == 3)
        #expect(set.templates.map(\.nodes) == Array(3...10))
        #expect(
            set.guarantee == Guarantee(minimumNodes: 6, maximumNodes: 13, faultTolerance: 1)
        )
        #expect(set.idlingNodeCounts == [])
    }

    @Test(
        "below (f + 1) n_0 nodes there are templates for a single pipeline",
        arguments: [(2, [2]), (3, [2, 3]), (4, [2, 3]), (5, [2, 3]), (6, [2, 3, 4])]
    )
    func smallCounts(nodes: Int, expected: [Int]) throws {
        let set = try generator(layers: 8, layersPerDevice: 4)
            .templates(nodes: nodes, faultTolerance: 1)
        #expect(set.templates.map(\.nodes) == expected)
    }

    @Test("with no template past L nodes, the counts at which nodes idle are named")
    func idling() throws {
        let set = try generator(layers: 2, layersPerDevice: 1)
            .templates(nodes: 7, faultTolerance: 1)
        #expect(set.templates.map(\.nodes) == [2])
        #expect(set.idlingNodeCounts == [5, 7])
    }

    @Test("templates already known are taken over")
    func known() throws {
        let generator = try generator(layers: 8, layersPerDevice: 4)
        let small = try generator.templates(nodes: 5, faultTolerance: 1)
        let large = try generator.templates(nodes: 7, faultTolerance: 1, known: small)
        #expect(try large == generator.templates(nodes: 7, faultTolerance: 1))
    }

    @Test("too few nodes: the line says how many are needed")
    func tooFew() throws {
        let generator = try generator(layers: 12, layersPerDevice: 4)
        let error = #expect(throws: OobleckError.self) {
            try generator.templates(nodes: 2, faultTolerance: 0)
        }
        #expect(error?.code == .noPlan)
        #expect(error?.message.contains("at least 3 nodes") == true)
        #expect(error?.message.contains("2 given") == true)
    }

    @Test("a layer that no device holds is named with what it needs")
    func impossible() throws {
        let profile = ModelProfile(
            model: "wide",
            microbatchSize: 1,
            deviceMemory: 1024,
            layers: [
                LayerProfile(name: "small", forward: 1, backward: 1, parameterBytes: 10),
                LayerProfile(name: "huge", forward: 1, backward: 1, parameterBytes: 1024),
            ]
        )
        let generator = try TemplateGenerator(profile: profile)
        let error = #expect(throws: OobleckError.self) {
            try generator.templates(nodes: 64, faultTolerance: 1)
        }
        #expect(error?.code == .noPlan)
        #expect(error?.message.contains("huge needs 2.0 KiB alone") == true)
        #expect(error?.message.contains("1.0 KiB") == true)
    }

    @Test("no nodes or a negative tolerance is bad usage", arguments: [(0, 0), (-1, 0), (2, -1)])
    func usage(nodes: Int, faultTolerance: Int) throws {
        let generator = try generator(layers: 2, layersPerDevice: 2)
        let error = #expect(throws: OobleckError.self) {
            try generator.templates(nodes: nodes, faultTolerance: faultTolerance)
        }
        #expect(error?.code == .usage)
    }
}
