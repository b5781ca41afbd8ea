import OobleckTemplates
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct TemplateSetTests {
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

    @Test("both bounds of the sizes can be set, the guarantee follows the smallest")
    func bounds() throws {
        let generator = try generator(layers: 24, layersPerDevice: 24)
        func sizes(_ minimum: Int?, _ maximum: Int?) throws -> [Int] {
            try generator.templates(
                nodes: 13,
                faultTolerance: 1,
                sizes: TemplateSizes(minimumNodes: minimum, maximumNodes: maximum)
            )
            .templates.map(\.nodes)
        }
        #expect(try sizes(nil, nil) == Array(1...12))
        #expect(try sizes(3, nil) == Array(3...10))
        #expect(try sizes(3, 12) == Array(3...12))
        #expect(try sizes(3, 3) == [3])
        #expect(try sizes(nil, 2) == [1, 2])
        let set = try generator.templates(
            nodes: 13,
            faultTolerance: 1,
            sizes: TemplateSizes(minimumNodes: 3)
        )
        #expect(set.minimumNodes == 3 && set.idlingNodeCounts == [])
        #expect(
            set.guarantee == Guarantee(minimumNodes: 6, maximumNodes: 13, faultTolerance: 1)
        )
    }

    @Test(
        "bounds that make no sense are refused in one line that says what would be right",
        arguments: [
            (0, nil, "minimum size of a template is 0 nodes; it must be at least 1"),
            (nil, -1, "maximum size of a template is -1 nodes; it must be at least 1"),
            (14, nil, "14 nodes; it must be at most 13, the nodes that are planned for"),
            (nil, 14, "14 nodes; it must be at most 13"),
            (13, nil, "it must be at most 12, as each node needs one of the model's 12 layers"),
            (5, 4, "maximum size of a template is 4 nodes; it must be at least 5, the minimum"),
            (nil, 2, "maximum size of a template is 2 nodes; it must be at least 3"),
        ] as [(Int?, Int?, String)]
    )
    func senselessBounds(minimum: Int?, maximum: Int?, message: String) throws {
        let generator = try generator(layers: 12, layersPerDevice: 4)
        let error = #expect(throws: OobleckError.self) {
            try generator.templates(
                nodes: 13,
                faultTolerance: 1,
                sizes: TemplateSizes(minimumNodes: minimum, maximumNodes: maximum)
            )
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test("fewer nodes than hold the model are no minimum")
    func minimumBelowMemory() throws {
        let generator = try generator(layers: 12, layersPerDevice: 4)
        let error = #expect(throws: OobleckError.self) {
            try generator.templates(
                nodes: 13,
                faultTolerance: 1,
                sizes: TemplateSizes(minimumNodes: 2)
            )
        }
        #expect(error?.code == .noPlan)
        #expect(error?.message.contains("is 2 nodes; it must be at least 3") == true)
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
