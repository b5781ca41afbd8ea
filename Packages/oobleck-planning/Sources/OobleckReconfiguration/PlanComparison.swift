import OobleckTemplates
import OobleckValues

/// A plan that could follow: its pipelines on named nodes, and what must be copied for it.
struct PlanOption {
    let instantiation: Instantiation
    /// The step with its nodes as slow as they are and the microbatches divided accordingly.
    let step: Seconds
    /// The nodes of each pipeline, in the order of its template's places.
    let nodes: [[NodeID]]
    let transfers: [LayerTransfer]
    /// How long the copies take.
    let transferTime: Seconds
    /// What the published policy did, if the option is its.
    let changes: [PipelineChange]
    /// Whether the nodes were placed exactly, not in parts (``NodeAssignment/exactLimit``).
    let isExact: Bool

    func executionPlan(_ generation: Generation) -> ExecutionPlan {
        ExecutionPlan(
            generation: generation,
            stepTime: instantiation.step,
            synchronizationTime: instantiation.synchronization,
            pipelines: nodes.enumerated().map { index, nodes in
                Pipeline(
                    templateNodes: nodes.count,
                    nodes: nodes,
                    microbatches: instantiation.microbatches[index],
                    pipelineTime: instantiation.pipelineTimes[index]
                )
            }
        )
    }
}

/// Finds and compares the plans for the nodes that are left (policy `optimal`).
///
/// If there are few ways to divide the nodes, all are compared: by rising step time, each with the
/// nodes where they hold the most bytes, until the steps alone cost more than the best plan with
/// its copies. So no plan with as many copies of each layer and as few idle nodes costs less by
/// ``ReconfigurationCosts``. If there are too many, these are compared: the least step time, its
/// neighbours by count of pipelines, and the result of the published policy, as it is and with its
/// nodes placed again. So the choice is never worse than the published policy's.
struct PlanComparison {
    let templates: TemplateSet
    let instantiator: Instantiator
    let profile: ModelProfile
    /// What each living node holds.
    let holdings: [NodeID: Set<Int>]
    /// The living nodes that hold each layer, ascending.
    let holders: [[NodeID]]
    /// Whether layers have a state that would have to be copied.
    let hasState: Bool
    /// The pipelines that the nodes come from.
    let previous: [Pipeline]
    let costs: ReconfigurationCosts
    /// Loads under which nodes ran out of memory.
    let bounds: [NodeID: [MemoryBound]]

    init(
        templates: TemplateSet,
        instantiator: Instantiator,
        profile: ModelProfile,
        holdings: [NodeID: Set<Int>],
        hasState: Bool,
        previous: [Pipeline],
        costs: ReconfigurationCosts,
        bounds: [NodeID: [MemoryBound]] = [:]
    ) {
        self.templates = templates
        self.instantiator = instantiator
        self.profile = profile
        self.holdings = holdings
        self.hasState = hasState
        self.previous = previous
        self.costs = costs
        self.bounds = bounds
        holders = Self.holders(holdings, layerCount: profile.layers.count)
    }

    /// The nodes that hold each layer, ascending.
    static func holders(_ holdings: [NodeID: Set<Int>], layerCount: Int) -> [[NodeID]] {
        var holders = [[NodeID]](repeating: [], count: layerCount)
        for node in holdings.keys.sorted() {
            for layer in holdings[node] ?? [] { holders[layer].append(node) }
        }
        return holders
    }

    /// The best option for ascending `nodes`, and the one that costs next least.
    ///
    /// `published` is the published policy's, to be compared with.
    func best(
        _ choice: PlanChoice,
        nodes: [NodeID],
        published: PlanOption?
    ) -> (option: PlanOption, next: PlanOption?) {
        let employed = Array(nodes.dropLast(choice.idleNodes))
        let fastest = placed(choice.instantiation, nodes: employed)
        guard hasState else { return (fastest, nil) }
        // No step is shorter, however fast its nodes are for what the profile says.
        let step = fastest.instantiation.step
        let least = min(choice.wantedPipelines, fastest.nodes.count)
        let employment = published?.nodes.joined().sorted() ?? []
        let rival = published.flatMap { option in
            let isComparable = employment.count == employed.count && option.nodes.count >= least
            return isComparable && overloaded(option).isEmpty ? option : nil
        }
        var options = [fastest]
        var best = min(cost(fastest, step), rival.map { cost($0, step) } ?? .infinity)
        func consider(_ other: Instantiation, _ employed: [NodeID]) {
            guard other.nodeCounts.count >= least, other.nodeCounts != fastest.sizes else { return }
            // Slower steps alone may cost more than fewer copies could save.
            let floor = costs.cost(step: other.step, transfer: .zero, fastest: step)
            guard floor <= best else { return }
            options.append(placed(other, nodes: employed))
            best = min(best, cost(options[options.count - 1], step))
        }
        let others = choice.alternatives ?? [choice.runnerUp].compactMap { $0 }
        for other in others { consider(other, employed) }
        if let published, employment.count == employed.count {
            if !options.contains(where: { $0.sizes == published.sizes }) {
                consider(published.instantiation, employment)
            }
            if let rival { options.append(rival) }
        }
        // The least step time on a tie, then the first.
        let order = options.indices.sorted { left, right in
            let (a, b) = (options[left], options[right])
            return (cost(a, step), a.step.value, left) < (cost(b, step), b.step.value, right)
        }
        return (options[order[0]], order.dropFirst().first.map { options[$0] })
    }

    /// What the published policy does, or `nil` if there are too few nodes.
    func published(nodes: [NodeID]) -> PlanOption? {
        let old = previous.flatMap(\.nodes)
        let policy = PublishedPolicy(
            templateSizes: templates.templates.map(\.nodes),
            mostPipelines: instantiator.microbatches
        )
        let layout = policy.layout(
            of: previous.map(\.nodes),
            losing: Set(old).subtracting(nodes),
            joining: Set(nodes).subtracting(old).sorted()
        )
        guard let layout,
            let instantiation = instantiator.instantiation(
                nodeCounts: layout.pipelines.map(\.count)
            )
        else { return nil }
        return option(instantiation, layout.pipelines, layout.changes)
    }

    /// These pipelines with the nodes where they hold the most bytes.
    func placed(_ instantiation: Instantiation, nodes: [NodeID]) -> PlanOption {
        let assignment = NodeAssignment(
            profile: profile,
            holdings: holdings,
            hasState: hasState,
            previous: previous,
            bounds: bounds
        )
        let placed = assignment.pipelines(instantiation, templates: templates, nodes: nodes)
        return option(instantiation, placed.nodes, [], isExact: placed.isExact)
    }

    /// Nodes whose known memory bound forbids their load, ascending.
    func overloaded(_ option: PlanOption) -> [NodeID] {
        guard !bounds.isEmpty else { return [] }
        return option.nodes.flatMap { nodes in
            nodes.enumerated().filter { place, node in
                guard let bounds = bounds[node],
                    let template = templates.template(nodes: nodes.count)
                else { return false }
                let load = template.load(ofNode: place, profile: profile)
                return !bounds.allSatisfy { $0.allows(load) }
            }
            .map(\.element)
        }
        .sorted()
    }

    /// Relative to the fastest option's steps until the next failure.
    func cost(_ option: PlanOption, _ fastest: Seconds) -> Double {
        costs.cost(step: option.step, transfer: option.transferTime, fastest: fastest)
    }

    /// The step of these pipelines on these nodes.
    private func step(_ instantiation: Instantiation, _ nodes: [[NodeID]]) -> Seconds {
        let slowness = costs.slowness
        let slowed = nodes.compactMap {
            templates.template(nodes: $0.count)?.slowed(on: $0, by: slowness)
        }
        guard !slowness.isEmpty, slowed.count == nodes.count else { return instantiation.step }
        let balance = MicrobatchBalance(
            slowed,
            microbatches: instantiator.microbatches,
            costModel: instantiator.costModel
        )
        let slowest = balance.times.max() ?? .zero
        return slowest + instantiation.synchronization + instantiation.contention
    }

    private func option(
        _ instantiation: Instantiation,
        _ nodes: [[NodeID]],
        _ changes: [PipelineChange],
        isExact: Bool = true
    ) -> PlanOption {
        let transfers = hasState ? transfers(nodes) : []
        return PlanOption(
            instantiation: instantiation,
            step: step(instantiation, nodes),
            nodes: nodes,
            transfers: transfers,
            transferTime: costs.transferTime(transfers),
            changes: changes,
            isExact: isExact
        )
    }

    /// The copies that the pipelines need, except for layers that no node holds.
    private func transfers(_ pipelines: [[NodeID]]) -> [LayerTransfer] {
        let needed = pipelines.flatMap { nodes in
            let wanted = templates.template(nodes: nodes.count)?.layersByNode ?? []
            return zip(nodes, wanted).map { node, layers in
                (node: node, layers: layers.filter { !holders[$0].isEmpty })
            }
        }
        return TransferPlan(layers: profile.layers, holders: holders).transfers(needed: needed)
    }
}

extension PlanOption {
    /// Nodes of each pipeline.
    var sizes: [Int] { instantiation.nodeCounts }
}
