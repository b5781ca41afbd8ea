import OobleckCore
import OobleckRunFiles
import OobleckRunReport

/// What is known of a run, from its events and metrics in the order in which they were written.
///
/// Memory grows by less than 100 bytes with each step; events beside commits are kept up to ``mostEvents``.
package struct RunModel: Sendable {
    /// A committed step as it was measured.
    struct Measured: Sendable {
        var step: Int
        /// Since 1970.
        var end: Double
        var took: Double
        /// Tokens, or samples where a model has no tokens.
        var count: Double
    }

    /// Something that marks a place on the curves.
    struct Mark: Sendable {
        var step: Int
        var kind: RunEvent.Kind
        var text: String
    }

    /// Events that are kept for those who read them, the newest.
    package static let mostEvents = 20_000
    /// Marks and recoveries that are kept, the newest.
    static let mostMarks = 200

    private(set) var losses: [(step: Int, loss: Double)] = []
    private(set) var evaluations: [(step: Int, loss: Double)] = []
    private(set) var measured: [Measured] = []
    /// The newest line of the metrics.
    private(set) var newest: MetricsLine?
    /// Events beside commits, and how many older ones were dropped.
    private(set) var told: [TimedEvent] = []
    private(set) var toldDropped = 0
    /// What nodes did, with one other event at most between two that matter to them.
    private(set) var skeleton: [TimedEvent] = []
    private(set) var use = TimeUse()
    private(set) var marks: [Mark] = []
    private(set) var recoveries: [(time: Double, record: RecoveryRecord, given: Double?)] = []
    private(set) var lostCount = 0
    private(set) var joinedCount = 0
    /// Grows with each change.
    private(set) var revision = 0

    /// A run of which nothing is known.
    package init() {}

    /// Takes in the next event.
    package mutating func note(_ timed: TimedEvent) {
        revision += 1
        use.note(timed)
        keepForLanes(timed)
        let event = timed.event
        if event.kind != .committed {
            told.append(timed)
            // Many at once, so that each costs little.
            if told.count > Self.mostEvents + Self.mostEvents / 4 {
                toldDropped += told.count - Self.mostEvents
                told.removeFirst(told.count - Self.mostEvents)
            }
        }
        switch event.content {
        case .committed(let step, let loss, _):
            while let last = losses.last, last.step > step { losses.removeLast() }
            if loss.isFinite { losses.append((step + 1, loss)) }
        case .evaluated(let evaluation) where evaluation.loss.isFinite:
            while let last = evaluations.last, last.step >= evaluation.step {
                evaluations.removeLast()
            }
            evaluations.append((evaluation.step, evaluation.loss))
        case .nodeLost:
            lostCount += 1
            mark(event)
        case .nodeJoined where event.step > 0:
            joinedCount += 1
            mark(event)
        case .restored(let record):
            losses.removeAll { $0.step > record.step }
            evaluations.removeAll { $0.step > record.step }
            mark(event)
        case .recovered(let record):
            let given = use.attempts.last { $0.step == record.step }?.took
            recoveries.append((timed.time.value, record, given))
            if recoveries.count > Self.mostMarks { recoveries.removeFirst() }
        default: break
        }
    }

    /// Takes in the next line of the metrics.
    package mutating func note(_ line: MetricsLine) {
        revision += 1
        newest = line
        // After a return to a checkpoint, steps are committed again.
        while let last = measured.last, last.step >= line.step { measured.removeLast() }
        guard let took = line.stepTime?.value, took > 0,
            let rate = line.tokensPerSecond ?? line.samplesPerSecond
        else { return }
        measured.append(
            Measured(step: line.step, end: line.time.value, took: took, count: rate * took)
        )
    }

    private mutating func mark(_ event: RunEvent) {
        marks.append(Mark(step: event.step, kind: event.kind, text: event.message))
        if marks.count > Self.mostMarks { marks.removeFirst() }
    }

    /// Kinds that change what nodes do, or when the run was at work.
    private static let laneKinds: Set<RunEvent.Kind> = [
        .nodeJoined, .nodeLost, .nodeDrained, .planned, .aborted, .resumed, .recovered, .finished,
        .stopped, .restarted,
    ]

    /// Of other events, only the newest before one that matters tells anything: that the run lived.
    private mutating func keepForLanes(_ timed: TimedEvent) {
        if let last = skeleton.last, !Self.laneKinds.contains(last.event.kind) {
            skeleton.removeLast()
        }
        skeleton.append(timed)
    }
}
