import OobleckTemplates
import OobleckValues
import Synchronization

/// How long a step takes on so many nodes, by the production planner; shared by all policies and
/// trials.
///
/// Up to ``mostExactNodes`` nodes the planner chooses the pipelines. Beyond, as many pipelines as
/// possible of the template that gives a node the most are taken, which is what the planner's choice
/// tends to.
public final class StepTable: Sendable {
    /// Most nodes for which pipelines are chosen exactly.
    public static let mostExactNodes = 1024

    /// Pipelines that are all alike.
    struct Uniform: Hashable {
        let template: PipelineTemplate
        let pipelines: Int
        let step: SimulatedTime
    }

    /// What the planner chooses.
    struct Elastic: Hashable {
        let step: SimulatedTime
        let pipelines: Int
    }

    let model: ClusterModel
    let templates: TemplateSet
    /// The most nodes there are at once.
    let mostNodes: Int
    private let instantiator: Instantiator
    private let elastic = Mutex(CountMemo<Elastic?>())
    /// Of pipelines of any sizes, up to each count of nodes.
    private let fastest = Mutex<[SimulatedTime]>([])
    private let uniformKnown = Mutex<[Int: Uniform]>([:])
    /// See ``fastestRate(nodes:)``.
    let rates = Mutex(CountMemo<StepRate?>())
    /// Of a part of the batch, by template, up to each count of pipelines.
    let partialRates = Mutex<[[StepRate?]]>([])

    /// A table for a model on at most `nodes` nodes.
    ///
    /// - Throws: ``OobleckError/Code/noPlan`` if no template exists for so many nodes.
    public init(_ model: ClusterModel, nodes: Int) throws {
        try model.validate()
        self.model = model
        mostNodes = nodes
        let generator = try TemplateGenerator(
            profile: model.profile,
            devicesPerNode: model.devicesPerNode,
            costModel: model.costModel
        )
        guard let minimum = generator.minimumNodes(upTo: nodes) else {
            throw generator.noPlanError(nodes: nodes)
        }
        // Where plans are not made one by one, templates as large as all nodes are never used.
        let most =
            nodes <= OobleckPolicy.mostExactNodes
            ? nodes : min(nodes, (model.faultTolerance + 3) * minimum)
        templates = try generator.templates(nodes: most, faultTolerance: model.faultTolerance)
        instantiator = try Instantiator(
            templates: templates.templates,
            profile: model.profile,
            costModel: model.costModel,
            microbatches: model.microbatches
        )
    }

    /// The step of the whole batch with the pipelines that the planner chooses for so many nodes;
    /// `nil` if there are too few.
    public func plannedStepTime(nodes: Int) -> SimulatedTime? { elasticStep(nodes: nodes)?.step }

    /// Samples of one step of the whole batch.
    public var samplesPerStep: Int { model.samplesPerStep }

    /// n_0: the least nodes that can train.
    public var minimumNodes: Int { templates.minimumNodes }

    /// The pipelines that the planner chooses for so many nodes; `nil` if there are too few.
    func elasticStep(nodes: Int) -> Elastic? {
        elastic.withLock { known in
            known.value(nodes) {
                guard nodes <= Self.mostExactNodes else {
                    return bestUniform(nodes: nodes).map {
                        Elastic(step: $0.step, pipelines: $0.pipelines)
                    }
                }
                let choice = instantiator.choice(
                    nodes: nodes,
                    faultTolerance: model.faultTolerance
                )
                return choice.map {
                    Elastic(
                        step: SimulatedTime($0.instantiation.step),
                        pipelines: $0.instantiation.nodeCounts.count
                    )
                }
            }
        }
    }

    /// Pipelines of one template, as many as fit; the step is that of the one with the most
    /// microbatches.
    func uniform(_ template: PipelineTemplate, nodes: Int) -> Uniform? {
        let pipelines = min(nodes / template.nodes, model.microbatches)
        guard pipelines > 0 else { return nil }
        let most = (model.microbatches + pipelines - 1) / pipelines
        return Uniform(
            template: template,
            pipelines: pipelines,
            step: step(template, microbatches: most, pipelines: pipelines)
        )
    }

    /// The step of pipelines that have at most so many microbatches.
    func step(
        _ template: PipelineTemplate,
        microbatches: Int,
        pipelines: Int
    ) -> SimulatedTime {
        let time = pipelineTime(template, microbatches: microbatches, costModel: model.costModel)
        return SimulatedTime(
            time
                + instantiator.synchronization(
                    of: template,
                    microbatches: microbatches,
                    pipelines: pipelines
                )
        )
    }

    /// The fastest pipelines of one template, the fewest nodes a pipeline on a tie.
    func bestUniform(nodes: Int) -> Uniform? {
        if let known = uniformKnown.withLock({ $0[nodes] }) { return known }
        let best = templates.templates.compactMap { uniform($0, nodes: nodes) }
            .min { $0.step < $1.step }
        if let best { uniformKnown.withLock { $0[nodes] = best } }
        return best
    }

    /// The fastest step with the planner's pipelines on these nodes or fewer, one pipeline at least.
    ///
    /// ``SimulatedTime/never`` if there are too few. Each count up to this one is planned, once.
    func plannedStep(nodes: Int) -> SimulatedTime {
        fastest.withLock { known in
            while known.count <= nodes {
                let found = instantiator.instantiation(nodes: known.count, minimumPipelines: 1)
                let step = found.map { SimulatedTime($0.step) } ?? .never
                known.append(min(step, known.last ?? .never))
            }
            return known[nodes]
        }
    }

    /// Bytes of the state of a template's heaviest node.
    func heaviestNode(_ template: PipelineTemplate) -> Int {
        template.layersByNode.map { layers in
            layers.reduce(0) { $0 + model.profile.layers[$1].stateBytes.value }
        }
        .max() ?? 0
    }
}
