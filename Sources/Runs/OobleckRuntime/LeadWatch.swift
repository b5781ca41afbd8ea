import OobleckCore

/// Decides whether a coordinator that lost the lead of its run in etcd may lead it again, from what it
/// sees there.
struct LeadWatch: Sendable {
    /// What etcd tells at one moment.
    enum Observation: Hashable {
        /// The run ended under another coordinator.
        case runIsOver
        /// A process has the lead: another one, or this one by a lease that has not ended there.
        case isLed
        case isVacant
        case noAnswer
    }

    enum Verdict: Hashable {
        case keepWatching
        /// No process leads the run.
        case leadAgain
        /// Another process does, or did.
        case stayDeposed
    }

    /// A lease that lasts longer than this many detection budgets is another process's.
    private static let leaseBudgets = 4.0

    private let budget: Seconds
    /// Since when etcd said without a break that somebody leads.
    private var ledSince: Seconds?

    init(budget: Seconds) { self.budget = budget }

    mutating func verdict(_ observation: Observation, at now: Seconds) -> Verdict {
        switch observation {
        case .runIsOver: return .stayDeposed
        case .isVacant: return .leadAgain
        case .noAnswer:
            ledSince = nil
            return .keepWatching
        case .isLed:
            let since = ledSince ?? now
            ledSince = since
            return now - since > Self.leaseBudgets * budget ? .stayDeposed : .keepWatching
        }
    }
}
