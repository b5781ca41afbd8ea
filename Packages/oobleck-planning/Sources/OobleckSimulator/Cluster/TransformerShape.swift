public import OobleckValues

/// A transformer by its shape, from which the costs of its layers follow.
///
/// A block of hidden size h takes 24 s h^2 + 4 s^2 h floating point operations forward for a sequence
/// of s tokens, and has 12 h^2 parameters (Narayanan et al., SC 2021, appendix). The backward pass
/// takes twice as many, and once more as activations are computed again; only the input of each block
/// is kept. While one block is computed again, its activations are there too (Korthikanti et al., MLSys
/// 2023, table 2, for numbers of any size), and two gradients of its largest.
public struct TransformerShape: Hashable, Sendable {
    /// The model's name.
    public let name: String
    /// Blocks.
    public let blocks: Int
    /// h.
    public let hidden: Int
    /// a, attention heads of a block.
    public let heads: Int
    /// s, in tokens.
    public let sequence: Int
    /// Words.
    public let vocabulary: Int
    /// Samples of one microbatch.
    public let microbatchSize: Int
    /// Samples of one step.
    public let batch: Int
    /// Bytes of one number of a parameter or an activation.
    public let bytesPerNumber: Int
    /// Bytes of one parameter's gradient.
    public let gradientBytes: Int
    /// Bytes of one parameter's optimizer state, master copy included.
    public let optimizerBytes: Int
    /// What its devices do.
    public let device: DeviceRates
    /// Share of ``DeviceRates/peakOperationsPerSecond`` that training reaches.
    public let efficiency: Double
    /// Where ``efficiency`` is from, for people.
    public let efficiencySource: String
    /// Devices of one node.
    public let devicesPerNode: Int

    /// Microbatches of one step.
    public var microbatches: Int { batch / microbatchSize }

    /// The paper's models (table 1, batches as printed there) and GPT-3 175B.
    public static let known: [TransformerShape] = [
        paper(.bertLarge, 24, 1024, heads: 16, 512, words: 30_522, 32, 8192, reaching: 0.2543),
        paper(.gpt2, 24, 1024, heads: 16, 1024, words: 50_257, 32, 8192, reaching: 0.1712),
        paper(.gpt3Medium, 24, 1024, heads: 16, 2048, words: 50_257, 16, 8192, reaching: 0.1346),
        paper(.gpt3With2700M, 32, 2560, heads: 32, 2048, words: 50_257, 2, 1024, reaching: 0.2148),
        paper(.gpt3With6700M, 32, 4096, heads: 32, 2048, words: 50_257, 2, 1024, reaching: 0.3059),
        TransformerShape(
            name: "GPT-3-175b",
            blocks: 96,
            hidden: 12_288,
            heads: 96,
            sequence: 2048,
            vocabulary: 50_257,
            microbatchSize: 1,
            batch: 1536,
            bytesPerNumber: 2,
            gradientBytes: 2,
            optimizerBytes: 12,
            device: .a100,
            efficiency: 0.5,
            efficiencySource: "an assumption",
            devicesPerNode: 8
        ),
    ]

    /// The model of a name, whatever the case.
    ///
    /// - Throws: ``OobleckError/Code/usage`` for an unknown name.
    public static func named(_ name: String) throws -> TransformerShape {
        guard let shape = known.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            throw OobleckError(
                .usage,
                "there is no model \(name); known are "
                    + known.map(\.name).joined(separator: ", ") + ", or give a profile"
            )
        }
        return shape
    }

    private static func paper(
        _ model: PaperModel,
        _ blocks: Int,
        _ hidden: Int,
        heads: Int,
        _ sequence: Int,
        words vocabulary: Int,
        _ microbatch: Int,
        _ batch: Int,
        reaching efficiency: Double
    ) -> TransformerShape {
        TransformerShape(
            name: model.rawValue,
            blocks: blocks,
            hidden: hidden,
            heads: heads,
            sequence: sequence,
            vocabulary: vocabulary,
            microbatchSize: microbatch,
            batch: batch,
            bytesPerNumber: 4,
            gradientBytes: 4,
            optimizerBytes: 8,
            device: .a40,
            efficiency: efficiency,
            efficiencySource: "30 nodes train as fast as in the paper's artifact",
            devicesPerNode: 1
        )
    }

    /// Floating point operations in a second that training reaches on its devices.
    public var operationsPerSecond: Double { efficiency * device.peakOperationsPerSecond }

    /// Tokens of a microbatch, and numbers of a block's attention maps for it.
    private var tokens: Int { microbatchSize * sequence }
    private var mapNumbers: Int { heads * sequence * tokens }

    /// Bytes of what a block computes and its backward pass needs.
    private var blockActivationBytes: Int {
        // 16 numbers and two bytes of masks for each token and channel; two and one of attention maps.
        tokens * hidden * (16 * bytesPerNumber + 2) + mapNumbers * (2 * bytesPerNumber + 1)
    }

    /// Bytes of a block's largest tensor: attention maps, or the wide half of its feed-forward network.
    private var largestTensorBytes: Int {
        max(mapNumbers, 4 * tokens * hidden) * bytesPerNumber
    }

    /// The costs of all layers on one kind of device, at a rate of operations in a second.
    ///
    /// The rate is ``operationsPerSecond`` by default.
    public func profile(
        _ device: DeviceRates,
        operationsPerSecond: Double? = nil
    ) -> ModelProfile {
        let rate = operationsPerSecond ?? self.operationsPerSecond
        let logits = self.tokens * vocabulary * bytesPerNumber
        let tokens = Double(self.tokens)
        let (h, s) = (Double(hidden), Double(sequence))
        let activation = self.tokens * hidden * bytesPerNumber
        func layer(
            _ name: String,
            parameters: Int,
            operations: Double,
            kept: Int = 0,
            workspace: Int = 0
        ) -> LayerProfile {
            let forward = operations / rate
            // Two all-reduces of the activations forward when a block is split over devices.
            let inNode = Dictionary(
                uniqueKeysWithValues: [2, 4, 8].map { devices in
                    let share = 2 * Double(devices - 1) / Double(devices)
                    return (devices, Seconds(2 * share * Double(activation) / device.nodeBandwidth))
                }
            )
            return LayerProfile(
                name: name,
                forward: Seconds(forward),
                backward: Seconds(3 * forward),
                allReduceInNode: inNode,
                // The ring's time for two; for more it follows from this.
                allReduceAcrossNodes: [
                    2: Seconds(Double(parameters * gradientBytes) / device.networkBandwidth)
                ],
                parameterBytes: ByteCount(parameters * bytesPerNumber),
                gradientBytes: ByteCount(parameters * gradientBytes),
                optimizerBytes: ByteCount(parameters * optimizerBytes),
                activationBytes: ByteCount(activation + kept),
                outputBytes: ByteCount(activation),
                workspaceBytes: ByteCount(workspace)
            )
        }
        let block = 12 * hidden * hidden
        let operations = tokens * (24 * h * h + 4 * s * h)
        let words = vocabulary * hidden
        return ModelProfile(
            model: name,
            microbatchSize: microbatchSize,
            deviceMemory: device.memory,
            layers: [layer("embedding", parameters: words, operations: 0)]
                + (0..<blocks).map {
                    layer(
                        "block.\($0)",
                        parameters: block,
                        operations: operations,
                        workspace: blockActivationBytes + 2 * largestTensorBytes
                    )
                }
                + [
                    layer(
                        "head",
                        parameters: words,
                        operations: 2 * tokens * Double(words),
                        kept: logits,
                        workspace: 2 * logits
                    )
                ]
        )
    }
}

/// What a device and its links do.
public struct DeviceRates: Hashable, Sendable {
    /// The most floating point operations in a second, by its maker's data sheet.
    public var peakOperationsPerSecond: Double
    /// Memory.
    public var memory: ByteCount
    /// Bytes in a second between devices of one node.
    public var nodeBandwidth: Double
    /// Bytes in a second between nodes.
    public var networkBandwidth: Double

    /// Rates.
    public init(
        peakOperationsPerSecond: Double,
        memory: ByteCount,
        nodeBandwidth: Double,
        networkBandwidth: Double
    ) {
        self.peakOperationsPerSecond = peakOperationsPerSecond
        self.memory = memory
        self.nodeBandwidth = nodeBandwidth
        self.networkBandwidth = networkBandwidth
    }

    /// NVIDIA A40 in the paper's cluster: 74.8 TFLOP/s in TF32, 48 GB, 200 Gbit/s.
    public static let a40 = DeviceRates(
        peakOperationsPerSecond: 74.8e12,
        memory: 48_000_000_000,
        nodeBandwidth: 28e9,
        networkBandwidth: 25e9
    )
    /// NVIDIA A100: 312 TFLOP/s in BF16, 80 GB, NVLink, 200 Gbit/s for each device.
    public static let a100 = DeviceRates(
        peakOperationsPerSecond: 312e12,
        memory: 80_000_000_000,
        nodeBandwidth: 300e9,
        networkBandwidth: 25e9
    )
}
