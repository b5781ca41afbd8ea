import OobleckCore
import OobleckPlanning

extension Replanner {
    /// What a policy would do, before nodes are placed by the policy `optimal`.
    struct Candidate {
        var instantiation: Instantiation
        /// The nodes of each pipeline, or the nodes to place.
        var placement: Placement
        var changes: [PipelineChange]
    }

    enum Placement {
        case done([[NodeID]])
        case pending([NodeID])
    }

    func candidate(
        _ policy: ReplanPolicy,
        _ lost: Set<NodeID>,
        _ joined: [NodeID],
        _ nodes: [NodeID]
    ) -> Candidate {
        switch policy {
        case .sosp23:
            let published = PublishedPolicy(
                templateSizes: templates.templates.map(\.nodes),
                mostPipelines: document.microbatches
            )
            let old = document.plan.pipelines.map(\.nodes)
            guard let layout = published.layout(of: old, losing: lost, joining: joined),
                let instantiation = instantiator.instantiation(
                    nodeCounts: layout.pipelines.map(\.count)
                )
            else {
                preconditionFailure("policy sosp23 has no plan for \(nodes.count) nodes")
            }
            return Candidate(
                instantiation: instantiation,
                placement: .done(layout.pipelines),
                changes: layout.changes
            )
        case .optimal:
            let choice = instantiator.choice(
                nodes: nodes.count,
                faultTolerance: document.guarantee.faultTolerance
            )
            guard let choice else {
                preconditionFailure("policy optimal has no plan for \(nodes.count) nodes")
            }
            return Candidate(
                instantiation: choice.instantiation,
                placement: .pending(nodes.dropLast(choice.idleNodes)),
                changes: []
            )
        }
    }

    func executionPlan(
        _ candidate: Candidate,
        _ holdings: [NodeID: Set<Int>]
    ) -> ExecutionPlan {
        let instantiation = candidate.instantiation
        let assigned: [[NodeID]]
        switch candidate.placement {
        case .done(let pipelines): assigned = pipelines
        case .pending(let nodes):
            let assignment = NodeAssignment(
                layers: layers,
                holdings: holdings,
                hasState: true,
                previous: document.plan.pipelines
            )
            assigned = assignment.pipelines(instantiation, templates: templates, nodes: nodes)
        }
        return ExecutionPlan(
            generation: document.plan.generation.next,
            stepTime: instantiation.step,
            synchronizationTime: instantiation.synchronization,
            pipelines: assigned.enumerated().map { index, nodes in
                Pipeline(
                    templateNodes: nodes.count,
                    nodes: nodes,
                    microbatches: instantiation.microbatches[index],
                    pipelineTime: instantiation.pipelineTimes[index]
                )
            }
        )
    }

    /// The nodes that hold each layer, ascending.
    func holders(_ holdings: [NodeID: Set<Int>]) -> [[NodeID]] {
        let nodes = holdings.keys.sorted()
        return layers.indices.map { layer in
            nodes.filter { holdings[$0]?.contains(layer) ?? false }
        }
    }

    /// The copies that the plan needs, but for layers that nobody holds.
    func transfers(to plan: ExecutionPlan, _ holders: [[NodeID]]) -> [LayerTransfer] {
        let needed = plan.pipelines.flatMap { pipeline in
            pipeline.nodes.enumerated().map { place, node in
                let template = templates.template(nodes: pipeline.templateNodes)
                let wanted = template?.layers(ofNode: place) ?? []
                return (node: node, layers: wanted.filter { !holders[$0].isEmpty })
            }
        }
        return TransferPlan(layers: layers, holders: holders).transfers(needed: needed)
    }
}
