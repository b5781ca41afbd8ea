/// What a job did, stretch by stretch, and what of it counts.
struct JobRecord {
    var ledger: TimeLedger
    var tally = RunTally()
    /// Steps in segments after this are not in a checkpoint; in this one, those after the count.
    private var safe = (segment: 0, steps: 0)

    init(nodeCount: Int) { ledger = TimeLedger(nodeCount: nodeCount) }

    /// All until now is in a checkpoint.
    mutating func markSafe() { safe = (ledger.segments.count, 0) }

    /// The working nodes did something else than steps.
    mutating func append(_ activity: NodeActivity, _ time: SimulatedTime) {
        var spent = NodeTime()
        spent[activity] = time.nanoseconds
        ledger.append(
            TimeLedger.Segment(
                time: spent,
                workers: ledger.workers,
                steps: 0,
                stepTime: .zero,
                samples: 0,
                redundantMillionths: 0
            )
        )
    }

    /// The working nodes trained, after which some of it is lost.
    mutating func append(
        _ training: Training,
        step: SimulatedTime,
        for elapsed: SimulatedTime,
        _ rollback: PolicyAnswer.Rollback
    ) {
        let progress = RunProgress(
            elapsed: elapsed,
            step: step,
            checkpoints: training.checkpoints
        )
        let redundant =
            progress.steps * TimeLedger.Segment.redundant(step, training.redundantMillionths)
        var time = NodeTime()
        time[.useful] = progress.steps * step.nanoseconds - redundant
        time[.redundant] = redundant
        time[.checkpointing] = progress.holdUp
        let isKept = rollback == .none || rollback == .nothingEver
        time[isKept ? .useful : .lost] += progress.partial
        if progress.safeSteps > 0 { safe = (ledger.segments.count, progress.safeSteps) }
        ledger.append(
            TimeLedger.Segment(
                time: time,
                workers: ledger.workers,
                steps: progress.steps,
                stepTime: step,
                samples: training.samples,
                redundantMillionths: training.redundantMillionths
            )
        )
        tally.samples += progress.steps * training.samples
        tally.steps += progress.steps
        if rollback == .nothingEver {
            tally.partialSamples +=
                Double(training.samples) * Double(progress.partial) / Double(step.nanoseconds)
        } else if !isKept, progress.partial > 0 {
            tally.lostSteps += 1
        }
    }

    /// All steps that are in no checkpoint have to be done again.
    mutating func loseUnsafeSteps() {
        for index in stride(from: ledger.segments.count - 1, through: safe.segment, by: -1) {
            let kept = index == safe.segment ? safe.steps : 0
            let lost = ledger.loseSteps(inSegment: index, after: kept)
            tally.steps -= lost
            tally.lostSteps += lost
            tally.samples -= lost * ledger.segments[index].samples
        }
        markSafe()
    }
}
