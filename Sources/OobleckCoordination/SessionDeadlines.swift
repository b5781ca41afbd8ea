import OobleckCore

/// Every deadline of an agent's and a worker's session, derived from the one detection budget.
package struct SessionDeadlines: Hashable, Sendable {
    /// Silence that is taken for an end; `nil` before the coordinator said.
    package var budget: Seconds?
    /// Whether another coordinator may take over while the one we talk to only seems to live.
    package var hasStandby: Bool

    /// How long a first session may take to be answered.
    package let first: Seconds

    package init(first: Seconds, budget: Seconds? = nil, hasStandby: Bool = false) {
        self.first = first
        self.budget = budget
        self.hasStandby = hasStandby
    }

    /// How long a process goes on looking for its coordinator before it ends by itself.
    package var search: Seconds { budget.map { max(2, 30 * $0) } ?? first }

    /// How long one attempt to reach a coordinator may take.
    package var attempt: Seconds { budget ?? first }

    /// The pause between two attempts.
    package var pause: Seconds { min(0.05, (budget ?? 2) / 20) }

    /// The longest time between two signs of life from us.
    package var beat: Seconds { (budget ?? 2) / 4 }

    /// Silence of the coordinator after which we look for another.
    ///
    /// Where there is no other, only a silence as long as the whole search.
    package var silence: Seconds { hasStandby ? attempt : search }
}
