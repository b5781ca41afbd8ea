import OobleckCore

/// Tries of a step that came to nothing since some nodes computed on while all others waited for them.
///
/// Such a node shows signs of life: its heartbeats come from another thread than its work. A thread that
/// hangs for good does not get ready for the next plan either, and is found by that.
struct StragglerAccount: Sendable {
    /// Tries that a node may hold up while no step was measured: the predicted time may be far off.
    private static let unmeasuredTries = 2
    /// The greatest share of a try that a straggler waited, and the least that the others did.
    private static let (mostWaited, leastWaited) = (0.1, 0.5)
    /// The least share of the longest wait that such a try takes.
    private static let leastElapsed = 0.9

    /// How long the last try waited, when it was given up with all nodes alive; it is not judged yet.
    var patience: Seconds?
    private var step = 0
    private var tries: [NodeID: Int] = [:]

    /// The workers that alone held up the last try of `step`, ascending, by what the members of the plan
    /// say of it; none where that is not clear.
    ///
    /// Who says nothing had voted, or is new.
    static func stragglers(
        _ reports: [WorkerID: PreparationReport],
        step: Int,
        patience: Seconds
    ) -> [WorkerID: AbandonedTry] {
        var stragglers: [WorkerID: AbandonedTry] = [:]
        for (worker, report) in reports {
            guard let last = report.abandoned, last.step == step else { continue }
            if last.waited >= leastWaited * last.elapsed { continue }
            let isLong = last.elapsed >= leastElapsed * patience
            guard isLong, last.waited <= mostWaited * last.elapsed else { return [:] }
            stragglers[worker] = last
        }
        return stragglers
    }

    /// Notes that these nodes held up a try; returns whether they may hold up no other.
    mutating func note(_ nodes: [NodeID], step: Int, isMeasured: Bool) -> Bool {
        if step != self.step { (self.step, tries) = (step, [:]) }
        for node in nodes { tries[node, default: 0] += 1 }
        let limit = isMeasured ? 1 : Self.unmeasuredTries
        return nodes.allSatisfy { tries[$0, default: 0] >= limit }
    }
}

extension Coordinator {
    /// Puts out the nodes that held up the last try of the step in flight, when they are few.
    ///
    /// Asked once all members of a plan are prepared. Returns whether nodes were put out.
    mutating func loseStragglers(_ reports: [WorkerID: PreparationReport], now: Seconds) -> Bool {
        guard let patience = troubles.stragglers.patience else { return false }
        troubles.stragglers.patience = nil
        let found = StragglerAccount.stragglers(
            reports,
            step: committedSteps,
            patience: patience
        )
        let nodes = found.keys.nodes
        guard !nodes.isEmpty, nodes.count <= mostSilent, nodes.count < reports.keys.nodes.count,
            !knownBugs.contains(.stragglersStay)
        else { return false }
        guard troubles.stragglers.note(nodes, step: committedSteps, isMeasured: lastCommit != nil)
        else {
            // A try with a known reason is none of those that end a run for want of one.
            if troubles.retries.step == committedSteps {
                troubles.retries.count = max(0, troubles.retries.count - 1)
            }
            return false
        }
        let step = committedSteps
        lose(
            nodes.map { node in
                let longest = found.filter { $0.key.node == node }.map(\.value.elapsed).max()
                let cause = LossCause.stuck(step: step, longest ?? .zero)
                return LostNode(id: node, cause: cause, firstSign: nil)
            },
            now: now
        )
        return true
    }
}
