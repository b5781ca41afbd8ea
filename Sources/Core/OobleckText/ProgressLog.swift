import OobleckCore

/// Decides which lines on a run's progress are printed where a line cannot be replaced.
///
/// A line is printed when a step was committed or the run's activity changed, at most every few
/// seconds. It is also printed when a step runs unusually long, and again whenever that time has
/// doubled. No line is printed twice.
package struct ProgressLog: Sendable {
    /// Shortest time between two lines.
    private static let interval: Seconds = 4
    /// Longest time between two lines on one long step.
    private static let longestSilence: Seconds = 600

    private var pace = ProgressPace()
    /// Lines printed since the last step was committed.
    private var printed: Set<String> = []
    private var step = -1
    private var lastTime: Seconds?
    /// How long the present step had been running when that was printed.
    private var told: Seconds = 0
    /// Since when storage has been waited for, and how long that was when it was printed last.
    private var troubleSince: Seconds?
    private var troubleTold: Seconds = 0

    package init() {}

    /// The line to print now, if any.
    package mutating func line(for status: RunStatus, at now: Seconds) -> String? {
        pace.note(status, at: now)
        if status.step != step { printed = [] }
        step = status.step
        if status.storageTrouble != nil { return waiting(status, at: now) }
        troubleSince = nil
        if pace.elapsed(at: now) < told { told = 0 }
        // The first line also comes after an interval, since very short runs need none.
        guard let lastTime else {
            lastTime = now
            return nil
        }
        guard now - lastTime >= Self.interval else { return nil }
        let line = ProgressLine(status, stepTime: pace.average).text(limit: nil)
        if printed.insert(line).inserted {
            self.lastTime = now
            return line
        }
        guard let long = pace.long(at: now), status.phase.isWork else { return nil }
        guard long >= 2 * told || long - told >= Self.longestSilence else { return nil }
        told = long
        self.lastTime = now
        return heartbeat(status, long)
    }

    /// A wait for storage is reported at once, and then at growing intervals.
    private mutating func waiting(_ status: RunStatus, at now: Seconds) -> String? {
        let since = troubleSince ?? now
        if troubleSince == nil { (troubleSince, troubleTold) = (now, 0) }
        let waited = max(now - since, Self.interval)
        guard waited >= 2 * troubleTold || waited - troubleTold >= Self.longestSilence else {
            return nil
        }
        (troubleTold, lastTime) = (waited, now)
        return ProgressLine(status, stepTime: pace.usual).text(limit: nil)
    }

    private func heartbeat(_ status: RunStatus, _ elapsed: Seconds) -> String {
        let time = NumberText.span(elapsed)
        guard status.phase == .training else { return "\(status.phase.rawValue) for \(time)" }
        let usual = pace.usual.map { ", usually \(NumberText.span($0))" } ?? ""
        return "step \(status.step + 1) has been running for \(time)\(usual)"
    }
}

extension RunStatus.Phase {
    /// Whether the run is still active.
    fileprivate var isWork: Bool {
        switch self {
        case .finished, .stopped: false
        default: true
        }
    }
}
