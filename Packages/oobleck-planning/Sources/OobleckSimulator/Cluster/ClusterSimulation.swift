import OobleckValues

/// Plays a history against a policy and counts what comes of it.
///
/// Deterministic: times are whole nanoseconds, events of one time keep their order, and nothing is
/// random. Steps are counted, not simulated, so a run costs as much as it has events.
public struct ClusterSimulation {
    enum Mode { case halted, recovering, training }

    let history: ClusterHistory
    var policy: any ResiliencePolicy
    var view: ClusterView
    var record: JobRecord
    var changes: PendingChanges
    var mode = Mode.halted
    /// When the running phase, or the step that is waited for, ends.
    ///
    /// There is one at most, so none can be stale; what happens at the same time comes first.
    var timer: SimulatedTime?
    /// What is left of the recovery; the first phase runs.
    var phases: ArraySlice<PolicyAnswer.Phase> = []
    /// How the job trains, or will after the recovery.
    var training: PolicyAnswer.Training?
    /// The time of a step in force, which a slow node can make longer.
    var step = SimulatedTime.zero
    /// When the policy will know of the slow nodes.
    var slowKnown = SimulatedTime.never
    /// From when on the phase or the steps are not written down.
    var since = SimulatedTime.zero
    /// Nodes that are there and have no work.
    var idle: NodeSet
    let model: ClusterModel
    private var nodeNanoseconds: Int128 = 0

    private init(_ model: ClusterModel, _ history: ClusterHistory, _ policy: any ResiliencePolicy) {
        self.model = model
        self.history = history
        self.policy = policy
        view = ClusterView(time: .zero, alive: NodeSet(capacity: history.nodeCount))
        changes = PendingChanges(nodeCount: history.nodeCount)
        idle = NodeSet(capacity: history.nodeCount)
        record = JobRecord(nodeCount: history.nodeCount)
    }

    /// What a policy makes of a history.
    public static func run(
        _ model: ClusterModel,
        _ history: ClusterHistory,
        _ policy: any ResiliencePolicy
    ) -> SimulationOutcome {
        var simulation = ClusterSimulation(model, history, policy)
        return simulation.run()
    }

    private mutating func run() -> SimulationOutcome {
        var next = 0
        while true {
            let world = next < history.events.count ? history.events[next].time : .never
            if let timer, timer < world {
                guard timer < history.duration else { break }
                advance(to: timer)
                self.timer = nil
                if mode == .recovering { endPhase() } else { endStep() }
            } else {
                guard world < history.duration else { break }
                advance(to: world)
                happen(history.events[next])
                next += 1
            }
            record.tally.events += 1
        }
        advance(to: history.duration)
        close(policy.waitsForSteps ? .none : .nothingEver)
        // An outage that has not ended is as long as it was until now, at least.
        record.tally.end(at: history.duration)
        return SimulationOutcome(
            model: model,
            duration: history.duration,
            ledger: record.ledger,
            nodeNanoseconds: nodeNanoseconds,
            tally: record.tally
        )
    }

    private mutating func advance(to time: SimulatedTime) {
        let elapsed = (time - view.time).nanoseconds
        nodeNanoseconds += Int128(elapsed) * Int128(changes.present.count)
        view.time = time
    }

    private mutating func happen(_ event: ClusterEvent) {
        switch event.change {
        case .join:
            for node in event.nodes {
                changes.join(node)
                record.ledger.setIdle(node, at: view.time)
                idle.insert(node)
            }
            if event.time == .zero || mode == .halted { ask(.start) } else { askAtStepEnd() }
        case .loss(let kind): lose(event.nodes, kind)
        case .notice:
            changes.leaving += event.nodes.filter { changes.present.contains($0) }
            askAtStepEnd()
        case .slow(let factor):
            for node in event.nodes where changes.present.contains(node) {
                view.slowFactors[node] = max(factor, view.slowFactors[node] ?? 1)
                changes.slow.append(node)
            }
            slowDown()
        }
    }
}

/// All nodes that are there, and what of their changes the policy will be told at the end of the step.
struct PendingChanges {
    private(set) var present: NodeSet
    var joined: [Int] = []
    var leaving: [Int] = []
    var slow: [Int] = []

    init(nodeCount: Int) { present = NodeSet(capacity: nodeCount) }

    var isEmpty: Bool { !hasNews && slow.isEmpty }

    /// Whether there is something to tell at once.
    var hasNews: Bool { !joined.isEmpty || !leaving.isEmpty }

    mutating func join(_ node: Int) {
        present.insert(node)
        joined.append(node)
    }

    mutating func lose(_ node: Int) {
        present.remove(node)
        guard !isEmpty else { return }
        joined.removeAll { $0 == node }
        leaving.removeAll { $0 == node }
        slow.removeAll { $0 == node }
    }

    /// Takes all of it, but for slow nodes that are not known for such.
    mutating func take(slowIsKnown: Bool) -> PolicyEvent {
        let event = PolicyEvent.changed(
            joined: joined.sorted(),
            leaving: leaving.sorted(),
            slow: slowIsKnown ? slow.sorted() : []
        )
        (joined, leaving) = ([], [])
        if slowIsKnown { slow = [] }
        return event
    }
}
