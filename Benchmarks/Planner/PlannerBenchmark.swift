import Foundation
import OobleckReconfiguration
@_spi(Benchmarks) import OobleckTemplates
import OobleckValues

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

struct PlannerBenchmark {
    /// Layers of one to three times the least work; `perDevice` of them fit one device.
    func profile(layers: Int, perDevice: Int? = nil, seed: UInt64 = 1) -> ModelProfile {
        var random = SeededGenerator(state: seed)
        return ModelProfile(
            model: "seed \(seed)",
            microbatchSize: 1,
            deviceMemory: perDevice.map { ByteCount(1_000_000 * $0) },
            layers: (0..<layers).map { index in
                let forward = Double.random(in: 0.5e-3...1.5e-3, using: &random)
                return LayerProfile(
                    name: "layer.\(index)",
                    forward: Seconds(forward),
                    backward: Seconds(2 * forward),
                    allReduceInNode: [2: 1e-5, 4: 1.5e-5, 8: 1.75e-5],
                    allReduceAcrossNodes: [2: 1e-3, 3: 1.3e-3],
                    parameterBytes: 1_000_000,
                    gradientBytes: 0,
                    optimizerBytes: 0
                )
            }
        )
    }

    func times() throws {
        for (layers, nodes, devices, model, limit) in [
            (24, 13, 1, CostModel.sosp23, 0.002), (96, 64, 1, .sosp23, 0.05),
            (96, 24, 8, .sosp23, 0.5), (96, 24, 8, .sosp23Artifact, 0.5),
            (200, 1_024, 8, .sosp23, 30), (24, 13, 1, .schedule, 0), (48, 8, 1, .schedule, 0),
            (26, 4, 8, .schedule, 0), (96, 24, 1, .schedule, 1), (96, 64, 1, .schedule, 10),
        ] {
            let generator = try TemplateGenerator(
                profile: profile(layers: layers),
                devicesPerNode: devices,
                costModel: model
            )
            let isLong = nodes > 1_000 || (layers > 90 && model == .schedule)
            let seconds = try median(of: isLong ? 1 : 7) {
                _ = try generator.templates(nodes: nodes, faultTolerance: 0)
            }
            show(
                "templates \(layers) layers x \(nodes) x \(devices), \(model.rawValue)",
                seconds,
                limit
            )
        }
        // Memory that binds: a device holds a dozen microbatches' activations of one layer.
        for (memory, activation) in [(12, 1.0), (6, 0.5)] {
            var tight = profile(layers: 96)
            tight.deviceMemory = ByteCount(memory * 1_000_000)
            for layer in tight.layers.indices {
                tight.layers[layer].activationBytes = ByteCount(Int(activation * 1e6))
            }
            let generator = try TemplateGenerator(profile: tight, devicesPerNode: 8)
            let seconds = try median(of: 7) {
                _ = try generator.templates(nodes: 24, faultTolerance: 0)
            }
            show("templates 96 layers x 24 x 8, sosp23, \(memory) MB a device", seconds, 0.5)
        }
        for (nodes, templates, microbatches, limit) in [
            (128, 20, 4_096, 0.02), (1_024, 20, 4_096, 1.0), (1_024, 150, 4_096, 1),
            (10_000, 20, 40_000, 30), (10_000, 150, 40_000, 30),
        ] {
            let profile = profile(layers: 200)
            let made = try TemplateGenerator(profile: profile)
                .templates(nodes: templates, faultTolerance: 0).templates
            let seconds = try median(of: nodes > 1_024 ? 1 : 5) {
                let instantiator = try Instantiator(
                    templates: made,
                    profile: profile,
                    costModel: .sosp23,
                    microbatches: microbatches
                )
                _ = instantiator.instantiation(nodes: nodes, minimumPipelines: 2)
            }
            let name =
                "instantiation \(nodes) nodes, \(templates) templates, \(microbatches) microbatches"
            show(name, seconds, limit)
        }
        for (nodes, layers, perDevice, losses) in [
            (64, 48, 24, 1), (64, 48, 24, 3), (64, 96, 12, 1), (1_024, 96, 24, 1),
            (1_024, 96, 24, 8), (1_024, 200, 12, 1),
        ] {
            try replanning(nodes, profile(layers: layers, perDevice: perDevice), losses)
        }
    }

    private func replanning(_ nodes: Int, _ profile: ModelProfile, _ losses: Int) throws {
        let document = try Planner(profile: profile)
            .untimedPlan(nodes: nodes, faultTolerance: losses, microbatches: 4 * nodes)
        let minimum = document.templates[0].nodes
        for isPrepared in [true, false] {
            let replanner = try Replanner(
                document,
                profile: profile,
                preparedLosses: isPrepared ? losses : 0
            )
            var random = SeededGenerator(state: 7)
            let seconds = try median(of: nodes > 100 ? 9 : 101) {
                let lost = document.plan.nodes.shuffled(using: &random).prefix(losses)
                _ = try replanner.replan(losing: Array(lost))
            }
            let name =
                "replan \(nodes) nodes, smallest template \(minimum), \(losses) lost, "
                + (isPrepared ? "prepared" : "not prepared")
            show(name, seconds, nodes > 100 ? 0.2 : isPrepared ? 0.001 : 0.01)
        }
    }

    func counts() throws {
        let series: [(name: String, cases: [(layers: Int, nodes: Int, devices: Int)])] = [
            ("layers, 8 nodes of 1", [12, 24, 48, 96, 192].map { ($0, 8, 1) }),
            ("layers, 8 nodes of 8", [12, 24, 48, 96, 192].map { ($0, 8, 8) }),
            ("nodes of 1, 192 layers", [6, 12, 24, 48, 96, 192].map { (192, $0, 1) }),
            ("nodes of 8, 96 layers", [3, 6, 12, 24, 48, 96].map { (96, $0, 8) }),
        ]
        for (name, cases) in series {
            for (layers, nodes, devices) in cases {
                for seed in UInt64(1)...9 {
                    let generator = try TemplateGenerator(
                        profile: profile(layers: layers, seed: seed),
                        devicesPerNode: devices
                    )
                    let count =
                        try generator
                        .templatesCountingStates(nodes: nodes, faultTolerance: 0).count
                    print(
                        "{\"series\": \"\(name)\", \"layers\": \(layers), \"nodes\": \(nodes), "
                            + "\"devices_per_node\": \(devices), \"seed\": \(seed), "
                            + "\"bounds\": \(count.bounds), \"tables\": \(count.tables), "
                            + "\"states\": \(count.states), \"steps\": \(count.steps)}"
                    )
                }
            }
        }
    }

    private func median(of rounds: Int, _ body: () throws -> Void) rethrows -> Double {
        var seconds: [Double] = []
        for _ in 0..<rounds {
            let start = ProcessorTime.now
            try body()
            seconds.append(ProcessorTime.now - start)
        }
        return seconds.sorted()[seconds.count / 2]
    }

    /// A limit of zero stands for none.
    private func show(_ name: String, _ seconds: Double, _ limit: Double) {
        let bound = limit > 0 ? ", \"limit_seconds\": \(limit)" : ""
        print(
            "{\"case\": \"\(name)\", \"seconds\": \(String(format: "%.6f", seconds))\(bound), "
                + "\"peak_memory_bytes\": \(peakMemory)}"
        )
    }

    /// The most bytes of memory that this program has held so far.
    private var peakMemory: Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return 1_024 * usage.ru_maxrss
    }
}
