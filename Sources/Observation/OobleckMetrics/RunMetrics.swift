import OobleckCore
import OobleckRecording
import OobleckRunFiles

/// The numbers of a run that a monitoring system reads (`Documentation/Metrics.md`).
///
/// Counts what this coordinator has recorded, from its start: a restarted one starts again at zero, as is
/// usual for counters of Prometheus.
package struct RunMetrics: Sendable {
    /// Bounds of buckets, in seconds.
    private static let stepBounds: [Double] = [
        0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250,
    ]
    private static let recoveryBounds: [Double] = [
        0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000,
    ]

    var job: JobSpecification?
    /// The name of the run's directory.
    var run = ""
    var status: RunStatus?
    var last: MetricsLine?
    var validationLoss: Double?
    var (steps, skipped, samples, tokens) = (0, 0, 0, 0)
    var (recoveries, copiedBytes) = (0, 0)
    var (plans, restores, restoredBytes, evaluations) = (0, 0, 0, 0)
    var (checkpoints, checkpointBytes, failedCheckpoints) = (0, 0, 0)
    var (joined, droppedUpdates) = (0, 0)
    /// Losses by cause, and all events by kind.
    ///
    /// All are there from the start, because an increase from nothing at all to one is none to Prometheus.
    var losses = Dictionary(uniqueKeysWithValues: LossCause.causeNames.map { ($0, 0) })
    var events = Dictionary(uniqueKeysWithValues: RunEvent.Kind.all.map { ($0.rawValue, 0) })
    /// Time of all steps by what it was spent on, the mean over the workers.
    var parts: [String: Double] = [:]
    var stepTimes = Histogram(bounds: stepBounds)
    var recoveryTimes = Histogram(bounds: recoveryBounds)

    /// Numbers of a run that has not begun.
    package init() {}

    /// Begins, or continues, the run of `job` in a directory of that name.
    package mutating func begin(_ run: String, _ job: JobSpecification) {
        (self.run, self.job) = (run, job)
    }

    /// Takes what the run tells its observers.
    package mutating func note(_ update: RunUpdate) {
        switch update {
        case .measured(let step): note(step)
        case .event(let event): note(event.event)
        case .recovered(let record):
            recoveries += 1
            copiedBytes += max(0, record.transferBytes.value)
            recoveryTimes.add(record.total.value)
        case .evaluated(let evaluation):
            evaluations += 1
            validationLoss = evaluation.loss
        case .status(let status): self.status = status
        case .dropped(let count): droppedUpdates += count
        case .committed, .planned, .finished: break
        }
    }

    private mutating func note(_ step: StepMeasurement) {
        guard let job else { return }
        let line = MetricsLine(step, of: job, time: 0)
        last = line
        steps += 1
        skipped += line.isSkipped ? 1 : 0
        let count = step.committed.endSample - step.committed.firstSample
        samples += count
        tokens += count * (job.model.sequenceLength ?? 0)
        stepTimes.add(step.stepTime.value)
        let known: [(String, Seconds?)] = [
            ("compute", line.compute), ("wait", line.wait),
            ("synchronization", line.synchronization), ("update", line.update),
        ]
        var rest = step.stepTime.value
        for case (let name, let time?) in known {
            parts[name, default: 0] += time.value
            rest -= time.value
        }
        parts["other", default: 0] += max(0, rest)
    }

    private mutating func note(_ event: RunEvent) {
        events[event.kind.rawValue, default: 0] += 1
        switch event.content {
        case .nodeJoined: joined += 1
        case .nodeLost(_, let cause): losses[cause.causeName, default: 0] += 1
        case .planned: plans += 1
        case .checkpointSaved(let saved):
            checkpoints += 1
            checkpointBytes += max(0, saved.bytes.value)
        case .checkpointFailed: failedCheckpoints += 1
        case .restored(let record):
            restores += 1
            restoredBytes += max(0, record.loadedBytes.value)
        default: break
        }
    }
}
