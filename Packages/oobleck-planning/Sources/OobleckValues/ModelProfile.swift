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
    ///
    /// - Throws: `DecodingError` for a missing or mistyped value.
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

    /// Version of the file format; always written.
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

    /// Reads and checks a profile.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped field, ``OobleckError/Code/inputData`` as
    ///   ``validate()`` for values that make no sense.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        func times(_ key: CodingKeys) throws -> [Int: Seconds]? {
            try fields.decodeIfPresent([Int: Seconds].self, forKey: key)
        }
        version = try fields.decode(Int.self, forKey: .version)
        model = try fields.decode(String.self, forKey: .model)
        microbatchSize = try fields.decode(Int.self, forKey: .microbatchSize)
        deviceMemory = try fields.decodeIfPresent(ByteCount.self, forKey: .deviceMemory)
        linkBytesPerSecond = try fields.decodeIfPresent(Double.self, forKey: .linkBytesPerSecond)
        linkLatency = try fields.decodeIfPresent(Seconds.self, forKey: .linkLatency)
        tiedAllReduceAcrossNodes = try times(.tiedAllReduceAcrossNodes)
        memoryRule = try fields.decodeIfPresent(MemoryRule.self, forKey: .memoryRule)
        recomputes = try fields.decodeIfPresent(Bool.self, forKey: .recomputes)
        layers = try fields.decode([LayerProfile].self, forKey: .layers)
        try validate()
    }
}
