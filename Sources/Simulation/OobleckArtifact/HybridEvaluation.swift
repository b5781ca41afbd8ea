import OobleckCore

/// Part 4: pipelines side by side train one model, as one process would (section 6).
public enum HybridEvaluation {
    /// Checks runs of several pipelines, with the sizes that these should have, against the same
    /// training in one process; `failure` says why runs are missing, if they are.
    public static func part(
        runs: [(run: LiveRun, sizes: [Int])],
        reference: LiveRun?,
        failure: String? = nil
    ) -> ArtifactPart {
        var blocks: [ArtifactBlock] = [.paragraph(introduction)]
        if let reference, failure == nil {
            blocks += [
                .table(LiveRun.table(runs.map(\.run) + [reference])),
                .paragraph(layout(runs.map(\.run))),
                .checks(checks(runs, reference)),
            ]
        } else {
            blocks.append(
                .checks([
                    ArtifactCheck(
                        "pipelines train one model",
                        isMet: false,
                        found: failure ?? "there is no run to compare with"
                    )
                ])
            )
        }
        return ArtifactPart(
            number: 4,
            title: "Hybrid parallel execution",
            section: "section 6",
            blocks: blocks
        )
    }

    private static let introduction = """
        Each pipeline divides the model among its nodes (pipeline parallelism), and all pipelines divide \
        the batch (data parallelism). The artifact runs two pipelines of two GPUs; here they are worker \
        processes of this machine, the second time of different sizes, so that layers are divided \
        differently and the gradient of one layer comes from differently cut pipelines. One process \
        without any parallelism is what they are compared with.
        """

    /// Which layers each node holds.
    private static func layout(_ runs: [LiveRun]) -> String {
        let texts = runs.compactMap { run -> String? in
            guard let document = run.plans.first?.document else { return nil }
            let holdings = PlanTransition.holdings(document)
            let pipelines = document.plan.pipelines.map { pipeline in
                let stages = pipeline.nodes.map { node in
                    let layers = holdings[node] ?? []
                    return "node \(node): layers \(layers.first ?? 0)-\(layers.last ?? 0)"
                }
                return "[\(stages.joined(separator: ", "))]"
            }
            return "\(run.title): \(pipelines.joined(separator: " "))"
        }
        return texts.joined(separator: ". ") + "."
    }

    static func checks(
        _ runs: [(run: LiveRun, sizes: [Int])],
        _ reference: LiveRun
    ) -> [ArtifactCheck] {
        let complaints = runs.compactMap { run, sizes -> String? in
            let plans = run.plans.map { $0.document.plan.pipelines.map(\.nodes.count).sorted() }
            return plans == [sizes.sorted()] ? nil : "\(run.title) trained as \(plans)"
        }
        return [
            ArtifactCheck(
                "each run trains on the pipelines that it should from its first step to its last",
                complaints: complaints,
                cases: runs.count,
                of: "runs"
            )
        ] + LiveRun.sameness(runs.map(\.run), reference)
    }
}
