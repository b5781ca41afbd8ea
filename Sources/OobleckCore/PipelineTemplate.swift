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
    /// Forward time of one microbatch (DESIGN: F of the stage).
    public var forward: Seconds
    /// Backward time of one microbatch.
    public var backward: Seconds

    /// A stage with layers `[firstLayer, endLayer)`.
    public init(
        firstLayer: Int,
        endLayer: Int,
        node: Int,
        devices: Int,
        forward: Seconds,
        backward: Seconds
    ) {
        self.firstLayer = firstLayer
        self.endLayer = endLayer
        self.node = node
        self.devices = devices
        self.forward = forward
        self.backward = backward
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
    }
}

/// Division of all layers over exactly `nodes` nodes (paper, section 4.1).
public struct PipelineTemplate: Hashable, Sendable, Codable {
    /// How many nodes a pipeline of this template has.
    public var nodes: Int
    /// The cost model's T at four microbatches a stage.
    public var iteration: Seconds
    /// The stages in order of the forward pass.
    public var stages: [StageTemplate]

    /// A template over `nodes` nodes.
    public init(nodes: Int, iteration: Seconds, stages: [StageTemplate]) {
        self.nodes = nodes
        self.iteration = iteration
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
        case stages
    }
}
