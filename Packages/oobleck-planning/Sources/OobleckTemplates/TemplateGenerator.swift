public import OobleckValues
import OobleckWords

/// Makes pipeline templates: for a node count, the division of all layers into stages that
/// minimises the cost model's T among all that fit the memory (`Documentation/Planner.md`, P5).
public struct TemplateGenerator: Sendable {
    /// The model's costs.
    public let profile: ModelProfile
    /// Devices of one node.
    public let devicesPerNode: Int
    /// The model of time that templates minimise.
    public let costModel: CostModel
    /// How far the search under `schedule` goes; the others always end.
    public let effort: SearchEffort
    /// Whether several devices may share a stage; otherwise each stage has one device.
    public let sharesStages: Bool
    /// Time and memory of every possible stage, where all devices of a node have one.
    public let stageCosts: StageCosts
    /// The same for each count of stages on a node, from the fewest; one alone where devices share.
    private let choices: [StageCosts]

    /// A generator for one model on one kind of node.
    ///
    /// Where devices do not share stages (`sharesStages`), the nodes of a template have equally many
    /// stages, of one device each, and devices may be left idle.
    ///
    /// Throws ``OobleckError`` for a profile that makes no sense or a device count that is not a
    /// power of two.
    public init(
        profile: ModelProfile,
        devicesPerNode: Int = 1,
        sharesStages: Bool = true,
        costModel: CostModel = .sosp23,
        effort: SearchEffort = .bounded
    ) throws {
        self.effort = effort
        self.sharesStages = sharesStages || devicesPerNode == 1
        let shared = try StageCosts(profile: profile, devicesPerNode: devicesPerNode)
        choices =
            self.sharesStages
            ? [shared]
            : try (1...min(devicesPerNode, profile.layers.count)).map {
                try StageCosts(profile: profile, stagesPerNode: $0)
            }
        stageCosts = choices.last ?? shared
        self.profile = profile
        self.devicesPerNode = devicesPerNode
        self.costModel = costModel
    }

    /// The template with the least T over exactly `nodes` nodes, or `nil` if none fits.
    public func template(nodes: Int) -> PipelineTemplate? {
        var searches: [Int: TemplateSearch] = [:]
        return template(nodes: nodes, &searches, mostNodes: nodes)
    }

    /// n_0: the least node count up to `limit` that a template exists for.
    public func minimumNodes(upTo limit: Int) -> Int? {
        let greatest = min(limit, profile.layers.count)
        guard greatest > 0 else { return nil }
        guard profile.deviceMemory != nil else { return 1 }
        var count = SearchCount()
        return choices.compactMap { costs -> Int? in
            var memory = SearchMemory(stages: SearchStages(costs: costs))
            return (1...greatest).first {
                costs.fewestStages(nodes: $0) <= costs.layerCount
                    && memory.division(nodes: $0, count: &count) != nil
            }
        }
        .min()
    }

    /// The templates for up to `nodes` nodes of which any `faultTolerance` may fail at once: one
    /// for each size from n_0 to max(N - f n_0, 2 n_0 - 1), at most N, as far as one exists.
    ///
    /// The second bound serves counts below (f + 1) n_0, which run with fewer copies. If a size in
    /// between has no template, the set continues up to N. Templates of `known` are not made again.
    /// `sizes` can set both bounds; the set then ends at its maximum in any case.
    /// Throws ``OobleckError/Code/noPlan`` when no template exists.
    public func templates(
        nodes: Int,
        faultTolerance: Int,
        sizes: TemplateSizes = .published,
        known: TemplateSet? = nil
    ) throws -> TemplateSet {
        try templatesCountingStates(
            nodes: nodes,
            faultTolerance: faultTolerance,
            sizes: sizes,
            known: known
        )
        .templates
    }

    /// ``templates(nodes:faultTolerance:sizes:known:)``, and how much work the search did.
    ///
    /// - Throws: ``OobleckError`` as ``templates(nodes:faultTolerance:sizes:known:)``.
    @_spi(Benchmarks) public func templatesCountingStates(
        nodes: Int,
        faultTolerance: Int,
        sizes: TemplateSizes = .published,
        known: TemplateSet? = nil
    ) throws -> (templates: TemplateSet, count: SearchCount) {
        guard nodes > 0 else {
            throw OobleckError(.usage, "node count is \(nodes); it must be at least 1")
        }
        guard faultTolerance >= 0 else {
            throw OobleckError(
                .usage,
                "fault tolerance is \(faultTolerance); it must be at least 0"
            )
        }
        try sizes.validate(nodes: nodes, layers: profile.layers.count)
        guard let needed = known?.minimumNodes ?? minimumNodes(upTo: nodes) else {
            throw noPlanError(nodes: nodes)
        }
        let minimum = try sizes.minimum(needed: needed, model: profile.model)
        let wanted =
            sizes.maximumNodes ?? max(nodes - faultTolerance * minimum, 2 * minimum - 1)
        var templates: [PipelineTemplate] = []
        var limit = min(wanted, nodes)
        var searches: [Int: TemplateSearch] = [:]
        var size = minimum
        while size <= limit {
            if let template = known?.template(nodes: size) {
                templates.append(template)
            } else if let template = template(nodes: size, &searches, mostNodes: nodes) {
                templates.append(template)
            } else if sizes.maximumNodes == nil {
                limit = nodes
            }
            size += 1
        }
        let guarantee = Guarantee(
            minimumNodes: (faultTolerance + 1) * minimum,
            maximumNodes: nodes,
            faultTolerance: faultTolerance
        )
        let set = TemplateSet(templates: templates, minimumNodes: minimum, guarantee: guarantee)
        let count = searches.values.reduce(into: SearchCount()) { $0.add($1.count) }
        return (set, count)
    }

    /// Why no template exists for up to `nodes` nodes, and what would help, in one line.
    package func noPlanError(nodes: Int) -> OobleckError {
        let minimum = minimumNodes(upTo: profile.layers.count)
        return OobleckError(
            .noPlan,
            noPlanMessage(nodes: nodes, minimum: minimum),
            problem: minimum.map { .tooFewNodes(nodes: nodes, minimum: $0) } ?? .modelDoesNotFit
        )
    }

    private func noPlanMessage(nodes: Int, minimum: Int?) -> String {
        if let minimum {
            return "\(profile.model) needs at least \(counted(minimum, "node"))\(memoryPhrase); "
                + "\(nodes) given: add \(max(1, minimum - nodes))"
        }
        let tightest = profile.layers.indices.max { memoryAlone($0) < memoryAlone($1) }
        guard let tightest else { return "\(profile.model) has no layers" }
        let isAlone = !stageCosts.fits(
            tightest..<tightest + 1,
            devices: stageCosts.widths.last ?? 1,
            microbatchesInFlight: 1
        )
        return "\(profile.model) fits no number of nodes\(memoryPhrase): layer "
            + "\(profile.layers[tightest].name) needs \(memoryAlone(tightest))"
            + (isAlone ? " alone" : " and more for each further microbatch in flight")
            + "; use devices with more memory or a smaller microbatch"
    }

    private var memoryPhrase: String {
        guard let memory = profile.deviceMemory else { return "" }
        return devicesPerNode == 1
            ? " with \(memory) of device memory"
            : " with \(counted(devicesPerNode, "device")) of \(memory)"
    }

    private func memoryAlone(_ layer: Int) -> ByteCount {
        stageCosts.memory(layer..<layer + 1, microbatchesInFlight: 1)
    }

    /// The best template over the counts of stages on a node: by the time of four microbatches for
    /// each device, then by the fewest stages.
    private func template(
        nodes: Int,
        _ searches: inout [Int: TemplateSearch],
        mostNodes: Int
    ) -> PipelineTemplate? {
        let templates = choices.compactMap { template(nodes: nodes, $0, &searches, mostNodes) }
        guard templates.count > 1 else { return templates.first }
        let microbatches = scheduleMicrobatches(devices: nodes * devicesPerNode)
        let times = templates.map {
            pipelineTime($0, microbatches: microbatches, costModel: costModel)
        }
        let best = times.indices.min { (times[$0], $0) < (times[$1], $1) }
        return best.map { templates[$0] }
    }

    /// A template of a search that all sizes share, begun for the first one that needs it.
    private func template(
        nodes: Int,
        _ costs: StageCosts,
        _ searches: inout [Int: TemplateSearch],
        _ mostNodes: Int
    ) -> PipelineTemplate? {
        var search =
            searches.removeValue(forKey: costs.devicesPerNode)
            ?? search(costs, mostNodes: mostNodes)
        defer { searches[costs.devicesPerNode] = search }
        switch costModel {
        case .sosp23, .sosp23Artifact: return search.template(nodes: nodes)
        case .schedule: return search.scheduleTemplate(nodes: nodes)
        }
    }

    private func search(_ costs: StageCosts, mostNodes: Int) -> TemplateSearch {
        let published = costModel == .schedule ? .sosp23 : costModel
        return TemplateSearch(
            costs: costs,
            costModel: published,
            mostNodes: mostNodes,
            effort: effort
        )
    }
}
