import OobleckCore

/// A transformer by its shape, from which the costs of its layers follow.
///
/// A block of hidden size h takes 24 s h^2 + 4 s^2 h floating point operations forward for a sequence
/// of s tokens, and has 12 h^2 parameters (Narayanan et al., SC 2021, appendix). The backward pass
/// takes twice as many, and once more as activations are computed again; only the input of each block
/// is kept.
public struct TransformerShape: Hashable, Sendable {
    /// The model's name.
    public let name: String
    /// Blocks.
    public let blocks: Int
    /// h.
    public let hidden: Int
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
    /// Devices of one node.
    public let devicesPerNode: Int

    /// Microbatches of one step.
    public var microbatches: Int { batch / microbatchSize }

    /// The paper's models (table 1, batches as printed there) and GPT-3 175B.
    public static let known: [TransformerShape] = [
        paper(.bertLarge, 24, 1024, 512, vocabulary: 30_522, microbatch: 32, batch: 8192),
        paper(.gpt2, 24, 1024, 1024, vocabulary: 50_257, microbatch: 32, batch: 8192),
        paper(.gpt3Medium, 24, 1024, 2048, vocabulary: 50_257, microbatch: 16, batch: 8192),
        paper(.gpt3With2700M, 32, 2560, 2048, vocabulary: 50_257, microbatch: 2, batch: 1024),
        paper(.gpt3With6700M, 32, 4096, 2048, vocabulary: 50_257, microbatch: 2, batch: 1024),
        TransformerShape(
            name: "GPT-3-175b",
            blocks: 96,
            hidden: 12_288,
            sequence: 2048,
            vocabulary: 50_257,
            microbatchSize: 1,
            batch: 1536,
            bytesPerNumber: 2,
            gradientBytes: 2,
            optimizerBytes: 12,
            device: .a100,
            devicesPerNode: 8
        ),
    ]

    /// The model of a name, whatever the case.
    public static func named(_ name: String) throws -> TransformerShape {
        guard let shape = known.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            throw OobleckError(
                .usage,
                "there is no model \(name); known are "
                    + known.map(\.name).joined(separator: ", ") + ", or give --profile"
            )
        }
        return shape
    }

    private static func paper(
        _ model: PaperModel,
        _ blocks: Int,
        _ hidden: Int,
        _ sequence: Int,
        vocabulary: Int,
        microbatch: Int,
        batch: Int
    ) -> TransformerShape {
        TransformerShape(
            name: model.rawValue,
            blocks: blocks,
            hidden: hidden,
            sequence: sequence,
            vocabulary: vocabulary,
            microbatchSize: microbatch,
            batch: batch,
            bytesPerNumber: 4,
            gradientBytes: 4,
            optimizerBytes: 8,
            device: .a40,
            devicesPerNode: 1
        )
    }

    /// The costs of all layers on one kind of device.
    public func profile(_ device: DeviceRates) -> ModelProfile {
        let tokens = Double(microbatchSize * sequence)
        let (h, s) = (Double(hidden), Double(sequence))
        let activation = microbatchSize * sequence * hidden * bytesPerNumber
        func layer(_ name: String, parameters: Int, operations: Double) -> LayerProfile {
            let forward = operations / device.operationsPerSecond
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
                activationBytes: ByteCount(activation),
                outputBytes: ByteCount(activation)
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
                    layer("block.\($0)", parameters: block, operations: operations)
                }
                + [layer("head", parameters: words, operations: 2 * tokens * Double(words))]
        )
    }
}

/// What a device and its links do.
public struct DeviceRates: Hashable, Sendable {
    /// Floating point operations in a second that training reaches.
    public var operationsPerSecond: Double
    /// Memory.
    public var memory: ByteCount
    /// Bytes in a second between devices of one node.
    public var nodeBandwidth: Double
    /// Bytes in a second between nodes.
    public var networkBandwidth: Double

    /// Rates.
    public init(
        operationsPerSecond: Double,
        memory: ByteCount,
        nodeBandwidth: Double,
        networkBandwidth: Double
    ) {
        self.operationsPerSecond = operationsPerSecond
        self.memory = memory
        self.nodeBandwidth = nodeBandwidth
        self.networkBandwidth = networkBandwidth
    }

    /// NVIDIA A40 in the paper's cluster: 40 % of 74.8 TFLOP/s in TF32, 48 GB, 200 Gbit/s.
    public static let a40 = DeviceRates(
        operationsPerSecond: 0.4 * 74.8e12,
        memory: 48_000_000_000,
        nodeBandwidth: 28e9,
        networkBandwidth: 25e9
    )
    /// NVIDIA A100: half of 312 TFLOP/s in BF16, 80 GB, NVLink, 200 Gbit/s for each device.
    public static let a100 = DeviceRates(
        operationsPerSecond: 0.5 * 312e12,
        memory: 80_000_000_000,
        nodeBandwidth: 300e9,
        networkBandwidth: 25e9
    )
}
