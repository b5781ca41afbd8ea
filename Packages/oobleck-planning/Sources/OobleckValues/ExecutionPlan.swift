/// One running copy of a template on named nodes.
public struct Pipeline: Hashable, Sendable, Codable {
    /// Nodes of the template that the pipeline follows.
    public var templateNodes: Int
    /// The node that stands at each of the template's places.
    public var nodes: [NodeID]
    /// Microbatches of each step that the pipeline runs.
    public var microbatches: Int
    /// Time of one step's forward and backward passes with that many microbatches.
    public var pipelineTime: Seconds
    /// The order of its passes.
    public var schedule: PipelineSchedule

    /// A pipeline on `nodes`, in the order of the template's places.
    public init(
        templateNodes: Int,
        nodes: [NodeID],
        microbatches: Int,
        pipelineTime: Seconds,
        schedule: PipelineSchedule = .oneForwardOneBackward
    ) {
        self.templateNodes = templateNodes
        self.nodes = nodes
        self.microbatches = microbatches
        self.pipelineTime = pipelineTime
        self.schedule = schedule
    }

    /// Reads a pipeline; one without a schedule, of an earlier version, runs 1F1B.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped field, ``OobleckError/Code/inputData`` for
    ///   an unknown schedule.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        templateNodes = try fields.decode(Int.self, forKey: .templateNodes)
        nodes = try fields.decode([NodeID].self, forKey: .nodes)
        microbatches = try fields.decode(Int.self, forKey: .microbatches)
        pipelineTime = try fields.decode(Seconds.self, forKey: .pipelineTime)
        let named = try fields.decodeIfPresent(PipelineSchedule.self, forKey: .schedule)
        schedule = named ?? .oneForwardOneBackward
    }

    private enum CodingKeys: String, CodingKey {
        case templateNodes = "template_nodes"
        case nodes
        case microbatches
        case pipelineTime = "pipeline_seconds"
        case schedule
    }
}

/// The pipelines that train in parallel, their microbatch counts, and the generation.
public struct ExecutionPlan: Hashable, Sendable, Codable {
    /// The number of this plan.
    public var generation: Generation
    /// Predicted time of one step: the slowest pipeline plus the synchronisation.
    public var stepTime: Seconds
    /// Predicted time of the gradient synchronisation among pipelines.
    public var synchronizationTime: Seconds
    /// The pipelines.
    public var pipelines: [Pipeline]

    /// A plan of the given generation.
    public init(
        generation: Generation,
        stepTime: Seconds,
        synchronizationTime: Seconds,
        pipelines: [Pipeline]
    ) {
        self.generation = generation
        self.stepTime = stepTime
        self.synchronizationTime = synchronizationTime
        self.pipelines = pipelines
    }

    /// All nodes of the plan, in ascending order.
    public var nodes: [NodeID] { pipelines.flatMap(\.nodes).sorted() }

    private enum CodingKeys: String, CodingKey {
        case generation
        case stepTime = "step_seconds"
        case synchronizationTime = "synchronization_seconds"
        case pipelines
    }
}

/// One copy of one layer's state from a node that holds it to one that needs it.
public struct LayerTransfer: Hashable, Sendable, Codable {
    /// Index of the layer.
    public var layer: Int
    /// The node that sends.
    public var fromNode: NodeID
    /// The node that receives.
    public var toNode: NodeID
    /// The devices of the two nodes; `nil` for the first.
    private var sendingDevice: Int?
    private var receivingDevice: Int?
    /// Parameters and optimizer state.
    public var bytes: ByteCount

    /// A copy of `layer` between the first devices of two nodes.
    public init(layer: Int, fromNode: NodeID, toNode: NodeID, bytes: ByteCount) {
        self.layer = layer
        self.fromNode = fromNode
        self.toNode = toNode
        self.bytes = bytes
    }

    /// A copy of `layer` between two workers, perhaps of one node.
    public init(layer: Int, from sender: WorkerID, to receiver: WorkerID, bytes: ByteCount) {
        self.init(layer: layer, fromNode: sender.node, toNode: receiver.node, bytes: bytes)
        sendingDevice = sender.device == 0 ? nil : sender.device
        receivingDevice = receiver.device == 0 ? nil : receiver.device
    }

    /// The worker that sends.
    public var sender: WorkerID { WorkerID(fromNode, device: sendingDevice ?? 0) }

    /// The worker that receives.
    public var receiver: WorkerID { WorkerID(toNode, device: receivingDevice ?? 0) }

    private enum CodingKeys: String, CodingKey {
        case layer
        case fromNode = "from_node"
        case toNode = "to_node"
        case sendingDevice = "from_device"
        case receivingDevice = "to_device"
        case bytes
    }
}
