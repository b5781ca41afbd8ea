import OobleckSeeds
import OobleckTemplates
import OobleckValues
import Testing

/// Templates of nodes with several devices whose stages have one device each.
///
/// The independent answer is the search for nodes of one device, which is proved elsewhere: k stages on
/// each of n nodes are a division over n k such nodes, wherever links cost nothing.
@Suite("Stages of one device each on nodes of several", .timeLimit(.minutes(10)))
struct StagePerDeviceTests {
    private static let models: [CostModel] = [.sosp23, .sosp23Artifact, .schedule]

    private func profile(_ layers: Int, seed: UInt64, memory: ByteCount? = nil) -> ModelProfile {
        var generator = SplitMix(seed)
        let profiles = (0..<layers).map { index in
            LayerProfile(
                name: "layer\(index)",
                forward: Seconds(0.001 * Double(1 + generator.next() % 20)),
                backward: Seconds(0.002 * Double(1 + generator.next() % 20)),
                parameterBytes: ByteCount(Int(100 + generator.next() % 100)),
                optimizerBytes: 0,
                activationBytes: 10
            )
        }
        return ModelProfile(
            model: "made up",
            microbatchSize: 1,
            deviceMemory: memory,
            layers: profiles
        )
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        init(_ seed: UInt64) { state = seed }
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    @Test("the template is the best one over the counts of stages on a node", arguments: 0..<12)
    func best(seed: UInt64) throws {
        let layers = 5 + Int(seed % 5)
        let memory: ByteCount? = seed % 3 == 0 ? 800 : nil
        let profile = profile(layers, seed: seed, memory: memory)
        for model in Self.models {
            let single = try TemplateGenerator(profile: profile, costModel: model)
            for devices in [2, 4] {
                let generator = try TemplateGenerator(
                    profile: profile,
                    devicesPerNode: devices,
                    sharesStages: false,
                    costModel: model
                )
                for nodes in 1...layers {
                    let times = (1...devices).compactMap { count -> Seconds? in
                        single.template(nodes: nodes * count).map {
                            pipelineTime($0, microbatches: 4 * nodes * devices, costModel: model)
                        }
                    }
                    let template = generator.template(nodes: nodes)
                    let time = template.map {
                        pipelineTime($0, microbatches: 4 * nodes * devices, costModel: model)
                    }
                    #expect(time == times.min(), "\(model), \(nodes) nodes of \(devices)")
                }
            }
        }
    }

    @Test("each stage has one device, and the nodes equally many stages")
    func shape() throws {
        let generator = try TemplateGenerator(
            profile: profile(10, seed: 3),
            devicesPerNode: 4,
            sharesStages: false
        )
        for nodes in 1...10 {
            let template = try #require(generator.template(nodes: nodes))
            #expect(template.nodes == nodes && template.stages.allSatisfy { $0.devices == 1 })
            let counts = (0..<nodes).map { node in template.stages.count { $0.node == node } }
            #expect(Set(counts).count == 1 && counts[0] <= 4 && counts[0] * nodes <= 10)
            #expect(template.stages.flatMap { Array($0.layers) } == Array(0..<10))
        }
        #expect(generator.template(nodes: 11) == nil)
    }

    @Test("several stages on a node need fewer nodes for the model's memory")
    func memory() throws {
        let profile = profile(8, seed: 1, memory: 800)
        let one = try TemplateGenerator(profile: profile)
        let four = try TemplateGenerator(profile: profile, devicesPerNode: 4, sharesStages: false)
        let (alone, together) = (one.minimumNodes(upTo: 8), four.minimumNodes(upTo: 8))
        #expect(try #require(alone) > 1)
        #expect(try #require(together) < (try #require(alone)))
    }

    @Test("one device a node is planned alike, whether stages could be shared or not")
    func single() throws {
        let profile = profile(7, seed: 5, memory: 600)
        for model in Self.models {
            let plain = try Planner(profile: profile, costModel: model)
            let whole = try Planner(profile: profile, costModel: model, sharesStages: false)
            let plans = try [plain, whole].map {
                try $0.untimedPlan(nodes: 12, faultTolerance: 1, microbatches: 12)
            }
            #expect(plans[0] == plans[1])
        }
    }

    @Test("the reason says that stages have one device, and how many devices are idle")
    func reason() throws {
        let planner = try Planner(
            profile: profile(3, seed: 2),
            devicesPerNode: 2,
            sharesStages: false
        )
        let full = try planner.untimedPlan(nodes: 2, faultTolerance: 1, microbatches: 8)
        #expect(full.reason.contains("one device a stage"), "\(full.reason)")
        #expect(!full.reason.contains("idle"), "\(full.reason)")
        #expect(full.devicesPerNode == 2)
        let wide = try planner.untimedPlan(nodes: 2, faultTolerance: 0, microbatches: 8)
        if wide.plan.pipelines.count == 1 {
            #expect(wide.reason.contains("2 of 4 idle"), "\(wide.reason)")
        }
    }
}
