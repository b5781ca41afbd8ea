import OobleckPaperSimulator
import OobleckSimulator

/// What differs between the publication and a correct evaluation, how much, and why.
struct Differences {
    let results: PaperResults

    /// One line each: what, how much, why.
    func list() throws -> [EvaluationResult.Difference] {
        try rows().map { EvaluationResult.Difference(what: $0.0, size: $0.1, cause: $0.2) }
    }

    private func rows() throws -> [(String, String, String)] {
        var list: [(String, String, String)] = []
        if let entry = results.traces.spot.first {
            let plain = try throughput(entry, [])
            let timers = try throughput(entry, .staleTimers)
            let both = try throughput(entry, [.staleTimers, .joins])
            let stopped = results.result(.bertLarge, .oobleck, entry.name)?.states.stopped ?? 0
            list.append(
                (
                    "Stale timers",
                    "Oobleck, BERT-large, \(entry.title): \(text(plain)) samples/s as published, "
                        + "\(text(timers)) without; the system stands for \(text(stopped)) s",
                    "Each of several removals at once starts a timer; the first ends the "
                        + "reconfiguration, the second then finds no nodes and stops the system."
                )
            )
            list.append(
                (
                    "Joins unused",
                    "the same run: \(text(timers)) samples/s, \(text(both)) if nodes that come are used",
                    "Nodes that come while training runs wait until some node goes."
                )
            )
        }
        if let result = results.result(.gpt3With6700M, .varuna, "10m") {
            let b = result.breakdown
            let sum =
                b.effective + b.redundant + b.rebalance + b.restart + b.checkpoint + b.fallback
            list.append(
                (
                    "Double counting",
                    "Varuna, GPT-3 6.7b, 10m: the parts are \(text(sum)) s of a run of "
                        + "\(text(result.duration)) s",
                    "Interrupted steps count as effective and as fallback, lost steps twice as fallback."
                )
            )
            list.append(
                (
                    "Ratios of two steps",
                    "Oobleck over Varuna, GPT-3 6.7b, 10m: "
                        + "\(text(results.throughput(.gpt3With6700M, .oobleck, "10m"))) over "
                        + "\(text(result.throughput)) samples/s, the latter of \(result.steps) steps",
                    "With a step of four minutes and a failure every ten, chance decides what is left."
                )
            )
        }
        if let run = results.result(.gpt3With6700M, .varuna, "10m", isCorrected: true) {
            list.append(
                (
                    "Steps during restarts",
                    "Varuna, GPT-3 6.7b, 10m, corrected: \(run.steps) steps take "
                        + "\(text(run.breakdown.effective)) s, but training lasts "
                        + "\(text(run.states.running)) s; the rest of them falls into restarts",
                    "A loss does not end the step in flight; it counts if it ends before the restart."
                )
            )
        }
        list.append(
            (
                "The trace's origin",
                "scale_gcp-trace.csv has all 99 event times of Bamboo's AWS g4dn trace",
                "The file is the g4dn trace mapped to 15 to 30 nodes, so that no run falls below 15."
            )
        )
        list.append(
            (
                "Batch sizes",
                "GPT-2 1,024, GPT-3 medium 819, GPT-3 2.7b 512 samples a step; table 1 says 8,192, "
                    + "8,192, 1,024",
                "Smaller steps lose less with each failure."
            )
        )
        list.append(
            (
                "Measured and made throughputs",
                "Oobleck, GPT-3, 26 to 29 nodes: exactly the value of 30 nodes times n / 30",
                "Part of the published tables is interpolated."
            )
        )
        list.append(
            (
                "No planner in the simulator",
                "reconfiguration takes 2, 2, 3, 6 or 10 s by model, whatever is lost",
                "The published simulator is a table of throughputs; ours plans as in production."
            )
        )
        return list
    }

    private func throughput(
        _ entry: EvaluationTraces.Entry,
        _ corrections: PaperCorrections
    ) throws -> Double {
        try PaperSimulation.run(
            model: .bertLarge,
            policy: .oobleck,
            trace: entry.trace,
            corrections: corrections
        )
        .throughput
    }

    private func text(_ value: Double) -> String {
        let rounded = value >= 100 ? value.rounded() : (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}
