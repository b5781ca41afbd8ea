import OobleckCore
@_spi(Benchmarks) import OobleckTemplates
import OobleckTestSupport
import Testing

@Suite("Counts: work of the planner", .timeLimit(.minutes(5)))
struct PlannerCountsTests {
    /// Layers whose times differ, and repeat after seven.
    private func profile(layers: Int, reduction: Seconds, memory: ByteCount?) -> ModelProfile {
        ModelProfile(
            model: "counts",
            microbatchSize: 1,
            deviceMemory: memory,
            layers: (0..<layers).map { index in
                let weight = 1 + 0.1 * Double(index * 3 % 7)
                return LayerProfile(
                    name: "layer \(index)",
                    forward: Seconds(weight),
                    backward: Seconds(2 * weight),
                    allReduceInNode: [2: reduction, 4: 1.5 * reduction, 8: 1.75 * reduction],
                    parameterBytes: 100,
                    optimizerBytes: 200
                )
            }
        )
    }

    @Test(
        "states, bounds and steps of template searches are as recorded",
        arguments: [
            (name: "48 layers, 24 nodes of 1", layers: 48, nodes: 24, devices: 1, memory: nil),
            ("96 layers, 64 nodes of 1", 96, 64, 1, nil),
            ("48 layers, 12 nodes of 8", 48, 12, 8, nil),
            ("48 layers, 24 nodes of 1, little memory", 48, 24, 1, ByteCount(2_500)),
        ]
    )
    func search(name: String, layers: Int, nodes: Int, devices: Int, memory: ByteCount?) throws {
        let generator = try TemplateGenerator(
            profile: profile(layers: layers, reduction: 0.02, memory: memory),
            devicesPerNode: devices
        )
        let work = try generator.templatesCountingStates(nodes: nodes, faultTolerance: 0).count
        let complaint = try RecordedCounts.complaint(
            about: "planner: \(name)",
            work.total,
            unit: "bounds, states and steps"
        )
        #expect(complaint == nil)
    }
}
