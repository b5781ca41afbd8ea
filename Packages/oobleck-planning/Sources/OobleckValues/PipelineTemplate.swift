/// One stage of a template: contiguous layers run by devices of one node.
public struct StageTemplate: Hashable, Sendable, Codable {
    /// Index of the first layer.
    public var firstLayer: Int
    /// Index after the last layer.
    public var endLayer: Int
    /// Which of the template's nodes, counted from zero.
    public var node: Int
    /// Devices of that node that run the stage; a power of two.
    public var devices: Int
    /// Forward time of one microbatch (F of the stage; `Documentation/Planner.md`, P1).
    public var forward: Seconds
    /// Backward time of one microbatch.
    public var backward: Seconds
    /// How its output gets to the stage after it, and the gradient of that back; free where the cost
    /// model does not charge it.
    public var handover: Handover

    /// A stage with layers `[firstLayer, endLayer)`.
    public init(
        firstLayer: Int,
        endLayer: Int,
        node: Int,
        devices: Int,
        forward: Seconds,
        backward: Seconds,
        handover: Handover = .free
    ) {
        self.firstLayer = firstLayer
        self.endLayer = endLayer
        self.node = node
        self.devices = devices
        self.forward = forward
        self.backward = backward
        self.handover = handover
    }

    /// The layers of the stage.
    public var layers: Range<Int> { firstLayer..<endLayer }

    private enum CodingKeys: String, CodingKey {
        case firstLayer = "first_layer"
        case endLayer = "end_layer"
        case node
        case devices
        case forward = "forward_seconds"
        case backward = "backward_seconds"
        case handover = "handover_seconds"
        case handoverLatency = "handover_latency_seconds"
    }

    /// Reads a stage; an absent handover is free.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped value.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            firstLayer: try container.decode(Int.self, forKey: .firstLayer),
            endLayer: try container.decode(Int.self, forKey: .endLayer),
            node: try container.decode(Int.self, forKey: .node),
            devices: try container.decode(Int.self, forKey: .devices),
            forward: try container.decode(Seconds.self, forKey: .forward),
            backward: try container.decode(Seconds.self, forKey: .backward),
            handover: Handover(
                busy: try container.decodeIfPresent(Seconds.self, forKey: .handover) ?? .zero,
                latency: try container.decodeIfPresent(Seconds.self, forKey: .handoverLatency)
                    ?? .zero
            )
        )
    }

    /// Writes a stage; a free handover is left out.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(firstLayer, forKey: .firstLayer)
        try container.encode(endLayer, forKey: .endLayer)
        try container.encode(node, forKey: .node)
        try container.encode(devices, forKey: .devices)
        try container.encode(forward, forKey: .forward)
        try container.encode(backward, forKey: .backward)
        guard handover != .free else { return }
        try container.encode(handover.busy, forKey: .handover)
        try container.encode(handover.latency, forKey: .handoverLatency)
    }
}

/// Division of all layers over exactly `nodes` nodes (paper, section 4.1).
public struct PipelineTemplate: Hashable, Sendable, Codable {
    /// How many nodes a pipeline of this template has.
    public var nodes: Int
    /// The cost model's T at four microbatches a stage.
    public var iteration: Seconds
    /// A lower bound of T over all divisions, where the search ended before it had proved the
    /// template minimal; `nil` where the template is minimal.
    public var leastIteration: Seconds?
    /// The stages in order of the forward pass.
    public var stages: [StageTemplate]

    /// A template over `nodes` nodes.
    public init(
        nodes: Int,
        iteration: Seconds,
        leastIteration: Seconds? = nil,
        stages: [StageTemplate]
    ) {
        self.nodes = nodes
        self.iteration = iteration
        self.leastIteration = leastIteration
        self.stages = stages
    }

    /// The layers that the template's node number `node` holds.
    public func layers(ofNode node: Int) -> [Int] {
        stages.filter { $0.node == node }.flatMap { Array($0.layers) }
    }

    /// The layers that each of the template's nodes holds, ascending.
    public var layersByNode: [[Int]] {
        var layers = [[Int]](repeating: [], count: nodes)
        for stage in stages { layers[stage.node] += stage.layers }
        return layers
    }

    private enum CodingKeys: String, CodingKey {
        case nodes
        case iteration = "iteration_seconds"
        case leastIteration = "least_iteration_seconds"
        case stages
    }
}
