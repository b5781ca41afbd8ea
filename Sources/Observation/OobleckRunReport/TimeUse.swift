import OobleckCore

/// What the time of a run went into, from its events alone.
package struct TimeUse: Sendable {
    /// Kinds of use, in the order in which they are told.
    package enum Kind: String, CaseIterable, Sendable {
        /// From a commit, or the start of a generation, to the commit of a step that counts.
        case training
        /// The same of steps that a return to a checkpoint took back.
        case redone
        /// From the last commit, or the start of the generation, to the end of a generation in which a node was
        /// lost: the attempt that was given up.
        case givenUp = "given up"
        /// From the end of a generation to the start of the next.
        case recovering
        /// The same without a loss: nodes joined or left, or work was moved.
        case replanning
        case evaluating
        /// From the first event to the first step's start.
        case starting
        /// For nodes without which the run could not continue.
        case waiting
        /// From the last commit to the end.
        case finishing

        /// What it is, for people.
        package var explanation: String {
            switch self {
            case .training: "steps that count"
            case .redone: "steps that a return to a checkpoint took back"
            case .givenUp: "attempts at a step that a loss ended"
            case .recovering: "after a loss: detecting, planning, rebuilding, copying layers"
            case .replanning: "between steps: nodes join, leave, or get other work"
            case .evaluating: "the validation data"
            case .starting: "processes, profile, first plan"
            case .waiting: "for nodes without which the run could not continue"
            case .finishing: "collecting and writing the final state"
            }
        }
    }

    package private(set) var seconds: [Kind: Double] = [:]
    /// Times of the commits of each step that counts, in order: when, and which step.
    package private(set) var commits: [(time: Double, step: Int, took: Double)] = []
    /// From the start of an attempt to the loss that ended it, by the step.
    package private(set) var attempts: [(step: Int, took: Double)] = []

    private var point: Double?
    private var isTraining = false
    private var pause: Kind = .starting

    /// No time yet.
    package init() {}

    /// What the time between events was for.
    package init(_ events: [TimedEvent]) {
        for timed in events { note(timed) }
        if let time = events.last?.time.value, let point, time > point {
            add(isTraining ? .training : pause, since: point, until: time)
        }
    }

    package var total: Double { seconds.values.reduce(0, +) }

    /// Adds the time until an event that follows those before.
    package mutating func note(_ timed: TimedEvent) { note(timed.event, at: timed.time.value) }

    private mutating func note(_ event: RunEvent, at time: Double) {
        guard let point else {
            point = time
            return
        }
        switch event.content {
        case .restarted:
            // What was between is no time of the run.
            if isTraining { pause = .recovering }
            isTraining = false
        // After a loss, training resumes with the word that it was recovered from.
        case .resumed, .recovered:
            add(pause, since: point, until: time)
            isTraining = true
        case .committed(let step, _, _):
            add(.training, since: point, until: time)
            commits.append((time, step, time - point))
            pause = .replanning
        case .evaluated:
            add(.evaluating, since: point, until: time)
        case .nodeLost, .aborted:
            if isTraining {
                add(.givenUp, since: point, until: time)
                attempts.append((event.step, time - point))
            } else {
                add(pause, since: point, until: time)
            }
            isTraining = false
            pause = pause == .waiting ? .waiting : .recovering
        case .planned where isTraining:
            // A plan at a boundary, after a commit that pauses.
            isTraining = false
        case .waitingForNodes:
            add(pause, since: point, until: time)
            (isTraining, pause) = (false, .waiting)
        case .restored(let record): takeBack(after: record.step)
        case .finished, .stopped:
            add(.finishing, since: point, until: time)
            (isTraining, pause) = (false, .starting)
        default: return
        }
        if case .restored = event.content { return }
        self.point = time
    }

    private mutating func add(_ kind: Kind, since start: Double, until end: Double) {
        seconds[kind, default: 0] += max(0, end - start)
    }

    /// Steps from `step` on count no more.
    private mutating func takeBack(after step: Int) {
        let redone = commits.filter { $0.step >= step }.reduce(0) { $0 + $1.took }
        commits.removeAll { $0.step >= step }
        seconds[.training, default: 0] -= redone
        seconds[.redone, default: 0] += redone
    }
}
