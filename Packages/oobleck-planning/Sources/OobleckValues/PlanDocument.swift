/// How a pipeline's time is estimated (`Documentation/Planner.md`, "Templates").
public enum CostModel: String, Sendable, Codable, CaseIterable {
    /// The formula of the paper, section 4.1.
    case sosp23
    /// The formula that the published artifact evaluates.
    case sosp23Artifact = "sosp23-artifact"
    /// The makespan of the real 1F1B schedule.
    case schedule
}

/// The range of node counts in which the plan survives `faultTolerance` losses at once.
public struct Guarantee: Hashable, Sendable, Codable {
    /// Least node count at which every layer has f + 1 copies.
    public var minimumNodes: Int
    /// Node count that was planned for.
    public var maximumNodes: Int
    /// Node losses always survivable at once.
    public var faultTolerance: Int

    /// A guarantee from `minimumNodes` up to `maximumNodes`.
    public init(minimumNodes: Int, maximumNodes: Int, faultTolerance: Int) {
        self.minimumNodes = minimumNodes
        self.maximumNodes = maximumNodes
        self.faultTolerance = faultTolerance
    }

    private enum CodingKeys: String, CodingKey {
        case minimumNodes = "minimum_nodes"
        case maximumNodes = "maximum_nodes"
        case faultTolerance = "fault_tolerance"
    }
}

/// How long planning itself took.
public struct PlanningTime: Hashable, Sendable, Codable {
    /// Generating the templates.
    public var templates: Seconds
    /// Choosing the plan from them.
    public var instantiation: Seconds

    /// The times of the two parts.
    public init(templates: Seconds, instantiation: Seconds) {
        self.templates = templates
        self.instantiation = instantiation
    }
}

/// All that `oobleck plan` prints and `plan.json` holds.
public struct PlanDocument: Hashable, Sendable, Codable {
    /// Version of the file format that this program reads and writes.
    public static let formatVersion = 1

    /// The version of the file format, which is always written; absent in a file it is the first.
    public private(set) var version = Self.formatVersion
    /// The cost model the plan minimises.
    public var costModel: CostModel
    /// Devices of each node.
    public var devicesPerNode: Int
    /// Microbatches of one step over all pipelines.
    public var microbatches: Int
    /// The range of node counts that is guaranteed.
    public var guarantee: Guarantee
    /// The templates, by node count.
    public var templates: [PipelineTemplate]
    /// The plan in force.
    public var plan: ExecutionPlan
    /// Why this plan, in words with numbers.
    public var reason: String
    /// What is copied to get there.
    public var transfers: [LayerTransfer]
    /// How long planning took.
    public var planningTime: PlanningTime
    /// The cores that all nodes share, on one machine; `nil` where each node has its own.
    public var sharedCores: Double?
    /// `nil` for none, so that a plan with work for all nodes omits the key.
    private var idle: [NodeID]?

    /// Living nodes that no pipeline uses, for the next plan to employ.
    public var idleNodes: [NodeID] {
        get { idle ?? [] }
        set { idle = newValue.isEmpty ? nil : newValue }
    }

    /// A document with all its parts.
    public init(
        costModel: CostModel,
        devicesPerNode: Int,
        microbatches: Int,
        guarantee: Guarantee,
        templates: [PipelineTemplate],
        plan: ExecutionPlan,
        reason: String,
        transfers: [LayerTransfer],
        planningTime: PlanningTime,
        idleNodes: [NodeID] = [],
        sharedCores: Double? = nil
    ) {
        self.costModel = costModel
        self.devicesPerNode = devicesPerNode
        self.microbatches = microbatches
        self.guarantee = guarantee
        self.templates = templates
        self.plan = plan
        self.reason = reason
        self.transfers = transfers
        self.planningTime = planningTime
        self.sharedCores = sharedCores
        self.idleNodes = idleNodes
    }

    /// The template over `nodes` nodes, if the set has one.
    public func template(nodes: Int) -> PipelineTemplate? {
        templates.first { $0.nodes == nodes }
    }

    /// Reads and checks a plan.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped field, ``OobleckError/Code/inputData`` as
    ///   ``validate()`` for values that make no sense.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        version = try fields.decodeIfPresent(Int.self, forKey: .version) ?? Self.formatVersion
        costModel = try fields.decode(CostModel.self, forKey: .costModel)
        devicesPerNode = try fields.decode(Int.self, forKey: .devicesPerNode)
        microbatches = try fields.decode(Int.self, forKey: .microbatches)
        guarantee = try fields.decode(Guarantee.self, forKey: .guarantee)
        templates = try fields.decode([PipelineTemplate].self, forKey: .templates)
        plan = try fields.decode(ExecutionPlan.self, forKey: .plan)
        reason = try fields.decode(String.self, forKey: .reason)
        transfers = try fields.decode([LayerTransfer].self, forKey: .transfers)
        planningTime = try fields.decode(PlanningTime.self, forKey: .planningTime)
        sharedCores = try fields.decodeIfPresent(Double.self, forKey: .sharedCores)
        idle = try fields.decodeIfPresent([NodeID].self, forKey: .idle)
        try validate()
    }

    private enum CodingKeys: String, CodingKey {
        case version
        case costModel = "cost_model"
        case devicesPerNode = "devices_per_node"
        case microbatches
        case guarantee
        case templates
        case plan
        case reason
        case transfers
        case planningTime = "planning_seconds"
        case sharedCores = "shared_cores"
        case idle = "idle_nodes"
    }
}
