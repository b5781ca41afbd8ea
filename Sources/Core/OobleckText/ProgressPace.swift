import OobleckCore

/// How long steps of a run take, and for how long the present one has been running.
package struct ProgressPace: Sendable {
    /// Share of the newest step in the usual time.
    private static let newestShare = 0.2
    /// A step is unusually long if it takes this multiple of the usual time, and at least
    /// `leastLong`.
    private static let longFactor = 2.0
    private static let leastLong: Seconds = 10

    /// Moments that the average is of.
    private static let mostMarks = 200

    /// Smoothed time of the steps so far, from start to commit; `nil` before the first.
    package private(set) var usual: Seconds?
    /// When steps were seen to be committed, the newest.
    private var marks: [(step: Int, time: Seconds)] = []
    private var step = -1
    private var phase: RunStatus.Phase?
    /// When the present step or phase was first seen.
    private var since: Seconds = 0

    package init() {}

    /// Takes a status in.
    package mutating func note(_ status: RunStatus, at now: Seconds) {
        if status.step != step, let time = status.stepTime {
            let share = Self.newestShare
            usual = usual.map { Seconds((1 - share) * $0.value + share * time.value) } ?? time
        }
        if [.training, .evaluating, .reconfiguring].contains(status.phase) {
            noteMark(status.step, at: now)
        }
        if status.step != step || status.phase != phase { since = now }
        step = status.step
        phase = status.phase
    }

    /// The time between the commits of the last steps; the usual time while less is known.
    ///
    /// Includes all that lay between them: recoveries, evaluations, steps that were taken back.
    package var average: Seconds? {
        guard let first = marks.first, let last = marks.last, last.step - first.step >= 2 else {
            return usual
        }
        return Seconds((last.time - first.time).value / Double(last.step - first.step))
    }

    private mutating func noteMark(_ step: Int, at now: Seconds) {
        guard step > 0, step != marks.last?.step else { return }
        // After a return to a checkpoint, the time since its step counts for the steps that follow.
        marks.removeAll { $0.step >= step }
        marks.append((step, now))
        if marks.count > Self.mostMarks { marks.removeFirst() }
    }

    /// How long the present step or phase has lasted.
    package func elapsed(at now: Seconds) -> Seconds { now - since }

    /// The same, if it is unusually long.
    package func long(at now: Seconds) -> Seconds? {
        let elapsed = elapsed(at: now)
        let bound = max(Self.leastLong.value, Self.longFactor * (usual?.value ?? 0))
        return elapsed.value >= bound ? elapsed : nil
    }
}
