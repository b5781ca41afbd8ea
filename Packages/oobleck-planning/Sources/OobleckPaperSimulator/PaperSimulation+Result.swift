import OobleckSimulator

extension PaperSimulation {
    /// What is reported of a run that ended at `end`, in milliseconds.
    func result(end: Int) -> PaperResult {
        let steps = stride(from: 1, to: min(record.hours.count, record.rates.count), by: 2)
        return PaperResult(
            throughput: table == nil ? 0 : record.averageRate(from: start ?? 0),
            steps: record.steps,
            preemptions: record.preemptions,
            fatalFailures: record.fatalFailures,
            averageNodes: record.averageNodes(atEnd: nodes.count),
            duration: Double(end) / 1000,
            breakdown: corrections.contains(.breakdown) ? countedOnce : asPublished,
            states: PaperResult.States(
                running: Double(record.running) / 1000,
                rendezvous: Double(record.inRendezvous) / 1000,
                stopped: Double(record.stopped) / 1000
            ),
            reason: reason,
            timeline: table == nil
                ? []
                : steps.map {
                    PaperResult.Step(
                        end: record.hours[$0] * 3600,
                        throughput: max(0, record.rates[$0])
                    )
                }
        )
    }

    private var reason: String? {
        if table == nil {
            return "\(policy.rawValue) cannot hold \(model.rawValue): out of memory as published"
        }
        return start == nil ? "training never starts: nodes go before a restart ends" : nil
    }

    private var asPublished: PaperResult.Breakdown {
        PaperResult.Breakdown(
            effective: record.effective / 1000,
            redundant: record.redundant / 1000,
            rebalance: record.rebalance / 1000,
            restart: record.restart / 1000,
            checkpoint: record.checkpoint / 1000,
            fallback: record.fallback / 1000
        )
    }

    /// Each second once: what steps that count computed, what reconfigurations and checkpoints took,
    /// and the rest of the time in the state of running, which was lost.
    ///
    /// As published, a step in flight goes on while the system restarts, and counts if it ends before
    /// the restart does: such time is effective here, and no restart.
    private var countedOnce: PaperResult.Breakdown {
        var kept = 0
        for (step, time) in record.computed.enumerated()
        where 2 * step + 1 < record.rates.count && record.rates[2 * step + 1] != 0 {
            kept += time
        }
        let useful = Double(kept) / 1000
        let running = Double(record.running) / 1000
        // A checkpoint that a loss cuts short was booked whole.
        let checkpoint = min(record.checkpoint / 1000, max(0, running - useful))
        let rendezvous = Double(record.inRendezvous) / 1000 - max(0, useful - running)
        let isRestart = policy == .varuna || policy == .varunaWithoutOverhead
        let shareOfRestart =
            policy == .bamboo ? record.restart / (record.restart + record.rebalance) : 0
        let restart = isRestart ? rendezvous : rendezvous * shareOfRestart
        let share = policy == .bamboo ? BambooState.usefulShare : 1
        return PaperResult.Breakdown(
            effective: useful * share,
            redundant: useful * (1 - share),
            rebalance: rendezvous - restart,
            restart: restart,
            checkpoint: checkpoint,
            fallback: max(0, running - useful - checkpoint)
        )
    }
}
