/// What a job did, stretch by stretch, and what of it counts.
struct JobRecord {
    /// Longer than any interval, and short enough to add to.
    private static let overdue = Int.max / 2

    var ledger: TimeLedger
    var tally = RunTally()
    /// Nanoseconds of steps since the last snapshot: where the rhythm of checkpoints is.
    private(set) var sinceCheckpoint = 0
    /// Steps in segments after this are not in a checkpoint; in this one, those after the count.
    private var safe = (segment: 0, steps: 0)
    /// A snapshot that is being written in the background, as ``safe``, and when that is done.
    private var writing: (segment: Int, steps: Int, done: SimulatedTime)?

    init(nodeCount: Int) { ledger = TimeLedger(nodeCount: nodeCount) }

    /// All until now is in a checkpoint.
    mutating func markSafe() {
        safe = (ledger.segments.count, 0)
        writing = nil
        sinceCheckpoint = 0
    }

    /// Takes the snapshot in the background for safe once it is written.
    mutating func settle(at time: SimulatedTime) {
        guard let written = writing, written.done <= time else { return }
        safe = (written.segment, written.steps)
        writing = nil
    }

    /// Nodes that write may be among the lost: the next snapshot is due after the next step.
    mutating func dropWriting() {
        guard writing != nil else { return }
        writing = nil
        sinceCheckpoint = Self.overdue
    }

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

    /// The working nodes trained until `end`, after which some of it is lost.
    mutating func append(
        _ training: PolicyAnswer.Training,
        step: SimulatedTime,
        for elapsed: SimulatedTime,
        until end: SimulatedTime,
        _ rollback: PolicyAnswer.Rollback
    ) {
        let progress = RunProgress(
            elapsed: elapsed,
            step: step,
            checkpoints: training.checkpoints,
            sinceCheckpoint: sinceCheckpoint
        )
        let redundant =
            progress.steps * TimeLedger.Segment.redundant(step, training.redundantMillionths)
        var time = NodeTime()
        time[.useful] = progress.steps * step.nanoseconds - redundant
        time[.redundant] = redundant
        time[.checkpointing] = progress.holdUp
        let isKept = rollback == .none || rollback == .nothingEver
        time[isKept ? .useful : .lost] += progress.partial
        settle(at: end)
        let segment = ledger.segments.count
        if progress.safeSteps > 0 { safe = (segment, progress.safeSteps) }
        if let new = progress.writing { writing = (segment, new.steps, end + new.left) }
        sinceCheckpoint = progress.sinceCheckpoint
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

    /// All steps that are in no checkpoint by now have to be done again.
    mutating func loseUnsafeSteps(at time: SimulatedTime) {
        settle(at: time)
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
