import OobleckCore

/// How long steps of a run take, and for how long the present one has been running.
package struct ProgressPace: Sendable {
    /// Share of the newest step in the usual time.
    private static let newestShare = 0.2
    /// A step is unusually long if it takes this multiple of the usual time, and at least
    /// `leastLong`.
    private static let longFactor = 2.0
    private static let leastLong: Seconds = 10

    /// Smoothed time of the steps so far; `nil` before the first.
    package private(set) var usual: Seconds?
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
        if status.step != step || status.phase != phase { since = now }
        step = status.step
        phase = status.phase
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
