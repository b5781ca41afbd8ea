import OobleckCore
import OobleckFigures
import OobleckReconfiguration

/// The checks of a run of real processes.
extension LiveRun {
    /// That a run ended with the very numbers of an undisturbed one.
    static func sameness(_ runs: [LiveRun], _ reference: LiveRun) -> [ArtifactCheck] {
        func all(
            _ claim: String,
            _ found: String,
            _ complaint: (LiveRun) -> String?
        ) -> ArtifactCheck {
            let complaints = runs.compactMap { run in complaint(run).map { "\(run.title): \($0)" } }
            guard complaints.isEmpty, !runs.isEmpty else {
                return ArtifactCheck(claim, complaints: complaints, cases: runs.count, of: "runs")
            }
            return ArtifactCheck(claim, isMet: true, found: found)
        }
        return [
            all(
                "the state digest (parameters and optimizer, all layers) is that of one process",
                short(reference.stateSHA256)
            ) { run in
                run.stateSHA256 == reference.stateSHA256
                    ? nil : "\(short(run.stateSHA256)), not \(short(reference.stateSHA256))"
            },
            all(
                "the loss of every step is the same to the last bit",
                "\(counted(reference.losses.count, "step")), last loss "
                    + "\(reference.losses.last.map { "\($0)" } ?? "none")"
            ) { differingLoss($0, reference) },
            all(
                "every sample is used once, and ledger and state verify offline",
                counted(reference.samples, "sample")
            ) { run in
                if let violation = run.violations.first { return violation }
                if run.wrongSamples > 0 {
                    return "\(counted(run.wrongSamples, "sample")) lost or repeated"
                }
                return run.samples == reference.samples
                    ? nil : "\(counted(run.samples, "sample")), not \(reference.samples)"
            },
        ]
    }

    private static func differingLoss(_ run: LiveRun, _ reference: LiveRun) -> String? {
        guard run.losses.count == reference.losses.count, !run.losses.isEmpty else {
            return "\(counted(run.losses.count, "step")), not \(reference.losses.count)"
        }
        let pairs = zip(run.losses, reference.losses).enumerated()
        let other = pairs.first { $0.element.0.bitPattern != $0.element.1.bitPattern }
        return other.map { "step \($0.offset): \($0.element.0), not \($0.element.1)" }
    }

    /// Enough of a digest to tell it from others.
    static func short(_ digest: String) -> String { String(digest.prefix(16)) }

    /// The sizes of a plan's pipelines, as `2 + 3`.
    static func sizes(_ document: PlanDocument) -> String {
        document.plan.pipelines.map(\.nodes.count).sorted().map(String.init)
            .joined(separator: " + ")
    }
}

/// Part 3 on live training.
extension ReconfigurationEvaluation {
    /// The rules that live runs have to show.
    static let liveRules = ["reinstantiate", "borrow", "merge"]

    static func liveSections(_ runs: [LiveRun], _ reference: LiveRun) -> [ArtifactBlock] {
        var blocks: [ArtifactBlock] = [
            .heading("on live training"),
            .paragraph(
                """
                Real training of \(counted(reference.losses.count, "step")): each node is an \
                agent and a worker process of this machine, and nodes are ended by SIGKILL in the middle \
                of a step. Nobody restarts anything and no checkpoint is read. The same training in one \
                undisturbed process is what the runs are compared with.
                """
            ),
        ]
        for run in runs {
            for (index, transition) in run.transitions.enumerated() {
                let rule = transition.rules.joined(separator: ", ")
                let lost = transition.lost.map(\.description).joined(separator: ", ")
                let title = "\(rule) while training: node \(lost) killed"
                let seconds =
                    run.recoverySeconds.indices.contains(index)
                    ? "\(Numbers.decimal(1000 * run.recoverySeconds[index], 0)) ms" : "not measured"
                blocks += [
                    .listing([
                        "\(run.title): \(rule), node \(lost) killed, trains again after \(seconds)",
                        "  before: \(PlanTransition.nodes(transition.before))",
                        "  after:  \(PlanTransition.nodes(transition.after))",
                    ]),
                    .picture(
                        svg: transition.chart(title: title).svg,
                        caption: "\(run.title), generation "
                            + "\(transition.before.plan.generation) to "
                            + "\(transition.after.plan.generation): training went on after \(seconds)."
                    ),
                ]
            }
        }
        return blocks + [
            .table(LiveRun.table(runs + [reference])), .checks(liveChecks(runs, reference)),
        ]
    }

    static func liveChecks(_ runs: [LiveRun], _ reference: LiveRun) -> [ArtifactCheck] {
        let transitions = runs.flatMap(\.transitions)
        let kills = runs.flatMap { $0.plans.flatMap(\.lost) }.count
        let shown = liveRules.filter { rule in transitions.contains { $0.rules.contains(rule) } }
        let complaints = transitions.compactMap { transition -> String? in
            let sizes = transition.after.plan.pipelines.map(\.nodes.count).sorted()
            let wanted = transition.publishedLayout?.pipelines.map(\.count).sorted()
            guard sizes == wanted else { return "sizes \(sizes), the rules give \(wanted ?? [])" }
            return transition.complaint()
        }
        let failures = runs.reduce(0) { $0 + $1.failures }
        let recoveries = runs.flatMap(\.recoverySeconds)
        let restores = runs.reduce(0) { $0 + $1.restores }
        return [
            ArtifactCheck(
                "pipelines are reinstantiated, borrow and merge while training",
                isMet: shown == liveRules,
                found: shown.isEmpty ? "none" : shown.joined(separator: ", ")
            ),
            ArtifactCheck(
                "each time, sizes are those of the rules, and every copy comes from a holder",
                complaints: complaints,
                cases: transitions.count,
                of: "reconfigurations"
            ),
            ArtifactCheck(
                "every node that was killed was noticed, and training went on without a checkpoint",
                isMet: kills > 0 && failures == kills && recoveries.count == kills && restores == 0,
                found:
                    "\(kills) killed, \(failures) noticed, \(counted(recoveries.count, "recovery")) in "
                    + "\(Numbers.decimal(1000 * (recoveries.max() ?? 0), 0)) ms at most, "
                    + "\(counted(restores, "return")) to a checkpoint"
            ),
        ] + LiveRun.sameness(runs, reference)
    }
}

extension LiveRun {
    /// A row for each run.
    static func table(_ runs: [LiveRun]) -> ArtifactTable {
        ArtifactTable(
            columns: ["run", "pipelines", "killed", "last loss", "state digest", "took"],
            rows: runs.map { run in
                [
                    run.title, run.plans.map { sizes($0.document) }.joined(separator: ", then "),
                    "\(run.failures)", run.losses.last.map { "\($0)" } ?? "none",
                    short(run.stateSHA256), "\(Numbers.decimal(run.seconds, 1)) s",
                ]
            },
            textColumns: [0, 1, 3, 4]
        )
    }
}
