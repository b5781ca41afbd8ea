import OobleckCore

/// Every deadline of the control plane, derived from the one detection budget that users set.
struct CoordinatorDeadlines: Hashable, Sendable {
    /// Silence of an agent or a worker after which its node is lost.
    let budget: Seconds

    init(budget: Seconds) { self.budget = budget }

    /// Silence after which a node is suspect.
    var suspicion: Seconds { budget / 2 }

    /// How long the run waits for its first nodes, and any node's worker may take to get ready.
    var start: Seconds { max(30, 20 * budget) }

    /// How long a restarted coordinator waits for agents and workers to come back.
    ///
    /// They look for it far more often.
    var reconnection: Seconds { 0.75 * budget }

    /// How long a worker's report of a broken collective waits for proof of who died.
    var grace: Seconds { min(0.25, budget / 4) }

    /// Preparing a plan: after this, who has not reported and is silent too is lost.
    var preparation: Seconds { max(5, 3 * budget) }

    /// Preparing a plan: after this, who has not reported is lost even if it shows signs of life.
    ///
    /// `received` is the most bytes that one node has to receive, counted at 10 MB/s.
    func hardPreparation(received: ByteCount) -> Seconds {
        3 * preparation + Seconds(Double(received.value) / 1e7)
    }

    /// A step, or a collection without progress.
    ///
    /// Workers have tighter deadlines of their own and say so; this one is for the case that none
    /// of them does.
    func stalled(planned: Seconds) -> Seconds { max(60, 20 * budget, 20 * planned) }

    /// A save of `bytes`, counted at 1 MB/s.
    func save(of bytes: ByteCount) -> Seconds {
        max(60, 20 * budget) + Seconds(Double(bytes.value) / 1e6)
    }

    /// Retries of one step with the same nodes, after which the run stops.
    static let retryLimit = 3
}
