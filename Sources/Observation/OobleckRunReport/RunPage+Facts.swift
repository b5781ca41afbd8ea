import OobleckCore
import OobleckRunFiles

/// Checkpoints, plan, proof, job and events.
extension RunPage {
    /// Most rows of a table that grows with the run, the newest.
    private static let mostRows = 500

    var checkpointSection: Section? {
        var rows: [[String]] = []
        for timed in story.events {
            let at = ReportText.seconds(clock.elapsed(timed.time.value))
            switch timed.event.content {
            case .checkpointSaved(let saved):
                rows.append([
                    at, "saved", "\(saved.step)", "\(saved.bytes)", "\(saved.nodes)",
                    ReportText.seconds(saved.heldUp.value), ReportText.seconds(saved.written.value),
                    "",
                ])
            case .checkpointFailed(let failed):
                rows.append([at, "failed", "\(failed.step)", "", "", "", "", failed.reason])
            case .restored(let record):
                rows.append([
                    at, "restored", "\(record.step)", "\(record.loadedBytes)", "", "",
                    ReportText.seconds(record.total.value),
                    "from step \(record.fromStep): \(record.reason)",
                ])
            default: break
            }
        }
        guard !rows.isEmpty else { return nil }
        let columns = [
            ("after", true), ("", false), ("step", true), ("size", true), ("nodes", true),
            ("held up", true), ("took", true), ("", false),
        ]
        return Section(
            id: "checkpoints",
            title: "Checkpoints",
            body: Self.table(columns, Array(rows.suffix(Self.mostRows)))
                + "<p class=\"quiet\">Held up: the longest that copying its layers delayed one "
                + "worker. Layers are written beside training.</p>"
        )
    }

    var planSection: Section? {
        guard let plan = story.plan else { return nil }
        let rows = plan.plan.pipelines.enumerated().map { index, pipeline in
            pipelineRow(plan, index, pipeline)
        }
        let idle =
            plan.idleNodes.isEmpty
            ? ""
            : "<p>Without work: nodes \(plan.idleNodes.map(\.description).joined(separator: ", ")).</p>"
        let guarantee = plan.guarantee
        return Section(
            id: "plan",
            title: "The newest plan",
            body: "<div class=\"plan\">\(rows.joined(separator: "\n"))</div>\(idle)\n"
                + Self.facts([
                    ("generation", "\(plan.plan.generation)"),
                    ("reason", plan.reason),
                    (
                        "predicted step",
                        "\(ReportText.seconds(plan.plan.stepTime.value)) by the cost model "
                            + plan.costModel.rawValue
                    ),
                    (
                        "guarantee",
                        "any \(counted(guarantee.faultTolerance, "node")) at once can be lost while at "
                            + "least \(guarantee.minimumNodes) are left"
                    ),
                ])
        )
    }

    /// A pipeline as a row of boxes, each as wide as its share of the layers.
    private func pipelineRow(_ plan: PlanDocument, _ index: Int, _ pipeline: Pipeline) -> String {
        let template = plan.template(nodes: pipeline.templateNodes)
        let boxes = pipeline.nodes.enumerated().map { place, node in
            let layers = template?.layers(ofNode: place) ?? []
            let names =
                layers.isEmpty
                ? ""
                : layers.count == 1
                    ? "layer \(layers[0])" : "layers \(layers[0])-\(layers[layers.count - 1])"
            let title = layers.compactMap {
                story.layerNames.indices.contains($0) ? story.layerNames[$0] : nil
            }
            .joined(separator: ", ")
            return "<span class=\"box p\(index % LanePicture.colours)\" "
                + "style=\"flex-grow:\(max(1, layers.count))\" "
                + "title=\"\(ReportText.escaped(title))\"><b>node \(node)</b> \(names)</span>"
        }
        return "<div class=\"pipeline\"><p><b>\(PipelineName.of(index))</b> "
            + "\(counted(pipeline.microbatches, "microbatch"))</p>"
            + "<div class=\"boxes\">\(boxes.joined())</div></div>"
    }

    var proofSection: Section? {
        let report = story.verification
        var facts = [
            (
                "ledger",
                report.isIntact
                    ? "intact: each line holds the hash of the line before"
                    : counted(report.violations.count, "violation")
            ),
            (
                "steps",
                "\(report.steps) committed under \(counted(report.generations, "generation"))"
            ),
            (
                "samples",
                "\(report.samplesCommitted) committed, \(report.samplesLost) lost, "
                    + "\(report.samplesRepeated) used twice"
            ),
        ]
        if report.restores > 0 {
            facts.append(
                (
                    "restored",
                    "\(counted(report.restores, "time")), "
                        + "\(counted(report.stepsRedone, "step")) not counted again yet"
                )
            )
        }
        if let hash = story.lastHash { facts.append(("last hash", hash)) }
        if let result = story.result { facts.append(("state_sha256", result.stateSHA256)) }
        for arithmetic in report.arithmetic {
            facts.append(("arithmetic", "\(arithmetic.mark): \(arithmetic.origin)"))
        }
        let violations = report.violations.prefix(20).map {
            "<li>\(ReportText.escaped($0.description))</li>"
        }
        return Section(
            id: "proof",
            title: "Proof",
            body: "<p>From the ledger alone. <code>oobleck verify RUN</code> checks the digests of "
                + "the state and of all checkpoints too.</p>" + Self.facts(facts)
                + (violations.isEmpty ? "" : "<ul class=\"bad\">\(violations.joined())</ul>")
        )
    }

    var jobSection: Section? {
        let job = story.job
        let training = job.training
        var facts = [
            ("model", "\(job.model.name), \(counted(job.model.layerCount, "layer"))"),
            (
                "training",
                "\(counted(training.steps, "step")) of \(counted(training.globalBatch, "sample")), "
                    + "\(counted(training.microbatchCount, "microbatch")) each, seed "
                    + "\(training.seed)"
            ),
            (
                "learning rate",
                "\(ReportText.number(training.learningRate)), down to "
                    + ReportText.number(training.minimumLearningRate)
            ),
            (
                "cluster",
                "\(counted(job.cluster.nodes, "node")), fault tolerance \(job.cluster.faultTolerance), "
                    + "detection budget \(ReportText.seconds(job.cluster.detectionBudget.value))"
            ),
            ("data", job.corpusPath), ("program", "Oobleck \(programVersion)"),
        ]
        if let sequence = job.model.sequenceLength {
            facts.insert(("sequence", "\(sequence) tokens"), at: 1)
        }
        return Section(
            id: "job",
            title: "Job",
            body: Self.facts(facts) + "<details><summary>The job's file</summary><pre>"
                + "\(ReportText.escaped(story.config))</pre></details>"
        )
    }

    var eventSection: Section? {
        let told = story.events.filter {
            ![.committed, .nodeReady, .prepared].contains($0.event.kind)
        }
        guard !told.isEmpty else { return nil }
        let shown = told.suffix(Self.mostRows)
        let rows = shown.map { timed in
            [
                ReportText.seconds(clock.elapsed(timed.time.value)), "\(timed.event.step)",
                timed.event.kind.rawValue, timed.event.message,
            ]
        }
        let columns = [("after", true), ("step", true), ("kind", false), ("", false)]
        return Section(
            id: "events",
            title: "Events",
            body: "<details><summary>\(counted(shown.count, "event")) beside the commits"
                + (shown.count < told.count ? ", the newest of \(told.count)" : "")
                + "</summary>\(Self.table(columns, rows))</details>"
        )
    }
}
