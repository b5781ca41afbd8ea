import OobleckCore
import OobleckPlanning

/// The checks, each of which asks nothing of the planner.
extension InstantiatedPlans {
    static func checks(_ plans: [InstantiatedPlans]) -> [ArtifactCheck] {
        func all(_ claim: String, _ complaint: (InstantiatedPlans) -> String?) -> ArtifactCheck {
            ArtifactCheck(
                claim,
                complaints: plans.compactMap { plan in complaint(plan).map { "\(plan.name): \($0)" }
                },
                cases: plans.count,
                of: "plans"
            )
        }
        let widest = plans.map(\.spread).max() ?? .infinity
        let compared = plans.map { $0.least.plans }.reduce(0, +)
        let optimum = all("no other set of instances has a shorter step") { $0.betterPlan }
        return [
            all("all nodes are used, each by one pipeline") { $0.nodeComplaint },
            all("at least f + 1 pipelines run, each with a template's size") { $0.copyComplaint },
            all("microbatches sum to the global batch, each pipeline has one or more") {
                $0.batchComplaint
            },
            ArtifactCheck(
                "pipelines of a plan end within \(Numbers.percent(spreadLimit)) of each other",
                isMet: widest <= spreadLimit,
                found: "at most \(Numbers.percent(widest)) apart"
            ),
            all("no microbatch could move to let the slowest pipeline end earlier") {
                $0.movableMicrobatch
            },
            optimum.isMet
                ? ArtifactCheck(
                    optimum.claim,
                    isMet: true,
                    found: "\(optimum.found), \(Numbers.grouped(compared)) sets tried one by one"
                ) : optimum,
        ]
    }

    private static let spreadLimit = InstantiationEvaluation.spreadTolerance

    private var nodeComplaint: String? {
        let nodes = document.plan.nodes
        let wanted = (0..<setting.nodes).map { NodeID($0) }
        guard nodes == wanted, document.idleNodes.isEmpty else {
            return "\(Set(nodes).count) of \(setting.nodes) nodes used, "
                + "\(nodes.count) places, \(document.idleNodes.count) idle"
        }
        let misfit = pipelines.first { $0.nodes.count != $0.templateNodes }
        return misfit.map { "\($0.nodes.count) nodes for a template of \($0.templateNodes)" }
    }

    private var copyComplaint: String? {
        guard pipelines.count > setting.faultTolerance else {
            return counted(pipelines.count, "pipeline")
        }
        let strange = pipelines.first { document.template(nodes: $0.templateNodes) == nil }
        return strange.map { "no template of \($0.templateNodes) nodes" }
    }

    private var batchComplaint: String? {
        let sum = pipelines.reduce(0) { $0 + $1.microbatches }
        let least = pipelines.map(\.microbatches).min() ?? 0
        guard sum == setting.microbatches, least >= 1 else {
            return "\(counted(sum, "microbatch")) in all, \(least) at least"
        }
        return nil
    }

    /// Whether some other pipeline would still be done before the slowest with one more.
    private var movableMicrobatch: String? {
        let times = times
        guard let slowest = times.max() else { return "no pipelines" }
        let limit = slowest * (1 - TemplateEvaluation.roundingTolerance)
        let sooner = pipelines.first { pipeline in
            time(pipeline.templateNodes, pipeline.microbatches + 1) < limit
        }
        return sooner.map {
            "a pipeline of \($0.templateNodes) nodes has room for one more than \($0.microbatches)"
        }
    }

    /// The least step time of all sets of instances.
    private var least: (step: Double, plans: Int) {
        bounds.leastStep(
            nodes: setting.nodes,
            pipelines: setting.faultTolerance + 1,
            microbatches: setting.microbatches
        )
    }

    private var betterPlan: String? {
        let step = document.plan.stepTime.value
        let best = least.step
        let isLeast = abs(step - best) <= TemplateEvaluation.roundingTolerance * best
        return isLeast ? nil : "step \(step) s, least \(best) s"
    }

    static func countChecks(_ plans: [InstantiatedPlans]) -> [ArtifactCheck] {
        let complaints = plans.flatMap { plan in
            plan.choices.compactMap { nodes, choice in
                plan.complaint(about: choice, nodes: nodes)
                    .map { "\(plan.name), \(nodes) left: \($0)" }
            }
        }
        return [
            ArtifactCheck(
                "for every number of nodes from (f + 1) n0 to N, templates cover all nodes with "
                    + "f + 1 copies and all microbatches",
                complaints: complaints,
                cases: plans.reduce(0) { $0 + $1.choices.count },
                of: "plans"
            )
        ]
    }

    private func complaint(about choice: PlanChoice?, nodes: Int) -> String? {
        guard let plan = choice?.instantiation else { return "no plan" }
        let used = plan.nodeCounts.reduce(0, +)
        let sum = plan.microbatches.reduce(0, +)
        guard used == nodes else { return "\(counted(used, "node")) used" }
        guard plan.nodeCounts.allSatisfy({ document.template(nodes: $0) != nil }) else {
            return "a pipeline without a template"
        }
        guard plan.nodeCounts.count > setting.faultTolerance else {
            return counted(plan.nodeCounts.count, "pipeline")
        }
        guard sum == setting.microbatches, plan.microbatches.allSatisfy({ $0 >= 1 }) else {
            return counted(sum, "microbatch")
        }
        return nil
    }
}
