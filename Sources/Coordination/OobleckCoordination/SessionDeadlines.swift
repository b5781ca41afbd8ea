import OobleckCore

/// Every deadline of an agent's and a worker's session: derived from the one detection budget, but for
/// the time that they wait for another coordinator.
package struct SessionDeadlines: Hashable, Sendable {
    /// Silence that is taken for an end; `nil` before the coordinator said.
    package var budget: Seconds?
    /// How long to look for another coordinator; `nil` before the coordinator said.
    package var wait: Seconds?
    /// Whether another coordinator may take over while the one we talk to only seems to live.
    package var hasStandby: Bool

    /// How long a first session may take to be answered.
    package let first: Seconds

    package init(
        first: Seconds,
        budget: Seconds? = nil,
        wait: Seconds? = nil,
        hasStandby: Bool = false
    ) {
        self.first = first
        self.budget = budget
        self.wait = wait
        self.hasStandby = hasStandby
    }

    /// How long a process goes on looking for its coordinator before it ends by itself.
    package var search: Seconds { wait ?? first }

    /// How long a process that is asked to end goes on looking for a coordinator.
    package var lastSearch: Seconds { Deadlines(budget: attempt).lastSearch }

    /// How long one attempt to reach a coordinator may take.
    package var attempt: Seconds { budget ?? first }

    /// The pause between two attempts when we have looked for so long: short at first, and later still
    /// far shorter than a new coordinator waits for us.
    package func pause(after waited: Seconds) -> Seconds {
        let shortest = min(0.05, (budget ?? 2) / 20)
        return max(shortest, min(waited / 50, (budget ?? 2) / 8))
    }

    /// The longest time between two signs of life from us.
    package var beat: Seconds { (budget ?? 2) / 4 }

    /// Silence of the coordinator after which we look for another.
    ///
    /// Where there is no other, it is given far more time: it may have been stopped for a while.
    package var silence: Seconds { hasStandby ? attempt : max(first, 30 * (budget ?? 0)) }
}
