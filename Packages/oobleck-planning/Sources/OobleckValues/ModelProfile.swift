import OobleckWords

/// The costs of one layer, the unit that the planner assigns to stages (`profile.json`, one entry).
public struct LayerProfile: Hashable, Sendable, Codable {
    /// The layer's name, for people.
    public var name: String
    /// Forward time of one microbatch on one device.
    public var forward: Seconds
    /// Backward time of one microbatch on one device.
    public var backward: Seconds
    /// All-reduce time among that many devices of one node.
    public var allReduceInNode: [Int: Seconds]
    /// All-reduce time of the layer's gradients among that many nodes.
    public var allReduceAcrossNodes: [Int: Seconds]
    /// Bytes of the layer's parameters.
    public var parameterBytes: ByteCount
    /// Bytes of gradients kept during a step; absent in a file means as many as parameters.
    public var gradientBytes: ByteCount
    /// Bytes of optimizer state.
    public var optimizerBytes: ByteCount
    /// Bytes of activations kept per microbatch in flight.
    public var activationBytes: ByteCount
    /// Bytes of the layer's output for one microbatch.
    public var outputBytes: ByteCount
    /// The most bytes that one pass over the layer needs for itself: temporaries and the gradients that
    /// are not yet summed, beyond parameters, gradient sums and the activations that are kept.
    public var workspaceBytes: ByteCount
    /// The costs with its forward pass computed again; `nil` where that was not measured.
    public var recomputation: RecomputationProfile?

    /// A layer with the given costs; all that is not given is free.
    public init(
        name: String,
        forward: Seconds,
        backward: Seconds,
        allReduceInNode: [Int: Seconds] = [:],
        allReduceAcrossNodes: [Int: Seconds] = [:],
        parameterBytes: ByteCount = 0,
        gradientBytes: ByteCount? = nil,
        optimizerBytes: ByteCount = 0,
        activationBytes: ByteCount = 0,
        outputBytes: ByteCount = 0,
        workspaceBytes: ByteCount = 0,
        recomputation: RecomputationProfile? = nil
    ) {
        self.recomputation = recomputation
        self.name = name
        self.forward = forward
        self.backward = backward
        self.allReduceInNode = allReduceInNode
        self.allReduceAcrossNodes = allReduceAcrossNodes
        self.parameterBytes = parameterBytes
        self.gradientBytes = gradientBytes ?? parameterBytes
        self.optimizerBytes = optimizerBytes
        self.activationBytes = activationBytes
        self.outputBytes = outputBytes
        self.workspaceBytes = workspaceBytes
    }

    /// Bytes that a copy of the layer's state moves: parameters and optimizer state.
    public var stateBytes: ByteCount { parameterBytes + optimizerBytes }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case name
        case forward = "forward_seconds"
        case backward = "backward_seconds"
        case allReduceInNode = "allreduce_in_node_seconds"
        case allReduceAcrossNodes = "allreduce_across_nodes_seconds"
        case parameterBytes = "parameter_bytes"
        case gradientBytes = "gradient_bytes"
        case optimizerBytes = "optimizer_bytes"
        case activationBytes = "activation_bytes"
        case outputBytes = "output_bytes"
        case workspaceBytes = "workspace_bytes"
        case recomputation
    }

    /// Reads a layer; absent sizes are zero.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func bytes(_ key: CodingKeys) throws -> ByteCount? {
            try container.decodeIfPresent(ByteCount.self, forKey: key)
        }
        func times(_ key: CodingKeys) throws -> [Int: Seconds] {
            try container.decodeIfPresent([Int: Seconds].self, forKey: key) ?? [:]
        }
        self.init(
            name: try container.decode(String.self, forKey: .name),
            forward: try container.decode(Seconds.self, forKey: .forward),
            backward: try container.decode(Seconds.self, forKey: .backward),
            allReduceInNode: try times(.allReduceInNode),
            allReduceAcrossNodes: try times(.allReduceAcrossNodes),
            parameterBytes: try bytes(.parameterBytes) ?? 0,
            gradientBytes: try bytes(.gradientBytes),
            optimizerBytes: try bytes(.optimizerBytes) ?? 0,
            activationBytes: try bytes(.activationBytes) ?? 0,
            outputBytes: try bytes(.outputBytes) ?? 0,
            workspaceBytes: try bytes(.workspaceBytes) ?? 0,
            recomputation: try container.decodeIfPresent(
                RecomputationProfile.self,
                forKey: .recomputation
            )
        )
    }
}

/// The measured costs of a model, layer by layer (`profile.json`).
public struct ModelProfile: Hashable, Sendable, Codable {
    /// Version of the file format that this program reads and writes.
    public static let formatVersion = 1

    /// Version of the file format.
    public var version: Int
    /// The model's name, for people.
    public var model: String
    /// Samples of one microbatch.
    public var microbatchSize: Int
    /// Memory of one device; `nil` is unlimited.
    public var deviceMemory: ByteCount?
    /// Bytes that the link from one node to another moves in a second; `nil` is unlimited.
    public var linkBytesPerSecond: Double?
    /// How long a byte is under way on it; `nil` is no time.
    public var linkLatency: Seconds?
    /// All-reduce time among that many nodes of what the first and the last layer share, which the
    /// entries of both contain; `nil` if they share nothing.
    public var tiedAllReduceAcrossNodes: [Int: Seconds]?
    /// A worker's memory beyond that of its layers; `nil` is none.
    public var memoryRule: MemoryRule?
    /// Whether the layers' costs are those with forward passes computed again; `nil` is not.
    public var recomputes: Bool?
    /// The layers in order of the forward pass.
    public var layers: [LayerProfile]

    /// A profile of the current format version.
    public init(
        model: String,
        microbatchSize: Int,
        deviceMemory: ByteCount? = nil,
        linkBytesPerSecond: Double? = nil,
        linkLatency: Seconds? = nil,
        tiedAllReduceAcrossNodes: [Int: Seconds]? = nil,
        memoryRule: MemoryRule? = nil,
        layers: [LayerProfile]
    ) {
        version = Self.formatVersion
        self.model = model
        self.microbatchSize = microbatchSize
        self.deviceMemory = deviceMemory
        self.linkBytesPerSecond = linkBytesPerSecond
        self.linkLatency = linkLatency
        self.tiedAllReduceAcrossNodes = tiedAllReduceAcrossNodes
        self.memoryRule = memoryRule
        self.layers = layers
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case version
        case model
        case microbatchSize = "microbatch_size"
        case deviceMemory = "device_memory_bytes"
        case linkBytesPerSecond = "link_bytes_per_second"
        case linkLatency = "link_latency_seconds"
        case tiedAllReduceAcrossNodes = "tied_allreduce_across_nodes_seconds"
        case memoryRule = "memory_rule"
        case recomputes
        case layers
    }
}

extension ModelProfile {
    /// The most layers, and the most bytes of all layers together (256 TiB): what follows counts
    /// bytes of many microbatches, and must not overflow.
    private static let mostLayers = 10_000
    static let mostBytes = 1 << 48
    /// The longest time of a layer: eleven days.
    private static let longestTime = Seconds.longestMeasured
    /// The slowest accepted link, in bytes a second, so that transfer times are bounded.
    private static let slowestLink = 1.0

    /// Throws ``OobleckError/Code/inputData`` with one line when a value makes no sense.
    public func validate() throws {
        func fail(_ message: String) -> OobleckError { OobleckError(.inputData, message) }
        guard version == Self.formatVersion else {
            throw fail("profile has version \(version); this program reads \(Self.formatVersion)")
        }
        guard !layers.isEmpty else { throw fail("profile has no layers; it needs at least one") }
        if let rate = linkBytesPerSecond, !(rate.isFinite && rate > 0) {
            throw fail("link_bytes_per_second is \(rate); it must be finite and > 0")
        }
        if let rate = linkBytesPerSecond, rate < Self.slowestLink {
            throw fail(
                "link_bytes_per_second is \(rate); it must be at least \(Self.slowestLink)"
            )
        }
        let shared = (tiedAllReduceAcrossNodes ?? [:]).sorted { $0.key < $1.key }
            .map { ("tied_allreduce_across_nodes_seconds[\($0.key)]", $0.value) }
        for (field, time) in [("link_latency_seconds", linkLatency ?? .zero)] + shared {
            guard time.value.isFinite, time.value >= 0 else {
                throw fail("\(field) is \(time.value); it must be finite and >= 0")
            }
            guard time <= Self.longestTime else {
                throw fail(
                    "\(field) is \(time.value); it must be at most \(Self.longestTime.value)"
                )
            }
        }
        try memoryRule?.validate()
        guard layers.count <= Self.mostLayers else {
            throw fail(
                "profile has \(counted(layers.count, "layer")); it may have \(Self.mostLayers)"
            )
        }
        guard microbatchSize >= 1 else {
            throw fail("microbatch_size is \(microbatchSize); it must be at least 1")
        }
        if let memory = deviceMemory, memory.value < 1 {
            throw fail(
                "device_memory_bytes is \(memory.value); it must be at least 1, or absent for no limit"
            )
        }
        var allBytes = 0
        for layer in layers {
            for count in Set(layer.allReduceInNode.keys).union(layer.allReduceAcrossNodes.keys)
            where count < 1 {
                throw fail(
                    "layer \(layer.name): an all-reduce among \(count); it must be at least 1"
                )
            }
            let times: [(String, Seconds)] =
                [("forward_seconds", layer.forward), ("backward_seconds", layer.backward)]
                + (layer.recomputation.map { [("recomputation.backward_seconds", $0.backward)] }
                    ?? [])
                + layer.allReduceInNode.sorted { $0.key < $1.key }
                .map { ("allreduce_in_node_seconds[\($0.key)]", $0.value) }
                + layer.allReduceAcrossNodes.sorted { $0.key < $1.key }
                .map { ("allreduce_across_nodes_seconds[\($0.key)]", $0.value) }
            for (field, time) in times where !(time.value.isFinite && time.value >= 0) {
                throw fail(
                    "layer \(layer.name): \(field) is \(time.value); it must be finite and >= 0"
                )
            }
            for (field, time) in times where time > Self.longestTime {
                throw fail(
                    "layer \(layer.name): \(field) is \(time.value); "
                        + "it must be at most \(Self.longestTime.value)"
                )
            }
            let sizes = [
                ("parameter_bytes", layer.parameterBytes), ("gradient_bytes", layer.gradientBytes),
                ("optimizer_bytes", layer.optimizerBytes),
                ("activation_bytes", layer.activationBytes), ("output_bytes", layer.outputBytes),
                ("workspace_bytes", layer.workspaceBytes),
                ("recomputation.activation_bytes", layer.recomputation?.activationBytes ?? 0),
                ("recomputation.workspace_bytes", layer.recomputation?.workspaceBytes ?? 0),
            ]
            for (field, size) in sizes where size.value < 0 {
                throw fail("layer \(layer.name): \(field) is \(size.value); it must be >= 0")
            }
            for (_, size) in sizes {
                let (sum, overflows) = allBytes.addingReportingOverflow(size.value)
                guard !overflows, sum <= Self.mostBytes else {
                    throw fail(
                        "layer \(layer.name): up to it there are more than \(Self.mostBytes) bytes; "
                            + "sizes are in bytes"
                    )
                }
                allBytes = sum
            }
        }
    }
}
