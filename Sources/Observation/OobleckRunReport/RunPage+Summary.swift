import OobleckCore
import OobleckRunFiles

/// What stands at the top of the page.
extension RunPage {
    /// Whether nothing is wrong with the run, as far as it is.
    var isWell: Bool {
        story.verification.isIntact && (story.result != nil || story.isRunning)
    }

    /// Nodes that were lost.
    var lossCount: Int {
        story.events.count {
            if case .nodeLost = $0.event.content { true } else { false }
        }
    }

    /// Nodes that joined after the first step.
    private var joinCount: Int {
        story.events.count { event in
            if case .nodeJoined = event.event.content { event.event.step > 0 } else { false }
        }
    }

    var recoveries: [(time: Double, record: RecoveryRecord)] {
        story.events.compactMap { event in
            guard case .recovered(let record) = event.event.content else { return nil }
            return (event.time.value, record)
        }
    }

    /// The run in one sentence.
    var verdict: String {
        let (done, all) = (story.steps.count, story.job.training.steps)
        let report = story.verification
        guard report.isIntact else {
            let first = report.violations.first.map(\.description) ?? ""
            return "The ledger does not hold: \(first)"
        }
        let losses =
            lossCount == 0 ? "no node was lost" : "\(counted(lossCount, "node")) lost on the way"
        let samples =
            report.samplesLost == 0 && report.samplesRepeated == 0
            ? "no sample was lost or used twice"
            : "\(report.samplesLost) samples lost, \(report.samplesRepeated) used twice"
        if story.result != nil {
            return "Finished: all \(counted(done, "step")) are committed, \(losses), \(samples)."
        }
        if story.isRunning { return "Running: \(done) of \(all) steps are committed, \(losses)." }
        let reason = story.events.last.flatMap { event in
            if case .stopped(let reason) = event.event.content { reason } else { nil }
        }
        return "Stopped after \(done) of \(all) steps: \(reason ?? "it has no result")."
    }

    /// The numbers that matter most.
    var tiles: String {
        var tiles: [(name: String, value: String, note: String)] = []
        tiles.append(("steps", "\(story.steps.count)", "of \(story.job.training.steps)"))
        if let loss = story.result?.finalLoss ?? story.steps.last(where: { $0.loss.isFinite })?.loss
        {
            let first = story.steps.first.map { "from \(ReportText.number($0.loss))" } ?? ""
            tiles.append(("loss", ReportText.number(loss), first))
        }
        if let last = story.evaluations.last {
            tiles.append(
                ("validation loss", ReportText.number(last.loss), "after step \(last.step)")
            )
        }
        let speeds = story.metrics.compactMap { $0.tokensPerSecond ?? $0.samplesPerSecond }
        if let speed = ReportText.median(speeds) {
            let isText = story.job.model.sequenceLength != nil
            tiles.append(
                (isText ? "tokens/s" : "samples/s", ReportText.short(speed), "median")
            )
        }
        if let share = ReportText.median(story.metrics.compactMap(\.utilization)) {
            tiles.append(("MFU", ReportText.percent(share), "median"))
        }
        tiles.append(
            ("nodes lost", "\(lossCount)", joinCount == 0 ? "none joined" : "\(joinCount) joined")
        )
        let times = recoveries.map(\.record.total.value)
        if let median = ReportText.median(times), let worst = times.max() {
            let note =
                times.count == 1 ? "the only one" : "median; worst \(ReportText.seconds(worst))"
            tiles.append(("recovery", ReportText.seconds(median), note))
        }
        if use.total > 0 {
            let share = (use.seconds[.training] ?? 0) / use.total
            tiles.append(
                (
                    "time", ReportText.seconds(clock.total),
                    "\(ReportText.percent(share)) in steps that count"
                )
            )
        }
        let items = tiles.map {
            "<div><dt>\(ReportText.escaped($0.name))</dt><dd>\(ReportText.escaped($0.value))"
                + "<small>\(ReportText.escaped($0.note))</small></dd></div>"
        }
        return "<dl class=\"tiles\">\n\(items.joined(separator: "\n"))\n</dl>"
    }
}
