import OobleckCore

/// The judge's own account of nodes that join a run in training, and of when they get work.
struct JoinJudgement: Sendable {
    private static let deadlines = Deadlines(budget: Seconds(World.detectionBudget))
    /// How much later than they must nodes may get work, for want of a step boundary.
    private static let slack: Seconds = 3

    /// Workers of nodes that are not ready yet, and when nodes got ready.
    private var workers: [NodeID: Set<WorkerID>] = [:]
    private var ready: [NodeID: Seconds] = [:]
    /// Nodes that got ready since the newest plan.
    private var waiting: Set<NodeID> = []
    /// Nodes that were planned for, or were there when another coordinator took over, which knows by
    /// their testimony that they are ready.
    private var used: Set<NodeID> = []
    /// The commit that all wait after, unless the plan was given up since.
    private var pause: (generation: Generation, step: Int)?
    /// When the newest step was recorded, and how many before it in a row should have been the last of
    /// their plan.
    private var newest: Seconds?
    private var overdue = 0

    mutating func heardReady(_ worker: WorkerID, devices: Int, now: Seconds) {
        workers[worker.node, default: []].insert(worker)
        guard workers[worker.node]?.count == devices, ready[worker.node] == nil,
            !used.contains(worker.node)
        else { return }
        ready[worker.node] = now
        waiting.insert(worker.node)
    }

    mutating func paused(_ commit: StepCommit) {
        if commit.pauses { pause = (commit.generation, commit.step) }
    }

    /// The plan is over before its time, or a node is out.
    mutating func aborted() { pause = nil }

    mutating func restart(_ nodes: some Sequence<NodeID>) {
        used.formUnion(nodes)
        (waiting, pause) = ([], nil)
    }

    /// A plan is sent after so many steps; returns what is wrong with its time, when it is only made for
    /// nodes that joined.
    mutating func planned(_ plan: Reconfiguration, now: Seconds) -> String? {
        let times = waiting.compactMap { ready[$0] }
        defer { (waiting, pause) = ([], nil) }
        used.formUnion(plan.plan.nodes)
        guard let pause, pause.step + 1 == plan.committedSteps, let last = times.max(),
            let first = times.min()
        else { return nil }
        let isDue =
            now - last >= Self.deadlines.joinPause || now - first >= Self.deadlines.joinStorm
        return isDue
            ? nil
            : "plan \(plan.plan.generation) follows a node by \(WorldFault.text((now - last).value))"
    }

    /// A step is recorded under a plan with this many pipelines; returns what should have been changed.
    mutating func recorded(
        pipelines: Int,
        wanted: Int,
        usable: [NodeID],
        needed: Int,
        now: Seconds
    ) -> String? {
        // Nothing is decided in a time without steps, or while a decision waits for the disk.
        let isSteady = newest.map { now - $0 < 1 } ?? false
        newest = now
        let due = usable.filter {
            now - (ready[$0] ?? now) > Self.deadlines.joinStorm + Self.slack
        }
        overdue = isSteady && pipelines < wanted && due.count >= needed ? overdue + 1 : 0
        guard overdue > 2 else { return nil }
        return "\(pipelines) copies of each layer, and \(due.count) nodes have been ready for long"
    }
}
