import OobleckCore

/// The directives that a coordinator's shell has still to perform, in order, and what it does while
/// storage fails.
///
/// A write that fails is treated like one that takes long: it is tried again until it succeeds, what
/// was decided after it waits, and nothing else is decided meanwhile. So no message is ever sent that
/// depends on what is not kept, and a full disk is no worse than a slow one.
package struct DirectiveQueue: Sendable {
    /// Those from ``head`` on are still to be performed.
    private var directives: [CoordinatorInstance.Directive] = []
    private var head = 0
    /// Set while storage fails.
    package private(set) var wait: StorageWait?

    package init() {}

    /// Whether storage fails: events are to be held, and no other decision is to be made.
    package var isWaiting: Bool { wait != nil }

    /// Whether such a directive is still to be performed.
    package func contains(where condition: (CoordinatorInstance.Directive) -> Bool) -> Bool {
        directives[head...].contains(where: condition)
    }

    /// Adds what was decided.
    package mutating func add(_ directive: CoordinatorInstance.Directive) {
        if head == directives.count {
            directives.removeAll(keepingCapacity: true)
            head = 0
        }
        directives.append(directive)
    }

    /// Whether all are performed.
    package var isEmpty: Bool { head == directives.count }

    /// The directive to perform now; `nil` when all are performed, or while storage is given time.
    package func next(now: Seconds) -> CoordinatorInstance.Directive? {
        guard head < directives.count, wait?.isDue(now: now) ?? true else { return nil }
        return directives[head]
    }

    /// The directive at hand was performed.
    package mutating func notePerformed() { head += 1 }

    /// The directive at hand could not be kept, and is to be tried again.
    ///
    /// True when storage worked up to now.
    package mutating func noteFailure(_ failure: OobleckError, now: Seconds) -> Bool {
        guard wait == nil else {
            wait?.fail(failure, now: now)
            return false
        }
        wait = StorageWait(failure, now: now)
        return true
    }

    /// Ends the wait once all that waited is performed.
    package mutating func endWait() -> StorageWait? {
        guard head == directives.count else { return nil }
        defer { wait = nil }
        return wait
    }
}

/// Storage that fails: since when, why, and when it is tried again.
package struct StorageWait: Sendable {
    private static let firstPause: Seconds = 0.05
    /// The longest time between two attempts.
    package static let longestPause: Seconds = 0.5

    package let since: Seconds
    package private(set) var failure: OobleckError
    private var pause = Self.firstPause
    private var nextAttempt: Seconds

    init(_ failure: OobleckError, now: Seconds) {
        since = now
        self.failure = failure
        nextAttempt = now + pause
    }

    func isDue(now: Seconds) -> Bool { now >= nextAttempt }

    mutating func fail(_ failure: OobleckError, now: Seconds) {
        self.failure = failure
        pause = min(2 * pause, Self.longestPause)
        nextAttempt = now + pause
    }

    /// What the run waits for, and for how long already.
    package func phrase(now: Seconds) -> String {
        "\(StorageAdvice.reason(of: failure.message)), \(Int((now - since).value.rounded(.down))) s"
    }
}
